"""The records that scores, tables and figures of a set of photos are computed from: judged boxes, joints, parts.

In photos "with complete boxes" everybody is labelled, so that a detection without a label is certainly false.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from posepart.arrays import Float64, Index, Mask
from posepart.metrics.adk import JointDistances, measure_distances, merge_distances
from posepart.metrics.average_precision import Detections, merge_detections
from posepart.metrics.coco_matching import COCO_THRESHOLDS, match_boxes
from posepart.metrics.instance_parsing import ParsingRecords, merge_parsing
from posepart.metrics.judged import EXACT_ORIGINS, JudgedPhoto
from posepart.metrics.pck import (
    PCK_FRACTION,
    aligned_joints,
    head_lengths,
    match_people,
    relative_errors,
    right_joints,
    torso_diameters,
)
from posepart.metrics.pose_average_precision import Matching, judge_joints
from posepart.metrics.segmentation import SIZE_NAMES
from posepart.metrics.similarity import object_keypoint_similarity
from posepart.schema import FLIP_JOINTS, LIMB_JOINTS, NUM_JOINTS, NUM_PARTS


def judged_boxes(photos: Sequence[JudgedPhoto]) -> Detections:
    """Judge person boxes at `COCO_THRESHOLDS`, on photos with complete boxes."""
    judged = [
        match_boxes(p.predicted.boxes, p.predicted.box_scores, p.truth.boxes, p.ignore_boxes)
        for p in photos
        if p.boxes_complete
    ]
    return merge_detections([Detections.empty(1, len(COCO_THRESHOLDS)), *judged])


def judged_joints(photos: Sequence[JudgedPhoto], matching: Matching = "pckh") -> Detections:
    """Judge joints for the paper's mAP, on photos with complete boxes and human or exact joints."""
    judged = [Detections.empty(NUM_JOINTS)]
    for photo in _with_exact_poses(photos):
        lengths = head_lengths(photo.truth.xy, photo.truth.labelled)
        sizes = np.where(photo.people_from(*EXACT_ORIGINS), lengths, np.nan)
        judged.append(judge_joints(photo.predicted, photo.truth, sizes, matching, photo.ignore_boxes))
    return merge_detections(judged)


def measured_distances(photos: Sequence[JudgedPhoto]) -> JointDistances:
    """Measure distances for the paper's ADK, on the photos of `judged_joints`."""
    return merge_distances(
        [
            measure_distances(p.predicted, p.truth.select(p.people_from(*EXACT_ORIGINS)))
            for p in _with_exact_poses(photos)
        ]
    )


def _with_exact_poses(photos: Sequence[JudgedPhoto]) -> list[JudgedPhoto]:
    return [p for p in photos if p.boxes_complete and p.people_from(*EXACT_ORIGINS).any()]


@dataclass(frozen=True)
class EndToEndJoints:
    """Joints of the N labelled people of one photo, judged on the prediction matched to each person."""

    right: Mask  # (N, 14), limb joints only
    unmirrored: (
        Mask  # as `right`, with a person's left and right exchanged where that makes more joints right
    )
    counted: Mask  # (N, 14), limb joints only
    scores: Float64  # (N, 14), of the prediction, 0 where it lacks the joint
    errors: (
        Float64  # (N, 14), torso diameters; inf where the joint was not found, nan where it is not labelled
    )


def judge_end_to_end(photo: JudgedPhoto) -> EndToEndJoints:
    """Judge the joints of a photo; predictions are matched to people one to one, highest OKS first."""
    labelled = np.asarray(photo.truth.labelled[:, list(LIMB_JOINTS)].any(axis=1))
    truth = photo.truth.select(labelled)
    matches = np.full(len(labelled), -1, dtype=np.int64)
    matches[labelled] = match_people(object_keypoint_similarity(photo.predicted, truth, LIMB_JOINTS))
    xy, present = aligned_joints(photo.predicted, matches)
    lengths = torso_diameters(photo.truth.xy, photo.truth.labelled)
    limbs = np.isin(np.arange(NUM_JOINTS), LIMB_JOINTS)
    right, counted = right_joints(photo.truth, xy, present, lengths, PCK_FRACTION)
    sides = list(FLIP_JOINTS)
    exchanged, _ = right_joints(photo.truth, xy[:, sides], present[:, sides], lengths, PCK_FRACTION)
    mirrored = (exchanged & limbs).sum(axis=1) > (right & limbs).sum(axis=1)
    unmirrored = np.where(mirrored[:, None], exchanged, right)
    scores = np.zeros(counted.shape)
    scores[matches >= 0] = photo.predicted.joint_scores[matches[matches >= 0]]
    errors = relative_errors(photo.truth, xy, present, lengths)
    scores = np.where(present, scores, 0.0)
    return EndToEndJoints(right & limbs, unmirrored & limbs, counted & limbs, scores, errors)


def joint_errors(photos: Sequence[JudgedPhoto]) -> Float64:
    """Collect the errors of all people with human or exact joints, (N, 14) as in `EndToEndJoints`."""
    errors = [judge_end_to_end(p).errors[p.people_from(*EXACT_ORIGINS)] for p in photos]
    return np.concatenate([np.zeros((0, NUM_JOINTS)), *errors])


@dataclass(frozen=True)
class ScoredJoints:
    """Scores and outcomes of the S joints that were found, of people with human or exact joints."""

    photos: int
    images: Index  # (S,) in 0..photos-1
    scores: Float64  # (S,)
    right: Mask  # (S,), within 0.2 x torso diameter


def scored_joints(photos: Sequence[JudgedPhoto]) -> ScoredJoints:
    """Collect the joints on which the calibration of joint scores is measured."""
    images, scores, right = [np.zeros(0, np.int64)], [np.zeros(0)], [np.zeros(0, bool)]
    chosen = [p for p in photos if p.people_from(*EXACT_ORIGINS).any()]
    for index, photo in enumerate(chosen):
        joints = judge_end_to_end(photo)
        used = joints.counted & (joints.scores > 0) & photo.people_from(*EXACT_ORIGINS)[:, None]
        images.append(np.full(int(used.sum()), index, dtype=np.int64))
        scores.append(joints.scores[used])
        right.append(joints.right[used])
    return ScoredJoints(len(chosen), np.concatenate(images), np.concatenate(scores), np.concatenate(right))


def part_confusions(photos: Sequence[JudgedPhoto], origin: str | None = None) -> Index:
    """(I, 7, 7) confusion matrices of the photos with part maps, or of those whose maps have one origin."""
    chosen = [
        p.confusion for p in photos if p.confusion is not None and (origin is None or p.parts_from == origin)
    ]
    return np.array(chosen, dtype=np.int64).reshape(-1, NUM_PARTS, NUM_PARTS)


def size_confusions(photos: Sequence[JudgedPhoto]) -> Index:
    """(I, 4, 7, 7) confusion matrices of the photos with part maps, by the size of the person."""
    chosen = [p.by_size for p in photos if p.by_size is not None]
    return np.array(chosen, dtype=np.int64).reshape(-1, len(SIZE_NAMES), NUM_PARTS, NUM_PARTS)


def parsing_records(photos: Sequence[JudgedPhoto]) -> ParsingRecords:
    """Join the judged instance parts of photos with complete boxes in which everybody has an instance mask."""
    return merge_parsing([p.parsing for p in photos if p.parsing is not None and p.boxes_complete])
