"""The evidence of photos, kept in files."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers.stand_ins import FIGURES, boxes_of, draw, pipeline_of
from PIL import Image

from posepart.ablation.evidence_cache import EvidenceCache, load_evidence, save_evidence
from posepart.ablation.variants import PHOTO
from posepart.data.sample import LabelledPerson, Sample
from posepart.stages.crops import crop_boxes
from posepart.structures import Evidence, PersonBoxes


def seen(boxes: PersonBoxes) -> list[Evidence]:
    pipeline = pipeline_of(boxes)
    return pipeline.networks(crop_boxes(draw(FIGURES), boxes, pipeline.config.crop))


def test_no_boxes_no_evidence(tmp_path: Path) -> None:
    evidence = seen(PersonBoxes.empty())
    assert evidence == []
    save_evidence(tmp_path / "empty.npz", evidence)
    assert load_evidence(tmp_path / "empty.npz") == ()


def test_what_is_kept_is_what_was_seen(tmp_path: Path) -> None:
    evidence = seen(boxes_of(FIGURES[:2]))
    save_evidence(tmp_path / "photo.npz", evidence)
    again = load_evidence(tmp_path / "photo.npz")
    assert len(again) == len(evidence) == 2
    for item, read in zip(evidence, again, strict=True):
        assert len(item.candidates) >= 14
        assert (read.crop.score, read.parts.stride) == (item.crop.score, item.parts.stride)
        assert read.crop.image.shape == (0, 0, 3)
        np.testing.assert_array_equal(read.crop.box, item.crop.box)
        np.testing.assert_array_equal(read.crop.affine.matrix, item.crop.affine.matrix)
        np.testing.assert_array_equal(read.parts.scores, item.parts.scores.astype(np.float16))
        assert read.parts.scores.dtype == np.float32
        for name in ("xy", "joint", "scores", "offsets"):
            np.testing.assert_array_equal(getattr(read.candidates, name), getattr(item.candidates, name))


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "photo.npz"
    save_evidence(path, seen(boxes_of(FIGURES[:1])))
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(ValueError, match=r"photo\.npz: not the evidence of a photo"):
        load_evidence(path)


def test_detector_and_networks_see_a_photo_once(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    Image.fromarray(draw(FIGURES)).save(path)
    people = tuple(LabelledPerson(box, None, "none") for box in boxes_of(FIGURES[:1]).xyxy)
    sample = Sample(path, 330, 190, people, np.zeros((0, 4), np.float32), True)
    pipeline = pipeline_of(boxes_of(FIGURES[:2]))
    detected = EvidenceCache.open(tmp_path / "seen", {"weights": "made up"}, pipeline, labelled=False)
    labelled = replace(detected, labelled=True)
    assert [item.crop.score for item in detected(sample)] == pytest.approx([0.95, 0.85])
    assert [item.crop.score for item in labelled(sample)] == [1]
    (whole,) = detected(sample, PHOTO)
    np.testing.assert_array_equal(whole.crop.box, [-0.5, -0.5, 329.5, 189.5])
    path.unlink()  # nothing is left to be seen
    assert (len(detected(sample)), len(labelled(sample)), len(labelled(sample, PHOTO))) == (2, 1, 1)


def test_a_folder_of_other_settings_is_refused(tmp_path: Path) -> None:
    pipeline = pipeline_of(PersonBoxes.empty())
    for _ in range(2):
        EvidenceCache.open(tmp_path, {"weights": "a", "crop": (1, 2)}, pipeline, labelled=False)
    with pytest.raises(ValueError, match="was made with another weights: choose another output folder"):
        EvidenceCache.open(tmp_path, {"weights": "b", "crop": (1, 2)}, pipeline, labelled=False)
