"""Damaged pictures: photos, through the reader and through `posepart predict`; maps of parts and people."""

import functools
from pathlib import Path

import numpy as np
from helpers.fake_pipeline import FakePipeline
from helpers.fuzz_pictures import pictures
from helpers.fuzzing import fresh_folder, fuzz, in_time, readable_or_refused
from helpers.mutations import damaged, with_checksums
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from posepart.batch import predict_photos
from posepart.io.label_maps import read_ids, read_label_map
from posepart.io.photos import MAX_PIXELS, open_photo
from posepart.io.results import SUFFIXES, read_result
from posepart.io.run_folder import prepare_out
from posepart.pipeline import Trace

PICTURES = pictures()
PHOTOS = st.one_of(
    damaged(list(PICTURES.values())),
    *(damaged([content]) for content in PICTURES.values()),
    *(damaged([PICTURES[name]]).map(with_checksums) for name in PICTURES if name.startswith("png")),
)
MAPS = [PICTURES["png palette"], PICTURES["png 1 bit"], PICTURES["png"]]


@fuzz(150)
@given(PHOTOS)
def test_photo(content: bytes) -> None:
    with fresh_folder() as folder:
        path = folder / "photo.jpg"
        path.write_bytes(content)
        with readable_or_refused(path):
            image = open_photo(path).image
            assert image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3
            assert 0 < image.shape[0] * image.shape[1] <= MAX_PIXELS


@fuzz(60)
@given(st.one_of(damaged(MAPS), damaged(MAPS).map(with_checksums)))
def test_map(content: bytes) -> None:
    with fresh_folder() as folder:
        path = folder / "photo_parts.png"
        path.write_bytes(content)
        with readable_or_refused(path):
            assert read_ids(path).ndim == 2
        with readable_or_refused(path):
            assert read_label_map(path, 7).ndim == 2


class SmallPipeline(FakePipeline):
    """Finds at most two people."""

    def trace(self, image: NDArray[np.uint8]) -> Trace:
        few = np.minimum(image, 2)
        return super().trace(few)


@functools.cache
def pipeline() -> SmallPipeline:
    return SmallPipeline()


@fuzz(25)
@given(PHOTOS)
def test_predict_writes_all_or_nothing(content: bytes) -> None:
    with fresh_folder() as folder, in_time():
        path, out = folder / "photo.png", folder / "out"
        path.write_bytes(content)
        run = prepare_out(out, [path], {})
        summary = predict_photos([path], pipeline(), out, run=run)
        written = {file.name for file in out.iterdir()} - {"run.json", "predictions.json"}
        if summary.failed:
            written.remove("failed.jsonl")
            (sentence,) = summary.failed.values()
            assert str(path) in sentence and "\n" not in sentence and "unexpected" not in sentence, sentence
            assert not written
        else:
            assert written == {f"photo{suffix}" for suffix in (*SUFFIXES, "_overlay.png")}
            check_result(out / "photo.json")


def check_result(path: Path) -> None:
    assert len(read_result(path).people) <= 2
