"""Folders of scenes are readable as training data, complete, resumable; backgrounds from photos."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from posepart.data.coco_people import read_coco_people
from posepart.schema import voc_palette
from posepart.synthetic import SceneGenerator, SynthConfig
from posepart.synthetic.folder import scene_seed, write_scenes
from posepart.synthetic.render.backgrounds import PhotoFolder
from posepart.synthetic.writer import person_record

SIZE = 96
CONFIG = SynthConfig(size=SIZE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("synth")
    write_scenes(out, 3, CONFIG, seed=2)
    return out


def test_the_folder_is_training_data_with_the_generators_labels(folder: Path) -> None:
    samples = read_coco_people(folder)
    generator = SceneGenerator(CONFIG)
    assert len(samples) == 3
    for index, sample in enumerate(samples):
        scene = generator.sample(scene_seed(2, index))
        assert sample.source == "synthetic" and sample.parts_from == "exact" and sample.boxes_complete
        np.testing.assert_array_equal(sample.read_parts(), scene.parts)
        np.testing.assert_array_equal(sample.read_instances(), scene.instances)
        assert np.abs(sample.read_image().astype(int) - scene.image).mean() < 4
        assert len(sample.people) + len(sample.ignore_boxes) == len(scene.people)
        for person in sample.people:
            original = scene.people[person.instance - 1]
            np.testing.assert_allclose(person.box, original.box)
            assert person.joints_from == "exact" and person.joints is not None
            known = original.joints[:, 2] > 0
            np.testing.assert_allclose(person.joints[known], original.joints[known], atol=0.01)
            assert not person.joints[~known].any()


def test_pngs_are_indexed_with_the_voc_palette(folder: Path) -> None:
    with Image.open(next((folder / "parts").iterdir())) as image:
        assert image.mode == "P" and image.getpalette() == voc_palette().ravel().tolist()


def test_contact_sheet_and_no_leftovers(folder: Path) -> None:
    with Image.open(folder / "contact_sheet.png") as sheet:
        assert sheet.size == (3 * 224, 2 * 224)
    assert not [p for p in folder.rglob("*") if "unfinished" in p.name]


def test_a_second_run_continues_and_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    images, records = folder / "images", folder / "scenes"
    kept, lost = sorted(images.iterdir())[:2]
    before, stamp = lost.read_bytes(), kept.stat().st_mtime_ns
    annotations = (folder / "person_keypoints_train.json").read_bytes()
    lost.write_bytes(b"half")
    (records / f"{lost.stem}.json").unlink()
    write_scenes(folder, 3, CONFIG, seed=2, contact_sheet=False)
    assert lost.read_bytes() == before and kept.stat().st_mtime_ns == stamp
    assert (folder / "person_keypoints_train.json").read_bytes() == annotations


def test_other_settings_are_refused_and_named(folder: Path) -> None:
    with pytest.raises(ValueError, match="height, width"):
        write_scenes(folder, 1, SynthConfig(size=SIZE + 1))


def test_one_family_for_everyone(folder: Path, tmp_path: Path) -> None:
    acrobats = SynthConfig(size=SIZE, family="acrobat")
    write_scenes(tmp_path, 2, acrobats, seed=2, contact_sheet=False)
    generator = SceneGenerator(acrobats)
    for index, sample in enumerate(read_coco_people(tmp_path)):
        scene = generator.sample(scene_seed(2, index))
        np.testing.assert_array_equal(sample.read_instances(), scene.instances)
    with pytest.raises(ValueError, match="other settings \\(family\\)"):
        write_scenes(folder, 2, acrobats, seed=2)
    with pytest.raises(ValueError, match="got 'swim'"):
        write_scenes(tmp_path / "none", 1, SynthConfig(family="swim"))
    assert not (tmp_path / "none").exists()


def test_every_setting_of_the_scenes_is_compared(folder: Path) -> None:
    with pytest.raises(ValueError, match="other settings \\(people, plain\\)"):
        write_scenes(folder, 1, SynthConfig(size=SIZE, people=2, plain=True))


def test_workers_write_the_same_folder(folder: Path, tmp_path: Path) -> None:
    write_scenes(tmp_path, 3, CONFIG, seed=2, workers=2, contact_sheet=False)
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.name != "contact_sheet.png"):
        assert (tmp_path / path.relative_to(folder)).read_bytes() == path.read_bytes(), path


@pytest.mark.parametrize("wrong", [{"count": 0}, {"workers": 0}, {"seed": -1}])
def test_impossible_counts_are_refused(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected"):
        write_scenes(**{"out": tmp_path, "count": 1, "config": CONFIG, **wrong})


def test_small_people_are_ignore_regions() -> None:
    scene = SceneGenerator(SynthConfig(size=32, people=1, plain=True, backend="numpy")).sample(0)
    record = person_record(scene.people[0], 1)
    assert record["iscrowd"] == 1 and record["ignore_reason"] == "small"


def test_photo_backgrounds_are_the_users_only(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="without people"):
        PhotoFolder(tmp_path)
    Image.fromarray(np.full((40, 60, 3), (250, 0, 0), np.uint8)).save(tmp_path / "red.png")
    photos = PhotoFolder(tmp_path)
    first = photos.digest()
    crop = photos.crop(np.random.default_rng(0), 20, 30)
    assert crop.shape == (20, 30, 3) and crop[..., 0].min() > 0.9 and crop[..., 1:].max() == 0
    generator = SceneGenerator(SynthConfig(size=64, people=0, photo_folder=tmp_path, backend="numpy"))
    images = [generator.sample(seed).image.astype(float) for seed in range(12)]
    red = [image for image in images if (image[..., 0] > 1.5 * image[..., 1]).all()]
    assert 0 < len(red) < 12
    Image.fromarray(np.zeros((9, 9, 3), np.uint8)).save(tmp_path / "black.png")
    assert PhotoFolder(tmp_path).digest() != first


def test_annotation_file_is_coco(folder: Path) -> None:
    data = json.loads((folder / "person_keypoints_train.json").read_text())
    assert [image["id"] for image in data["images"]] == [1, 2, 3]
    assert len({a["id"] for a in data["annotations"]}) == len(data["annotations"])
    for annotation in data["annotations"]:
        assert len(annotation["keypoints"]) == 42 and annotation["bbox"][2] > 0
