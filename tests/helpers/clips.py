"""Small video files for tests, and stand-ins for what finds people in them."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from posepart.arrays import Rgb


def write_clip(
    path: Path, images: Sequence[Rgb], seconds: Sequence[float] | None = None, rotation: int = 0
) -> Path:
    """A lossless video file of pictures at some times, 25 a second by default, that a player turns by `rotation`."""
    av = pytest.importorskip("av")
    seconds = [k / 25 for k in range(len(images))] if seconds is None else seconds
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264rgb", rate=25)
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = "rgb24"
        stream.options = {"qp": "0"}
        stream.codec_context.time_base = stream.time_base = Fraction(1, 1000)
        if rotation:
            stream.set_display_rotation(rotation)
        for image, when in zip(images, seconds, strict=True):
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
            picture.pts, picture.time_base = round(when * 1000), Fraction(1, 1000)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path
