"""Every format: written and read back, with 0, 1 and 5 people, masks equal to the PNGs."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.scenes import make_person
from PIL import Image
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from posepart.cli.main import main
from posepart.formats.known import FORMATS, write_labels
from posepart.formats.records import LabelSet, PhotoRecord
from posepart.formats.results import photo_of_scene
from posepart.io.results import PhotoInfo, write_result
from posepart.schema import PART_NAMES, Joint
from posepart.schema.skeletons import COCO17, POSEPART14, plain_name
from posepart.structures import Scene

COUNTS = (0, 1, 5)


def scene(people: int, seed: int = 0, size: tuple[int, int] = (640, 260)) -> Scene:
    """People side by side under random parts, some pixels of which are nobody's."""
    rng = np.random.default_rng(seed)
    width, height = size
    parts = np.kron(rng.integers(0, 7, (height // 10, width // 10)), np.ones((10, 10))).astype(np.uint8)
    owners = np.zeros((height, width), np.uint8)
    for number in range(1, people + 1):
        left = 20 + 120 * (number - 1)
        owners[20:220, left : left + 90] = number
    owners[parts == 0] = 0
    found = tuple(
        make_person((20 + 120 * k, 20), absent=(Joint.LEFT_WRIST,) if k % 2 else ()) for k in range(people)
    )
    return Scene(found, parts if people else np.zeros_like(parts), owners, "test")


SCENES = {f"photo{count}.png": scene(count) for count in COUNTS}


def label_set() -> LabelSet:
    return LabelSet(tuple(photo_of_scene(s, name, 7 + k) for k, (name, s) in enumerate(SCENES.items())))


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, shown in SCENES.items():
        Image.new("RGB", shown.size).save(folder / name)
    return folder


@pytest.mark.parametrize("name", [name for name, form in FORMATS.items() if form.read is not None])
def test_round_trip(name: str, tmp_path: Path, images: Path) -> None:
    form, path = FORMATS[name], tmp_path / "written"
    labels = label_set()
    write_labels(labels, form, path)
    if name == "people":
        (path / "images").rmdir()
        images.rename(path / "images")
    assert form.read is not None
    read = form.read(path, images)
    photos = {Path(photo.name).stem: photo for photo in read.photos}
    assert photos.keys() == {Path(known).stem for known in SCENES}
    for known in labels.photos:
        check_photo(name, known, photos[Path(known.name).stem], read)


def check_photo(name: str, known: PhotoRecord, found: PhotoRecord, read: LabelSet) -> None:
    loses = FORMATS[name].loses
    assert (found.width, found.height) == (known.width, known.height)
    assert len(found.people) == len(known.people)
    if "masks" not in loses:
        np.testing.assert_array_equal(found.part_map(), SCENES[known.name].part_map)
        np.testing.assert_array_equal(found.person_map(), SCENES[known.name].person_map)
    target = FORMATS[name].skeleton or POSEPART14
    for person, before in zip(found.people, known.people, strict=True):
        if "boxes" not in loses:
            np.testing.assert_allclose(person.box, before.box, atol=0.02)
        if "joints and" not in loses:
            rows = {
                plain_name(joint): row for joint, row in zip(read.skeleton.joints, person.joints, strict=True)
            }
            for joint, row in zip(POSEPART14.joints, before.joints, strict=True):
                if joint in target.joints:
                    found_row = rows.get(joint, np.zeros(4))
                    np.testing.assert_allclose(found_row[:3], row[:3], atol=0.02)
                    if "scores" not in loses:
                        np.testing.assert_allclose(found_row[3], row[3], atol=1e-5)
        if name in ("coco", "labelme", "label-studio", "csv", "cvat"):
            assert person.score == pytest.approx(before.score, abs=1e-5)


def test_coco_is_read_by_pycocotools(tmp_path: Path) -> None:
    write_labels(label_set(), FORMATS["coco"], tmp_path / "a.json")
    write_labels(label_set(), FORMATS["coco-results"], tmp_path / "b.json")
    coco = COCO(str(tmp_path / "a.json"))
    results = coco.loadRes(str(tmp_path / "b.json"))
    assert coco.getImgIds() == [7, 8, 9]
    for image in coco.loadImgs([7, 8, 9]):
        shown = SCENES[image["file_name"]]
        for loaded in (coco, results):
            for k, annotation in enumerate(loaded.loadAnns(loaded.getAnnIds(image["id"])), start=1):
                np.testing.assert_array_equal(loaded.annToMask(annotation), shown.person_map == k)
                assert len(annotation["keypoints"]) == 3 * 14
        for k, annotation in enumerate(coco.loadAnns(coco.getAnnIds(image["id"])), start=1):
            for part, rle in annotation["parts"].items():
                expected = (shown.person_map == k) & (shown.part_map == PART_NAMES.index(part))
                np.testing.assert_array_equal(coco_mask.decode(rle), expected)
                encoded = coco_mask.encode(np.asfortranarray(expected.astype(np.uint8)))
                assert encoded["counts"].decode() == rle["counts"]


def test_export_and_convert(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    out.mkdir()
    for name, shown in SCENES.items():
        write_result(shown, PhotoInfo(Path(name).stem, name, *shown.size), out)
    images = [
        {"id": 100 + k, "file_name": f"a/{name}", "width": 1, "height": 1} for k, name in enumerate(SCENES)
    ]
    category = {"id": 1, "name": "person", "keypoints": []}
    labels = {"images": images[:2], "annotations": [], "categories": [category]}
    (tmp_path / "labels.json").write_text(json.dumps(labels))
    target = ["--to", "coco", "--skeleton", "coco17", "-o", str(tmp_path / "coco.json")]
    assert main(["export", str(out), *target, "--ids", str(tmp_path / "labels.json")]) == 0
    said = capsys.readouterr().out
    assert "1 of 3 photos have no id in the data set: left out" in said
    assert "coco17: nose, left_eye, right_eye, left_ear, right_ear are not known" in said
    written = json.loads((tmp_path / "coco.json").read_text())
    assert [image["id"] for image in written["images"]] == [100, 101]
    assert written["categories"][0]["keypoints"] == list(COCO17.joints)
    target = ["--to", "cvat", "-o", str(tmp_path / "c.xml")]
    assert main(["convert", str(tmp_path / "coco.json"), "--from", "coco", *target]) == 0
    read = FORMATS["cvat"].read
    assert read is not None
    found = list(read(tmp_path / "c.xml", None).photos)
    np.testing.assert_array_equal(found[1].part_map(), SCENES["photo1.png"].part_map)


@pytest.mark.parametrize("name", [name for name, form in FORMATS.items() if form.read is not None])
@pytest.mark.parametrize(
    "content", [b"", b"{", b"[1]", b'{"shapes": [{}]}', b"<a/>", b"\xff\xfe\x00", b"a,b\n1,2"]
)
def test_damaged_files_are_one_sentence(
    name: str, content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "source"
    if FORMATS[name].folder:
        source.mkdir()
        for file in ("a.json", "a_keypoints.json", "tasks.json", "data.yaml", "person_keypoints_train.json"):
            (source / file).write_bytes(content)
    else:
        source.write_bytes(content)
    out = tmp_path / "new"
    code = main(
        ["convert", str(source), "--from", name, "--to", "coco", "--images", str(tmp_path), "-o", str(out)]
    )
    assert code == 2 and not out.exists()
    said = capsys.readouterr().err
    assert said.startswith("posepart: error: ") and said.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["export"], "which results?"),
        (["export", "x"], "in which format?"),
        (["export", "x", "--to", "cocoo"], "expected one of coco, coco-results"),
        (["export", "x", "--to", "coco"], "where does the file go?"),
        (["export", "x", "--to", "coco", "--skeleton", "y", "-o", "z"], "expected one of posepart14, coco17"),
        (
            ["convert", "x", "--from", "coco-results", "--to", "coco", "-o", "z"],
            "expected one of coco, people",
        ),
        (["convert", "x", "--from", "coco", "--to", "coco", "-o", "z"], "x: no such file"),
    ],
)
def test_refused(
    arguments: list[str],
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    assert sentence in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("LShoulder", "left_shoulder"),
        ("left-Elbow", "left_elbow"),
        ("r_sho", "right_shoulder"),
        ("Knee Right", "right_knee"),
        ("neck", "neck"),
        ("rear", "right_ear"),
    ],
)
def test_names_of_joints(written: str, plain: str) -> None:
    assert plain_name(written) == plain


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    broken: Any = [*label_set().photos, None]
    with pytest.raises(AttributeError):
        write_labels(LabelSet(broken), FORMATS["voc"], tmp_path / "voc")
    assert not list(tmp_path.iterdir())
