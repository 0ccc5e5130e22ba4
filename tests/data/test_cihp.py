"""CIHP and ATR, written by the test."""

from pathlib import Path

import numpy as np
import pytest
from helpers.lip_layout import write_atr, write_cihp
from PIL import Image

from posepart.data.cihp import person_boxes, read_atr, read_cihp, write_cihp_submission
from posepart.data.readers import find_layout, read_samples, splits_of
from posepart.schema import IGNORE
from posepart.schema.atr_and_cihp import ATR_TO_LIP, CIHP, CIHP_LABEL_NAMES, COMMON_WITH_ATR, AtrLabel
from posepart.schema.lip import LipLabel

LABELS = np.array([[0, 10, 13], [14, 0, 5]], np.uint8)
PEOPLE = np.array([[0, 1, 1], [2, 0, 1]], np.uint8)


def save(path: Path, ids: np.ndarray | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("RGB", (3, 2)) if ids is None else Image.fromarray(ids)
    image.save(path)


def test_cihp(tmp_path: Path) -> None:
    for name in ("0001", "0002"):
        save(tmp_path / "Validation" / "Images" / f"{name}.jpg")
    save(tmp_path / "Validation" / "Category_ids" / "0001.png", LABELS)
    save(tmp_path / "Validation" / "Human_ids" / "0001.png", PEOPLE)
    first, second = read_cihp(tmp_path, "val")
    np.testing.assert_array_equal(first.read_labels(), LABELS)
    np.testing.assert_array_equal(first.read_people(), PEOPLE)
    assert first.read_instances() is None
    assert second.read_lip_labels() is None
    lip = first.read_lip_labels()
    assert lip is not None
    assert lip.tolist() == [[0, IGNORE, 13], [14, 0, 5]], (
        "CIHP's 10 is the skin of the torso, not LIP's jumpsuits"
    )
    assert (CIHP_LABEL_NAMES[10], CIHP_LABEL_NAMES[11]) == ("torso_skin", "scarf")


def test_cihp_without_the_split(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Images: no such folder"):
        read_cihp(tmp_path, "train")
    with pytest.raises(ValueError, match="no split 'dev'; there are train, val, test"):
        read_cihp(tmp_path, "dev")


def test_person_boxes_by_hand() -> None:
    boxes = person_boxes(PEOPLE)
    assert {value: box.tolist() for value, box in boxes.items()} == {1: [1, 0, 2, 1], 2: [0, 1, 0, 1]}
    assert person_boxes(np.zeros((2, 2), np.uint8)) == {}


def test_cihp_submission_is_read_again(tmp_path: Path) -> None:
    save(tmp_path / "Testing" / "Images" / "0001.jpg")
    write_cihp_submission(tmp_path / "Testing", "0001.jpg", LABELS, PEOPLE)
    (picture,) = read_cihp(tmp_path, "test")
    np.testing.assert_array_equal(picture.read_labels(), LABELS)
    np.testing.assert_array_equal(picture.read_people(), PEOPLE)
    with pytest.raises(ValueError, match=r"0001.jpg: people: expected shape \(2, 3\), got \(1, 3\)"):
        write_cihp_submission(tmp_path, "0001.jpg", LABELS, PEOPLE[:1])


def test_atr(tmp_path: Path) -> None:
    for name in ("b", "a"):
        save(tmp_path / "JPEGImages" / f"{name}.jpg")
    ids = np.array([[AtrLabel.BACKGROUND, AtrLabel.BAG, AtrLabel.SCARF]], np.uint8)
    save(tmp_path / "SegmentationClassAug" / "a.png", ids)
    assert [p.name for p in read_atr(tmp_path)] == ["a.jpg", "b.jpg"]
    (tmp_path / "val_id.txt").write_text("a\n")
    (picture,) = read_atr(tmp_path, "val")
    lip = picture.read_lip_labels()
    assert lip is not None
    assert lip.tolist() == [[0, IGNORE, LipLabel.SCARF]]
    (tmp_path / "val_id.txt").write_text("c\n")
    with pytest.raises(ValueError, match=r"val_id\.txt: lists c"):
        read_atr(tmp_path, "val")


def test_common_categories_are_the_papers() -> None:
    assert {label.name.lower() for label in COMMON_WITH_ATR} == {
        "hat", "hair", "sunglasses", "upper_clothes", "dress", "pants", "scarf", "skirt", "face", "right_arm",
        "left_arm", "right_leg", "left_leg", "right_shoe", "left_shoe", "background",
    }  # fmt: skip
    assert ATR_TO_LIP[:18].tolist() == [0, 1, 2, 4, 5, 12, 9, 6, 255, 18, 19, 13, 16, 17, 14, 15, 255, 11]


@pytest.mark.parametrize("suffix", ["JPG", "png", "jfif"])
def test_pictures_of_all_suffixes_and_a_byte_order_mark(tmp_path: Path, suffix: str) -> None:
    for images in (tmp_path / "Validation" / "Images", tmp_path / "JPEGImages"):
        images.mkdir(parents=True)
        Image.new("RGB", (3, 2)).save(images / f"a.{suffix}")
    save(tmp_path / "Validation" / "Category_ids" / "a.png", LABELS)
    (tmp_path / "val_id.txt").write_text("a\n", encoding="utf-8-sig")
    for (picture,) in (read_cihp(tmp_path, "val"), read_atr(tmp_path, "val")):
        assert picture.name == f"a.{suffix}"
    assert read_cihp(tmp_path, "val")[0].label_path is not None


def test_cihp_samples_have_people_and_labels(tmp_path: Path) -> None:
    folder = write_cihp(tmp_path)
    assert find_layout(folder).name == "CIHP"
    assert splits_of(folder) == ("train", "val")
    first = read_samples(folder, "train", "cihp")[0]
    assert first.schema is CIHP
    assert first.boxes_complete
    instances, labels = first.read_instances(), first.read_parts()
    assert instances is not None and labels is not None
    assert [person.instance for person in first.people] == [1, 2]
    assert {value: box.tolist() for value, box in person_boxes(instances).items()} == {
        person.instance: person.box.tolist() for person in first.people
    }
    assert LipLabel.LEFT_SHOE in labels
    ours = read_samples(folder, "train")[0]
    assert (ours.part_path, len(ours.people)) == (None, 2)  # people and masks for the detector


def test_atr_samples_have_labels(tmp_path: Path) -> None:
    folder = write_atr(tmp_path)
    assert find_layout(folder).name == "ATR"
    sample = read_samples(folder, "val", "atr")[0]
    labels = sample.read_parts()
    assert labels is not None
    assert AtrLabel.LEFT_ARM in labels
    assert sample.people[0].box.tolist() == [0, 0, 59, 89]
    (folder / "SegmentationPart").mkdir()
    assert find_layout(folder).name == "PASCAL-Person-Part"
