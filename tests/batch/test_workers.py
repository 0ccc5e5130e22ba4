"""Several processes share the photos of a run: nothing is lost or changed, whatever happens to one of them."""

import functools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from helpers.fake_pipeline import FakePipeline, write_photo
from helpers.mortal import DEADLY, load, load_nothing

from posepart.batch import RunSummary, predict_photos
from posepart.batch.workers import Workers, _without_interrupts
from posepart.io.run_folder import prepare_out

pytestmark = pytest.mark.usefixtures("terminal")


def run(photos: list[Path], out: Path, lives: int = 0, count: int = 2, **options: Any) -> RunSummary:
    folder = out.with_name("lives")
    folder.mkdir(exist_ok=True)
    for number in range(lives):
        (folder / str(number)).touch()
    with Workers(functools.partial(load, folder), count) as workers:
        digest = prepare_out(out, photos, {"model": "fake"})
        return predict_photos(photos, workers, out, run=digest, **options)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_results_do_not_depend_on_the_number_of_workers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos = [write_photo(tmp_path / f"{number}.png", people=number) for number in range(5)]
    for photo in photos:
        os.utime(photo, (0, 0))  # long ago, so that it counts as the same file
    (tmp_path / "text.jpg").write_text("no picture")
    photos.insert(2, tmp_path / "text.jpg")
    expected = predict_photos(
        photos,
        FakePipeline(),
        tmp_path / "one",
        run=prepare_out(tmp_path / "one", photos, {"model": "fake"}),
        deterministic=True,
    )
    summary = run(photos, tmp_path / "two", deterministic=True)
    assert (summary.done, summary.failed, summary.people) == (expected.done, expected.failed, expected.people)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(" ")[0] for line in lines] == [f"[{number}/6]" for number in (1, 2, 4, 5, 6)] * 2


def test_no_process_is_started_when_all_photos_are_complete(tmp_path: Path) -> None:
    photos, out = [write_photo(tmp_path / "a.png")], tmp_path / "out"
    digest = prepare_out(out, photos, {"model": "fake"})
    predict_photos(photos, FakePipeline(), out, run=digest)
    with Workers(load_nothing, 2) as workers:
        assert len(predict_photos(photos, workers, out, run=digest).complete_already) == 1


def test_what_the_loader_tells(tmp_path: Path) -> None:
    with Workers(functools.partial(load, tmp_path), 2) as workers:
        assert workers.about() == ("fake", {"pose": "0123"})
    with Workers(load_nothing, 2) as workers, pytest.raises(ValueError, match=r"^pose\.safetensors: damaged"):
        workers.about()


@pytest.mark.skipif(sys.platform == "win32", reason="has no such signal")
def test_the_photo_of_a_killed_worker_is_tried_again(tmp_path: Path) -> None:
    photos = [write_photo(tmp_path / f"{number}.png") for number in range(4)]
    photos.insert(1, write_photo(tmp_path / "deadly.png", people=DEADLY))
    summary = run(photos, tmp_path / "out", lives=1)
    assert summary.failed == {}
    assert summary.done == tuple(map(str, photos))


@pytest.mark.skipif(sys.platform == "win32", reason="has no such signal")
def test_a_photo_that_kills_every_worker_is_reported(tmp_path: Path) -> None:
    photos = [write_photo(tmp_path / f"{number}.png") for number in range(4)]
    deadly = write_photo(tmp_path / "deadly.png", people=DEADLY)
    summary = run([photos[0], deadly, *photos[1:]], tmp_path / "out", lives=9)
    assert summary.done == tuple(map(str, photos))
    assert list(summary.failed) == [str(deadly)]
    assert "was killed (signal 9, Killed), 2 times" in summary.failed[str(deadly)]
    assert summary.exit_code == 1
    assert not list((tmp_path / "out").glob(".*"))


@pytest.mark.skipif(sys.platform == "win32", reason="has no such signals")
def test_a_worker_that_is_still_importing_knows_no_ctrl_c() -> None:
    with _without_interrupts():
        child = subprocess.Popen([sys.executable, "-c", ASLEEP], stdout=subprocess.PIPE, text=True)
    with child:
        assert child.stdout is not None and child.stdout.readline() == "here\n"
        child.send_signal(signal.SIGINT)
        assert child.stdout.readline() == "still here\n"
    assert child.returncode == 0
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


ASLEEP = "import time; print('here', flush=True); time.sleep(0.5); print('still here', flush=True)"

SLOW = """
import sys, time
from pathlib import Path
from helpers.fake_pipeline import FakePipeline
from posepart.batch import predict_photos
from posepart.batch.workers import Workers, _without_interrupts
from posepart.io.run_folder import prepare_out

class Slow(FakePipeline):
    def trace(self, image):
        trace = super().trace(image)
        time.sleep(0.2)
        return trace

def load():
    return Slow(), {}

if __name__ == "__main__":
    out, *photos = map(Path, sys.argv[1:])
    with Workers(load, 2) as workers:
        summary = predict_photos(photos, workers, out, run=prepare_out(out, photos, {"model": "fake"}))
    print(summary, len(summary.done))
    sys.exit(summary.exit_code)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="has no such signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
def test_a_stopped_run_leaves_whole_results_and_no_process(tmp_path: Path, number: int, code: int) -> None:
    photos = [write_photo(tmp_path / f"{number}.png", people=2) for number in range(60)]
    script, out = tmp_path / "slow.py", tmp_path / "out"
    script.write_text(SLOW)
    command = [sys.executable, str(script), str(out), *map(str, photos)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    until = time.monotonic() + 120
    while not list(out.glob("[0-9]*.json")) and time.monotonic() < until:
        time.sleep(0.05)
    if number == signal.SIGINT:
        os.killpg(process.pid, number)  # as Ctrl-C in a terminal does
    else:
        process.kill()
    output, errors = process.communicate(timeout=60)  # which also waits for all who hold its pipes
    assert process.returncode == code, output + errors
    assert "Traceback" not in errors
    assert not list(out.glob(".*"))
    left = 60 - len(list(out.glob("[0-9]*.json")))
    assert 0 < left < 60
    summary = run(photos, out, count=1)
    assert (len(summary.done), len(summary.complete_already)) == (left, 60 - left)
