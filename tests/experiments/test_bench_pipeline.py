"""The benchmark of the pipeline: ratios by hand, and whole runs with made-up versions of posepart."""

import json
import math
import subprocess
from argparse import ArgumentError
from pathlib import Path

import bench_pipeline
import pytest
from contest import Contestant, Race, Row, as_record, busy, competitor, mosaic, race_table, racing, ratio
from helpers.contestants import made_up, photo

WORKER = bench_pipeline.WORKER


def race_by_hand() -> Race:
    """Two rounds of two contestants on photos of one and three people."""
    race = Race()
    for name, times in {"before": ((2.0, 4.0), (6.0, 8.0)), "now": ((1.0, 1.0), (2.0, 3.0))}.items():
        for people, seconds in zip((1, 3), times, strict=True):
            rows: list[Row] = [
                {"people": float(people), "total": total, "networks": total / 2} for total in seconds
            ]
            race.rows[name, f"{people} people"] = rows
    return race


def test_ratios_are_of_the_same_round() -> None:
    """1/2 and 1/4 in the two rounds, although the medians are 3 and 1."""
    race = race_by_hand()
    assert ratio(race, "now", "before", "1 people") == "0.38 (0.25 .. 0.50)"
    assert ratio(race, "now", "now", "1 people") == "1.00 (1.00 .. 1.00)"
    assert race.median("before", "1 people") == {"people": 1, "total": 3, "networks": 1.5}


def test_seconds_per_person() -> None:
    """3 and 7 s with 1 and 3 people: 1 s and 2 s per person; nothing to say when all photos have as many."""
    race = race_by_hand()
    assert race.line("before") == pytest.approx((1.0, 2.0))
    assert race.line("now") == pytest.approx((0.25, 0.75))
    del race.rows["now", "3 people"], race.rows["before", "3 people"]
    assert race.line("now") is None


def test_the_table() -> None:
    race = race_by_hand()
    lines = race_table(race, "before").splitlines()
    assert lines[0].split() == ["photo", "people", "total", "networks", "of", "before"]
    assert lines[2].split() == ["1", "people", "now", "1", "1.0000", "0.5000", "0.38", "(0.25", "..", "0.50)"]
    assert lines[-1] == "now: seconds = 0.250 + 0.750 per person, 0.37 of before's"
    slower = Race(
        {key: [{**row, "total": 3 * row["total"]} for row in rows] for key, rows in race.rows.items()}
    )
    lines = race_table(slower, "before", race).splitlines()
    assert lines[0].endswith("of alone") and lines[1].endswith("3.00 (3.00 .. 3.00)")
    record = as_record(race)
    assert record is not None and record["now"]["3 people"]["rounds"] == [2.0, 3.0]
    json.dumps(record, allow_nan=False)


def test_speeds_against_another_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The baseline gets no speed; every contestant is asked for every photo in every round."""
    monkeypatch.setattr(bench_pipeline, "HOME", made_up(tmp_path / "now"))
    before = made_up(tmp_path / "before", "fast")
    photos = [str(photo(tmp_path, people)) for people in (1, 3)]
    out = tmp_path / "times.json"
    command = ["--speed", "accurate", "fast", "--baseline", str(before), "--repeats", "2", "--busy"]
    bench_pipeline.main([*command, "-o", str(out), "--photos", *photos])
    measured = json.loads(out.read_text())["measured"]
    assert list(measured["alone"]) == list(measured["busy"]) == ["baseline", "accurate", "fast"]
    for name, networks in (("baseline", 0.003), ("accurate", 0.004), ("fast", 0.003)):
        for people in (1, 3):
            row = measured["alone"][name][f"{people}.png"]
            assert (row["people"], row["networks"], len(row["rounds"])) == (people, networks, 2)
            assert math.isclose(row["rest"] + 0.001 + networks, row["total"], abs_tol=0.01)
    text = capsys.readouterr().out
    assert text.count("of baseline's") == 6 and "keeps one CPU busy" in text and "peak memory" in text


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--speed", "quick"], "quick: unknown: quick"),
        (["--precision", "float32"], r"here: unknown: accurate \['--precision'\]"),
        (["--baseline", "nowhere"], "nowhere: is no checkout of posepart; `git worktree add` makes one"),
        (["--repeats", "0"], "repeats"),
        (["--folder", "1"], "--folder: expected at least 2 photos, got 1"),
    ],
)
def test_bad_options(
    options: list[str], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench_pipeline, "HOME", made_up(tmp_path))
    with pytest.raises((ValueError, ArgumentError), match=sentence):
        bench_pipeline.main(options)


def test_a_contestant_that_dies_or_imports_another_posepart(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="broken: it ended without an answer"):
        Contestant("broken", ["-c", "raise SystemExit"])
    elsewhere = made_up(tmp_path / "elsewhere")
    code = f"import sys; sys.path.insert(0, {str(elsewhere)!r}); sys.path.insert(0, {str(WORKER.parent)!r})\n"
    code += "import contestant, json; contestant.serve(lambda: contestant.prepare_posepart([]))"
    with pytest.raises(ValueError, match="posepart was imported from"):
        Contestant("other", ["-c", code], made_up(tmp_path / "here"))


def test_one_photo_after_the_other(tmp_path: Path) -> None:
    home = made_up(tmp_path / "home")
    with racing([lambda: bench_pipeline.start("here", {}, home)]) as (contestant,):
        reply = contestant.ask(photos=["a.jpg", "b.jpg"], out=str(tmp_path / "out"))
    assert reply["total"] > 0
    assert [path.read_text() for path in sorted(tmp_path.glob("out/*/*"))] == ["1 benchmark"] * 2


def test_a_folder_is_told_apart_from_its_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """2 s for one photo and 6 s for 9: 2 photos a second, twice as many as one by one in 8 s."""

    class Slow:
        def ask(self, photos: list[str], **_: object) -> dict[str, float]:
            return {"total": float(len(photos))}

        def close(self) -> None:
            pass

    def predict(photos: list[Path], out: Path, arguments: list[str]) -> tuple[float, float]:
        assert arguments == ["--speed", "fast", "--workers", "2"]
        return 1.5 + len(photos) / 2, 100.0 * len(photos)

    monkeypatch.setattr(bench_pipeline, "predict_folder", predict)
    monkeypatch.setattr(bench_pipeline, "start", lambda *_: Slow())
    photos = bench_pipeline.write_folder(tmp_path / "photos", 9, [photo(tmp_path, 1), photo(tmp_path, 3)])
    assert [path.name for path in photos[:2]] == ["00000.png", "00001.png"]
    settings = {"speed": "fast", "device": None}
    row = bench_pipeline.measure_folder(photos, tmp_path / "scratch", settings, ["--workers", "2"])
    assert row == {"folder": 2.0, "one by one": 1.0, "ratio": 2.0, "peak_mb": 900.0, "start": 2.0}


def test_the_command_of_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is run, its memory is that of its processes, and its last sentence is told if it fails."""
    home = made_up(tmp_path / "home")
    main = home / "posepart" / "__main__.py"
    main.write_text("import sys, time; b = b'x' * 50_000_000; time.sleep(1); print(sys.argv[1])")
    monkeypatch.setattr(bench_pipeline, "HOME", home)
    seconds, peak = bench_pipeline.predict_folder([tmp_path / "a.jpg"], tmp_path / "out", [])
    assert seconds > 1
    assert peak > 45 or not Path("/proc/self/smaps_rollup").exists()
    main.write_text("print('reading'); raise SystemExit('there is no a.jpg')")
    with pytest.raises(ValueError, match=r"posepart predict failed: there is no a\.jpg"):
        bench_pipeline.predict_folder([tmp_path / "a.jpg"], tmp_path / "out", [])


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="reads the state of a process from /proc")
def test_a_competitor_computes_when_it_is_let() -> None:
    def state(process: "subprocess.Popen[bytes]") -> str:
        return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]

    with competitor() as process:
        with busy(process):
            assert state(process) in "RSD"
        for _ in range(1000):
            if state(process) == "T":
                break
        assert state(process) == "T"
    assert process.poll() is not None


def test_mosaics() -> None:
    """Every other person is mirrored, and the cells of nobody stay grey."""
    picture = mosaic(3, 500, 400)
    assert picture.shape == (400, 500, 3) and (picture[:, 300:] == (128, 140, 150)).all()
    first, second = picture[:150, :100].astype(int), picture[:150, 100:200].astype(int)
    assert abs(first - second[:, ::-1]).mean() < 5 < abs(first - second).mean()
    assert mosaic(0, 50, 40).std(axis=(0, 1)).max() == 0
