"""Video files out: frames with their times, as H.264 in an MP4 file."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import numpy as np

from posepart.arrays import Rgb
from posepart.io.files import write_atomically
from posepart.video.reading import import_av

_TICKS = 90_000  # per second: the clock of MPEG
_QUALITY = "20"  # constant rate factor of x264; lower is better
_CODECS = ("libx264", "mpeg4")  # the first that the installed FFmpeg can write
_BIT_RATE = 8_000_000  # bits / s, of mpeg4, which has no constant quality


def write_video(path: Path, frames: Iterable[tuple[float, Rgb]]) -> int:
    """Write frames to an MP4 file, which has its name only when it is complete.

    Parameters
    ----------
    path : Path
    frames : iterable of (float, (H, W, 3) uint8 RGB)
        Times in seconds, increasing, and pictures, all of one size. A picture of an odd width or height gets one
        more column or row, as the format needs even ones. There must be at least one.

    Returns
    -------
    int
        How many frames were written.
    """
    count = 0

    def write(file: BinaryIO) -> None:
        nonlocal count
        count = _encode(file, frames)

    write_atomically(path, write)
    return count


def _encode(file: BinaryIO, frames: Iterable[tuple[float, Rgb]]) -> int:
    av = import_av()
    codec = next(name for name in _CODECS if name in av.codecs_available)
    count, before = 0, -1
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream(codec, rate=30)
        for seconds, image in frames:
            image = _even(image)
            if not count:
                stream.height, stream.width = image.shape[:2]
                stream.pix_fmt = "yuv420p"
                stream.codec_context.time_base = stream.time_base = Fraction(1, _TICKS)
                if codec == _CODECS[0]:
                    stream.options = {"crf": _QUALITY, "preset": "veryfast"}
                else:
                    stream.bit_rate = _BIT_RATE
            picture = av.VideoFrame.from_ndarray(image, format="rgb24")
            before = max(round(seconds * _TICKS), before + 1)
            picture.pts, picture.time_base = before, stream.codec_context.time_base
            container.mux(stream.encode(picture))
            count += 1
        container.mux(stream.encode(None))
    return count


def _even(image: Rgb) -> Rgb:
    """The picture with its last column and row repeated where their number is odd."""
    height, width = image.shape[:2]
    return np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
