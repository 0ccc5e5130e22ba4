"""Made-up versions of posepart for benchmarks: no networks, and no waiting."""

from pathlib import Path

import numpy as np
from PIL import Image

PACKAGE = """
def predict_photos(photos, pipeline, out, *, run):
    (out / "result.txt").write_text(f"{len(photos)} {run}")
"""
COMMAND_LINE = """
from types import SimpleNamespace
class CommandLine:
    def parse(self, words):
        options = dict(zip(words[1::2], words[2::2]))
        options.pop("--threads", None)
        speed = options.pop("--speed", "accurate")
        if options or speed not in ("accurate", "fast"):
            raise ValueError(f"unknown: {speed} {list(options)}")
        return SimpleNamespace(predict=speed)
"""
# A photo has as many people as tens in its first value.
OPTIONS = """
from types import SimpleNamespace
pipeline_config = str
def load_pipeline(chosen, config):
    print("loading", chosen)  # must not come between the replies
    stages = {"detection": 0.001, "networks": 0.003 if chosen == "fast" else 0.004}
    return (lambda photo: SimpleNamespace(people=[0] * int(photo[0, 0, 0] // 10), seconds=stages)), {}
"""


def made_up(folder: Path, default: str = "accurate") -> Path:
    """A checkout with a posepart that needs no networks, and knows --speed."""
    commands = folder / "posepart" / "cli"
    commands.mkdir(parents=True)
    (folder / "posepart" / "__init__.py").write_text(PACKAGE)
    (commands / "main.py").write_text(
        COMMAND_LINE.replace('"--speed", "accurate"', f'"--speed", "{default}"')
    )
    (commands / "options.py").write_text(OPTIONS)
    return folder


def photo(folder: Path, people: int) -> Path:
    """A photo for it with that many people."""
    path = folder / f"{people}.png"
    Image.fromarray(np.full((4, 6, 3), 10 * people, np.uint8)).save(path)
    return path
