"""Which labelled photo a stored result belongs to.

One identity, made by the reader of the data set: the photo's `image_id` there, and its path below the folder of
photos (`Sample.name`). The number in a file name counts only where the data set gives no ids at all.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from posepart.data.sample import Sample


class Pairing:
    """Finds the labelled photo of an entry of a COCO results list."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        """Take all photos of a split, whether or not they are measured."""
        self.by_base: dict[str, list[str]] = defaultdict(list)
        for sample in samples:
            self.by_base[PurePosixPath(sample.name).name].append(sample.name)
        self.by_id = {sample.image_id: sample.name for sample in samples if sample.image_id is not None}
        self.by_number: dict[int, str] = {}
        if not self.by_id:
            stems = {sample.name: PurePosixPath(sample.name).stem for sample in samples}
            self.by_number = {int(s): name for name, s in stems.items() if s.isascii() and s.isdigit()}

    def name_of(self, entry: Mapping[str, Any]) -> str | None:
        """The `Sample.name` of the photo that an entry is about; None if it is about no photo of the split.

        A `file_name` decides where there is one, as some systems number the photos themselves. Without it `image_id`
        decides; a text there is an id of the data set, else a file name.

        Raises
        ------
        KeyError
            The entry has neither `file_name` nor `image_id`.
        ValueError
            Several photos have this name, or the id is a text in one place and a number in the other.
        """
        if isinstance(entry.get("file_name"), str):
            return self._named(entry["file_name"])
        number = entry["image_id"]
        if isinstance(number, float) and number.is_integer():
            number = int(number)
        if isinstance(number, bool) or not isinstance(number, int | str):
            raise ValueError(f"expected a number or a text as image_id, got {number!r}")
        if number in self.by_id:
            return self.by_id[number]
        twin = next((known for known in self.by_id if str(known) == str(number)), None)
        if twin is not None:
            raise ValueError(f"image_id is {number!r}, but {twin!r} in the labels; write both the same way")
        return self._named(number) if isinstance(number, str) else self.by_number.get(number)

    def _named(self, file_name: str) -> str | None:
        """The photo whose path ends with the given one, or the other way round."""
        name = PurePosixPath(file_name.replace("\\", "/"))
        fitting = []
        for known in self.by_base.get(name.name, ()):
            short, long = sorted((name.parts, PurePosixPath(known).parts), key=len)
            if long[len(long) - len(short) :] == short:
                fitting.append(known)
        if str(name) in fitting:
            return str(name)
        if len(fitting) > 1:
            raise ValueError(
                f"{len(fitting)} photos are called {file_name} ({', '.join(fitting[:2])} ...); name them by their "
                "path below the folder of photos"
            )
        return fitting[0] if fitting else None
