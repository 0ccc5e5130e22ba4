"""The command `posepart data check`."""

from pathlib import Path

import numpy as np
import pytest
from helpers.labelled_folders import write_folder
from PIL import Image

from posepart.cli import main as cli


def test_a_good_data_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_folder(tmp_path / "data", "train", ["a.jpg", "b.jpg"])
    write_folder(tmp_path / "data", "val", ["c.jpg"])
    assert cli.main(["data", "check", str(tmp_path / "data"), "-o", str(tmp_path / "out"), "--decode"]) == 0
    printed = capsys.readouterr().out
    assert "nothing is wrong" in printed
    assert "train" in printed
    assert (tmp_path / "out" / "problems.txt").read_text() == "nothing is wrong\n"
    for split in ("train", "val"):
        with Image.open(tmp_path / "out" / f"contact_sheet_{split}.jpg") as sheet:
            assert np.asarray(sheet).std() > 3


def test_one_split_only(tmp_path: Path) -> None:
    write_folder(tmp_path, "train", ["a.jpg"])
    write_folder(tmp_path, "val", ["b.jpg"], bbox=[0, 0, 900, 5])
    assert cli.main(["data", "check", str(tmp_path), "--split", "train"]) == 0
    assert cli.main(["data", "check", str(tmp_path)]) == 1
    assert not (tmp_path / "problems.txt").exists()


def test_a_split_that_cannot_be_read_does_not_hide_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_folder(tmp_path, "train", ["a.jpg"])
    write_folder(tmp_path, "val", [])
    (tmp_path / "person_keypoints_extra.json").write_text("{")
    (tmp_path / "images" / "a.jpg").write_bytes(b"none")
    assert cli.main(["data", "check", str(tmp_path), "-o", str(tmp_path / "out")]) == 1
    printed = capsys.readouterr().out
    assert "person_keypoints_extra.json: not a JSON file" in printed
    assert "the split val holds no photo" in printed
    assert "unreadable photo: 1" in printed
    assert "cannot be drawn: 1" in printed
    assert "a.jpg" in (tmp_path / "out" / "problems.txt").read_text()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "Name a data set: posepart data check DIR"),
        (["chekc", "."], "Name a data set: posepart data check DIR"),
        (["check"], "Name a data set: posepart data check DIR"),
        (["check", "nowhere"], "nowhere: no such folder"),
        (["check", "a", "b"], "b: not expected here; name one data set"),
        (["check", "a", "--decod"], "unknown option --decod; did you mean --decode?"),
    ],
)
def test_mistakes(arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["data", *arguments]) == 2
    assert told in capsys.readouterr().err
