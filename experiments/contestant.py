"""One process of a benchmark: it is given photos one by one, and answers with the seconds that each took.

Started by `contest.Contestant` with options of `posepart predict`. Of posepart it uses the command line and
`posepart.predict_photos` only, of whatever version PYTHONPATH names, and it imports nothing else of this checkout,
so that other versions can be measured, too. Requests come as lines of JSON on the standard input, replies go as
lines of JSON to the standard output.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Predict = Callable[
    [NDArray[np.uint8]], dict[str, float]
]  # photo -> number of people, and seconds of any stages


def serve(prepare: Callable[[], tuple[Predict, Any]]) -> None:
    """Answer requests until the input ends.

    Parameters
    ----------
    prepare : callable
        Returns what measures a photo, (H, W, 3) uint8 RGB, and the pipeline, or None where there is none. Its
        `ValueError` is the first reply; otherwise that is where posepart was imported from.
    """
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print must not come between the replies

    def reply(**answer: Any) -> None:
        print(json.dumps(answer), file=replies, flush=True)

    try:
        predict, pipeline = prepare()
    except (ValueError, ImportError) as error:
        reply(error=" ".join(str(error).split()))
        return
    home = getattr(sys.modules.get("posepart"), "__file__", None)
    reply(home=home and str(Path(home).resolve().parents[1]))
    for line in sys.stdin:
        request = json.loads(line)
        if "out" in request:
            reply(total=one_by_one(pipeline, request["photos"], Path(request["out"])))
        else:
            reply(**measure(predict, np.asarray(Image.open(request["photo"]).convert("RGB"))))


def measure(predict: Predict, photo: NDArray[np.uint8]) -> dict[str, float]:
    """The wall seconds of a photo in all, what `predict` returns, and the peak memory of this process so far."""
    wait_for_gpu()
    start = time.perf_counter()
    found = predict(photo)
    wait_for_gpu()
    return {"total": time.perf_counter() - start, **found, "peak_mb": peak_memory()}


def wait_for_gpu() -> None:
    """Wait until a GPU that computes has done what it was given."""
    torch: Any = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.synchronize()


def peak_memory() -> float:
    """Largest resident memory of this process so far, MB; 0 where the system is not Linux.

    `resource.getrusage` would include the parent's.
    """
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.is_file() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), 0.0)


def one_by_one(pipeline: Any, photos: Sequence[str], out: Path) -> float:
    """The seconds in which `predict_photos` reads, predicts and writes photos that it is given one at a time."""
    import posepart

    start = time.perf_counter()
    for number, photo in enumerate(photos):
        folder = out / str(number)
        folder.mkdir(parents=True)
        posepart.predict_photos([Path(photo)], pipeline, folder, run="benchmark")
    return time.perf_counter() - start


def prepare_posepart(arguments: Sequence[str]) -> tuple[Predict, Any]:
    """Load the pipeline that `posepart predict` would load with these options.

    Raises
    ------
    ValueError
        This version of posepart refuses an option, or has none of this name.
    """
    from posepart.cli import options
    from posepart.cli.main import CommandLine

    chosen = CommandLine().parse(["predict", *arguments]).predict
    pipeline = options.load_pipeline(chosen, options.pipeline_config(chosen))[0]

    def predict(photo: NDArray[np.uint8]) -> dict[str, float]:
        start = time.perf_counter()
        scene = pipeline(photo)
        total = time.perf_counter() - start
        stages = {stage: scene.seconds[stage] for stage in ("detection", "networks")}
        return {"people": float(len(scene.people)), **stages, "rest": total - sum(stages.values())}

    return predict, pipeline


if __name__ == "__main__":
    serve(lambda: prepare_posepart(sys.argv[1:]))
