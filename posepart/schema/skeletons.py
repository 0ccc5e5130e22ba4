"""Skeletons of files: which joints in which order, which are linked, and how one is turned into another by name."""

import re
from dataclasses import dataclass

import numpy as np

from posepart.arrays import Float64, check_shape
from posepart.schema.coco import COCO_JOINT_NAMES
from posepart.schema.joints_and_parts import JOINT_NAMES, SKELETON

_SIDES = {"l": "left", "r": "right", "lft": "left", "rgt": "right"}
_SAME = {"waist": "hip", "hand": "wrist", "foot": "ankle", "elb": "elbow", "wri": "wrist", "sho": "shoulder"}
_SIDED = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle", "eye", "ear", *_SAME)
_SHOULDERS = ("left_shoulder", "right_shoulder")
NECK = "neck"


@dataclass(frozen=True)
class Skeleton:
    """The joints of the people in a file."""

    name: str  # as `--skeleton` takes it; that of a file for a skeleton that only this file has
    joints: tuple[str, ...]  # in the order of the file
    edges: tuple[tuple[int, int], ...] = ()  # linked joints, by position

    @property
    def flips(self) -> tuple[int, ...]:
        """The position of the joint that each becomes in a mirrored picture."""
        places = {plain_name(name): place for place, name in enumerate(self.joints)}
        return tuple(places.get(_mirrored(plain_name(name)), k) for k, name in enumerate(self.joints))


def plain_name(name: str) -> str:
    """A joint's name as tools differ in writing it: "LShoulder", "left-shoulder", "l_sho" are "left_shoulder"."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name.strip())
    plain = re.sub(r"[\W_]+", "_", words.lower()).strip("_")
    if match := re.fullmatch(rf"(left|right|lft|rgt|l|r)_?({'|'.join(_SIDED)})", plain):
        side, joint = match.groups()
    elif match := re.fullmatch(rf"({'|'.join(_SIDED)})_(left|right|lft|rgt|l|r)", plain):
        joint, side = match.groups()
    else:
        return plain
    return f"{_SIDES.get(side, side)}_{_SAME.get(joint, joint)}"


def _mirrored(name: str) -> str:
    side, _, rest = name.partition("_")
    other = {"left": "right", "right": "left"}.get(side)
    return f"{other}_{rest}" if other and rest else name


def _edges(joints: tuple[str, ...], pairs: str) -> tuple[tuple[int, int], ...]:
    """Links that are told by names, as in "nose-left_eye"."""
    linked = (pair.split("-") for pair in pairs.split())
    return tuple((joints.index(start), joints.index(end)) for start, end in linked)


_LIMBS = """
left_shoulder-left_elbow left_elbow-left_wrist right_shoulder-right_elbow right_elbow-right_wrist
left_hip-left_knee left_knee-left_ankle right_hip-right_knee right_knee-right_ankle"""
_OPENPOSE_JOINTS = (
    *(
        "nose",
        "neck",
        "right_shoulder",
        "right_elbow",
        "right_wrist",
        "left_shoulder",
        "left_elbow",
        "left_wrist",
    ),
    *("right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle"),
    *("right_eye", "left_eye", "right_ear", "left_ear"),
)

POSEPART14 = Skeleton("posepart14", JOINT_NAMES, tuple((int(a), int(b)) for a, b, _ in SKELETON))
COCO17 = Skeleton(
    "coco17",
    COCO_JOINT_NAMES,
    _edges(
        COCO_JOINT_NAMES,
        f"{_LIMBS} left_shoulder-right_shoulder left_hip-right_hip left_shoulder-left_hip right_shoulder-right_hip "
        "nose-left_eye nose-right_eye left_eye-right_eye left_eye-left_ear right_eye-right_ear "
        "left_ear-left_shoulder right_ear-right_shoulder",
    ),
)
OPENPOSE18 = Skeleton(
    "openpose18",
    _OPENPOSE_JOINTS,
    _edges(
        _OPENPOSE_JOINTS,
        f"{_LIMBS} neck-left_shoulder neck-right_shoulder neck-left_hip neck-right_hip neck-nose nose-left_eye "
        "nose-right_eye left_eye-left_ear right_eye-right_ear",
    ),
)
SKELETONS: dict[str, Skeleton] = {skeleton.name: skeleton for skeleton in (POSEPART14, COCO17, OPENPOSE18)}


def missing_joints(source: Skeleton, target: Skeleton) -> tuple[str, ...]:
    """The joints of `target` that people with the joints of `source` never have."""
    known = {plain_name(name) for name in source.joints}
    known |= {NECK} if known.issuperset(_SHOULDERS) else set()
    return tuple(name for name in target.joints if plain_name(name) not in known)


def with_joints_of(joints: Float64, source: Skeleton, target: Skeleton) -> Float64:
    """Bring the joints of one person into the order of another skeleton, by name.

    Parameters
    ----------
    joints : (J, C) float64
        x, y, visibility, and possibly more columns of numbers, of `source`; rows of absent joints are 0.
    source, target : Skeleton

    Returns
    -------
    (K, C) float64
        Rows of joints that `source` does not have are 0. A neck that it does not have is the middle of the shoulders
        where both are there, as OpenPose defines it, and all else of it the lesser of theirs.
    """
    check_shape(f"joints of {source.name}", joints, (len(source.joints), None))
    rows = {plain_name(name): row for name, row in zip(source.joints, joints, strict=True)}
    shoulders = [rows[name] for name in _SHOULDERS if name in rows and rows[name][2] > 0]
    if NECK not in rows and len(shoulders) == len(_SHOULDERS):
        pair = np.array(shoulders)
        rows[NECK] = np.concatenate([pair[:, :2].mean(axis=0), pair[:, 2:].min(axis=0)])
    nothing = np.zeros(joints.shape[1])
    return np.array([rows.get(plain_name(name), nothing) for name in target.joints]).reshape(
        -1, joints.shape[1]
    )
