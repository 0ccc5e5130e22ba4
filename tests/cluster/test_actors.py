"""A pool of actors on a Ray cluster: the results are those of one process, whoever dies."""

import functools
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.fake_pipeline import write_photo
from helpers.killing import contents, predict, write_photos
from helpers.mortal import DEADLY, load

from posepart.batch import RunSummary, predict_photos
from posepart.cluster.actors import Actors
from posepart.io.run_folder import prepare_out

ray = pytest.importorskip("ray")


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    """One for all tests here; its processes find the helpers of the tests."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init(num_cpus=2, include_dashboard=False, _node_ip_address="127.0.0.1", log_to_driver=False)
    yield
    ray.shutdown()
    os.environ.pop("PYTHONPATH") if before is None else os.environ.update({"PYTHONPATH": before})


def run(photos: list[Path], out: Path, lives: int = 0) -> RunSummary:
    folder = out.with_name("lives")
    folder.mkdir(exist_ok=True)
    for number in range(lives):
        (folder / str(number)).touch()
    actors = Actors(functools.partial(load, folder), (1, 2))
    digest = prepare_out(out, photos, {"model": "fake"})
    return predict_photos(photos, actors, out, run=digest, deterministic=True)


def test_results_are_those_of_one_process(tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", 20)
    assert predict(photos, tmp_path / "one") == 0
    assert predict(photos, tmp_path / "many", (1, 4)) == 0
    summary = run(photos, tmp_path / "many")
    assert (len(summary.done), len(summary.complete_already)) == (15, 5)
    assert contents(tmp_path / "many") == contents(tmp_path / "one")
    assert len(run(photos, tmp_path / "many").complete_already) == 20


def test_bad_photos_are_rows_and_what_dead_actors_had_is_tried_again(tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", 6)
    photos.insert(2, write_photo(tmp_path / "deadly.png", people=DEADLY))
    photos.insert(4, tmp_path / "gone.jpg")
    summary = run(photos, tmp_path / "out", lives=1)
    assert list(summary.failed) == [str(photos[4])]
    assert "gone.jpg: no such file" in summary.failed[str(photos[4])]
    assert len(summary.done) == 7
    assert not list(tmp_path.glob("lives/*")), "an actor has died"


def test_a_photo_that_kills_every_actor_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("posepart.cluster.actors._RETRIES", 0)
    photos = write_photos(tmp_path / "photos", 4)
    deadly = write_photo(tmp_path / "deadly.png", people=DEADLY)
    summary = run([*photos[:1], deadly, *photos[1:]], tmp_path / "out", lives=99)
    assert summary.done == tuple(map(str, photos))
    assert "the process that predicted it died every time, 2 times" in summary.failed[str(deadly)]


def test_numbers_of_actors() -> None:
    with pytest.raises(ValueError, match=r"actors: expected at least 1"):
        Actors(functools.partial(load, Path()), (2, 1))
