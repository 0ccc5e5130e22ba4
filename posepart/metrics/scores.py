"""The scores of a set of photos, by family, each as a function of how often every photo counts.

Measured end to end, on what `posepart predict` returns. Values are shares in [0, 1] unless the name or the
description of the score says otherwise.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from posepart.arrays import Index, Mask
from posepart.metrics.adk import average_distance
from posepart.metrics.average_precision import (
    Detections,
    at_threshold,
    average_precision,
    merge_detections,
    operating_point,
)
from posepart.metrics.bootstrap import Score, Statistic
from posepart.metrics.calibration import expected_calibration_error
from posepart.metrics.coco_matching import COCO_THRESHOLDS, coco_average_precision, match_poses
from posepart.metrics.collect import (
    ScoredJoints,
    judge_end_to_end,
    judged_boxes,
    judged_joints,
    measured_distances,
    scored_joints,
)
from posepart.metrics.judged import EXACT_ORIGINS, ORIGINS, JudgedPhoto
from posepart.metrics.part_scores import instance_scores, part_scores, size_scores
from posepart.metrics.pck import JointCounts, merge_counts, pooled_rate
from posepart.metrics.pose_average_precision import Matching, pose_average_precision
from posepart.schema import LIMB_JOINTS


def scores_of(photos: Sequence[JudgedPhoto]) -> tuple[Score, ...]:
    """Collect all scores of the photos, also those without a sample, which are nan."""
    families = (
        box_scores,
        people_free_scores,
        pck_scores,
        oks_scores,
        pose_scores,
        part_scores,
        size_scores,
        instance_scores,
    )
    return tuple(score for family in families for score in family(photos))


def box_scores(photos: Sequence[JudgedPhoto]) -> Iterator[Score]:
    """Scores of person boxes, on photos in which everybody has one."""
    judged = judged_boxes(photos)
    at_half = at_threshold(judged, 0)
    where = "people of photos with complete boxes, ignore regions left out"
    statistics: dict[str, tuple[str, Statistic]] = {
        "box_ap50": ("", lambda w: float(average_precision(at_half, w, "coco")[0, 0])),
        "box_ap": ("mean over IoU 0.5 to 0.95, ", lambda w: coco_average_precision(judged, w)["ap"]),
        "box_recall": ("IoU 0.5, all reported, ", lambda w: operating_point(at_half, weights=w).recall),
        "false_people_per_photo": (
            "reported without a match at IoU 0.5, ",
            lambda w: operating_point(at_half, weights=w).false_per_photo,
        ),
    }
    samples = int(judged.positives.sum())
    for name, (what, statistic) in statistics.items():
        yield Score(name, what + where, len(judged.positives), samples, statistic)


def people_free_scores(photos: Sequence[JudgedPhoto]) -> Iterator[Score]:
    """The share of photos without people in which nobody is reported."""
    free = [p for p in photos if p.boxes_complete and not len(p.truth) and not len(p.ignore_boxes)]
    right = np.array([len(p.predicted) == 0 for p in free], dtype=np.float64)
    yield Score(
        "people_free_photos_right",
        "photos without people or ignore regions in which nobody is reported",
        len(free),
        len(free),
        lambda w: float(np.average(right, weights=w)) if len(right) else float("nan"),
    )


def pck_scores(photos: Sequence[JudgedPhoto]) -> Iterator[Score]:
    """PCK@0.2 end to end, and the calibration error of joint scores.

    By the origin of the joints ("human", "exact", "teacher"), and by the source of the photos for people with human
    or exact joints: the scores by source are of the sources that the photos have. People are matched to predictions
    one to one, highest OKS first, and all joints of a person without a prediction are misses. In the scores called
    "unmirrored", left and right are exchanged in people who fit their labels better that way; the gap to the plain
    score is what is lost to people seen from the wrong side, by the prediction or by the label.
    """
    judged = [judge_end_to_end(p) for p in photos]
    reference = "0.2 x torso diameter, 12 limb joints, end to end"
    turned = f"{reference}, people's left and right exchanged where that fits better"
    for name, people in _groups_of_people(photos).items():
        chosen = [(j, who) for j, who in zip(judged, people, strict=True) if who.any()]
        yield _pck_score(name, _joint_counts([(j.right[w], j.counted[w]) for j, w in chosen], reference))
        counts = _joint_counts([(j.unmirrored[w], j.counted[w]) for j, w in chosen], turned)
        yield _pck_score(f"{name}_unmirrored", counts)
    yield _calibration_score(scored_joints(photos))


def _groups_of_people(photos: Sequence[JudgedPhoto]) -> dict[str, list[Mask]]:
    """Name of a PCK -> the people of each photo whom it counts."""
    exact = [p.people_from(*EXACT_ORIGINS) for p in photos]
    sources = sorted({p.source for p, people in zip(photos, exact, strict=True) if people.any()})
    return {
        f"pck_{source or 'unnamed'}": [
            people & (p.source == source) for p, people in zip(photos, exact, strict=True)
        ]
        for source in sources
    } | {f"pck_{origin}": [p.people_from(origin) for p in photos] for origin in ORIGINS}


def _joint_counts(judged: Sequence[tuple[Mask, Mask]], reference: str) -> JointCounts:
    """Count the (right, counted) joints of each photo."""
    photos = [JointCounts(r.sum(axis=0)[None], c.sum(axis=0)[None], reference) for r, c in judged]
    return merge_counts([JointCounts.empty(reference), *photos])


def _pck_score(name: str, counts: JointCounts) -> Score:
    def statistic(weights: Index) -> float:
        return pooled_rate(counts, LIMB_JOINTS, weights)

    samples = int(counts.counted.sum())
    return Score(name, f"labelled joints, {counts.reference}", len(counts.right), samples, statistic)


def _calibration_score(joints: ScoredJoints) -> Score:
    return Score(
        "joint_calibration_error",
        "joints of matched people, score against the share within 0.2 x torso diameter, lower is better",
        joints.photos,
        len(joints.scores),
        lambda w: expected_calibration_error(joints.scores, joints.right, weights=w[joints.images]),
    )


def oks_scores(photos: Sequence[JudgedPhoto]) -> Iterator[Score]:
    """OKS-AP over the 12 limb joints, on photos with several labelled people."""
    limbs = list(LIMB_JOINTS)
    judged = [Detections.empty(1, len(COCO_THRESHOLDS))]
    for photo in photos:
        counted = photo.people_from(*EXACT_ORIGINS) & photo.truth.labelled[:, limbs].any(axis=1)
        if counted.sum() >= 2:
            posed = photo.predicted.select(np.asarray(photo.predicted.present.any(axis=1)))
            regions = photo.ignore_boxes
            judged.append(match_poses(posed, photo.truth, counted=counted, ignore_regions=regions))
    poses = merge_detections(judged)
    at_half = at_threshold(poses, 0)
    counted_text = "people with human or exact joints on photos with at least two, 12 limb joints"
    photos_used, samples = len(poses.positives), int(poses.positives.sum())
    yield Score(
        "oks_ap", counted_text, photos_used, samples, lambda w: coco_average_precision(poses, w)["ap"]
    )
    yield Score(
        "oks_ap50",
        counted_text,
        photos_used,
        samples,
        lambda w: float(average_precision(at_half, w, "coco")[0, 0]),
    )


def pose_scores(photos: Sequence[JudgedPhoto]) -> Iterator[Score]:
    """The paper's mAP by both matchings, and ADK, on photos with complete boxes and human or exact joints."""
    matchings: dict[str, Matching] = {"pose_map_pckh": "pckh", "pose_map_pose_box": "pose_box"}
    for name, matching in matchings.items():
        yield _pose_map_score(name, judged_joints(photos, matching))
    distances = measured_distances(photos)
    yield Score(
        "adk",
        "mean distance in units of half the forehead-neck distance, lower is better",
        len(distances.total),
        int(distances.counted.sum()),
        lambda w: average_distance(distances, w).average,
    )


def _pose_map_score(name: str, joints: Detections) -> Score:
    return Score(
        name,
        "mean over 7 joint groups, hit within 0.5 x forehead-neck distance, photos with complete boxes",
        len(joints.positives),
        int(joints.positives.sum()),
        lambda w: pose_average_precision(joints, w).total,
    )
