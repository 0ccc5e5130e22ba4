"""The numbers that describe what a person wears, the skin, the hair and the head.

Heights (`hem`, `waist`, `neckline`, ...) are z in the body's rest frame, metres: -0.85 at the soles, 0 at the
crotch, 0.57 at the base of the neck, 0.85 at the top of the head. The coordinate `along_arm` (`along_leg`) runs
from 0 at the shoulder (hip) over 1 at the elbow (knee) to 2 at the wrist (ankle). Colours are RGB in [0, 1].
"""

from dataclasses import dataclass

from ..people.rotations import Array
from .textures import SineNoise


@dataclass(frozen=True)
class Fabric:
    """Colours and pattern of a cloth.

    Attributes
    ----------
    colour, second : (3,) float32
        The main colour and that of the pattern.
    kind : str
        Of the pattern, "none" for none.
    frequency : float
        Of the pattern, radians per metre.
    tilt : float
        Slope of the pattern.
    print_image : (h, w, 3) float32, optional
        A picture printed on the chest.
    print_box : (float, float, float, float)
        Where it is, metres: centre x, centre z, half its width, half its height.
    """

    colour: Array
    second: Array
    kind: str = "none"
    frequency: float = 60.0
    tilt: float = 0.0
    print_image: Array | None = None
    print_box: tuple[float, float, float, float] = (0.0, 0.3, 0.1, 0.1)


@dataclass(frozen=True)
class Top:
    """The garment of the trunk."""

    kind: str  # tshirt, jacket, ...
    fabric: Fabric
    sleeve: float  # where it ends, along_arm; negative for none
    hem: float  # height
    neckline: float  # height
    v_depth: float  # metres, by which the neckline is lower in the middle
    thickness: float  # metres
    hood: bool  # worn over the head
    open_width: float  # metres, half the strip where a jacket shows the shirt under it; 0 when it is closed

    @property
    def sleeveless(self) -> bool:
        """Whether it has straps instead of sleeves."""
        return self.sleeve < 0


@dataclass(frozen=True)
class Bottom:
    """Trousers, shorts, a skirt, ..."""

    kind: str  # trousers, skirt, ...
    fabric: Fabric
    leg: float  # where the legs end, along_leg
    waist: float  # height
    thickness: float  # metres
    flare: float  # metres, by which the legs widen downwards
    skirt_hem: float  # height
    skirt_width: float  # metres, by which a skirt stands off at its hem


@dataclass(frozen=True)
class Feet:
    """Shoes and socks."""

    barefoot: bool
    shoe_top: float  # height
    sock_top: float  # height
    thickness: float  # metres, of the shoes
    shoe: Fabric
    sock: Fabric


@dataclass(frozen=True)
class Head:
    """Hair, beard, hat and glasses."""

    hair_colour: Array  # (3,) float32
    thickness: float  # metres, of the hair
    bald: bool
    ring: bool  # a bald person's ring of hair
    long_from: float | None  # height down to which long hair falls, None for short hair
    front: float  # height of the hairline in front
    back: float  # height of the hairline at the back
    beard: float  # density, 0 for none
    hat: Fabric | None
    hat_from: float  # height of its rim
    hat_thickness: float  # metres
    brim: bool
    glasses: float | None  # grey value of the frame


@dataclass(frozen=True)
class Cloth:
    """Noise fields for colour, thickness and folds, shared by a person's garments."""

    coarse: SineNoise
    middle: SineNoise
    fine: SineNoise
    folds: SineNoise
    creases: SineNoise
    fold_strength: float
    fold_stretch: Array  # (3,) float32, factors of x, y and z
    looseness: float  # share of `BodyShape.smoothing` that loose garments take
    gloss: float  # strength of the highlight


@dataclass(frozen=True)
class Outfit:
    """Everything that a person wears."""

    skin: Array  # (3,) float32, colour
    top: Top
    bottom: Bottom
    feet: Feet
    head: Head
    cloth: Cloth
    inner: Fabric  # the shirt under an open jacket
    gloves: Fabric | None
    strap: bool  # of a bag, across the chest
