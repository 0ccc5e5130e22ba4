"""Reader of PASCAL-Person-Part: a tiny release, written by the tests."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from scipy.io import savemat

from posepart.data.pascal_person_part import read_pascal_person_part
from posepart.schema import PASCAL_JOINTS, Joint

NAME = "2008_000008"


def cells(*arrays: object) -> NDArray[np.object_]:
    """A MATLAB cell array, 1 x N."""
    row = np.empty((1, len(arrays)), object)
    for k, array in enumerate(arrays):
        row[0, k] = array
    return row


def table(**joints: tuple[float, float, float]) -> NDArray[np.float64]:
    """(14, 3) in the order of the release; rows that are not named are zero."""
    rows = np.zeros((14, 3))
    for k, joint in enumerate(PASCAL_JOINTS):
        rows[k] = joints.get(joint.name.lower(), (0, 0, 0))
    return rows


def write_release(folder: Path, names: str = NAME, **mat: object) -> Path:
    for name in ("JPEGImages", "SegmentationPart", "PersonJoints"):
        (folder / name).mkdir(exist_ok=True)
    (folder / "train_id.txt").write_text(names)
    for name in {*names.split()}:
        Image.new("RGB", (30, 20)).save(folder / "JPEGImages" / f"{name}.jpg")
        labels = np.zeros((20, 30), np.uint8)
        labels[:2] = 6
        labels[5] = 255
        Image.fromarray(labels).save(folder / "SegmentationPart" / f"{name}.png")
    if mat:
        savemat(folder / "PersonJoints" / f"{NAME}.mat", mat)
    return folder


def test_a_photo_without_joints_has_parts(tmp_path: Path) -> None:
    (sample,) = read_pascal_person_part(write_release(tmp_path))
    assert (sample.width, sample.height, sample.people) == (30, 20, ())
    assert sample.boxes_complete is False
    parts = sample.read_parts()
    assert parts is not None
    assert np.unique(parts).tolist() == [0, 6, 255]


def test_without_the_folder_of_joints(tmp_path: Path) -> None:
    folder = write_release(tmp_path)
    (folder / "PersonJoints").rmdir()
    assert read_pascal_person_part(folder)[0].people == ()


def test_nobody_in_the_file_of_joints(tmp_path: Path) -> None:
    folder = write_release(tmp_path, boxes=np.zeros((0, 0)), joints=np.zeros((0, 0)))
    (sample,) = read_pascal_person_part(folder)
    assert (sample.people, sample.boxes_complete) == ((), True)


def test_boxes_and_joints(tmp_path: Path) -> None:
    first = table(
        forehead=(10, 2, 1), right_ankle=(12, 18, 1), left_shoulder=(8, 6, 1), right_shoulder=(14, 6, 0)
    )
    boxes = cells(np.array([[5, 1, 16, 19]], np.uint16), np.array([[1, 2, 3, 4]], np.uint16))
    folder = write_release(tmp_path, boxes=boxes, joints=cells(first, table()))
    person, other = read_pascal_person_part(folder)[0].people
    assert person.box.tolist() == [5, 1, 16, 19]
    assert person.joints is not None
    assert person.joints[Joint.FOREHEAD].tolist() == [10, 2, 2]
    assert person.joints[Joint.RIGHT_ANKLE].tolist() == [12, 18, 2]
    assert person.joints[Joint.LEFT_SHOULDER].tolist() == [8, 6, 2]
    assert person.joints[Joint.RIGHT_SHOULDER].tolist() == [0, 0, 0]  # not labelled: its place means nothing
    assert (person.joints_from, other.joints, other.joints_from) == ("human", None, "none")


def test_places_that_are_no_numbers_are_not_labelled(tmp_path: Path) -> None:
    rows = table(neck=(float("nan"), 4, 1), forehead=(9, 3, 1))
    folder = write_release(tmp_path, boxes=cells(np.array([[5, 1, 16, 19]])), joints=cells(rows))
    (person,) = read_pascal_person_part(folder)[0].people
    assert person.joints is not None
    assert person.joints[:, 2].sum() == 2
    assert np.isfinite(person.joints).all()


def test_lists_in_a_folder_of_their_own(tmp_path: Path) -> None:
    folder = write_release(tmp_path)
    (folder / "list").mkdir()
    (folder / "list" / "val_id.txt").write_text(f"{NAME} 1\n\n")
    assert [sample.image_path.stem for sample in read_pascal_person_part(folder, "val")] == [NAME]


@pytest.mark.parametrize(
    ("lost", "told"),
    [
        ("train_id.txt", r"train_id\.txt: no such file; it lists the ids"),
        (f"JPEGImages/{NAME}.jpg", r"2008_000008\.jpg: no such file; copy the file missing there, or take"),
        (f"SegmentationPart/{NAME}.png", r"2008_000008\.png: no such file; copy the file missing there"),
    ],
)
def test_a_missing_file_is_named(tmp_path: Path, lost: str, told: str) -> None:
    folder = write_release(tmp_path)
    (folder / lost).unlink()
    with pytest.raises(ValueError, match=told):
        read_pascal_person_part(folder)


def test_many_missing_files_are_counted(tmp_path: Path) -> None:
    folder = write_release(tmp_path, "a b\nc\nd")
    (folder / "JPEGImages" / "a.jpg").unlink()
    (folder / "JPEGImages" / "d.jpg").unlink()
    with pytest.raises(
        ValueError, match=r"a\.jpg: no such file; copy 2 of the 3 files missing there, or take"
    ):
        read_pascal_person_part(folder)


def test_an_id_that_occurs_twice(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"train_id\.txt: names a 2 times; keep one of the lines"):
        read_pascal_person_part(write_release(tmp_path, "b\na\na"))


def test_a_photo_that_is_none(tmp_path: Path) -> None:
    folder = write_release(tmp_path)
    (folder / "JPEGImages" / f"{NAME}.jpg").write_bytes(b"none")
    with pytest.raises(ValueError, match=r"2008_000008\.jpg: not a picture that can be read"):
        read_pascal_person_part(folder)


@pytest.mark.parametrize("content", [b"", b"MATLAB", b"\x80\x04cos\nsystem\n", b"x" * 200])
def test_a_damaged_file_of_joints(tmp_path: Path, content: bytes) -> None:
    folder = write_release(tmp_path)
    (folder / "PersonJoints" / f"{NAME}.mat").write_bytes(content)
    with pytest.raises(ValueError, match=r"2008_000008\.mat: not a MATLAB file that can be read"):
        read_pascal_person_part(folder)


@pytest.mark.parametrize(
    ("mat", "told"),
    [
        ({"boxes": cells()}, "lacks joints"),
        ({"boxes": cells(np.zeros((1, 4))), "joints": cells()}, "has 1 boxes but the joints of 0 people"),
        (
            {"boxes": cells(np.zeros((1, 3))), "joints": cells(table())},
            "person 1: expected a box of 4 numbers",
        ),
        (
            {"boxes": cells(np.zeros((1, 4))), "joints": cells(np.zeros((16, 3)))},
            r"joints \(14, 3\), got .*16",
        ),
        ({"boxes": np.zeros((1, 4)), "joints": cells(table())}, "boxes: expected a cell array, got float64"),
        ({"boxes": cells("none"), "joints": cells(table())}, "boxes: expected cells of numbers"),
    ],
)
def test_other_content_is_refused(tmp_path: Path, mat: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=rf"2008_000008\.mat: .*{told}"):
        read_pascal_person_part(write_release(tmp_path, NAME, **mat))


def test_joints_saved_as_7_3(tmp_path: Path) -> None:
    folder = write_release(tmp_path)
    text = b"MATLAB 7.3 MAT-file, Platform: GLNXA64, Created on: Tue Jan 02 2024 HDF5 schema 1.00 ."
    content = text.ljust(116) + bytes(8) + b"\x00\x02IM" + bytes(384) + b"\x89HDF\r\n\x1a\n" + bytes(64)
    (folder / "PersonJoints" / f"{NAME}.mat").write_bytes(content)
    with pytest.raises(
        ValueError, match=r"2008_000008\.mat: .*version 7\.3.*save\(\.\.\., '-v7'\)"
    ) as caught:
        read_pascal_person_part(folder)
    assert "\n" not in str(caught.value)


def test_photos_of_all_suffixes_and_a_byte_order_mark(tmp_path: Path) -> None:
    folder = write_release(tmp_path)
    (folder / "train_id.txt").write_text(NAME, encoding="utf-8-sig")
    (folder / "JPEGImages" / f"{NAME}.jpg").rename(folder / "JPEGImages" / f"{NAME}.JPEG")
    (sample,) = read_pascal_person_part(folder)
    assert sample.image_path.name == f"{NAME}.JPEG"


@pytest.mark.parametrize(
    ("box", "rows", "message"),
    [
        ([1e300, 1, 16, 19], table(neck=(3, 3, 1)), "person 1: a coordinate is no number of pixels"),
        ([float("nan"), 1, 16, 19], table(neck=(3, 3, 1)), "person 1: a coordinate is no number of pixels"),
        ([5, 1, 16, 19], table(neck=(3, -1e39, 1)), "person 1: a coordinate is no number of pixels"),
        (
            [5, 1, 16, 19],
            table(neck=(3, 3, 1)) * 1j,
            "joints: expected cells of numbers .got complex numbers",
        ),
    ],
)
def test_values_that_are_no_coordinates(
    tmp_path: Path, box: list[float], rows: NDArray[np.float64], message: str
) -> None:
    folder = write_release(tmp_path, boxes=cells(np.array([box])), joints=cells(rows))
    with pytest.raises(ValueError, match=message):
        read_pascal_person_part(folder)


def test_a_joint_without_label_may_lie_anywhere(tmp_path: Path) -> None:
    rows = table(neck=(3, 3, 1), left_knee=(1e300, 3, 0), right_knee=(float("nan"), 3, 1))
    folder = write_release(tmp_path, boxes=cells(np.array([[5, 1, 16, 19]])), joints=cells(rows))
    (person,) = read_pascal_person_part(folder)[0].people
    assert person.joints is not None
    assert np.flatnonzero(person.joints[:, 2]).tolist() == [Joint.NECK]


def test_an_id_that_is_no_name(tmp_path: Path) -> None:
    folder = write_release(tmp_path)
    (folder / "train_id.txt").write_text("\0" * 5000)
    with pytest.raises(ValueError, match=r"is not the id of a photo; correct the line") as caught:
        read_pascal_person_part(folder)
    assert len(str(caught.value)) < 500
