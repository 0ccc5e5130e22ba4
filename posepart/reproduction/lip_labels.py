"""LIP's 20 labels and 16 joints of a synthetic person, made from its part map and its 14 joints.

They stand in for LIP's where everything is to be tried out: the labels have the right places and sides, but clothes
are made up.
"""

import numpy as np
from numpy.typing import NDArray

from posepart.arrays import Float32, Float64, Ids
from posepart.geometry.segments import segment_distance
from posepart.schema import Joint, Part
from posepart.schema.lip import LipJoint, LipLabel, lip_from_joints

HAIRLINE = 0.75  # share of the way from neck to forehead above which the head is hair
SHOE = 0.85  # share of the way from knee to ankle below which the leg is a shoe

# What synthetic people wear, in turn: the label of the torso, and that of the upper legs.
_CLOTHES = (
    (LipLabel.UPPER_CLOTHES, LipLabel.PANTS),
    (LipLabel.COAT, LipLabel.PANTS),
    (LipLabel.DRESS, LipLabel.DRESS),
    (LipLabel.UPPER_CLOTHES, LipLabel.SKIRT),
)


def lip_labels(parts: Ids, joints: NDArray, outfit: int) -> Ids:
    """The LIP label map of one person.

    Parameters
    ----------
    parts : (H, W) uint8
        Part ids of this person, background elsewhere.
    joints : (14, 3)
        x, y in pixels of the map, and COCO visibility; places are exact even outside the picture.
    outfit : int
        A number from 0, which chooses the clothes.

    Returns
    -------
    (H, W) uint8
        LIP ids.
    """
    labels = np.full(parts.shape, LipLabel.BACKGROUND, np.uint8)
    xy = joints[:, :2].astype(np.float32)
    labels[parts == Part.TORSO], labels[parts == Part.UPPER_LEG] = _CLOTHES[outfit % len(_CLOTHES)]
    head = parts == Part.HEAD
    labels[head] = LipLabel.FACE
    labels[head & (_progress(parts.shape, xy[Joint.NECK], xy[Joint.FOREHEAD]) > HAIRLINE)] = LipLabel.HAIR
    arm, leg = np.isin(parts, (Part.UPPER_ARM, Part.LOWER_ARM)), parts == Part.LOWER_LEG
    for limb, where, names in (("ARM", arm, ("SHOULDER", "ELBOW", "WRIST")), ("LEG", leg, ("KNEE", "ANKLE"))):
        left, right = (
            _distance(parts.shape, xy[[Joint[f"{side}_{n}"] for n in names]]) for side in ("LEFT", "RIGHT")
        )
        labels[where & (left <= right)] = LipLabel[f"LEFT_{limb}"]
        labels[where & (left > right)] = LipLabel[f"RIGHT_{limb}"]
    for side in ("LEFT", "RIGHT"):
        along = _progress(parts.shape, xy[Joint[f"{side}_KNEE"]], xy[Joint[f"{side}_ANKLE"]])
        labels[(labels == LipLabel[f"{side}_LEG"]) & (along > SHOE)] = LipLabel[f"{side}_SHOE"]
    return labels


def _progress(shape: tuple[int, ...], start: Float32, end: Float32) -> Float64:
    """(H, W): how far each pixel is along an axis, 0 at its start and 1 at its end."""
    ys, xs = np.indices(shape[:2], np.float64)
    axis = (end - start).astype(np.float64)
    square = max(float(axis @ axis), 1e-9)
    return np.asarray(((xs - start[0]) * axis[0] + (ys - start[1]) * axis[1]) / square)


def _distance(shape: tuple[int, ...], chain: Float32) -> Float32:
    """(H, W): distance of each pixel to the nearest bone of a chain of joints, px."""
    x, y = np.arange(shape[1], dtype=np.float32), np.arange(shape[0], dtype=np.float32)
    return np.asarray(segment_distance(x, y, chain[:-1], chain[1:]).min(axis=0))


def lip_joints(joints: NDArray) -> Float32:
    """The 16 joints of LIP of a person with our 14.

    Parameters
    ----------
    joints : (14, 3)
        x, y and COCO visibility.

    Returns
    -------
    (16, 3) float32
        x, y and COCO visibility. The pelvis lies between the hips, the spine between hips and shoulders; each is
        labelled where the joints that it lies between are.
    """
    lip = lip_from_joints(joints)
    hips, shoulders = (
        lip[[LipJoint[f"LEFT_{name}"], LipJoint[f"RIGHT_{name}"]]] for name in ("HIP", "SHOULDER")
    )
    lip[LipJoint.PELVIS] = _between(hips)
    lip[LipJoint.SPINE] = _between(np.concatenate([hips, shoulders]))
    return lip


def _between(joints: Float32) -> Float32:
    if not (joints[:, 2] > 0).all():
        return np.zeros(3, np.float32)
    x, y, _ = joints.mean(axis=0)
    return np.array([x, y, joints[:, 2].min()], np.float32)
