"""ATR, MPII and CIHP scored from files written by the test, and by the script."""

import json
import runpy
from pathlib import Path

import numpy as np
import pytest
from helpers.lip_layout import write_atr, write_cihp, write_mpii, write_mpii_matlab
from PIL import Image

from posepart.data.cihp import read_atr, read_cihp, write_cihp_submission
from posepart.data.lip_files import write_parsing_submission, write_pose_submission
from posepart.data.mpii import read_mpii
from posepart.metrics.lip_family import score_cihp, score_common_labels, score_mpii
from posepart.schema.lip import LipLabel
from posepart.schema.mpii import MPII, MpiiJoint

SCRIPT = Path(__file__).parents[2] / "experiments" / "evaluate_lip.py"


def run(monkeypatch: pytest.MonkeyPatch, folder: Path, *options: object) -> dict[str, float]:
    """The scores that the script writes."""
    out = folder / "scores.json"
    monkeypatch.setattr("sys.argv", [str(SCRIPT), *map(str, options), "--out", str(out)])
    runpy.run_path(str(SCRIPT), run_name="__main__")
    record: dict[str, float] = json.loads(out.read_text())
    return record


def test_common_labels_of_atr(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_atr(tmp_path / "ATR")
    pictures = read_atr(folder, "val")
    for picture in pictures:
        labels = picture.read_lip_labels()
        assert labels is not None
        write_parsing_submission(tmp_path / "right", picture.name, labels)
        labels[labels == LipLabel.UPPER_CLOTHES] = LipLabel.COAT  # which ATR lacks
        write_parsing_submission(tmp_path / "coats", picture.name, labels)
    scores, miou = score_common_labels(pictures, tmp_path / "right")
    assert (scores.pixel_accuracy, miou) == (1, 1)
    scores, miou = score_common_labels(pictures, tmp_path / "coats")
    assert scores.pixel_accuracy < 1
    assert miou == pytest.approx(
        10 / 11
    )  # of background and ten drawn labels one is never right; coats are no 12th
    record = run(monkeypatch, tmp_path, "--data", folder, "--parsing", tmp_path / "coats")
    assert record["miou_16"] == pytest.approx(10 / 11)
    with pytest.raises(ValueError, match=r"val_0\.png: not a PNG that can be read"):
        score_common_labels(pictures, tmp_path / "nowhere")


def test_pose_on_mpii(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_mpii(tmp_path / "MPII")
    samples = read_mpii(folder, "single", MPII)
    rows = []
    for sample in samples:
        joints = sample.people[0].joints
        assert joints is not None
        xy = joints[:, :2].astype(np.float64)
        xy[[MpiiJoint.THORAX, MpiiJoint.LEFT_ELBOW]] += 50  # the thorax does not count
        rows.append((sample.name, xy))
    write_pose_submission(tmp_path / "pose.csv", rows)
    scores = score_mpii(samples, tmp_path / "pose.csv")
    assert scores.groups["elbow"] == 0.5
    assert scores.groups["wrist"] == 1
    record = run(
        monkeypatch, tmp_path, "--data", folder, "--split", "single", "--pose", tmp_path / "pose.csv"
    )
    assert record["pckh_total"] == pytest.approx(scores.total)


def test_head_boxes_of_mpii_are_the_reference(tmp_path: Path) -> None:
    samples = read_mpii(write_mpii_matlab(tmp_path), "single", MPII)
    person = samples[0].people[0]
    assert person.joints is not None
    for share, right in ((0.49, 1.0), (0.51, 0.5)):
        rows = []
        for sample in samples:
            joints = sample.people[0].joints
            assert joints is not None
            xy = joints[:, :2].astype(np.float64)
            xy[MpiiJoint.LEFT_ELBOW, 0] += share * sample.people[0].head_size
            rows.append((sample.name, xy))
        write_pose_submission(tmp_path / "pose.csv", rows)
        assert score_mpii(samples, tmp_path / "pose.csv").groups["elbow"] == right


def test_several_people_of_cihp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, out = write_cihp(tmp_path / "CIHP"), tmp_path / "out"
    pictures = read_cihp(folder, "val")
    for picture in pictures:
        labels, people = picture.read_labels(), picture.read_people()
        assert labels is not None and people is not None
        write_cihp_submission(out, picture.name, labels, people)
    perfect = score_cihp(pictures, out)
    assert (perfect.instances.ap_r, perfect.instances.ap_p, perfect.labels.miou) == (1, 1, 1)
    for picture in pictures:  # all pixels are of one person
        labels, people = picture.read_labels(), picture.read_people()
        assert labels is not None and people is not None
        write_cihp_submission(out, picture.name, labels, (people > 0).astype(np.uint8))
    merged = run(monkeypatch, tmp_path, "--data", folder, "--parsing", out)
    assert merged["miou"] == 1
    assert merged["ap_p_50"] < 0.6
    (out / "people.csv").write_text("0000000.jpg,2,0.5\n")
    with pytest.raises(ValueError, match=r"people\.csv, line 1: expected file, person value and score"):
        score_cihp(pictures, out)
    (out / "people.csv").unlink()
    Image.fromarray(np.zeros((2, 2), np.uint8)).save(out / "Human_ids" / "0000000.png")
    with pytest.raises(ValueError, match=r"0000000\.png: "):
        score_cihp(pictures, out)


def test_what_a_data_set_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit, match="2"):
        run(monkeypatch, tmp_path, "--data", write_atr(tmp_path / "ATR"), "--pose", "pose.csv")
