"""What was seen of a photo, kept in a file."""

from pathlib import Path

import numpy as np
import pytest
from helpers.stand_ins import FIGURES, boxes_of, draw, pipeline_of

from posepart.ablation.evidence_cache import SeenCrop, load_seen, save_seen, see
from posepart.config import PipelineConfig
from posepart.structures import PersonBoxes


def seen(boxes: PersonBoxes) -> tuple[SeenCrop, ...]:
    config = PipelineConfig(
        mirror_pose=False, upright_pose=False, part_scales=(1.0,)
    )  # the stand-ins know left and right by colour
    return see(draw(FIGURES), boxes, pipeline_of(boxes).networks, config)


def test_no_boxes_no_crops(tmp_path: Path) -> None:
    crops = seen(PersonBoxes.empty())
    assert crops == ()
    save_seen(tmp_path / "empty.npz", crops)
    assert load_seen(tmp_path / "empty.npz") == ()


def test_what_is_kept_is_what_was_seen(tmp_path: Path) -> None:
    crops = seen(boxes_of(FIGURES[:2]))
    save_seen(tmp_path / "photo.npz", crops)
    again = load_seen(tmp_path / "photo.npz")
    assert len(again) == len(crops) == 2
    for crop, read in zip(crops, again, strict=True):
        assert len(crop.candidates) >= 14
        assert (read.box_score, read.parts.stride) == (crop.box_score, crop.parts.stride)
        np.testing.assert_array_equal(read.box, crop.box)
        np.testing.assert_array_equal(read.affine.matrix, crop.affine.matrix)
        np.testing.assert_array_equal(read.parts.scores, crop.parts.scores)
        for name in ("xy", "joint", "scores", "offsets"):
            np.testing.assert_array_equal(getattr(read.candidates, name), getattr(crop.candidates, name))


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "photo.npz"
    save_seen(path, seen(boxes_of(FIGURES[:1])))
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(ValueError, match=r"photo\.npz: not the predictions of a photo"):
        load_seen(path)
