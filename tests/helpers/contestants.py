"""Made-up versions of posepart for benchmarks: no networks, and no waiting."""

from pathlib import Path

import numpy as np
from PIL import Image

# It finds as many people as a photo has tens in its first value.
MADE_UP = """
from types import SimpleNamespace
__version__ = "made-up"
def load(model, *, speed="accurate", device="cpu"):
    if speed not in ("accurate", "fast"):
        raise ValueError(f"no speed is called {speed}")
    print("loading", model, device)  # must not come between the replies
    stages = {"detection": 0.001, "networks": 0.003 if speed == "fast" else 0.004}
    return lambda photo: SimpleNamespace(people=[0] * int(photo[0, 0, 0] // 10), seconds=stages)
def predict_photos(photos, pipeline, out, *, run):
    (out / "result.txt").write_text(f"{len(photos)} {run}")
"""


def made_up(folder: Path, code: str = MADE_UP) -> Path:
    """A checkout with a posepart that needs no networks."""
    package = folder / "posepart"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(code)
    return folder


def photo(folder: Path, people: int) -> Path:
    path = folder / f"{people}.png"
    Image.fromarray(np.full((4, 6, 3), 10 * people, np.uint8)).save(path)
    return path
