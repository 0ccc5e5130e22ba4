"""Folders and object stores behave alike; the object store is a real server."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.fake_pipeline import FakePipeline, write_photo
from helpers.killing import write_photos
from helpers.object_store import s3_server

from posepart.batch import predict_photos
from posepart.cli import main as cli
from posepart.io.gathering import gather
from posepart.io.photo_folders import find_photos
from posepart.io.run_folder import prepare_out
from posepart.io.stores import Folder, Store, StoredPhoto, local_copy, store_of


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    with s3_server() as address:
        yield address


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "folder":
        return store_of(tmp_path / "out")
    return store_of(f"{request.getfixturevalue('bucket')}/{tmp_path.name}")


def test_put_get_names(store: Store) -> None:
    assert store.names() == []
    assert not store.has("a.json")
    with pytest.raises(FileNotFoundError):
        store.get("a.json")
    for name in ("b.json", "a.json", "3f/c.json", ".hidden", "frames/d.json"):
        store.put(name, lambda file: file.write(b"1"))
    store.put("a.json", lambda file: file.write(b"22"))
    assert store.names() == ["3f/c.json", "a.json", "b.json"]
    assert store.get("a.json") == b"22" and store.has("3f/c.json")
    store.remove("a.json")
    store.remove("a.json")
    assert not store.has("a.json") and store.names() == ["3f/c.json", "b.json"]


def test_what_cannot_be_written_whole_is_not_written(store: Store) -> None:
    store.put("a.json", lambda file: file.write(b"before"))

    def fail(file: object) -> None:
        file.write(b"half")  # type: ignore[attr-defined]
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        store.put("a.json", fail)
    assert store.get("a.json") == b"before"


def everything(store: Store) -> dict[str, bytes]:
    return {name: store.get(name) for name in store.names()}


def run(photos: list[Path | StoredPhoto], out: Store) -> int:
    digest = prepare_out(out, photos, {"model": "fake"})
    return len(predict_photos(photos, FakePipeline(), out, run=digest, deterministic=True).done)


def upload(photos: list[Path], address: str) -> None:
    for photo in photos:
        store_of(address).put(photo.name, lambda file, photo=photo: file.write(photo.read_bytes()))  # type: ignore[misc]


def test_photos_and_results_in_a_bucket(bucket: str, tmp_path: Path) -> None:
    local = [*write_photos(tmp_path / "in", 4), tmp_path / "in" / "9.png"]
    local[-1].write_text("no picture")
    upload(local, f"{bucket}/in")
    photos = find_photos([f"{bucket}/in"])
    assert [str(photo) for photo in photos] == [f"{bucket}/in/{path.name}" for path in local]
    out = store_of(f"{bucket}/out")
    assert run(photos, out) == 4
    expected = Folder(tmp_path / "out")
    run(list(local), expected)
    here, there = everything(expected), everything(out)
    assert b'"error": "s3://photos/in/9.png: not a picture' in there["failed.jsonl"]
    for both in (here, there):  # they tell where the photos are, and when they were made
        del both["run.json"], both["failed.jsonl"]
    assert here == there
    assert run(photos, out) == 0, "all are complete"
    upload([write_photo(tmp_path / "other" / "001.png", people=3)], f"{bucket}/in")
    digest = prepare_out(out, photos, {"model": "fake"})
    failed = predict_photos(photos, FakePipeline(), out, run=digest).failed
    assert "already holds the result of another photo called 001" in failed[f"{bucket}/in/001.png"]
    assert gather(out, digest).photos == 4


def test_missing_photos_and_buckets_are_named(bucket: str, capsys: pytest.CaptureFixture[str]) -> None:
    with (
        pytest.raises(ValueError, match=r"s3://photos/gone\.jpg: no such file"),
        local_copy(StoredPhoto(f"{bucket}/gone.jpg")),
    ):
        pass
    assert cli.main(["gather", "s3://nowhere/out"]) == 2
    assert "s3://nowhere/out" in capsys.readouterr().err
    with pytest.raises(
        ValueError, match=r'nosuch://: no package here reads such addresses .*"posepart\[remote\]"'
    ):
        store_of("nosuch://a/b")


RUN = """
import sys
from helpers.killing import Slow
from posepart.batch import predict_photos
from posepart.io.photo_folders import find_photos
from posepart.io.run_folder import prepare_out
photos, out = find_photos([sys.argv[1]]), sys.argv[2]
run = prepare_out(out, photos, {"model": "fake"})
sys.exit(predict_photos(photos, Slow(), out, run=run, deterministic=True).exit_code)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="has no such signal")
def test_a_killed_run_is_resumed_in_a_bucket(bucket: str, tmp_path: Path) -> None:
    local = write_photos(tmp_path / "in", 12)
    upload(local, f"{bucket}/many")
    out = store_of(f"{bucket}/results")
    command = [sys.executable, "-c", RUN, f"{bucket}/many", str(out)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
        until = time.monotonic() + 120
        while not out.has("003.json") and time.monotonic() < until:
            time.sleep(0.1)
        process.send_signal(signal.SIGKILL)
    assert not out.has("predictions.json")
    left = 12 - sum(name.endswith(".json") for name in out.names() if name != "run.json")
    assert run(find_photos([f"{bucket}/many"]), out) == left < 12
    run(list(local), Folder(tmp_path / "out"))
    here, there = everything(Folder(tmp_path / "out")), everything(out)
    del here["run.json"], there["run.json"]
    assert here == there
