"""Several processes share a result folder: shards, lists of all photos, folders of results, kills."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.fake_pipeline import FakePipeline, error_of, write_photo
from helpers.killing import contents, predict, write_photos

from posepart.batch import RunSummary, predict_photos
from posepart.cli import main as cli
from posepart.formats.results import read_results
from posepart.io import run_folder
from posepart.io.gathering import read_failed
from posepart.io.result_names import result_names
from posepart.io.run_folder import prepare_out
from posepart.io.stores import Folder


def run(photos: list[Path], out: Path, shard: tuple[int, int] = (1, 1)) -> RunSummary:
    digest = prepare_out(out, photos, {"model": "fake"})
    return predict_photos(photos, FakePipeline(), out, run=digest, deterministic=True, shard=shard)


@pytest.mark.skipif(sys.platform == "win32", reason="has no such signals")
def test_killed_processes_leave_what_one_process_would() -> None:
    """In a process of its own, which may fork: this one has threads of others' tests."""
    command = [sys.executable, "-m", "helpers.killing", "--kills", "6", "--photos", "12"]
    done = subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("6 kills over ")


def test_shards_make_what_one_run_makes(tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", 7)
    assert predict(photos, tmp_path / "one") == 0
    for number in (3, 1, 2):
        assert predict(photos, tmp_path / "three", (number, 3)) == 0
    assert contents(tmp_path / "three") == contents(tmp_path / "one")
    assert run(photos, tmp_path / "three", (4, 4)).complete_already == (str(photos[3]),)
    with pytest.raises(ValueError, match="expected K and N with 1 <= K <= N, got 4 and 3"):
        predict(photos, tmp_path / "three", (4, 3))


def test_names_are_those_of_the_whole_list(tmp_path: Path) -> None:
    photos = [write_photo(tmp_path / folder / "a.png") for folder in ("x", "y")]
    run(photos, tmp_path / "out", (2, 2))
    assert (tmp_path / "out" / "y_a.png.json").exists()
    assert not (tmp_path / "out" / "x_a.png.json").exists()


def test_failed_photos_are_listed_until_they_succeed(tmp_path: Path) -> None:
    good, bad, other = write_photo(tmp_path / "a.png"), tmp_path / "b.png", tmp_path / "c.png"
    bad.write_text("no picture")
    out = tmp_path / "out"
    summary = run([good, bad, other], out)
    assert "2 failed: " in str(summary) and str(summary).endswith("(see failed.jsonl)")
    lines = [json.loads(line) for line in (out / "failed.jsonl").read_text().splitlines()]
    assert [line["photo"] for line in lines] == [str(bad), str(other)]
    assert "not a picture" in lines[0]["error"]
    write_photo(bad)
    assert run([good, bad], out).done == (str(bad),), "the next run tries it again"
    assert list(read_failed(Folder(out))) == [str(other)], (
        "a run says nothing of photos that it was not given"
    )
    with (out / "failed.jsonl").open("a") as file:
        file.write("{damaged\n[]\n")
    run([write_photo(other)], out)
    assert not (out / "failed.jsonl").exists()


def test_gather(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photos, out = write_photos(tmp_path / "photos", 4), tmp_path / "out"
    run(photos, out)
    whole = contents(out)
    (out / "predictions.json").write_text("[]")
    assert cli.main(["gather", str(out)]) == 0
    assert f"4 photos in {out}/predictions.json\n" in capsys.readouterr().out
    assert contents(out) == whole
    (out / "001_people.png").unlink()
    assert cli.main(["gather", str(out)]) == 0
    assert "001.png" not in (out / "predictions.json").read_text()
    assert cli.main(["gather", str(tmp_path / "nothing")]) == 2
    assert "no result folder (its run.json is missing or damaged)" in error_of(capsys)


def test_many_results_are_spread_over_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photos, out = write_photos(tmp_path / "photos", 5), tmp_path / "out"
    monkeypatch.setattr(run_folder, "MANY", 4)
    assert run(photos, out).exit_code == 0
    names = result_names(photos, spread=True)
    assert {name[2] for name in names} == {"/"} and {name[3:] for name in names} == {p.stem for p in photos}
    assert all((out / f"{name}.json").exists() for name in names)
    assert len(run(photos[:2], out).complete_already) == 2, "the folder stays as it is"
    listed = json.loads((out / "predictions.json").read_text())
    assert {entry["file_name"] for entry in listed} == {f"{k:03}.png" for k in (1, 2, 3)}
    assert {photo.image_id for photo in read_results(out).photos} == {0, 1, 2, 3, 4}
    monkeypatch.setattr(run_folder, "MANY", 100)
    run(photos[:2], tmp_path / "flat")
    monkeypatch.setattr(run_folder, "MANY", 4)
    assert len(run(photos, tmp_path / "flat").complete_already) == 2, "so does one without folders"


def test_shard_and_recursive_of_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("posepart.cli.options.load_pipeline", lambda *_: (FakePipeline(), {}))
    for name in ("a.png", "b/c.png", "b/.d/e.png", "old/f.png"):
        write_photo(tmp_path / "in" / name)
    (tmp_path / "in" / "old" / "run.json").write_text("{}")
    command = ["predict", str(tmp_path / "in"), "-o", str(tmp_path / "in" / "out"), "--recursive"]
    assert cli.main([*command, "--shard", "2/2"]) == 0
    assert [path.stem for path in (tmp_path / "in" / "out").glob("[!pr]*.json")] == ["c"]
    assert cli.main(command) == 0
    assert "1 photo done" in (said := capsys.readouterr().out) and "1 complete already" in said
    assert "sub-folder" not in said
    for shard in ("0/2", "3/2", "1", "a/b"):
        assert cli.main([*command, "--shard", shard]) == 2
        assert error_of(capsys) == f"--shard: expected K/N with 1 <= K <= N, such as 2/8, got {shard}"
