"""Damaged results: NAME.json and run.json of a run that is continued, results lists of other systems."""

import functools
import json
from pathlib import Path
from typing import Any

import numpy as np
from helpers.fake_pipeline import FakePipeline, write_photo
from helpers.fuzz_folders import HEIGHT, NAMES, WIDTH, people_labels, write_photos
from helpers.fuzzing import check_sentence, fresh_folder, fuzz, in_time, readable_or_refused
from helpers.mutations import json_files
from hypothesis import given
from hypothesis import strategies as st

from posepart.batch import predict_photos
from posepart.data.coco_people import read_coco_people
from posepart.data.sample import Sample
from posepart.io.files import sha256
from posepart.io.predictions import coco_results
from posepart.io.results import PhotoInfo, read_record, read_result, write_result
from posepart.io.run_folder import prepare_out
from posepart.metrics.judged import judge
from posepart.report.predictions import stored_predictions


def write_run(folder: Path) -> tuple[Path, Path]:
    """A photo and the folder of its results."""
    photo, out = write_photo(folder / "photo.png", people=2), folder / "out"
    run = prepare_out(out, [photo], {"a": {"b": 1}})
    predict_photos([photo], FakePipeline(), out, run=run)
    return photo, out


@functools.cache
def files_of_a_run() -> dict[str, bytes]:
    with fresh_folder() as folder:
        _, out = write_run(folder)
        return {file.name: file.read_bytes() for file in out.iterdir()}


RECORD = json.loads(files_of_a_run()["photo.json"])
RUN = json.loads(files_of_a_run()["run.json"])


@fuzz(120)
@given(json_files(RECORD))
def test_result(content: bytes) -> None:
    with fresh_folder() as folder:
        for name, file in files_of_a_run().items():
            (folder / name).write_bytes(file)
        path = folder / "photo.json"
        path.write_bytes(content)
        with readable_or_refused(path):
            json.dumps(coco_results(read_record(path), 1), allow_nan=False)
        with readable_or_refused(path):
            for person in read_result(path).people:
                assert np.isfinite(person.pose.xy).all()


@fuzz(30)
@given(json_files(RECORD), json_files(RUN), st.booleans())
def test_a_run_is_continued(content: bytes, settings: bytes, which: bool) -> None:
    with fresh_folder() as folder, in_time():
        photo, out = write_photo(folder / "photo.png", people=2), folder / "out"
        out.mkdir()
        for name, file in files_of_a_run().items():
            (out / name).write_bytes(file)
        (out / "photo.json").write_bytes(content if which else files_of_a_run()["photo.json"])
        (out / "run.json").write_bytes(files_of_a_run()["run.json"] if which else settings)
        with readable_or_refused(out):
            run = prepare_out(out, [photo], {"a": {"b": 1}})
            summary = predict_photos([photo], FakePipeline(), out, run=run)
            for sentence in summary.failed.values():
                check_sentence(sentence, [photo])
            if not summary.failed:
                people = read_result(out / "photo.json").people  # 2, or what another hand left of them
                assert len(json.loads((out / "predictions.json").read_text())) == len(people)
                assert which or len(people) == 2


def entries() -> list[dict[str, Any]]:
    """A results list with entries of both kinds of joints, with and without file names and boxes."""
    labels = people_labels()["annotations"]
    ours, coco = labels[0]["keypoints"], [50, 60, 0.5] * 17
    return [
        {"image_id": 1, "category_id": 1, "keypoints": ours, "score": 0.5, "bbox": [20, 30, 70, 150]},
        {"image_id": 2, "file_name": "0002.jpg", "category_id": 1, "keypoints": coco, "score": 1},
        {"image_id": 3, "keypoints": ours, "score": 0.1, "box": [20.5, 30, 70, 150]},
    ]


def labelled(folder: Path) -> list[Sample]:
    write_photos(folder / "images")
    (folder / "person_keypoints_val.json").write_text(json.dumps(people_labels()))
    return read_coco_people(folder, "val")


@fuzz(120)
@given(json_files(entries()))
def test_results_list(content: bytes) -> None:
    with fresh_folder() as folder:
        samples = labelled(folder / "data")
        path = folder / "theirs.json"
        path.write_bytes(content)
        check(path, samples)


@fuzz(30)
@given(json_files(RECORD))
def test_results_folder(content: bytes) -> None:
    """A folder of `posepart predict` in which one result is damaged."""
    with fresh_folder() as folder:
        samples = labelled(folder / "data")
        out = folder / "out"
        out.mkdir()
        for name, sample in zip(NAMES, samples, strict=True):
            info = PhotoInfo(name, f"{name}.jpg", WIDTH, HEIGHT, sha256(sample.image_path))
            write_result(FakePipeline().trace(np.zeros((HEIGHT, WIDTH, 3), np.uint8)).scene, info, out)
        (out / "a.json").write_bytes(content)
        check(out, samples, out / "a.json")


def check(path: Path, samples: list[Sample], *files: Path) -> None:
    with readable_or_refused(path, *files):
        predictions = stored_predictions(path, samples)
        for note in predictions.notes:
            check_sentence(note, [])
        for sample in samples:
            judge(sample, predictions.scene(sample), predictions.parts)
