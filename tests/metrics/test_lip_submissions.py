"""LIP's tasks from files written by the test."""

import json
import runpy
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from posepart.data.lip import LipPicture
from posepart.data.lip_files import write_parsing_submission, write_pose_labels, write_pose_submission
from posepart.metrics.lip import LipGroupsConfig
from posepart.metrics.lip_submissions import picture_groups, score_parsing, score_pose
from posepart.schema.lip import LipJoint


def joints(head_length: float = 10.0) -> np.ndarray:
    """(16, 3) visible joints in a row, the head top above the neck."""
    values = np.full((16, 3), 2.0)
    values[:, 0], values[:, 1] = 50 * np.arange(16), 0
    values[LipJoint.HEAD_TOP, :2] = values[LipJoint.NECK, 0], -head_length
    return values


@pytest.fixture
def pictures(tmp_path: Path) -> list[LipPicture]:
    """A small and a medium picture, each 2 labels wide; the second person's left wrist is occluded."""
    result = []
    for name, size in (("a", (4, 2)), ("b", (200, 200))):
        Image.new("RGB", size).save(tmp_path / f"{name}.jpg")
        labels = np.zeros((size[1], size[0]), np.uint8)
        labels[:, size[0] // 2 :] = 13
        Image.fromarray(labels).save(tmp_path / f"{name}_labels.png")
        person = joints()
        person[LipJoint.LEFT_WRIST, 2] = 1 if name == "b" else 2
        result.append(
            LipPicture(f"{name}.jpg", tmp_path / f"{name}.jpg", person, tmp_path / f"{name}_labels.png")
        )
    return result


def test_pose_rows_in_any_order(tmp_path: Path, pictures: list[LipPicture]) -> None:
    right, wrong = joints()[:, :2], joints()[:, :2] + 99
    path = tmp_path / "pose.csv"
    write_pose_submission(path, [("b.jpg", wrong), ("a.jpg", right)])
    strict = score_pose(pictures, path)
    by_group = {name: strict.scores[name].total for name in ("all", "small", "medium", "occlusion")}
    assert by_group == {"all": 0.5, "small": 1, "medium": 0, "occlusion": 0}
    assert (strict.pictures["all"], strict.pictures["large"]) == (2, 0)
    official = score_pose(pictures, path, strict=False)
    assert (official.scores["small"].total, official.scores["medium"].total) == (0, 1)


def test_a_submission_with_a_row_missing_is_refused(tmp_path: Path, pictures: list[LipPicture]) -> None:
    write_pose_submission(tmp_path / "pose.csv", [("a.jpg", joints()[:, :2])])
    with pytest.raises(ValueError, match="b: is not predicted"):
        score_pose(pictures, tmp_path / "pose.csv")


def test_parsing_by_hand(tmp_path: Path, pictures: list[LipPicture]) -> None:
    """Picture a: 4 + 4 pixels, of which 2 faces are called hair. Picture b: 20000 + 20000, all right."""
    folder = tmp_path / "found"
    found = np.zeros((2, 4), np.uint8)
    found[:, 2:] = [[13, 2], [13, 2]]
    write_parsing_submission(folder, "a.jpg", found)
    write_parsing_submission(folder, "b.jpg", pictures[1].read_labels())  # type: ignore[arg-type]
    report = score_parsing(pictures, folder)
    small = report.scores["small"]
    assert small.pixel_accuracy == 6 / 8
    assert small.mean_accuracy == (1 + 0.5) / 2
    assert small.miou == pytest.approx(
        (1 + 0.5 + 0) / 3
    )  # background, face, hair; the other 17 are undefined
    assert report.scores["medium"].miou == 1
    pooled = report.scores["all"]
    assert pooled.pixel_accuracy == pytest.approx(40006 / 40008)
    assert pooled.miou == pytest.approx((1 + 20002 / 20004 + 0) / 3)
    assert np.isnan(report.scores["large"].miou)


def test_a_prediction_of_another_size_is_refused(tmp_path: Path, pictures: list[LipPicture]) -> None:
    write_parsing_submission(tmp_path / "found", "a.jpg", np.zeros((4, 8), np.uint8))
    with pytest.raises(
        ValueError, match=r"a\.png: predicted part map: expected shape \(2, 4\), got \(4, 8\)"
    ):
        score_parsing(pictures[:1], tmp_path / "found")
    with pytest.raises(ValueError, match=r"b\.png: not a PNG that can be read"):
        score_parsing(pictures[1:], tmp_path / "found")


def test_factors_from_lists(tmp_path: Path, pictures: list[LipPicture]) -> None:
    (tmp_path / "back.txt").write_text("b\n")
    groups = picture_groups(pictures, {"back_view": tmp_path / "back.txt"})
    assert list(groups) == ["all", "back_view", "small", "medium", "large"]
    assert groups["back_view"].tolist() == [False, True]
    (tmp_path / "back.txt").write_text("c.jpg\n")
    with pytest.raises(ValueError, match=r"back\.txt: lists c, which is not in the split"):
        picture_groups(pictures, {"back_view": tmp_path / "back.txt"})
    with pytest.raises(ValueError, match="unknown factor 'back': choose one of occlusion"):
        picture_groups(pictures, {"back": tmp_path / "back.txt"})


def test_no_pictures() -> None:
    groups = picture_groups([])
    assert {name: len(chosen) for name, chosen in groups.items()}["all"] == 0


def test_measures_have_intervals_over_pictures(tmp_path: Path, pictures: list[LipPicture]) -> None:
    right, wrong = joints()[:, :2], joints()[:, :2] + 99
    write_pose_submission(tmp_path / "pose.csv", [("a.jpg", right), ("b.jpg", wrong)])
    measures = {m.name: m for m in score_pose(pictures, tmp_path / "pose.csv", replicates=50).measures}
    everything, occluded = measures["pckh_all"], measures["pckh_occlusion"]
    assert (everything.value, everything.low, everything.high) == (0.5, 0, 1)
    assert (everything.photos, everything.samples, everything.counted) == (2, 28, "joints")
    assert (occluded.value, occluded.photos, occluded.samples) == (0, 1, 14)


def test_the_script_scores_both_tasks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for kind in ("val_images", "val_segmentations"):
        (tmp_path / kind).mkdir()
    Image.new("RGB", (4, 2)).save(tmp_path / "val_images" / "a.jpg")
    write_parsing_submission(tmp_path / "val_segmentations", "a.jpg", np.full((2, 4), 13, np.uint8))
    write_pose_labels(tmp_path / "lip_val_set.csv", {"a.jpg": joints()})
    write_pose_submission(tmp_path / "pose.csv", [("a.jpg", joints()[:, :2])])
    (tmp_path / "back_view.txt").write_text("a.jpg\n")
    path = Path(__file__).parents[2] / "experiments" / "evaluate_lip.py"
    arguments = ["--data", tmp_path, "--pose", tmp_path / "pose.csv", "--parsing", tmp_path / "val_segmentations",
                 "--factors", tmp_path, "--out", tmp_path / "scores.json", "--replicates", "10"]  # fmt: skip
    monkeypatch.setattr("sys.argv", [str(path), *map(str, arguments)])
    runpy.run_path(str(path), run_name="__main__")
    record = json.loads((tmp_path / "scores.json").read_text())
    assert {record[name]["value"] for name in ("pckh_all", "pckh_back_view", "miou_all", "miou_small")} == {
        1.0
    }
    assert record["miou_large"]["value"] is None
    assert "reference 0.5 x |head top - neck|" in capsys.readouterr().out


def test_the_script_needs_a_submission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = Path(__file__).parents[2] / "experiments" / "evaluate_lip.py"
    monkeypatch.setattr("sys.argv", [str(path), "--data", str(tmp_path)])
    with pytest.raises(SystemExit, match="2"):
        runpy.run_path(str(path), run_name="__main__")


def test_other_factors_and_sizes(pictures: list[LipPicture]) -> None:
    config = LipGroupsConfig(factors=("lower_body", "occlusion"), size_edges=(4.0, 100.0))
    groups = picture_groups(pictures, config=config)
    assert list(groups) == ["all", "lower_body", "occlusion", "small", "medium", "large"]
    assert groups["medium"].tolist() == [True, False]  # 8 px**2
    assert groups["large"].tolist() == [False, True]
    with pytest.raises(ValueError, match="unknown factor 'dark'"):
        LipGroupsConfig(factors=("dark",))
    with pytest.raises(ValueError, match="two rising areas"):
        LipGroupsConfig(size_edges=(9.0, 4.0))


def test_accuracies_of_every_group(tmp_path: Path, pictures: list[LipPicture]) -> None:
    for picture in pictures:
        write_parsing_submission(tmp_path / "found", picture.name, np.zeros(picture.size()[::-1], np.uint8))
    measures = {m.name: m for m in score_parsing(pictures, tmp_path / "found").measures}
    for group in ("all", "occlusion", "small"):  # the background alone is right, half of the pixels
        assert measures[f"overall_accuracy_{group}"].value == 0.5
        assert measures[f"mean_accuracy_{group}"].value == 0.5
        assert measures[f"miou_{group}"].value == 0.25
