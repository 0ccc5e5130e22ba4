"""What a pose is: joint angles per limb, and reaches (a wrist that touches something)."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from .rotations import Array

Vec3 = tuple[float, float, float]
SIDES: tuple[Literal["L", "R"], Literal["L", "R"]] = ("L", "R")


@dataclass(frozen=True)
class Reach:
    """A place the wrist goes to, which overrides the arm's angles.

    Attributes
    ----------
    bone : str or None
        The place is given relative to this bone's head, in the rest frame of the bone, x mirrored for the
        right arm; in units of the body's scale. A trailing "." takes the bone of the own side, ".." of the
        other side. None: `offset` is a point in the body frame after posing, metres, not mirrored.
    offset : (x, y, z)
    pole : (x, y, z), direction the elbow tends to, chest frame, x mirrored for the right arm
    """

    bone: str | None
    offset: Vec3
    pole: Vec3 = (0.6, 0.3, -1.0)


@dataclass(frozen=True)
class Arm:
    """Angles of one arm in the frame of the chest; degrees.

    Attributes
    ----------
    elevation : angle between the upper arm and straight down
    azimuth : 0 sideways (outwards), 90 forwards, -90 backwards, beyond 90 across the body
    flexion : bend of the elbow, 0 stretched
    plane : direction the forearm bends to (x outwards, y backwards, z up), any length
    reach : overrides all of the above
    """

    elevation: float = 15.0
    azimuth: float = 10.0
    flexion: float = 12.0
    plane: Vec3 = (0.3, -1.0, 0.2)
    reach: Reach | None = None


@dataclass(frozen=True)
class Leg:
    """Angles of one leg in the frame of the pelvis, degrees: hip flexion, abduction, knee bend, outward twist."""

    flexion: float = 0.0
    abduction: float = 5.0
    knee: float = 4.0
    twist: float = 12.0


@dataclass(frozen=True)
class Pose:
    """A whole body; index 0 is the left, 1 the right side.

    Attributes
    ----------
    family : name of the family it was drawn from
    root : (3, 3) rotation of the pelvis before the person is turned about the vertical
    lean, neck : (forward, sideways, twist) of the spine and of the head against the chest, degrees
    arms, legs : left and right
    flat_feet : the soles stay level
    lift : height of the lowest point above the ground, metres
    seated : needs a seat under the hips
    curl : bend of the fingers of each hand, degrees
    wrists : (bend, deviation, twist) of each hand, degrees
    """

    family: str
    root: Array = field(default_factory=lambda: np.eye(3))
    lean: Vec3 = (0.0, 0.0, 0.0)
    neck: Vec3 = (0.0, 0.0, 0.0)
    arms: tuple[Arm, Arm] = (Arm(), Arm())
    legs: tuple[Leg, Leg] = (Leg(), Leg())
    flat_feet: bool = True
    lift: float = 0.0
    seated: bool = False
    curl: tuple[float, float] = (30.0, 30.0)
    wrists: tuple[Vec3, Vec3] = ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
