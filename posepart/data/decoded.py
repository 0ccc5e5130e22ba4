"""Decoded photos and label maps, kept as long as there is room: decoding costs more than a crop."""

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from numpy.typing import NDArray

from posepart.arrays import Ids, Rgb
from posepart.data.sample import Sample

ROOM = 1 << 28  # bytes, of each process that loads data


class DecodedPhotos:
    """Reads photos and label maps of samples, each at most once in a step.

    Those that were not used for longest are forgotten when there is no more room; those of the current step stay, so
    that memory is bounded by the room and what one step reads. What is returned is shared: copy it to change it.

    Parameters
    ----------
    room : int
        Bytes.
    """

    def __init__(self, room: int = ROOM) -> None:
        self.room = room
        self.bytes = 0
        self._step = 0
        # (what is read, its file) -> the step of its last use, and the array
        self._kept: OrderedDict[tuple[str, Path], tuple[int, NDArray | None]] = OrderedDict()

    def next_step(self) -> None:
        """Begin a new step: what was read before may be forgotten."""
        self._step += 1

    def image(self, sample: Sample) -> Rgb:
        """The photo, as `Sample.read_image` reads it."""
        image = self._get(("image", sample.image_path), sample.read_image)
        assert image is not None
        return image

    def parts(self, sample: Sample) -> Ids | None:
        """The part map, as `Sample.read_parts` reads it."""
        path = sample.part_path
        return None if path is None else self._get(("parts", path), sample.read_parts)

    def instances(self, sample: Sample) -> Ids | None:
        """The instance map, as `Sample.read_instances` reads it."""
        path = sample.instance_path
        return None if path is None else self._get(("instances", path), sample.read_instances)

    def _get(self, key: tuple[str, Path], read: Callable[[], NDArray | None]) -> NDArray | None:
        if key in self._kept:
            array = self._kept[key][1]
        else:
            array = read()
            self.bytes += 0 if array is None else array.nbytes
        self._kept[key] = self._step, array
        self._kept.move_to_end(key)
        while self.bytes > self.room:
            oldest = next(iter(self._kept))
            if self._kept[oldest][0] == self._step:
                break
            forgotten = self._kept.pop(oldest)[1]
            self.bytes -= 0 if forgotten is None else forgotten.nbytes
        return array
