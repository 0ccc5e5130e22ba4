"""Video files in: every frame with its time, upright. PyAV is imported when the first file is opened."""

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from posepart.arrays import Rgb

MISSING = "videos are read with the package av, which is not installed: pip install 'posepart[video]'"
_USUAL_RATE = 25.0  # frames / s, where a file tells none
_QUARTER = 90  # degrees


@dataclass(frozen=True)
class Frame:
    """One frame of a video; its pixels are converted when they are asked for."""

    index: int  # from 0
    seconds: float  # from the first frame
    picture: Any  # av.VideoFrame
    turns: int  # quarter turns, against the clock, that make it upright

    @property
    def image(self) -> Rgb:
        """The upright picture, (H, W, 3) uint8 RGB."""
        return np.ascontiguousarray(np.rot90(self.picture.to_ndarray(format="rgb24"), self.turns))


def import_av() -> Any:
    """PyAV.

    Raises
    ------
    ValueError
        One sentence that names the extra, if it is not installed.
    """
    try:
        return importlib.import_module("av")
    except ImportError:
        raise ValueError(MISSING) from None


class VideoFile:
    """A video file, which can be read any number of times.

    Parameters
    ----------
    path : str or Path
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.damaged = 0  # pieces of the file, a frame each as a rule, that the last reading could not decode

    def __iter__(self) -> Iterator[Frame]:
        """All frames, one after the other.

        Times are those of the file, so a variable rate is kept; where they are missing or do not increase, a frame
        comes one usual distance after the one before. Only what no decoder can read is left out, and counted.

        Yields
        ------
        Frame

        Raises
        ------
        ValueError
            The file cannot be read, or is no video; one sentence. PyAV is not installed.
        """
        av = import_av()
        count, start, before, self.damaged = 0, 0.0, 0.0, 0
        try:
            with av.open(str(self.path)) as container:
                if not container.streams.video:
                    raise ValueError(f"{self.path}: has no pictures, only sound; name a video")
                stream = container.streams.video[0]
                stream.thread_type = "AUTO"
                usual = 1 / float(stream.average_rate or _USUAL_RATE)
                for picture in self._pictures(container, stream, av):
                    told = picture.time
                    if not count:
                        start, seconds = told or 0.0, 0.0
                    else:
                        seconds = before if told is None else told - start
                        seconds = seconds if seconds > before else before + usual
                    yield Frame(count, seconds, picture, round(picture.rotation / _QUARTER) % 4)
                    count, before = count + 1, seconds
        except (av.FFmpegError, OSError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise ValueError(f"{self.path}: cannot be read as a video ({reason})") from None
        if not count:
            raise ValueError(f"{self.path}: no frame of it can be decoded")

    def _pictures(self, container: Any, stream: Any, av: Any) -> Iterator[Any]:
        """The decoded frames of a stream, without those that are damaged beyond decoding."""
        for packet in container.demux(stream):
            try:
                yield from packet.decode()
            except av.InvalidDataError:
                self.damaged += 1
