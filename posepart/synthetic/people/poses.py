"""A pose: joint angles of each limb, and reaches (a wrist that touches something)."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from .rotations import Array

Vec3 = tuple[float, float, float]
SIDES: tuple[Literal["L", "R"], Literal["L", "R"]] = ("L", "R")


@dataclass(frozen=True)
class Reach:
    """A target for the wrist, which overrides the arm's angles.

    Attributes
    ----------
    bone : str or None
        The target is relative to this bone's head. A trailing "." takes the bone on the arm's own side, ".." the
        one on the other side.
    offset : (float, float, float)
        With a bone: x, y, z in the rest frame of the bone, in units of the body's scale, x mirrored for the right
        arm. Without: a point in the body frame after posing, metres, not mirrored.
    pole : (float, float, float)
        Direction to which the elbow points, chest frame, x mirrored for the right arm.
    """

    bone: str | None
    offset: Vec3
    pole: Vec3 = (0.6, 0.3, -1.0)


@dataclass(frozen=True)
class Arm:
    """The angles of one arm in the frame of the chest, in degrees."""

    elevation: float = 15.0  # angle between the upper arm and straight down
    azimuth: float = 10.0  # 0 sideways (outwards), 90 forward, -90 backward, beyond 90 across the body
    flexion: float = 12.0  # bend of the elbow, 0 when stretched
    plane: Vec3 = (0.3, -1.0, 0.2)  # direction in which the forearm bends: outwards, backward, up; any length
    reach: Reach | None = None  # overrides all of the above


@dataclass(frozen=True)
class Leg:
    """The angles of one leg in the frame of the pelvis, in degrees."""

    flexion: float = 0.0  # of the hip
    abduction: float = 5.0  # of the hip, outwards
    knee: float = 4.0  # bend of the knee, 0 when stretched
    twist: float = 12.0  # outwards


@dataclass(frozen=True)
class Pose:
    """The pose of a whole body; in pairs, index 0 is the left and 1 the right side."""

    family: str  # the family that it was drawn from
    root: Array = field(
        default_factory=lambda: np.eye(3)
    )  # (3, 3), of the pelvis, before the turn by the yaw
    lean: Vec3 = (0.0, 0.0, 0.0)  # forward, sideways and twist of the spine, degrees
    neck: Vec3 = (0.0, 0.0, 0.0)  # the same of the head relative to the chest
    arms: tuple[Arm, Arm] = (Arm(), Arm())
    legs: tuple[Leg, Leg] = (Leg(), Leg())
    flat_feet: bool = True  # the soles stay level
    lift: float = 0.0  # height of the lowest point above the ground, metres
    seated: bool = False  # needs a seat under the hips
    curl: tuple[float, float] = (30.0, 30.0)  # bend of the fingers of each hand, degrees
    wrists: tuple[Vec3, Vec3] = ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0))  # bend, deviation and twist, degrees
