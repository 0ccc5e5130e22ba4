"""Damaged labels of every layout, through the readers, the check and the comparison with results."""

from pathlib import Path
from typing import Any

import numpy as np
from helpers.fuzz_folders import (
    HEIGHT,
    NAMES,
    WIDTH,
    cells,
    keypoint_labels,
    lip_csv,
    mat_file,
    pascal_people,
    people_labels,
    write_photos,
)
from helpers.fuzzing import check_sentence, fresh_folder, fuzz, in_time, posepart, readable_or_refused
from helpers.mutations import damaged, json_files
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from posepart.data.check import check_data
from posepart.data.readers import read_samples, remarks_on
from posepart.data.sample import Sample
from posepart.metrics.judged import judge
from posepart.structures import Scene


def check(folder: Path, split: str, *files: Path) -> None:
    """Read the split, check the folder, and judge an empty result; a command may do all of these."""
    with readable_or_refused(*files):
        samples = read_samples(folder, split)
        remarks_on(folder, split)
        for sample in samples:
            judge_nothing(sample)
    with in_time():
        for finding in check_data(folder, [split]).findings:
            check_sentence(finding.sentence, [])


def judge_nothing(sample: Sample) -> None:
    """Compare the labels with a result in which nobody was found."""
    if sample.width * sample.height < 10**6:
        nothing = np.zeros((sample.height, sample.width), np.uint8)
        judge(sample, Scene((), nothing, nothing, "empty"), False)


@fuzz(120)
@given(json_files(people_labels()))
def test_people(content: bytes) -> None:
    with fresh_folder() as folder:
        write_photos(folder / "images")
        path = folder / "person_keypoints_val.json"
        path.write_bytes(content)
        check(folder, "val", path)


@fuzz(80)
@given(json_files(keypoint_labels()))
def test_coco(content: bytes) -> None:
    with fresh_folder() as folder:
        write_photos(folder / "val2017")
        (folder / "annotations").mkdir()
        path = folder / "annotations" / "person_keypoints_val2017.json"
        path.write_bytes(content)
        check(folder, "val", path)


TOKENS = st.sampled_from(
    ("nan", "", "1e400", "-inf", "9" * 400, '"', "a\x00b", "日", "\r", " 3 ", "0x10", ",", "\n", "\ud800")
)


@st.composite
def csv_files(draw: st.DrawFn) -> bytes:
    """A csv in which some fields are changed, or bytes."""
    rows = [line.split(",") for line in lip_csv().decode().splitlines()]
    for _ in range(draw(st.integers(0, 4))):
        row = draw(st.sampled_from(rows))
        at = draw(st.integers(0, max(0, len(row) - 1)))
        row[at : at + draw(st.integers(0, 2))] = [draw(TOKENS)]
    text = draw(st.sampled_from(("\n", "\r\n", "\n\n"))).join(",".join(row) for row in rows)
    encoding = draw(st.sampled_from(("utf-8", "utf-8", "utf-8-sig", "utf-16", "cp1252")))
    data = text.encode(encoding, "surrogatepass" if encoding.startswith("utf") else "replace")
    return draw(damaged([data], most=2)) if draw(st.integers(0, 3)) == 0 else data


LISTS = st.one_of(
    damaged(["\n".join(NAMES).encode()]),
    st.lists(st.sampled_from((*NAMES, "", "x" * 300, "../a", "a.jpg", "日本", "a b", "/")), max_size=5).map(
        lambda names: "\n".join(names).encode()
    ),
)


@fuzz(60)
@given(csv_files(), st.one_of(st.none(), LISTS))
def test_lip(content: bytes, listed: bytes | None) -> None:
    with fresh_folder() as folder:
        write_photos(folder / "val_images")
        path, ids = folder / "lip_val_set.csv", folder / "val_id.txt"
        path.write_bytes(content)
        if listed is not None:
            ids.write_bytes(listed)
        check(folder, "val", path, ids, folder / "val_images")


def mpii_people() -> list[dict[str, Any]]:
    """Two people of one picture, and one of another."""
    person = {
        "center": [60, 100],
        "scale": 0.8,
        "joints": [[k + 20, 9 * k] for k in range(16)],
        "joints_vis": [1] * 16,
    }
    return [{"image": f"{name}.jpg", **person} for name in (NAMES[0], NAMES[0], NAMES[1])]


@fuzz(60)
@given(json_files(mpii_people()))
def test_mpii(content: bytes) -> None:
    with fresh_folder() as folder:
        write_photos(folder / "images")
        path = folder / "valid.json"
        path.write_bytes(content)
        check(folder, "val", path, folder / "images")


GOOD = pascal_people()
ODD: tuple[Any, ...] = (
    "text",
    3.5,
    [],
    [1, 2],
    {"a": 1},
    np.zeros((0, 0)),
    np.array([np.nan] * 4),
    np.full((14, 3), 1e300),
    np.zeros((14, 3), complex),
    np.array(["a"]),
    cells(),
    cells("x"),
    cells(cells(1)),
    np.zeros((3, 14)),
)
MATS = st.one_of(
    damaged(
        [mat_file(GOOD), mat_file(GOOD, do_compression=True), mat_file({"boxes": np.eye(3)}, format="4")]
    ),
    st.builds(
        lambda box, table, name, odd: mat_file(
            {**GOOD, "boxes": cells(box), "joints": cells(table), name: odd}
        ),
        st.sampled_from((*ODD, np.array([1, 2, 3, 4.0]))),
        st.sampled_from((*ODD, np.zeros((14, 3)))),
        st.sampled_from(("boxes", "joints", "other")),
        st.sampled_from(ODD),
    ),
)


@fuzz(60)
@given(MATS, LISTS)
def test_pascal(content: bytes, listed: bytes) -> None:
    with fresh_folder() as folder:
        write_photos(folder / "JPEGImages")
        (folder / "SegmentationPart").mkdir()
        (folder / "PersonJoints").mkdir()
        for name in NAMES:
            Image.new("L", (WIDTH, HEIGHT)).save(folder / "SegmentationPart" / f"{name}.png")
        ids, path = folder / "val_id.txt", folder / "PersonJoints" / "a.mat"
        ids.write_bytes(listed)
        path.write_bytes(content)
        check(folder, "val", ids, path)
        ids.write_bytes(b"a\n")
        check(folder, "val", ids, path)


@fuzz(10)
@given(json_files(people_labels()))
def test_data_check_writes_all_or_nothing(content: bytes) -> None:
    with fresh_folder() as folder:
        write_photos(folder / "images")
        path, out = folder / "person_keypoints_val.json", folder / "out"
        path.write_bytes(content)
        code = posepart("data", "check", folder, "-o", out)
        written = {file.name for file in out.iterdir()} if out.exists() else set()
        assert written - {"contact_sheet_val.jpg"} == (set() if code == 2 else {"problems.txt"})
