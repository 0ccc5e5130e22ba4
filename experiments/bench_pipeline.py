"""Measure the time of each stage of the pipeline, and how it grows with the number of people.

    python experiments/bench_pipeline.py                       # mosaics of scikit-image's astronaut
    python experiments/bench_pipeline.py --photos PHOTO...     # your own

Prints for photos with 1, 3 and 10 people the seconds of each stage (median over repeats), and the ratio of the time
outside networks and ILP to that of the networks' forward passes, which hooks measure in the same run. Then it prints
the seconds per person, and the peak memory of a 12-megapixel photo with 10 people, without that of the imported
libraries.
"""

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import skimage.data
import torch
from PIL import Image
from torch import nn

from posepart.arrays import Rgb
from posepart.io.photos import read_photo
from posepart.loading import load
from posepart.pipeline import Pipeline
from posepart.stages.networks import FcnNetworks
from posepart.stages.tiles import TiledDetector
from posepart.stopwatch import STAGES
from posepart.training.scripts import run_script, script_parser

PEOPLE = (1, 3, 10)
ROW = 5  # people in a row of a mosaic


def mosaic(people: int, width: int, height: int) -> Rgb:
    """Make a (height, width, 3) uint8 photo with that many astronauts, every other one mirrored."""
    tile = Image.fromarray(skimage.data.astronaut()[:, 60:400])
    canvas = Image.new("RGB", (width, height), (128, 140, 150))
    rows = -(-people // ROW)
    cell_width, cell_height = width // ROW, height // max(rows, 2)
    for i in range(people):
        person = tile.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if i % 2 else tile
        scale = min(cell_width / tile.width, cell_height / tile.height)
        person = person.resize((round(tile.width * scale), round(tile.height * scale)))
        canvas.paste(person, ((i % ROW) * cell_width, (i // ROW) * cell_height))
    return np.asarray(canvas)


class ForwardClock:
    """Adds up the wall-clock seconds of the networks' forward passes; those of a GPU are waited for."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.seconds = 0.0
        self._start = 0.0
        detector = pipeline.detector
        whole = detector.detector if isinstance(detector, TiledDetector) else detector
        modules = [getattr(whole, "module", None)]
        if isinstance(pipeline.networks, FcnNetworks):
            modules += [pipeline.networks.pose, pipeline.networks.part]
        if pipeline.refiner is not None:
            modules.append(pipeline.refiner.network)
        for module in modules:
            if isinstance(module, nn.Module):
                module.register_forward_pre_hook(self._begin)
                module.register_forward_hook(self._end)

    def _begin(self, *_: Any) -> None:
        _wait_for_gpu()
        self._start = time.perf_counter()

    def _end(self, *_: Any) -> None:
        _wait_for_gpu()
        self.seconds += time.perf_counter() - self._start


def _wait_for_gpu() -> None:
    """Wait until a GPU that computes has done what it was given."""
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()


def measure(pipeline: Pipeline, clock: ForwardClock, image: Rgb, repeats: int) -> dict[str, float]:
    """Measure the median seconds of every stage, in total, of the forward passes and of the rest; and the people."""
    pipeline(image)  # warm up
    runs = []
    for _ in range(repeats):
        clock.seconds = 0.0
        start = time.perf_counter()
        scene = pipeline(image)
        total = time.perf_counter() - start
        rest = total - clock.seconds - scene.seconds["ilp"]
        row = {"total": total, "forward": clock.seconds, "rest": rest}
        runs.append({**row, **scene.seconds, "found": float(len(scene.people))})
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]}


def peak_memory(model: str, device: str) -> float:
    """Peak MB of a 12-megapixel photo with 10 people, without the imported libraries, in a process of its own."""
    command = [sys.executable, __file__, "--memory", "--model", model, "--device", device]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[-1])


def _memory_of_one_photo(model: str, device: str) -> float:
    torch.zeros(1)
    before = _status("VmRSS")
    scene = load(model, device=device)(mosaic(10, 4000, 3000))
    assert scene.part_map.shape == (3000, 4000)
    return _status("VmHWM") - before


def _status(key: str) -> float:
    """Memory of this process in MB, as Linux reports it; getrusage would include the parent's peak."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{key}:")) / 1024


def main() -> None:
    """Run the command line."""
    parser = script_parser(__doc__)
    parser.add_argument("--photos", type=Path, nargs="*", default=[], help="photo files; mosaics by default")
    parser.add_argument("--model", default="posepart-s")
    parser.add_argument("--device", default="cpu", help="torch device of the networks, or openvino")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("-o", "--output", type=Path, help="JSON file to write as well")
    parser.add_argument("--memory", action="store_true", help="print only the peak memory of this process")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.memory:
        print(_memory_of_one_photo(arguments.model, arguments.device))
        return
    pipeline = load(arguments.model, device=arguments.device)
    clock = ForwardClock(pipeline)
    photos = {str(p): read_photo(p) for p in arguments.photos} or {
        f"{people} people": mosaic(people, 1500, 1000) for people in PEOPLE
    }
    rows = {name: measure(pipeline, clock, image, arguments.repeats) for name, image in photos.items()}
    columns = ("found", "total", *STAGES, "forward", "rest")
    print(f"{'photo':>14} " + " ".join(f"{c:>10}" for c in columns) + f" {'rest/fwd':>9}")
    for name, row in rows.items():
        cells = " ".join(f"{row[c]:10.4f}" for c in columns)
        print(f"{name:>14} {cells} {row['rest'] / row['forward']:9.3f}")
    if len(rows) == len(PEOPLE):
        found = [row["found"] for row in rows.values()]
        slope, offset = np.polyfit(found, [row["total"] for row in rows.values()], 1)
        print(f"seconds = {offset:.3f} + {slope:.3f} per person")
    memory = peak_memory(arguments.model, arguments.device)
    print(f"peak memory, 12 megapixels and 10 people: {memory:.0f} MB above the imported libraries")
    if arguments.output:
        arguments.output.write_text(json.dumps({"rows": rows, "peak_memory_mb": memory}, indent=1) + "\n")


if __name__ == "__main__":
    run_script(main)
