"""Measure the time of the pipeline, how it grows with the number of people, and what a folder of photos takes.

    python experiments/bench_pipeline.py                                # mosaics with 1, 3 and 10 people
    python experiments/bench_pipeline.py --speed accurate balanced fast --busy
    git worktree add ../before COMMIT && python experiments/bench_pipeline.py --baseline ../before
    python experiments/bench_pipeline.py --folder 200 --busy            # photos a second of `posepart predict`
    python experiments/bench_pipeline.py --device cuda --photos a.jpg b.jpg

Every speed, and the version in the checkout `--baseline`, is a process of its own; all take turns with every photo,
and ratios are of the same round, so that another load of the machine does not change them. Printed are the median
seconds in all and of the stages (crops, CRF, second stage and merge are the rest), the ratios with the least and the
most of all rounds, the seconds per person, and the peak memory of a 12-megapixel photo with 10 people. `--busy`
measures everything a second time while another process keeps one CPU busy.

`--folder N` compares `posepart predict` on N photos (its start-up, measured with one photo, left out) with
`posepart.predict_photos` on one photo after the other. The memory of a folder is that of all its processes.
"""

import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from contest import (
    Contestant,
    as_record,
    busy,
    competitor,
    mosaic,
    photos_to_race,
    race_table,
    racing,
    run_race,
)
from jsonargparse import ArgumentParser, Namespace
from jsonargparse.typing import PositiveInt
from PIL import Image

import posepart
from posepart.training.scripts import run_script, script_parser

WORKER = Path(__file__).with_name("contestant.py")
HOME = Path(posepart.__file__).resolve().parents[1]
BASELINE = "baseline"
SAMPLING = 0.2  # s between two looks at the memory of a folder's processes

Settings = dict[str, Any]  # options of `posepart predict`; what is None is left to it


def settings_of(options: Namespace, speed: str | None) -> Settings:
    """What the command line says about the pipeline; None where it says nothing."""
    device = None if options.device == "cpu" else options.device
    named = {name: options[name] for name in ("model", "engine", "precision", "threads")}
    return {**named, "device": device, "speed": speed}


def predict_arguments(settings: Settings) -> list[str]:
    """Settings as options of `posepart predict`."""
    return [
        word for name, value in settings.items() if value is not None for word in (f"--{name}", str(value))
    ]


def start(name: str, settings: Settings, home: Path) -> Contestant:
    """A contestant that runs the posepart of a checkout."""
    return Contestant(name, [str(WORKER), *predict_arguments(settings)], home)


def starters(options: Namespace) -> list[Callable[[], Contestant]]:
    """The baseline, which gets the device, the model and the threads only, and every speed."""
    found: list[Callable[[], Contestant]] = []
    if options.baseline is not None:
        if not (options.baseline / "posepart" / "__init__.py").is_file():
            raise ValueError(f"{options.baseline}: is no checkout of posepart; `git worktree add` makes one")
        own = {**settings_of(options, None), "engine": None, "precision": None}
        found.append(partial(start, BASELINE, own, options.baseline))
    for speed in options.speed or [None]:
        found.append(partial(start, speed or "here", settings_of(options, speed), HOME))
    return found


# A folder of photos


def write_folder(folder: Path, number: int, given: Sequence[Path]) -> list[Path]:
    """Fill a folder with photos: the given ones in turn, or JPEGs of mosaics with 1 to 4 people.

    Raises
    ------
    ValueError
        A given photo is not a file.
    """
    folder.mkdir()
    drawn = [] if given else [Image.fromarray(mosaic(people, 1500, 1000)) for people in (1, 2, 3, 4)]
    paths = []
    for i in range(number):
        if given:
            source = given[i % len(given)]
            if not source.is_file():
                raise ValueError(f"{source}: is no file; name photos with --photos")
            path = folder / f"{i:05d}{source.suffix}"
            path.write_bytes(source.read_bytes())
        else:
            path = folder / f"{i:05d}.jpg"
            drawn[i % len(drawn)].save(path, quality=92)
        paths.append(path)
    return paths


def session_memory(session: int) -> float:
    """The memory of all processes of a session, MB, shared pages counted once; 0 where the system is not Linux."""
    total = 0
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if os.getsid(int(entry.name)) == session:
                lines = (entry / "smaps_rollup").read_text().splitlines()
                total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        except OSError:  # it ended meanwhile, or is another user's
            continue
    return total / 1024


def predict_folder(photos: Sequence[Path], out: Path, arguments: Sequence[str]) -> tuple[float, float]:
    """The wall seconds of `posepart predict`, with its start, and the peak memory of its processes, MB.

    Raises
    ------
    ValueError
        With the command's last line if it fails.
    """
    command = [
        sys.executable,
        "-P",
        "-m",
        "posepart",
        "predict",
        *map(str, photos),
        "-o",
        str(out),
        *arguments,
    ]
    environment = {**os.environ, "PYTHONPATH": str(HOME)}
    start_time, peak = time.perf_counter(), 0.0
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said, start_new_session=True, env=environment)
        try:
            while process.poll() is None:
                peak = max(peak, session_memory(process.pid))
                time.sleep(SAMPLING)
        finally:
            process.kill()
            process.wait()
        seconds = time.perf_counter() - start_time
        said.seek(0)
        lines = said.read().splitlines()
    if process.returncode != 0:
        raise ValueError(f"posepart predict failed: {lines[-1] if lines else 'it said nothing'}")
    return seconds, peak


def measure_folder(
    photos: Sequence[Path], scratch: Path, settings: Settings, more: Sequence[str]
) -> dict[str, float]:
    """Photos a second of a folder and of one photo after the other, their ratio, and the folder's peak memory.

    Parameters
    ----------
    photos : sequence of Path
        Two or more.
    scratch : Path
        A folder that does not exist yet.
    settings : dict
    more : sequence of str
        Options of `posepart predict`.
    """
    arguments = [*predict_arguments(settings), *more]
    first, _ = predict_folder(photos[:1], scratch / "first", arguments)
    seconds, peak = predict_folder(photos, scratch / "all", arguments)
    with racing([partial(start, "one by one", settings, HOME)]) as (contestant,):
        contestant.ask(photos=[str(photos[0])], out=str(scratch / "warm-up"))
        single = contestant.ask(photos=[str(p) for p in photos[1:]], out=str(scratch / "single"))["total"]
    number = len(photos) - 1
    rates = {"folder": number / (seconds - first), "one by one": number / single}
    return {**rates, "ratio": rates["folder"] / rates["one by one"], "peak_mb": peak, "start": first}


def bench_folder(options: Namespace, scratch: Path) -> dict[str, dict[str, dict[str, float]]]:
    """Measure a folder with every speed, alone and with a competitor, and print it."""
    photos = write_folder(scratch / "photos", options.folder, options.photos)
    found: dict[str, dict[str, dict[str, float]]] = {}
    print(f"\n{options.folder} photos: photos a second as a folder and one by one, and the folder's memory")
    with competitor() as other:
        for speed in options.speed or [None]:
            name, settings = speed or "here", settings_of(options, speed)
            for load in ("alone", "busy") if options.busy else ("alone",):
                with busy(other) if load == "busy" else nullcontext():
                    row = measure_folder(
                        photos, scratch / f"{name}_{load}", settings, shlex.split(options.predict)
                    )
                found.setdefault(name, {})[load] = row
                print(
                    f"{name:>10} {load:>6}: {row['folder']:.2f} and {row['one by one']:.2f}, ratio "
                    f"{row['ratio']:.2f}; {row['peak_mb']:.0f} MB; first photo after {row['start']:.1f} s",
                    flush=True,
                )
            if options.busy:
                times = found[name]["alone"]["folder"] / found[name]["busy"]["folder"]
                print(f"{name:>10}: {times:.2f} times slower with a process that keeps one CPU busy")
    return found


# The command line


def bench_photos(options: Namespace, scratch: Path) -> dict[str, Any]:
    """Measure single photos and the memory of a large one, and print it."""
    found = race(options, starters(options), scratch)
    memory, large = {}, scratch / "large.png"
    Image.fromarray(mosaic(10, 4000, 3000)).save(large)
    for starter in starters(options):
        with racing([starter]) as (contestant,):
            memory[contestant.name] = contestant.ask(photo=str(large))["peak_mb"]
    megabytes = ", ".join(f"{name} {value:.0f} MB" for name, value in memory.items())
    print(f"\npeak memory, 12 megapixels and 10 people: {megabytes}")
    return {**found, "peak_mb": memory}


def race(options: Namespace, start: Sequence[Callable[[], Contestant]], scratch: Path) -> dict[str, Any]:
    """Let contestants take turns, print the tables with ratios to the first, and give their record."""
    photos = photos_to_race(options.photos, scratch)
    with racing(start) as contestants:
        alone, disturbed = run_race(contestants, photos, options.repeats, options.busy)
        reference = contestants[0].name
    print(race_table(alone, reference))
    if disturbed is not None:
        print("\nwith a process that keeps one CPU busy")
        print(race_table(disturbed, reference, alone))
    return {"alone": as_record(alone), "busy": as_record(disturbed)}


def add_options(parser: ArgumentParser) -> None:
    """Add what this script and `bench_peers.py` have in common."""
    parser.add_argument("--photos", type=Path, nargs="*", default=[], help="photo files; mosaics by default")
    parser.add_argument("--model", help="an installed model or a folder of weights; posepart-s by default")
    parser.add_argument("--device", default="cpu", help="device of the networks")
    parser.add_argument("--engine", help="what runs the networks; as posepart chooses by default")
    parser.add_argument("--precision", help="of the networks; as posepart chooses by default")
    parser.add_argument("--speed", nargs="+", help="one speed or several, which take turns")
    parser.add_argument("--threads", type=int, help="of each contestant; as it chooses by default")
    parser.add_argument(
        "--baseline", type=Path, metavar="CHECKOUT", help="measure another version as well, and ratios to it"
    )
    parser.add_argument("--busy", action="store_true", help="also with a process that keeps one CPU busy")
    parser.add_argument("--repeats", type=PositiveInt, default=7, help="rounds")
    parser.add_argument("-o", "--output", type=Path, help="JSON file to write as well")


def write_record(path: Path, found: Mapping[str, Any]) -> None:
    """Write what was measured to a JSON file."""
    record = {"posepart": posepart.__version__, "cpus": os.cpu_count(), "measured": found}
    path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = script_parser(__doc__)
    add_options(parser)
    parser.add_argument("--folder", type=int, metavar="N", help="measure a folder of N photos instead")
    parser.add_argument(
        "--predict", default="", metavar="OPTIONS", help="of `posepart predict` with --folder, in quotes"
    )
    options = parser.parse_args(arguments)
    if options.folder is not None and options.folder < 2:
        raise ValueError(f"--folder: expected at least 2 photos, got {options.folder}")
    with tempfile.TemporaryDirectory() as scratch:
        measure = bench_photos if options.folder is None else bench_folder
        found = measure(options, Path(scratch))
    if options.output:
        write_record(options.output, found)


if __name__ == "__main__":
    run_script(main)
