"""Photos whose labels are right, exchanged, moved or missing; and what is written about them."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers.fake_pipeline import error_of
from helpers.stand_ins import FIGURES, boxes_of, draw, pipeline_of
from PIL import Image

from posepart.audit.photo import audit_photo
from posepart.audit.report import audit_samples, chosen_findings, write_audit
from posepart.cli.main import main
from posepart.data.sample import LabelledPerson, Sample
from posepart.schema import FLIP_JOINTS, Joint

PIPELINE = pipeline_of(boxes_of(FIGURES))
BOXES = boxes_of(FIGURES).xyxy


def sample_of(folder: Path, poses: dict[int, np.ndarray], ignored: tuple[int, ...] = ()) -> Sample:
    """The drawn photo with labels of some of its people."""
    path = folder / "photo <1>.png"
    image = draw(FIGURES)
    Image.fromarray(image).save(path)
    people = tuple(
        LabelledPerson(BOXES[k], np.concatenate([xy, np.full((14, 1), 2)], axis=1).astype(np.float32))
        for k, xy in poses.items()
    )
    return Sample(path, image.shape[1], image.shape[0], people, BOXES[list(ignored)].reshape(-1, 4), True)


def test_right_labels_raise_no_doubt(tmp_path: Path) -> None:
    sample = sample_of(tmp_path, dict(enumerate(FIGURES)))
    assert [f for f in audit_photo(sample, PIPELINE) if f.kind != "prediction"] == []


def test_exchanged_moved_and_missing_labels_are_found(tmp_path: Path) -> None:
    moved = FIGURES[2].copy()
    moved[Joint.LEFT_ANKLE] += [0, -60]
    sample = sample_of(tmp_path, {0: FIGURES[0][list(FLIP_JOINTS)], 2: moved})
    found = {f.kind: f for f in audit_photo(sample, PIPELINE) if f.kind != "prediction"}
    assert set(found) == {"sides", "joints", "missing"}
    assert found["sides"].person == 1
    assert found["sides"].instead is not None
    assert np.abs(found["sides"].instead[:, :2] - FIGURES[0]).max() < 1
    assert (found["joints"].person, found["joints"].words) == (2, "left ankle")
    assert np.abs(found["missing"].box - BOXES[1]).max() < 15
    assert all(f.price > 0 for f in found.values())


def test_an_ignore_box_and_incomplete_boxes_explain_people(tmp_path: Path) -> None:
    sample = sample_of(tmp_path, {0: FIGURES[0]}, ignored=(1, 2))
    assert not any(f.kind == "missing" for f in audit_photo(sample, PIPELINE))
    incomplete = replace(sample_of(tmp_path, {0: FIGURES[0]}), boxes_complete=False)
    assert not any(f.kind == "missing" for f in audit_photo(incomplete, PIPELINE))


def test_a_photo_without_anybody(tmp_path: Path) -> None:
    empty = pipeline_of(boxes_of([]))
    assert audit_photo(sample_of(tmp_path, {}), empty) == []


def test_a_model_without_a_crf_is_refused(tmp_path: Path) -> None:
    other = replace(PIPELINE, assembler=lambda evidence: None)  # type: ignore[arg-type,return-value]
    with pytest.raises(ValueError, match="needs a model with a Pose FCN and a CRF"):
        audit_photo(sample_of(tmp_path, {}), other)


def test_page_table_and_pictures(tmp_path: Path) -> None:
    sample = sample_of(tmp_path, {k: FIGURES[k][list(FLIP_JOINTS)] for k in range(2)})
    gone = replace(sample, image_path=tmp_path / "gone.png")
    findings, failures = audit_samples([sample, gone], lambda s: audit_photo(s, PIPELINE))
    assert len(failures) == 1
    assert "gone.png" in failures[0]
    out = tmp_path / "out"
    for _ in range(2):  # an earlier audit is replaced
        write_audit(findings, out, "Audit of <data>", {"photos": "1"}, most=1)
    shown = chosen_findings(findings, 1)
    assert len(list((out / "pictures").iterdir())) == len(shown) < len(findings)
    rows = list(csv.DictReader((out / "findings.csv").read_text(encoding="utf-8").splitlines()))
    assert len(rows) == len(findings)
    assert rows[0]["kind"] == "sides"
    assert float(rows[0]["price"]) == pytest.approx(findings[0].price, abs=0.01)
    page = (out / "index.html").read_text(encoding="utf-8")
    assert "Audit of &lt;data&gt;" in page
    assert "photo &lt;1&gt;.png" in page
    assert "http" not in page
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("keep me", encoding="utf-8")
    with pytest.raises(ValueError, match=r"letter\.txt"):
        write_audit(findings, tmp_path / "mine", "title", {}, most=1)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["-o", "out"], "--data"),
        (["--data", "here"], "-o OUT"),
        (["--data", "here", "-o", "out", "--most", "0"], "--most: expected at least 1, got 0"),
        (["--data", "nowhere", "-o", "out"], "nowhere: no such folder"),
    ],
)
def test_bad_arguments(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", *arguments]) == 2
    assert says in error_of(capsys)
