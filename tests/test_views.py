"""The methods of `Scene`: pictures, files, tables and other tools, with 0, 1 and 5 people."""

import sys
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from helpers.scenes import make_person
from numpy.typing import NDArray
from PIL import Image
from pycocotools import mask as coco_mask

from posepart.draw import draw_overlay
from posepart.formats.known import FORMATS, write_labels
from posepart.formats.records import LabelSet
from posepart.formats.results import photo_of_scene
from posepart.io.files import read_json
from posepart.io.results import read_result
from posepart.schema import Joint
from posepart.structures import Scene

COUNTS = (0, 1, 5)


def photo_for(people: int) -> NDArray[np.uint8]:
    return np.random.default_rng(people).integers(0, 255, (260, 640, 3), dtype=np.uint8)


def scene_of(people: int, keep_photo: bool = True) -> Scene:
    """People side by side, torsos above lower legs."""
    owners = np.zeros((260, 640), np.uint8)
    parts = np.zeros_like(owners)
    for number in range(1, people + 1):
        left = 20 + 120 * (number - 1)
        owners[20:220, left : left + 90] = number
    parts[owners > 0] = 2
    parts[150:][owners[150:] > 0] = 6
    found = tuple(
        make_person((20 + 120 * k, 20), absent=(Joint.LEFT_WRIST,) if k % 2 else ()) for k in range(people)
    )
    photo = photo_for(people) if keep_photo else None
    return Scene(found, parts, owners, "test", photo=photo, file_name="a.b.jpg")


@pytest.mark.parametrize("people", COUNTS)
def test_plot_draws_on_the_photo_or_on_grey(people: int) -> None:
    scene, photo = scene_of(people), photo_for(people)
    np.testing.assert_array_equal(np.asarray(scene.plot()), draw_overlay(photo, scene))
    grey = np.full_like(photo, 110)
    without = replace(scene, photo=None)
    np.testing.assert_array_equal(np.asarray(without.plot()), draw_overlay(grey, scene))
    np.testing.assert_array_equal(np.asarray(without.plot(photo)), draw_overlay(photo, scene))
    assert scene.plot(max_side=64).size == (64, 26)
    with Image.open(BytesIO(scene._repr_png_())) as shown:
        np.testing.assert_array_equal(np.asarray(shown), draw_overlay(photo, scene, 900))


def test_another_photo_is_refused() -> None:
    with pytest.raises(ValueError, match=r"expected a photo of the result's size \(640, 260\)"):
        scene_of(1).plot(np.zeros((5, 5, 3), np.uint8))
    with pytest.raises(ValueError, match=r"Scene\.photo: expected shape \(260, 640, 3\)"):
        replace(scene_of(1), photo=np.zeros((5, 5, 3), np.uint8))


@pytest.mark.parametrize("people", COUNTS)
def test_save_is_what_read_result_reads(people: int, tmp_path: Path) -> None:
    scene = scene_of(people)
    path = scene.save(tmp_path / "new" / "folder")
    assert path.name == "a.b.json"
    assert {file.name for file in path.parent.iterdir()} == {
        *("a.b.json", "a.b_parts.png", "a.b_people.png", "a.b_overlay.png")
    }
    read = read_result(path)
    np.testing.assert_array_equal(read.part_map, scene.part_map)
    np.testing.assert_array_equal(read.person_map, scene.person_map)
    assert len(read.people) == people
    replace(scene, photo=None, file_name="").save(path.parent, name="b")
    assert not (path.parent / "b_overlay.png").exists() and (path.parent / "b.json").exists()


@pytest.mark.parametrize("name", ["", "a/b", ".."])
def test_save_needs_a_name(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="name: expected the name of the result files"):
        replace(scene_of(0), file_name="").save(tmp_path, name)
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="cannot be written"):
        scene_of(0).save(tmp_path / "file")


@pytest.mark.parametrize("people", COUNTS)
def test_to_coco_is_the_file(people: int, tmp_path: Path) -> None:
    scene = scene_of(people)
    found = scene.to_coco(image_id=7)
    write_labels(LabelSet((photo_of_scene(scene, "a.b.jpg", 7),)), FORMATS["coco"], tmp_path / "a.json")
    assert found == read_json(tmp_path / "a.json")
    assert [image["id"] for image in found["images"]] == [7]
    for number, annotation in enumerate(found["annotations"], start=1):
        np.testing.assert_array_equal(
            coco_mask.decode(annotation["segmentation"]), scene.person_map == number
        )
    assert len(scene.to_coco(skeleton="coco17")["categories"][0]["keypoints"]) == 17
    with pytest.raises(ValueError, match="skeleton: expected one of posepart14, coco17, openpose18"):
        scene.to_coco(skeleton="coco")


@pytest.mark.parametrize("people", COUNTS)
def test_to_dataframe(people: int) -> None:
    pytest.importorskip("pandas")
    scene = scene_of(people)
    table = scene.to_dataframe()
    assert len(table) == people
    assert "image_id" not in table
    for k, person in enumerate(scene.people):
        row = table.iloc[k]
        assert (row["photo"], row["person"], row["score"]) == ("a.b.jpg", k + 1, person.box_score)
        assert row["neck_x"] == pytest.approx(float(person.pose.xy[Joint.NECK, 0]))
        assert bool(np.isnan(row["left_wrist_x"])) == bool(k % 2)
        assert row["torso_pixels"] == np.sum((scene.person_map == k + 1) & (scene.part_map == 2))


@pytest.mark.parametrize("people", COUNTS)
def test_to_supervision(people: int) -> None:
    pytest.importorskip("supervision")
    scene = scene_of(people)
    detections, key_points = scene.to_supervision()
    assert len(detections) == len(key_points) == people
    for k, person in enumerate(scene.people):
        np.testing.assert_allclose(detections.xyxy[k], person.box)
        np.testing.assert_array_equal(detections.mask[k], scene.person_map == k + 1)
        assert detections.confidence[k] == pytest.approx(person.box_score)
        np.testing.assert_allclose(key_points.xy[k], person.pose.xy)
        np.testing.assert_array_equal(key_points.visible[k], person.pose.present)


@pytest.mark.parametrize("package", ["pandas", "supervision"])
def test_what_is_not_installed_is_a_sentence(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    convert = scene_of(1).to_dataframe if package == "pandas" else scene_of(1).to_supervision
    with pytest.raises(ValueError, match=f"needs the package {package} .*: run `pip install {package}`"):
        convert()


def test_repr_is_a_few_lines() -> None:
    assert repr(scene_of(0)) == "Scene of a.b.jpg, 640 x 260 px: no people (test)"
    head, person = repr(replace(scene_of(1), file_name="")).splitlines()
    assert head == "Scene of a photo, 640 x 260 px: 1 person (test)"
    assert person == "  1. score 0.90, box (20, 20) to (120, 220), 14 of 14 joints; torso, lower_leg"
    crowd = replace(scene_of(5), people=scene_of(5).people * 50)
    lines = repr(crowd).splitlines()
    assert len(lines) == 14 and lines[-1] == "  and 238 more"
    assert lines[12].endswith("no parts")
