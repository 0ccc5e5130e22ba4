"""The settings of the generated scenes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .people.families import check_family

Backend = Literal["auto", "numpy", "numba"]
MAX_PEOPLE = 12


@dataclass(frozen=True)
class SynthConfig:
    """Settings of `SceneGenerator`.

    Attributes
    ----------
    size : int or (int, int)
        Side of a square image, or (width, height), pixels.
    people : int or None
        Number of people placed in the scene; None draws 1 to 8.
    family : str or None
        One pose family (see `families.FAMILIES`) for everyone who does not interact with a neighbour. None draws
        one for each person.
    arrangement : str or None
        One arrangement (see `layout.ARRANGEMENTS`). None draws one.
    interaction_share : float
        Probability that a person interacts with the nearest free neighbour (holding hands, talking, ...).
    adults_only : bool
        Leave out everybody under 20.
    plain : bool
        No occluders, no hand-held objects, no rolled camera, and nobody cut off by the image border on purpose;
        people who interact stand.
    supersampling : int
        The picture is rendered this many times finer in x and y, and averaged. Labels are always sampled at the
        centres of the final pixels.
    photo_folder : Path or None
        Folder of background photos **without people**, used in about a third of the scenes. With None all
        backgrounds are procedural, so that the picture depends on nothing that is installed.
    backend : {"auto", "numpy", "numba"}
        The rasteriser. All give the same bits; numba is faster once it is compiled.
    """

    size: int | tuple[int, int] = 384
    people: int | None = None
    family: str | None = None
    arrangement: str | None = None
    interaction_share: float = 0.2
    adults_only: bool = False
    plain: bool = False
    supersampling: int = 1
    photo_folder: Path | None = None
    backend: Backend = "auto"

    def __post_init__(self) -> None:
        if min(self.width, self.height) < 32:
            raise ValueError(f"expected size of at least 32 pixels, got {self.size}")
        if self.people is not None and not 0 <= self.people <= MAX_PEOPLE:
            raise ValueError(f"expected people between 0 and {MAX_PEOPLE} or None, got {self.people}")
        if not 0 <= self.interaction_share <= 1:
            raise ValueError(f"expected interaction_share between 0 and 1, got {self.interaction_share}")
        if self.family is not None:
            check_family(self.family)
        if not 1 <= self.supersampling <= 4:
            raise ValueError(f"expected supersampling between 1 and 4, got {self.supersampling}")

    @property
    def width(self) -> int:
        """Image width in pixels."""
        return self.size if isinstance(self.size, int) else self.size[0]

    @property
    def height(self) -> int:
        """Image height in pixels."""
        return self.size if isinstance(self.size, int) else self.size[1]
