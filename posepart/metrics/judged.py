"""A labelled photo compared with its result, reduced to what the metrics need."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posepart.arrays import Float64, Index, Mask
from posepart.data.sample import Sample
from posepart.metrics.instance_parsing import ParsingRecords, PeopleParts, judge_parsing
from posepart.metrics.pck import match_people
from posepart.metrics.people import LabelledPeople, PredictedPeople
from posepart.metrics.segmentation import (
    SIZE_EDGES,
    confusion_by_size,
    confusion_matrix,
    segmentation_scores,
)
from posepart.metrics.similarity import object_keypoint_similarity
from posepart.schema import LIMB_JOINTS, NUM_JOINTS
from posepart.structures import Scene

ORIGINS = ("human", "exact", "teacher")  # who made the joint labels: people, a generator, a network
EXACT_ORIGINS = ("human", "exact")  # joint labels that count as the truth


@dataclass(frozen=True)
class JudgedPhoto:
    """Ground truth and result of one photo; what concerns parts is None where their labels are missing."""

    source: str  # as in `Sample`
    truth: LabelledPeople  # N people
    joints_from: NDArray[np.str_]  # (N,), who made each person's joint labels
    predicted: PredictedPeople
    ignore_boxes: Float64  # (R, 4) xyxy
    boxes_complete: bool  # as in `Sample`
    confusion: Index | None  # (7, 7), pixels by true and predicted part
    by_size: Index | None  # (4, 7, 7), the same by the size of the person
    parsing: ParsingRecords | None  # judged instance parts
    parts_from: str  # as in `Sample`
    size_edges: tuple[float, ...] = SIZE_EDGES  # px, of `by_size`; see `segmentation.size_bucket`

    def people_from(self, *origins: str) -> Mask:
        """(N,) bool: people whose joint labels have one of the given origins."""
        return np.isin(self.joints_from, origins)


def labelled_people(sample: Sample) -> LabelledPeople:
    """All people of a sample, those without joint labels included."""
    unlabelled = np.zeros((NUM_JOINTS, 3))
    joints = [unlabelled if p.joints is None else p.joints for p in sample.people]
    boxes = np.array([p.box for p in sample.people], dtype=np.float64).reshape(-1, 4)
    return LabelledPeople.from_joints(np.reshape(joints, (-1, NUM_JOINTS, 3)), boxes)


def predicted_people(scene: Scene) -> PredictedPeople:
    """All people of a result."""
    people = scene.people
    return PredictedPeople(
        np.array([p.pose.xy for p in people], dtype=np.float64).reshape(-1, NUM_JOINTS, 2),
        np.array([p.pose.joint_scores for p in people], dtype=np.float64).reshape(-1, NUM_JOINTS),
        np.array([p.box for p in people], dtype=np.float64).reshape(-1, 4),
        np.array([p.box_score for p in people], dtype=np.float64),
        np.array([p.pose.log_score for p in people], dtype=np.float64),
    )


def judge(
    sample: Sample, scene: Scene, parts: bool = True, edges: Sequence[float] = SIZE_EDGES
) -> JudgedPhoto:
    """Compare a result with its sample, whose label maps are read.

    Parameters
    ----------
    sample : Sample
    scene : Scene
    parts : bool
        Whether the result has part maps; without them the parts of the photo are not judged.
    edges : sequence of float
        px, the three edges between the sizes of people (Table 4), see `segmentation.size_bucket`.

    Raises
    ------
    ValueError
        The result is of another size than the sample, or the part map has unknown ids.
    """
    if scene.size != (sample.width, sample.height):
        raise ValueError(
            f"{sample.image_path.name}: the labels are for {sample.width} x {sample.height} px, the result for "
            f"{scene.size[0]} x {scene.size[1]}: results are never resized, so predict the photo that was labelled"
        )
    try:
        judged = _judge_parts(sample, scene, tuple(edges)) if parts else (None, None, None)
    except ValueError as error:
        raise ValueError(f"{sample.part_path}: {error}") from error
    return JudgedPhoto(
        sample.source,
        labelled_people(sample),
        np.array([p.joints_from for p in sample.people], dtype=np.str_),
        predicted_people(scene),
        np.asarray(sample.ignore_boxes, dtype=np.float64).reshape(-1, 4),
        sample.boxes_complete,
        *judged,
        sample.parts_from,
        tuple(edges),
    )


def pose_similarity(photo: JudgedPhoto) -> float:
    """How well the poses of a photo were found, to sort photos by: the mean OKS of its people, 12 limb joints.

    It counts people with human or exact joints, and matches them to predictions one to one; a person without a
    prediction counts 0. nan without such people.
    """
    counted = photo.people_from(*EXACT_ORIGINS) & photo.truth.labelled[:, list(LIMB_JOINTS)].any(axis=1)
    if not counted.any():
        return float("nan")
    similarity = object_keypoint_similarity(photo.predicted, photo.truth.select(counted), LIMB_JOINTS)
    matches = match_people(similarity)
    found = np.flatnonzero(matches >= 0)
    return float(similarity[matches[found], found].sum()) / len(matches)


def part_similarity(photo: JudgedPhoto) -> float:
    """How well the parts of a photo were found: the mIoU of its classes; nan without labelled pixels."""
    return float("nan") if photo.confusion is None else segmentation_scores(photo.confusion).miou


def _judge_parts(
    sample: Sample, scene: Scene, edges: tuple[float, ...]
) -> tuple[Index | None, Index | None, ParsingRecords | None]:
    parts, instances = sample.read_parts(), sample.read_instances()
    if parts is None:
        return None, None, None
    confusion = confusion_matrix(parts, scene.part_map)
    boxes = labelled_people(sample).boxes
    values = np.array([p.instance for p in sample.people], dtype=np.int64)
    if instances is None or not values.all():
        return confusion, confusion_by_size(parts, scene.part_map, boxes, edges=edges), None
    by_size = confusion_by_size(parts, scene.part_map, boxes, instances, values, edges)
    people = np.zeros(parts.shape, dtype=np.int64)
    for index, value in enumerate(values):
        people[instances == value] = index + 1
    scores = np.array([p.box_score for p in scene.people], dtype=np.float64)
    found = PeopleParts(scene.part_map, scene.person_map, scores)
    return confusion, by_size, judge_parsing(found, PeopleParts(parts, people, np.ones(len(values))))
