"""From the poses of a crop to people of the photo: those of its box, and further ones with a box of their own."""

from dataclasses import replace

import numpy as np

from posepart.arrays import Float32
from posepart.geometry.frames import Affine
from posepart.stages.crf import pose_extent
from posepart.structures import Certificate, Person, Pose


def boxed_person(pose: Pose, affine: Affine, box: Float32, score: float, certificate: Certificate) -> Person:
    """The person of a detector's box.

    Parameters
    ----------
    pose : Pose in the crop frame
    affine : photo -> crop
    box : (4,) float32 xyxy, photo frame
    score : of the box
    certificate : of the crop's CRF
    """
    xy = np.where(pose.present[:, None], affine.inverse(pose.xy), 0).astype(np.float32)
    return Person(replace(pose, xy=xy), box, score, certificate)


def further_person(
    pose: Pose,
    affine: Affine,
    score: float,
    certificate: Certificate,
    photo_shape: tuple[int, int],
    margin: float,
) -> Person:
    """Another person of a crop: the box is the pose's extent, the score its mean joint's times `score`.

    Parameters
    ----------
    pose, affine, certificate : as for `boxed_person`
    score : of the crop's own box
    photo_shape : (H, W)
    margin : of the pose's longer side, see `crf.pose_extent`
    """
    extent = pose_extent(affine.inverse(pose.xy[pose.present]), margin)
    box = np.clip(extent, 0, [photo_shape[1], photo_shape[0]] * 2).astype(np.float32)
    return boxed_person(pose, affine, box, score * float(pose.joint_scores[pose.present].mean()), certificate)
