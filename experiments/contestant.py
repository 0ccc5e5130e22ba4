"""One process of a benchmark: it is given photos one by one, and answers with the seconds that each took.

Started by `contest.Contestant`. Of posepart it uses `posepart.load` and `posepart.predict_photos` only, of whatever
version PYTHONPATH names, and it imports nothing else of this checkout, so that other versions can be measured, too.
Requests come as lines of JSON on the standard input, replies go as lines of JSON to the standard output.
"""

import inspect
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
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


def prepare_posepart(settings: Mapping[str, Any]) -> tuple[Predict, Any]:
    """Load a pipeline.

    Parameters
    ----------
    settings : mapping
        `model`, `threads` and keyword arguments of `posepart.load`; what is None is left to posepart.

    Raises
    ------
    ValueError
        This version of posepart does not have an argument, or refuses it.
    """
    import posepart

    given = {name: value for name, value in settings.items() if value is not None}
    known = inspect.signature(posepart.load).parameters
    threads = None if "threads" in known else given.pop("threads", None)
    model = given.pop("model", "posepart-s")
    for name in given:
        if name not in known:
            raise ValueError(
                f"posepart {posepart.__version__} has no setting {name!r}; leave --{name} out for it"
            )
    if threads is not None:
        import cv2
        import torch

        torch.set_num_threads(threads)
        cv2.setNumThreads(threads)
    pipeline = posepart.load(model, **given)

    def predict(photo: NDArray[np.uint8]) -> dict[str, float]:
        start = time.perf_counter()
        scene = pipeline(photo)
        total = time.perf_counter() - start
        stages = {stage: scene.seconds[stage] for stage in ("detection", "networks")}
        return {"people": float(len(scene.people)), **stages, "rest": total - sum(stages.values())}

    return predict, pipeline


if __name__ == "__main__":
    serve(lambda: prepare_posepart(json.loads(sys.argv[1])))
