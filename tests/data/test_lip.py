"""LIP's files, written by the test: in and out unchanged."""

from pathlib import Path

import numpy as np
import pytest
from helpers.lip_layout import write_lip as write_drawn_lip
from PIL import Image

from posepart.data.lip import read_lip
from posepart.data.lip_files import (
    pair_by_name,
    read_pose_labels,
    read_pose_submission,
    write_parsing_submission,
    write_pose_labels,
    write_pose_submission,
)
from posepart.data.readers import find_layout, read_samples, splits_of
from posepart.io.label_maps import read_label_map, write_label_map
from posepart.schema import IGNORE, Joint
from posepart.schema.lip import LIP, LIP_PALETTE, LipJoint, LipLabel

# Two people of 16 joints; the second lacks an ankle, and its last joint is occluded.
FIRST = ",".join(f"{10 + j},{20 + 2 * j},0" for j in range(16))
SECOND = "nan,nan,nan," + ",".join(f"{j},{j},0" for j in range(1, 15)) + ",7.5,-3,1"
CSV = f"100_1.jpg,{FIRST}\n100_2.jpg,{SECOND}\n"


def write_lip(folder: Path, nested: str = "") -> Path:
    """A LIP folder of two pictures, 6 x 4 px; only the first has a label map."""
    images = folder / nested / "val_images"
    labels = folder / nested / "val_segmentations"
    images.mkdir(parents=True)
    labels.mkdir(parents=True)
    for name in ("100_1", "100_2"):
        Image.new("RGB", (6, 4)).save(images / f"{name}.jpg")
    Image.fromarray(np.arange(24, dtype=np.uint8).reshape(4, 6) % 20).save(labels / "100_1.png")
    (folder / "lip_val_set.csv").write_text(CSV)
    return folder


def test_a_csv_comes_out_as_it_went_in(tmp_path: Path) -> None:
    source, copy = tmp_path / "lip_val_set.csv", tmp_path / "out" / "lip_val_set.csv"
    source.write_text(CSV)
    write_pose_labels(copy, read_pose_labels(source))
    assert copy.read_bytes() == source.read_bytes()


def test_an_empty_csv(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text("")
    assert read_pose_labels(tmp_path / "empty.csv") == {}
    write_pose_submission(tmp_path / "none.csv", [])
    assert read_pose_submission(tmp_path / "none.csv") == {}


def test_visibility_and_missing_joints(tmp_path: Path) -> None:
    (tmp_path / "set.csv").write_text(CSV)
    joints = read_pose_labels(tmp_path / "set.csv")
    assert list(joints) == ["100_1.jpg", "100_2.jpg"]
    assert joints["100_1.jpg"][LipJoint.HEAD_TOP].tolist() == [19, 38, 2]  # 0 is visible in LIP, 2 in COCO
    assert joints["100_2.jpg"][LipJoint.RIGHT_ANKLE].tolist() == [0, 0, 0]
    assert joints["100_2.jpg"][LipJoint.LEFT_WRIST].tolist() == [7.5, -3, 1]


@pytest.mark.parametrize("nested", ["", "TrainVal_images", "TrainVal/TrainVal"])
def test_read_lip(tmp_path: Path, nested: str) -> None:
    first, second = read_lip(write_lip(tmp_path, nested), "val")
    assert (first.name, second.name) == ("100_1.jpg", "100_2.jpg")
    assert first.size() == (6, 4)
    labels = first.read_labels()
    assert labels is not None
    assert labels[3, 5] == 3
    assert second.read_labels() is None
    assert first.joints is not None
    assert first.joints.shape == (16, 3)


def test_a_picture_as_a_sample(tmp_path: Path) -> None:
    sample = read_lip(write_lip(tmp_path), "val")[0].as_sample()
    (person,) = sample.people
    assert person.box.tolist() == [0, 0, 5, 3]
    assert person.joints is not None
    assert person.joints[Joint.NECK].tolist() == [18, 36, 2]
    assert sample.part_path is None


def test_a_list_orders_the_pictures(tmp_path: Path) -> None:
    write_lip(tmp_path)
    (tmp_path / "val_id.txt").write_text("100_2\n100_1\n")
    assert [p.name for p in read_lip(tmp_path, "val")] == ["100_2.jpg", "100_1.jpg"]
    (tmp_path / "val_id.txt").write_text("100_2\n100_3\n")
    with pytest.raises(ValueError, match=r"lacks 100_3\.jpg"):
        read_lip(tmp_path, "val")


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="lacks train_images"):
        read_lip(tmp_path, "train")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a.jpg,1,2,0\n", r"line 1: expected a file name and 48 numbers.*got 3"),
        (CSV + f"100_1.jpg,{FIRST}\n", r"line 3: 100_1\.jpg occurs twice"),
        (CSV.replace("nan", "none"), r"line 2: expected numbers or nan"),
    ],
)
def test_a_wrong_csv_is_named(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "set.csv").write_text(content)
    with pytest.raises(ValueError, match=rf"set\.csv, {message}"):
        read_pose_labels(tmp_path / "set.csv")


def test_pose_submission(tmp_path: Path) -> None:
    poses = [("b.jpg", np.arange(32.0).reshape(16, 2)), ("a.jpg", np.full((16, 2), 0.25))]
    write_pose_submission(tmp_path / "pose.csv", poses)
    lines = (tmp_path / "pose.csv").read_text().splitlines()
    assert lines[0] == "b.jpg," + ",".join(str(i) for i in range(32))
    assert lines[1] == "a.jpg," + ",".join(["0.25"] * 32)
    back = read_pose_submission(tmp_path / "pose.csv")
    assert list(back) == ["b.jpg", "a.jpg"], "the order is kept"
    np.testing.assert_array_equal(back["b.jpg"], poses[0][1])
    with pytest.raises(ValueError, match=r"c\.jpg: expected shape \(16, 2\), got \(14, 2\)"):
        write_pose_submission(tmp_path / "pose.csv", [("c.jpg", np.zeros((14, 2)))])


def test_parsing_submission_is_a_grey_png_of_ids(tmp_path: Path) -> None:
    labels = np.array([[0, 19], [IGNORE, LipLabel.FACE]], np.uint8)
    path = write_parsing_submission(tmp_path / "new", "100_1.jpg", labels)
    assert path.name == "100_1.png"
    with Image.open(path) as file:
        assert file.mode == "L"
    np.testing.assert_array_equal(read_label_map(path, 20), labels)


def test_label_maps(tmp_path: Path) -> None:
    path = tmp_path / "labels.png"
    labels = np.array([[0, 13]], np.uint8)
    write_label_map(path, labels, LIP_PALETTE)
    with Image.open(path) as file:
        assert file.convert("RGB").getpixel((1, 0)) == (0, 0, 255)
    np.testing.assert_array_equal(read_label_map(path, 20), labels)
    with pytest.raises(ValueError, match=r"labels\.png: expected ids 0\.\.6 or 255, got 13"):
        read_label_map(path, 7)
    with pytest.raises(ValueError, match=r"expected \(H, W\) uint8"):
        write_label_map(path, labels.astype(np.int64))
    Image.new("RGB", (2, 2)).save(path)
    with pytest.raises(ValueError, match="mode RGB, whose pixels are colours"):
        read_label_map(path, 20)
    path.write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"labels\.png: not a PNG that can be read"):
        read_label_map(path, 20)


def test_rows_are_paired_by_name() -> None:
    assert pair_by_name([], []) == []
    assert pair_by_name(["a.jpg", "b.jpg"], ["b.png", "a.png"]) == [1, 0]
    with pytest.raises(ValueError, match=r"c: is not predicted \(1 missing, 1 unknown\)"):
        pair_by_name(["a", "c"], ["a", "b"])
    with pytest.raises(ValueError, match="b: is predicted but not labelled"):
        pair_by_name(["a"], ["a", "b"])
    with pytest.raises(ValueError, match="predicted twice"):
        pair_by_name(["a"], ["a.jpg", "a.png"])


def test_rows_are_paired_by_order_as_the_official_script_does() -> None:
    assert pair_by_name(["a", "b"], ["x", "y"], strict=False) == [0, 1]
    with pytest.raises(ValueError, match="expected 2 rows"):
        pair_by_name(["a", "b"], ["a"], strict=False)


@pytest.mark.parametrize("nested", ["", "TrainVal_images"])
def test_the_layout_is_recognised(tmp_path: Path, nested: str) -> None:
    folder = write_lip(tmp_path, nested)
    (folder / "val_id.txt").write_text("100_2\n100_1\n")
    assert find_layout(folder).name == "LIP"
    assert splits_of(folder) == ("val",)
    samples = read_samples(folder, "val")
    assert [sample.image_path.name for sample in samples] == ["100_2.jpg", "100_1.jpg"]
    joints = samples[1].people[0].joints
    assert joints is not None and joints[Joint.NECK].tolist() == [18, 36, 2]


def test_pictures_of_all_suffixes_and_a_byte_order_mark(tmp_path: Path) -> None:
    folder = write_lip(tmp_path)
    (folder / "val_images" / "100_1.jpg").rename(folder / "val_images" / "100_1.JPG")
    Image.new("RGB", (6, 4)).save(folder / "val_images" / "100_2.png")
    (folder / "val_images" / "100_2.jpg").unlink()
    (folder / "lip_val_set.csv").write_text(CSV, encoding="utf-8-sig")
    for _ in range(2):
        first, second = read_lip(folder, "val")
        assert (first.name, second.name) == ("100_1.JPG", "100_2.png")
        assert first.joints is not None and second.joints is not None  # paired by the names without suffix
        assert first.read_labels() is not None
        (folder / "val_id.txt").write_text("100_1\n100_2\n", encoding="utf-8-sig")


def test_a_turned_picture_has_the_size_of_the_upright_one(tmp_path: Path) -> None:
    folder = write_lip(tmp_path)
    exif = Image.Exif()
    exif[0x0112] = 8
    Image.new("RGB", (6, 4)).save(folder / "val_images" / "100_1.jpg", exif=exif)
    sample = read_samples(folder, "val")[0]
    assert (sample.width, sample.height) == (4, 6)
    assert sample.read_image().shape == (6, 4, 3)


def test_training_samples_in_lips_own_schema(tmp_path: Path) -> None:
    """20 labels and 16 joints, from the folders as the archives unpack."""
    folder = write_drawn_lip(tmp_path)
    (first, *others) = read_samples(folder, "train", "lip")
    assert len(others) == 2
    assert first.schema is LIP
    (person,) = first.people
    assert person.joints is not None and person.joints.shape == (16, 3)
    picture = read_lip(folder, "train")[0]
    np.testing.assert_array_equal(person.joints, picture.joints)
    np.testing.assert_array_equal(first.read_parts(), picture.read_labels())
    assert person.box.tolist() == [0, 0, 59, 89]
    assert read_samples(folder, "train")[0].schema.name == "posepart"  # by default our 14 joints
    with pytest.raises(ValueError, match=r"LIP has no labels of the schema 'atr'; there are posepart, lip"):
        read_samples(folder, "train", "atr")
