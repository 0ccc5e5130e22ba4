"""`predict` for many photos: a run can be resumed, and no error of one photo ends it."""

import gc
import json
import logging
import os
import subprocess
import sys
import time
import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from helpers.fake_pipeline import FakePipeline, write_photo
from PIL import Image

from posepart.arrays import Rgb
from posepart.batch import RunSummary, predict_photos
from posepart.batch import photo as one_photo
from posepart.ilp import Problem
from posepart.io import stamps
from posepart.io.files import sha256
from posepart.io.result_names import image_ids, result_names
from posepart.io.results import read_result
from posepart.io.run_folder import prepare_out
from posepart.io.terminal import telling
from posepart.pipeline import Trace
from posepart.structures import Certificate

SETTINGS = {"model": "fake", "pipeline": {"refine": True, "crf": {"time_limit": 1.0}}}


pytestmark = pytest.mark.usefixtures("terminal")


def run(photos: list[Path], out: Path, pipeline: FakePipeline | None = None, **options: Any) -> RunSummary:
    overwrite = options.get("overwrite", False)
    digest = prepare_out(out, photos, SETTINGS, overwrite=overwrite)
    return predict_photos(photos, pipeline or FakePipeline(), out, run=digest, **options)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_no_photos(tmp_path: Path) -> None:
    summary = run([], tmp_path / "out")
    assert summary.exit_code == 0
    assert summary.done == ()


def test_two_photos(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photos = [write_photo(tmp_path / "a.png", people=0), write_photo(tmp_path / "b.png", people=2)]
    summary = run(photos, tmp_path / "out")
    assert (summary.exit_code, len(summary.done), summary.people) == (0, 2, 2)
    names = [
        f"{stem}{suffix}"
        for stem in "ab"
        for suffix in (".json", "_overlay.png", "_parts.png", "_people.png")
    ]
    assert sorted(contents(tmp_path / "out")) == [*names, "predictions.json", "run.json"]
    assert len(read_result(tmp_path / "out" / "b.json").people) == 2
    predictions = json.loads((tmp_path / "out" / "predictions.json").read_text())
    assert [(entry["image_id"], entry["file_name"]) for entry in predictions] == [(2, "b.png"), (2, "b.png")]
    lines = capsys.readouterr().out.splitlines()
    assert "[1/2]" in lines[0] and "a.png: 0 people in " in lines[0] and "networks 0.00" in lines[0]
    assert "b.png: 2 people in " in lines[1]


def test_without_a_command_lines_go_to_the_log_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    photos = [write_photo(tmp_path / "a.png"), tmp_path / "gone.jpg"]
    logger = logging.getLogger("posepart")
    handlers, level, propagate = logger.handlers[:], logger.level, logger.propagate
    logger.handlers, logger.propagate = [], True  # as it is for whoever imports posepart
    try:
        with caplog.at_level(logging.INFO, "posepart"):
            run(photos, tmp_path / "out")
    finally:
        logger.handlers, logger.propagate = handlers, propagate
        logger.setLevel(level)
    assert [record.levelname for record in caplog.records] == ["INFO", "ERROR"]
    assert capsys.readouterr() == ("", "")


def test_quiet_tells_errors_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photos = [write_photo(tmp_path / "a.png"), tmp_path / "gone.jpg"]
    with telling(quiet=True):
        logging.getLogger("posepart").info("a line")
    assert capsys.readouterr() == ("", "")
    assert run(photos, tmp_path / "out").exit_code == 1


def test_bad_photos_do_not_stop_the_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = write_photo(tmp_path / "good.png")
    (tmp_path / "text.jpg").write_text("no picture")
    photos = [tmp_path / "gone.jpg", good, tmp_path / "text.jpg"]
    summary = run(photos, tmp_path / "out")
    assert summary.exit_code == 1
    assert summary.done == (str(good),)
    errors = capsys.readouterr().err.splitlines()
    assert [line.partition(": error: ")[0] for line in errors] == ["posepart", "posepart"]
    assert "gone.jpg: no such file" in errors[0]
    assert "text.jpg: not a picture" in errors[1]
    assert "2 failed: " in str(summary)
    assert len(json.loads((tmp_path / "out" / "predictions.json").read_text())) == 1


def test_only_bad_photos(tmp_path: Path) -> None:
    assert run([tmp_path / "gone.jpg"], tmp_path / "out").exit_code == 2
    assert not (tmp_path / "out" / "predictions.json").exists()


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), "too little memory"),
        (RuntimeError("CUDA out of memory. Tried to allocate"), "too little memory"),
        (
            OSError(28, "No space left on device", "out/a.json"),
            "out/a.json cannot be read or written (No space",
        ),
        (
            ZeroDivisionError("division by zero"),
            "unexpected ZeroDivisionError (division by zero) in fake_pipeline.py",
        ),
    ],
)
def test_errors_of_the_pipeline_name_the_photo(tmp_path: Path, error: Exception, expected: str) -> None:
    photos = [write_photo(tmp_path / "a.png"), write_photo(tmp_path / "b.png")]
    summary = run(photos, tmp_path / "out", FakePipeline(fail_on=0, error=error))
    sentence = summary.failed[str(photos[0])]
    assert sentence.startswith(f"{photos[0]}: ")
    assert expected in sentence
    assert "\n" not in sentence
    assert summary.done == (str(photos[1]),)


def test_second_run_skips_what_is_complete(tmp_path: Path) -> None:
    photos = [write_photo(tmp_path / "a.png"), write_photo(tmp_path / "b.png")]
    out = tmp_path / "out"
    run(photos, out)
    before = contents(out)
    (out / "b_people.png").unlink()
    pipeline = FakePipeline()
    summary = run(photos, out, pipeline)
    assert len(pipeline.sizes) == 1
    assert summary.complete_already == (str(photos[0]),)
    assert summary.done == (str(photos[1]),)
    assert summary.exit_code == 0
    after = contents(out)
    assert after["a.json"] == before["a.json"]
    assert after["predictions.json"] == before["predictions.json"]


def test_overwrite_predicts_all_again(tmp_path: Path) -> None:
    photos = [write_photo(tmp_path / "a.png")]
    run(photos, tmp_path / "out")
    assert len(run(photos, tmp_path / "out", overwrite=True).done) == 1


def test_interrupted_run_continues(tmp_path: Path) -> None:
    photos = [write_photo(tmp_path / f"{stem}.png") for stem in "abc"]
    out = tmp_path / "out"
    summary = run(photos, out, FakePipeline(fail_on=1, error=KeyboardInterrupt()))
    assert (summary.exit_code, len(summary.done)) == (130, 1)
    assert not (out / "predictions.json").exists()
    assert not list(out.glob(".*"))
    summary = run(photos, out)
    assert (len(summary.complete_already), len(summary.done)) == (1, 2)


def test_leftovers_of_a_killed_run_are_no_results(tmp_path: Path) -> None:
    photos = [write_photo(tmp_path / "a.png")]
    out = tmp_path / "out"
    run(photos, out)
    (out / "a.json").rename(out / ".a.json.12ab.unfinished")  # killed between the last write and its renaming
    assert len(run(photos, out).done) == 1
    assert list(out.glob(".*")) == [out / ".a.json.12ab.unfinished"], "another process may be writing it"
    os.utime(out / ".a.json.12ab.unfinished", (0, 0))
    run(photos, out)
    assert not list(out.glob(".*"))


def test_deterministic_runs_are_equal_bytes(tmp_path: Path) -> None:
    photos = [write_photo(tmp_path / "a.png", people=2)]
    os.utime(photos[0], (0, 0))  # long ago, so that it counts as the same file
    for name in ("one", "two"):
        run(photos, tmp_path / name, deterministic=True)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_note_on_animations(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frames = [Image.new("RGB", (40, 40), (k, k, k)) for k in (0, 255)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    run([tmp_path / "a.gif"], tmp_path / "out")
    assert "holds 2 pictures, the first is used" in capsys.readouterr().out


def test_note_on_people_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    class Crowded(FakePipeline):
        def trace(self, image: Rgb) -> Trace:
            return replace(super().trace(image), left_out=40)

    photo = write_photo(tmp_path / "a.png", people=2)
    run([photo], tmp_path / "out", Crowded())
    line = capsys.readouterr().out
    assert "2 people in" in line
    assert line.rstrip().endswith("; at least 40 more people left out: raise --pipeline.detection.max_people")


def test_upright_photo_size(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 30)).save(tmp_path / "a.jpg", exif=exif)
    run([tmp_path / "a.jpg"], tmp_path / "out")
    assert read_result(tmp_path / "out" / "a.json").size == (30, 40)


def test_crf_name_of_every_photo(tmp_path: Path) -> None:
    photos = [write_photo(tmp_path / "a.png")]
    pipeline = FakePipeline()
    (tmp_path / "crf").mkdir()
    digest = prepare_out(tmp_path / "out", photos, SETTINGS)
    predict_photos(photos, pipeline, tmp_path / "out", run=digest, dump_crf=tmp_path / "crf")
    assert Problem.load(tmp_path / "crf" / "a_0.npz").n_candidates == 14


def test_other_settings_are_refused(tmp_path: Path) -> None:
    photos = [write_photo(tmp_path / "a.png")]
    out = tmp_path / "out"
    run(photos, out)
    changed = {"model": "fake", "pipeline": {"refine": False, "crf": {"time_limit": 1.0}}}
    with pytest.raises(ValueError, match=r"pipeline\.refine was true, is false") as caught:
        prepare_out(out, photos, changed)
    assert "--overwrite" in str(caught.value)
    digest = prepare_out(out, photos, changed, overwrite=True)
    predict_photos(photos, FakePipeline(), out, run=digest, overwrite=True)
    assert prepare_out(out, photos, changed) == digest


def test_settings_too_many_to_name(tmp_path: Path) -> None:
    photos, out = [write_photo(tmp_path / "a.png")], tmp_path / "out"
    run(photos, out)
    record = json.loads((out / "run.json").read_text())
    record["settings"] = {f"a{k}": "x" * 5000 for k in range(40)}
    (out / "run.json").write_text(json.dumps(record))
    with pytest.raises(ValueError, match=r"a0 was .x*\.\.\., is absent; .* more\); choose") as caught:
        run(photos, out)
    assert len(str(caught.value)) < 1500


def test_results_of_other_settings_are_predicted_again(tmp_path: Path) -> None:
    photos = [write_photo(tmp_path / "a.png"), write_photo(tmp_path / "b.png")]
    out = tmp_path / "out"
    run(photos, out)
    changed = {"model": "other"}
    digest = prepare_out(out, photos[:1], changed, overwrite=True)
    predict_photos(photos[:1], FakePipeline(), out, run=digest, overwrite=True)
    summary = predict_photos(photos, FakePipeline(), out, run=prepare_out(out, photos, changed))
    assert summary.complete_already == (str(photos[0]),)
    assert summary.done == (str(photos[1]),)


def test_other_settings_without_results_are_fine(tmp_path: Path) -> None:
    (tmp_path / "shopping.json").write_text("{}")
    prepare_out(tmp_path, [], {"model": "a"})
    prepare_out(tmp_path, [], {"model": "b"})


def test_damaged_settings_are_refused(tmp_path: Path) -> None:
    photos = [write_photo(tmp_path / "a.png")]
    run(photos, tmp_path / "out")
    (tmp_path / "out" / "run.json").write_text("{")
    with pytest.raises(ValueError, match=r"run\.json is missing or damaged"):
        run(photos, tmp_path / "out")


def test_results_of_another_photo_are_not_overwritten(tmp_path: Path) -> None:
    left, right = write_photo(tmp_path / "left" / "a.png", 1), write_photo(tmp_path / "right" / "a.png", 2)
    out = tmp_path / "out"
    run([left], out)
    before = contents(out)
    summary = run([right], out)
    assert "already holds the result of another photo called a" in summary.failed[str(right)]
    assert "delete a.json there to have it made anew" in summary.failed[str(right)]
    (line,) = (out / "failed.jsonl").read_text().splitlines()
    assert json.loads(line) == {"photo": str(right), "error": summary.failed[str(right)]}
    after = contents(out)
    del after["failed.jsonl"], after["run.json"], before["run.json"]
    assert after == before
    (out / "a.json").unlink()
    assert run([right], out).done == (str(right),)


def test_a_photo_that_has_another_name_now_is_listed_once(tmp_path: Path) -> None:
    """A second folder has a photo of the same name, so that both results take the names of their folders."""
    left, right = write_photo(tmp_path / "left" / "a.png", 1), write_photo(tmp_path / "right" / "a.png", 2)
    other, out = write_photo(tmp_path / "left" / "b.png", 3), tmp_path / "out"
    run([left, other], out)
    once = len(json.loads((out / "predictions.json").read_text())) // 2
    run([left, right], out)
    assert (out / "a.json").exists() and (out / "left_a.png.json").exists()
    listed = json.loads((out / "predictions.json").read_text())
    assert len(listed) == 3 * once > 0
    assert len({entry["image_id"] for entry in listed}) == 3


def test_out_is_the_folder_of_the_photos(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="folder of the photos themselves"):
        run([write_photo(tmp_path / "a.png")], tmp_path)


def test_out_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    with pytest.raises(ValueError, match=r"out: is a file"):
        run([], tmp_path / "out")


def test_out_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="cannot be written there"):
        run([], tmp_path / "file" / "out")


@pytest.mark.parametrize(
    ("photos", "names"),
    [
        ([], []),
        (["x/a.jpg", "x/b.c.png"], ["a", "b.c"]),
        (["x/a.jpg", "x/a.png"], ["a.jpg", "a.png"]),
        (["x/A.jpg", "x/a.png"], ["A.jpg", "a.png"]),
        (["x/a.jpg", "y/a.jpg"], ["x_a.jpg", "y_a.jpg"]),
        (["p/x/a.jpg", "q/x/a.jpg"], ["x_a.jpg", "x_a.jpg-2"]),
        (["x/run.jpg", "x/predictions.png"], ["run.jpg", "predictions.png"]),
        (["x/a.jpg", "x/a.png", "x/a.jpg.gif"], ["a.jpg", "a.png", "a.jpg.gif"]),
        (["x/a.jpg.gif", "x/a.jpg", "x/a.png"], ["a.jpg", "x_a.jpg", "a.png"]),
    ],
)
def test_result_names(photos: list[str], names: list[str]) -> None:
    assert result_names([Path(photo) for photo in photos]) == names


@pytest.mark.parametrize(
    ("photos", "ids"),
    [
        ([], []),
        (["000000397133.jpg", "7.png"], [397133, 7]),
        (["a.jpg", "7.png"], [1, 2]),
        (["7.jpg", "07.png"], [1, 2]),
    ],
)
def test_image_ids(photos: list[str], ids: list[int]) -> None:
    names = [f"n{number}" for number in range(len(photos))]
    assert list(image_ids([Path(photo) for photo in photos], names, {}).values()) == ids


def test_one_photo_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pixels of a photo are freed before the next photo is read."""
    alive: list[weakref.ref[Rgb]] = []
    original = one_photo.open_photo

    def watched(path: Path) -> object:
        gc.collect()
        assert [reference() for reference in alive] == [None] * len(alive)
        photo = original(path)
        alive.append(weakref.ref(photo.image))
        return photo

    monkeypatch.setattr(one_photo, "open_photo", watched)
    summary = run([write_photo(tmp_path / f"{stem}.png") for stem in "abc"], tmp_path / "out")
    assert len(summary.done) == 3


def listed(out: Path) -> list[tuple[int, str]]:
    entries = json.loads((out / "predictions.json").read_text())
    return [(entry["image_id"], entry["file_name"]) for entry in entries]


def test_the_list_is_of_all_photos_of_the_folder_with_ids_that_stay(tmp_path: Path) -> None:
    a, b, c = (write_photo(tmp_path / stem / f"{stem}.png") for stem in "abc")
    nobody = write_photo(tmp_path / "n.png", people=0)
    out = tmp_path / "out"
    run([a, nobody], out)
    assert listed(out) == [(1, "a.png")]
    run([b], out)
    assert listed(out) == [(1, "a.png"), (3, "b.png")], "2 is the photo without people"
    run([c, b, a], out)
    assert listed(out) == [(1, "a.png"), (3, "b.png"), (4, "c.png")]
    before = contents(out)
    run([a], out)
    assert contents(out) == before


def test_numbers_that_photos_are_named_after_do_not_collide(tmp_path: Path) -> None:
    out = tmp_path / "out"
    run([write_photo(tmp_path / "x.png"), write_photo(tmp_path / "y.png")], out)
    run([write_photo(tmp_path / "0002.png"), write_photo(tmp_path / "0007.png")], out)
    assert listed(out) == [(1, "x.png"), (2, "y.png"), (3, "0002.png"), (7, "0007.png")]


def test_results_of_an_interrupted_run_are_listed(tmp_path: Path) -> None:
    a, b, c = (write_photo(tmp_path / f"{stem}.png") for stem in "abc")
    out = tmp_path / "out"
    run([b, c], out, FakePipeline(fail_on=1, error=KeyboardInterrupt()))
    run([a], out)
    assert listed(out) == [(1, "b.png"), (3, "a.png")], "2 is the photo that was not reached"
    run([b, c], out)
    assert listed(out) == [(1, "b.png"), (2, "c.png"), (3, "a.png")]


def test_results_of_other_settings_are_not_listed_and_counted(tmp_path: Path) -> None:
    a, b = (write_photo(tmp_path / f"{stem}.png") for stem in "ab")
    out = tmp_path / "out"
    run([a], out)
    digest = prepare_out(out, [b], {"model": "other"}, overwrite=True)
    summary = predict_photos([b], FakePipeline(), out, run=digest)
    assert summary.other_settings == 1
    assert "1 other photo there with results of other settings: not in predictions.json" in str(summary)
    assert listed(out) == [(2, "b.png")]


def test_damaged_ids_are_chosen_anew(tmp_path: Path) -> None:
    photos = [write_photo(tmp_path / "a.png")]
    out = tmp_path / "out"
    digest = prepare_out(out, photos, SETTINGS)
    record = json.loads((out / "run.json").read_text())
    damages: tuple[object, ...] = ([], {"a": "one"}, None)
    for damage in damages:
        (out / "run.json").write_text(json.dumps({**record, "image_ids": damage}))
        predict_photos(photos, FakePipeline(), out, run=digest)
        assert listed(out) == [(1, "a.png")]


RUN_OF_ITS_OWN = """
import sys, time
from pathlib import Path
from helpers.fake_pipeline import FakePipeline
from posepart.batch import predict_photos
from posepart.io.run_folder import prepare_out
out, start, *photos = map(Path, sys.argv[1:])
while not start.exists():
    time.sleep(0.001)
summary = predict_photos(photos, FakePipeline(), out, run=prepare_out(out, photos, {"model": "fake"}))
print(summary)
sys.exit(summary.exit_code)
"""


def test_two_processes_write_into_one_folder(tmp_path: Path) -> None:
    shared = [write_photo(tmp_path / f"shared{number}.png", people=1) for number in range(6)]
    own = [[write_photo(tmp_path / f"{side}{n}.png", people=2) for n in range(4)] for side in ("l", "r")]
    out, start = tmp_path / "out", tmp_path / "start"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", RUN_OF_ITS_OWN, str(out), str(start), *map(str, photos)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for photos in ([*own[0], *shared], [*shared, *own[1]])
    ]
    time.sleep(2)  # both have started and wait
    start.touch()
    for process in processes:
        output, errors = process.communicate(timeout=120)
        assert process.returncode == 0, output + errors
    assert not list(out.glob(".*"))
    found = listed(out)
    assert sorted(name for _, name in found) == sorted(
        photo.name for photos in (shared, own[0], own[0], own[1], own[1]) for photo in photos
    )
    assert len({*found}) == len({number for number, _ in found}) == len({name for _, name in found}) == 14
    for photo in (*shared, *own[0], *own[1]):
        assert read_result(out / f"{photo.stem}.json").people


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="file names are texts there")
def test_a_file_name_that_is_no_text(tmp_path: Path) -> None:
    photo = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9 <b>&.png"))
    write_photo(photo, people=1)
    out = tmp_path / "out"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONIOENCODING": "utf-8:strict"}
    (tmp_path / "start").touch()
    arguments = [sys.executable, "-c", RUN_OF_ITS_OWN, str(out), str(tmp_path / "start"), str(photo)]
    subprocess.run(arguments, env=environment, check=True, capture_output=True)
    assert listed(out) == [(1, photo.name)]
    assert len(read_result(out / f"{photo.stem}.json").people) == 1


@pytest.mark.parametrize("length", [240, 243, 244, 251])
def test_long_file_names(tmp_path: Path, length: int) -> None:
    stem = "\u5199" * (length // 3) + "x" * (length % 3)
    photos = [write_photo(tmp_path / f"{stem}.png"), write_photo(tmp_path / f"{stem[:-1]}y.png")]
    out = tmp_path / "out"
    summary = run(photos, out)
    assert summary.failed == {}
    assert listed(out) == [(1, photos[0].name), (2, photos[1].name)]
    names = result_names(photos)
    assert (names == [photo.stem for photo in photos]) == (length <= 243)
    assert all(len(os.fsencode(f"{name}_overlay.png")) <= 255 for name in names)
    assert len(run(photos, out).complete_already) == 2


class Unproven(FakePipeline):
    """The search for the first person of every photo is stopped by the clock."""

    def trace(self, image: Rgb) -> Trace:
        trace = super().trace(image)
        certificate = Certificate(-3.0, -4.0, 1.0, "time_limit")
        people = (replace(trace.scene.people[0], certificate=certificate), *trace.scene.people[1:])
        return replace(trace, scene=replace(trace.scene, people=people))


def test_poses_that_are_not_proven_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photos = [write_photo(tmp_path / "a.png", people=2), write_photo(tmp_path / "b.png")]
    assert "proven" not in str(run(photos, tmp_path / "proven"))
    capsys.readouterr()
    summary = run(photos, tmp_path / "out", Unproven())
    assert summary.unproven == 2
    assert "2 poses not proven to be the best, as the search reached its time limit" in str(summary)
    assert "1 pose not proven to be the best (time limit)" in capsys.readouterr().out.splitlines()[0]
    record = json.loads((tmp_path / "out" / "a.json").read_text())
    statuses = [person["certificate"]["status"] for person in record["people"]]
    assert statuses == ["time_limit", "optimal"]


def test_texts_are_paths_and_one_path_is_no_list(tmp_path: Path) -> None:
    photo = write_photo(tmp_path / "a.png")
    digest = prepare_out(tmp_path / "out", [photo], SETTINGS)
    summary = predict_photos([str(photo)], FakePipeline(), str(tmp_path / "out"), run=digest)  # type: ignore[list-item, arg-type]
    assert summary.done == (str(photo),)
    with pytest.raises(ValueError, match=r"photos: expected a list of paths, got .*a\.png'; write \["):
        predict_photos(str(photo), FakePipeline(), tmp_path / "out", run=digest)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("overlay", "file"), [("png", "a_overlay.png"), ("jpg", "a_overlay.jpg"), ("none", None)]
)
def test_overlays(tmp_path: Path, overlay: str, file: str | None) -> None:
    """Only the form that is wanted is there, also after a run with another; a result without it is not complete."""
    photos, out = [write_photo(tmp_path / "a.png", people=2)], tmp_path / "out"
    run(photos, out, overlay="jpg" if overlay == "png" else "png")
    again = run(photos, out, overlay=overlay)
    assert (again.done == ()) == (overlay == "none"), "an overlay that is there and not wanted makes no work"
    made = run(photos, out, overlay=overlay, overwrite=True)
    assert made.done == (str(photos[0]),)
    assert sorted(path.name for path in out.glob("*_overlay*")) == ([] if file is None else [file])
    assert run(photos, out, overlay=overlay).complete_already == (str(photos[0]),)
    assert listed(out) == [(1, "a.png"), (1, "a.png")]
    if file is not None:
        with Image.open(out / file) as picture:
            assert picture.size == (60, 80)


def test_an_unknown_overlay(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="overlay: expected png, jpg or none, got 'gif'"):
        run([], tmp_path / "out", overlay="gif")


def test_a_photo_that_is_complete_is_not_read_again_until_its_file_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, young = write_photo(tmp_path / "old.png"), write_photo(tmp_path / "young.png")
    os.utime(old, (1e9, 1e9))
    run([old, young], tmp_path / "out")
    read: list[str] = []
    monkeypatch.setattr(stamps, "sha256", lambda path: read.append(path.name) or sha256(path))  # type: ignore[func-returns-value]
    assert len(run([old, young], tmp_path / "out").complete_already) == 2
    assert read == ["young.png"], "it was changed a moment before it was predicted"
    os.utime(old, (1.1e9, 1.1e9))
    assert len(run([old], tmp_path / "out").complete_already) == 1
    assert read[1:] == ["old.png"]
    assert len(run([old], tmp_path / "out").complete_already) == 1
    assert len(read) == 2, "the new time is known now"
    write_photo(old, people=2)
    os.utime(old, (1e9, 1e9))  # as if nothing had happened
    assert "already holds the result of another photo" in run([old], tmp_path / "out").failed[str(old)]


@pytest.mark.parametrize("damage", [None, [], {"a": 1}, {"a": [1, 2, 3]}, {"a": [1, 2, "x", "y"]}])
def test_damaged_stamps_are_made_anew(tmp_path: Path, damage: object) -> None:
    photos, out = [write_photo(tmp_path / "a.png")], tmp_path / "out"
    run(photos, out)
    record = json.loads((out / "run.json").read_text())
    (out / "run.json").write_text(json.dumps({**record, "photos": damage}))
    assert len(run(photos, out).complete_already) == 1
    assert json.loads((out / "run.json").read_text())["photos"]["a"][0] == photos[0].stat().st_size


@pytest.mark.parametrize("at_once", [2, 5])
def test_photos_at_once_give_the_same_files(tmp_path: Path, at_once: int) -> None:
    photos = [write_photo(tmp_path / f"{number}.png", people=number % 4) for number in range(20)]
    (tmp_path / "text.jpg").write_text("no picture")
    photos.insert(7, tmp_path / "text.jpg")
    one = run(photos, tmp_path / "one", deterministic=True)
    many = run(photos, tmp_path / "many", deterministic=True, at_once=at_once)
    assert (many.done, many.failed, many.people) == (one.done, one.failed, one.people)
    first, second = contents(tmp_path / "one"), contents(tmp_path / "many")
    del first["run.json"], second["run.json"]  # which tells how young the photos were
    assert first == second
