"""Decoded photos: read once a step, and memory that is bounded."""

from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from helpers.people_data import write_people
from torch.utils.data import DataLoader

from posepart.config import CropConfig
from posepart.data.augment import AugmentConfig
from posepart.data.decoded import DecodedPhotos
from posepart.data.person_crops import CropBatchConfig, PersonCrops
from posepart.data.sample import Sample
from posepart.training.detector import MosaicBatchConfig, MosaicBatches
from posepart.training.mosaics import MosaicConfig


@pytest.fixture
def samples(tmp_path: Path) -> list[Sample]:
    return write_people(tmp_path)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts how often every photo is decoded."""
    counts: Counter[str] = Counter()
    read = Sample.read_image

    def counted(sample: Sample) -> np.ndarray:
        counts[sample.name] += 1
        return read(sample)

    monkeypatch.setattr(Sample, "read_image", counted)
    return counts


def test_a_photo_is_decoded_once_a_step(samples: list[Sample], reads: Counter[str]) -> None:
    crops = PersonCrops(samples, CropBatchConfig(batch_size=24, crop=CropConfig(size=64)))
    crops.decoded = DecodedPhotos(room=1)
    crops[0]
    assert reads and set(reads.values()) == {1}
    crops[1]
    assert max(reads.values()) == 2  # nothing stays for the next step, for want of room
    reads.clear()
    pictures = MosaicBatches(
        samples, MosaicBatchConfig(batch_size=8, mosaic=MosaicConfig(tilings={"3x3": 1.0}))
    )
    pictures.composer.decoded = DecodedPhotos(room=1)
    pictures[0]
    assert reads and set(reads.values()) == {1}


def test_photos_stay_while_there_is_room(samples: list[Sample], reads: Counter[str]) -> None:
    decoded = DecodedPhotos()
    first = decoded.image(samples[0])
    decoded.next_step()
    assert decoded.image(samples[0]) is first
    assert reads[samples[0].name] == 1


def test_memory_is_bounded(samples: list[Sample]) -> None:
    """Room for two photos: of those of earlier steps, the one that was not used for longest goes."""
    sizes = [sample.read_image().nbytes for sample in samples]
    decoded = DecodedPhotos(room=2 * max(sizes))
    for _ in range(3):
        for sample in samples:
            decoded.next_step()
            decoded.image(sample)
            assert decoded.bytes <= decoded.room
    for sample in samples:  # in one step all stay
        decoded.image(sample)
    assert decoded.bytes <= decoded.room + sum(sizes)
    decoded.next_step()
    decoded.image(samples[0])
    assert decoded.bytes <= decoded.room


def test_maps_are_those_of_the_sample(samples: list[Sample]) -> None:
    decoded = DecodedPhotos()
    for sample in samples:
        for found, expected in (
            (decoded.image(sample), sample.read_image()),
            (decoded.parts(sample), sample.read_parts()),
            (decoded.instances(sample), sample.read_instances()),
        ):
            assert (found is None) == (expected is None)
            if expected is not None:
                np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_do_not_depend_on_cache_or_workers(samples: list[Sample], workers: int) -> None:
    config = CropBatchConfig(
        batch_size=4, crop=CropConfig(size=64), augment=AugmentConfig(paste=0.5, rectangle=0.5)
    )
    narrow, plain = PersonCrops(samples, config), PersonCrops(samples, config)
    narrow.decoded = DecodedPhotos(room=1)
    cv2.setNumThreads(1)  # as the training loop does before its workers start
    for step, batch in enumerate(DataLoader(narrow, batch_size=None, sampler=range(3), num_workers=workers)):
        for name, value in plain[step].items():
            assert torch.equal(batch[name], value)
