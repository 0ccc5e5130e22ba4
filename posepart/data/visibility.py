"""How much of a person a picture of LIP shows: what Fig. 4 of Liang et al. counts and Sec. 4.1.2 scores apart."""

from numpy.typing import NDArray

from posepart.arrays import Mask, check_shape
from posepart.schema.lip import NUM_LIP_JOINTS, LipJoint

VISIBILITIES = ("occlusion", "full_body", "upper_body", "lower_body", "head_missing", "back_view")  # Fig. 4

_HEAD_JOINTS = [LipJoint.NECK, LipJoint.HEAD_TOP]
_UPPER_JOINTS = [joint for joint in LipJoint if joint.name.endswith(("SHOULDER", "ELBOW", "WRIST"))]
_LOWER_JOINTS = [joint for joint in LipJoint if joint.name.endswith(("KNEE", "ANKLE"))]


def derived_visibilities(truth: NDArray) -> dict[str, Mask]:
    """Derive the visibilities of people, LIP's challenge factors, from joints, as its own lists are not published.

    Parameters
    ----------
    truth : (I, 16, 3)
        x, y and COCO visibility.

    Returns
    -------
    dict of str to (I,) bool
        - occlusion: some joint is occluded.
        - full_body: a joint of the head and an ankle are labelled.
        - upper_body: a joint of the head is labelled, but no knee and no ankle.
        - lower_body: a knee or an ankle is labelled, but no joint of the head or an arm.
        - head_missing: some joint is labelled, but none of the head.

    Notes
    -----
    Back views cannot be recognised from joints. The paper's numbers rest on lists made by people.
    """
    check_shape("truth", truth, (None, NUM_LIP_JOINTS, 3))
    visibility = truth[..., 2]
    head = (visibility[:, _HEAD_JOINTS] > 0).any(1)
    ankles = (visibility[:, [LipJoint.LEFT_ANKLE, LipJoint.RIGHT_ANKLE]] > 0).any(1)
    legs = (visibility[:, _LOWER_JOINTS] > 0).any(1)
    arms = (visibility[:, _UPPER_JOINTS] > 0).any(1)
    return {
        "occlusion": (visibility == 1).any(1),
        "full_body": head & ankles,
        "upper_body": head & ~legs,
        "lower_body": legs & ~head & ~arms,
        "head_missing": (visibility > 0).any(1) & ~head,
    }
