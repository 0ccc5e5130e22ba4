import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from posepart.data.coco_file import label_maps_of, read_coco_file

JOINTS = ("neck", "hip")


def person(**others: Any) -> dict[str, Any]:
    return {
        "id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 30, 40], "keypoints": [5, 6, 2, 7, 8, 1],
    } | others  # fmt: skip


def image(**others: Any) -> dict[str, Any]:
    return {"id": 1, "file_name": "a.jpg", "width": 64, "height": 48} | others


def category(**others: Any) -> dict[str, Any]:
    return {"id": 1, "name": "person", "keypoints": list(JOINTS)} | others


def write(
    folder: Path,
    people: list[dict[str, Any]],
    images: list[dict[str, Any]] | None = None,
    categories: list[dict[str, Any]] | None = None,
    encoding: str = "utf-8",
) -> Path:
    record = {
        "images": [image()] if images is None else images,
        "annotations": people,
        "categories": [category()] if categories is None else categories,
    }
    path = folder / "labels.json"
    path.write_text(json.dumps(record), encoding=encoding)
    return path


def test_nobody(tmp_path: Path) -> None:
    file = read_coco_file(write(tmp_path, []), JOINTS)
    assert file.annotations == {1: []}
    assert file.remarks == []


def test_people_are_of_the_category_with_the_joints(tmp_path: Path) -> None:
    categories = [{"id": 0, "name": "all", "keypoints": []}, category(id=3), {"id": 18, "name": "dog"}]
    people = [person(category_id=3), person(id=2, category_id=18)]
    file = read_coco_file(write(tmp_path, people, categories=categories), JOINTS)
    assert [a["id"] for a in file.annotations[1]] == [1]
    assert (file.category, file.left_out) == (3, 1)
    (remark,) = file.remarks
    assert "1 annotations are left out, of other categories" in remark


def test_two_categories_with_the_joints_are_refused(tmp_path: Path) -> None:
    categories = [category(), category(id=2, name="skater")]
    with pytest.raises(ValueError, match=r"several categories have these joints \(person, skater\)"):
        read_coco_file(write(tmp_path, [], categories=categories), JOINTS)


def test_odd_but_clear_values_are_taken(tmp_path: Path) -> None:
    odd = image(width=64.0, height=48.0, file_name="cam0\\a.jpg")
    path = write(tmp_path, [person(iscrowd="0"), person(id=2, iscrowd="1")], [odd], encoding="utf-8-sig")
    file = read_coco_file(path, JOINTS)
    assert (file.images[0]["width"], file.images[0]["file_name"]) == (64, "cam0/a.jpg")
    assert [a["iscrowd"] for a in file.annotations[1]] == [False, True]
    (remark,) = file.remarks
    assert "1 ignore regions (iscrowd 1) have joints" in remark


@pytest.mark.parametrize(
    ("people", "images", "message"),
    [
        (
            [person(bbox=[1, 2, float("nan"), 4])],
            [image()],
            "annotation 1: expected 4 finite numbers as bbox",
        ),
        ([person(keypoints=[1, float("inf"), 2, 0, 0, 0])], [image()], "6 finite numbers as keypoints"),
        ([person(bbox=[1, 2, True, 4])], [image()], "expected 4 finite numbers as bbox"),
        ([person(image_id="1")], [image()], "image_id is the text '1', the id of the image the number 1"),
        ([person(image_id=2)], [image()], "no image has the id 2"),
        ([person(image_id=None)], [image()], "lacks image_id"),
        ([person(iscrowd="no")], [image()], "expected 0 or 1 as iscrowd, got 'no'"),
        ([person(iscrowd=[0])], [image()], "expected 0 or 1 as iscrowd"),
        ([person(bbox=[0.1, 0.2, 0.3, 0.4])], [image()], "as if they were shares of the photo's sides"),
        ([], [image(width=64.5)], "expected its width and height in pixels, got 64.5 and 48"),
        ([], [image(width=float("nan"))], "expected its width and height in pixels"),
        ([person(instance_value="0")], [image()], "expected 0..255 as instance_value, got '0'"),
        ([person(instance_value=-1)], [image()], "expected 0..255 as instance_value, got -1"),
        ([person(joints_from=3)], [image()], "expected a text as joints_from, got 3"),
        ([], [image(source=[])], r"image 1: expected a text as source, got \[\]"),
        ([], [image(file_name="x" * 300)], "file_name: a part of more than 255 bytes"),
        ([], [image(height=0)], "expected its width and height in pixels"),
        ([], [image(id=None)], "lacks its id or file_name"),
        ([person(), person()], [image()], "annotations: the id 1 occurs 2 times"),
    ],
)
def test_impossible_values_are_refused(
    tmp_path: Path, people: list[dict[str, Any]], images: list[dict[str, Any]], message: str
) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        read_coco_file(write(tmp_path, people, images), JOINTS)
    assert "labels.json" in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", "{", "[1]", '{"images": [1], "annotations": [], "categories": []}', "[" * 9999]
)
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "labels.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"labels\.json"):
        read_coco_file(path, JOINTS)


def test_label_maps_mirror_the_folder_of_photos(tmp_path: Path) -> None:
    (tmp_path / "parts" / "cam0").mkdir(parents=True)
    np.zeros(1).tofile(tmp_path / "parts" / "cam0" / "0001.png")
    found = label_maps_of(tmp_path, image(file_name="cam0/0001.jpg"))
    assert found == (tmp_path / "parts" / "cam0" / "0001.png", None)
    assert label_maps_of(tmp_path, image(file_name="cam1/0001.jpg")) == (None, None)


@pytest.mark.parametrize("number", [10**400, 1e300], ids=["integer", "float"])
def test_numbers_too_large_for_a_photo_are_refused(tmp_path: Path, number: float) -> None:
    with pytest.raises(ValueError, match=r"expected its width and height in pixels, got 1.{1,60}$"):
        read_coco_file(write(tmp_path, [], [image(width=number)]), JOINTS)
    with pytest.raises(ValueError, match=r"expected 4 finite numbers as bbox, got .{1,120}$"):
        read_coco_file(write(tmp_path, [person(bbox=[0, 0, number, 1])]), JOINTS)


def test_long_ids_are_cut_in_errors(tmp_path: Path) -> None:
    for images, people in (
        ([image(id="x" * 5000, width=0)], []),
        ([image()], [person(id="x" * 5000, bbox=[])]),
    ):
        with pytest.raises(ValueError, match=r"xxx\.\.\.") as caught:
            read_coco_file(write(tmp_path, people, images), JOINTS)
        assert len(str(caught.value)) < 500
