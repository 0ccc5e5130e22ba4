"""The audit of one photo: the networks see the labelled people and those whom the detector finds besides."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from posepart.arrays import Float32, Float64, Index, in_batches
from posepart.audit.bones import bone_prices
from posepart.audit.energies import best_exchange, pose_energies
from posepart.audit.findings import Finding
from posepart.data.sample import Sample
from posepart.geometry.boxes import box_coverage, box_iou
from posepart.metrics.people import LabelledPeople, PredictedPeople
from posepart.metrics.similarity import object_keypoint_similarity
from posepart.pipeline import Pipeline, Trace
from posepart.schema import JOINT_NAMES, POSEPART
from posepart.stages.candidates import propose
from posepart.stages.crf import CrfAssembler
from posepart.stages.crops import crop_boxes
from posepart.stages.networks import FcnNetworks, part_maps, pose_maps, to_batch
from posepart.structures import Evidence, PersonBoxes, PoseMaps

LEAST_JOINTS = 6  # a pose of fewer says little
FOUND_IOU = 0.3  # a detection that overlaps a label this much is the label's person
COVERED = 0.5  # a detection of which this share lies in a label or an ignore box is explained by it
SURE_BOX = 0.8  # score of a detection that is worth a doubt
SURE_POSE = 0.6  # confidence of a pose that is worth one
FAR = 0.15  # of the root of the box's area: a joint that is farther from its prediction is named
WORST_BONE = 1.0  # nats; bones that cost more are named


@dataclass(frozen=True)
class Seen:
    """What the networks say about the people of a photo."""

    maps: tuple[PoseMaps, ...]  # of each crop: labelled people with a box first, then those without a label
    trace: Trace


def audit_photo(sample: Sample, pipeline: Pipeline) -> list[Finding]:
    """All doubts about a photo.

    Parameters
    ----------
    sample : Sample
        With our joints.
    pipeline : Pipeline

    Raises
    ------
    ValueError
        The photo cannot be read, the labels are in another schema, or the model has no CRF or no Pose FCN.
    """
    check_auditable(pipeline)
    if sample.schema != POSEPART:
        raise ValueError(f"{sample.image_path}: labels of {sample.schema.name} cannot be audited")
    image = sample.read_image()
    with pipeline.turn:
        detected = pipeline.detector(image)
    labelled = np.array([person.box for person in sample.people], np.float32).reshape(-1, 4)
    strangers = _without_label(detected, labelled, sample)
    boxes = PersonBoxes(
        np.concatenate([labelled, strangers.xyxy]),
        np.concatenate([np.ones(len(labelled), np.float32), strangers.scores]),
    )
    seen = _look(image, boxes, pipeline)
    findings = [*_of_labels(sample, seen, pipeline), *_of_predictions(sample, seen)]
    if sample.boxes_complete:
        findings += _of_strangers(sample, seen, strangers)
    return findings


def check_auditable(pipeline: Pipeline) -> None:
    """Refuse a model without the networks whose energies the audit compares.

    Raises
    ------
    ValueError
    """
    if not (isinstance(pipeline.networks, FcnNetworks) and isinstance(pipeline.assembler, CrfAssembler)):
        raise ValueError(f"{pipeline.name}: an audit needs a model with a Pose FCN and a CRF, as posepart-s")


def _without_label(detected: PersonBoxes, labelled: Float32, sample: Sample) -> PersonBoxes:
    """The detections that no label and no ignore box explains."""
    regions = np.concatenate([labelled, sample.ignore_boxes.reshape(-1, 4)]).astype(np.float64)
    boxes = detected.xyxy.astype(np.float64)
    if len(regions) and len(boxes):
        known = (box_iou(boxes, regions).max(axis=1) > FOUND_IOU) | (
            box_coverage(boxes, regions).max(axis=1) > COVERED
        )
    else:
        known = np.zeros(len(boxes), bool)
    chosen = ~known & (detected.scores >= SURE_BOX)
    return PersonBoxes(detected.xyxy[chosen], detected.scores[chosen])


def _look(image: np.ndarray, boxes: PersonBoxes, pipeline: Pipeline) -> Seen:
    """Networks and the stages after them on these boxes, with the joint maps kept."""
    networks, config = pipeline.networks, pipeline.config
    assert isinstance(networks, FcnNetworks)
    maps: list[PoseMaps] = []
    evidence: list[Evidence] = []
    for crops in in_batches(crop_boxes(image, boxes, config.crop), config.batch_size):
        with pipeline.turn:
            batch = to_batch(crops, networks.device)
            joints = pose_maps(networks.pose, batch, config.mirror_pose, config.upright_pose)
            parts = part_maps(networks.part, batch, config.part_scales)
        maps += joints
        evidence += [
            Evidence(crop, propose(pose, config.candidates), own)
            for crop, pose, own in zip(crops, joints, parts, strict=True)
        ]
    return Seen(tuple(maps), pipeline.conclude(evidence, (image.shape[0], image.shape[1])))


def _of_labels(sample: Sample, seen: Seen, pipeline: Pipeline) -> Iterator[Finding]:
    parts = sample.read_parts()
    for index, person in enumerate(sample.people):
        joints = person.joints
        if joints is None or (joints[:, 2] > 0).sum() < LEAST_JOINTS:
            continue
        doubt = _of_pose(sample, index, joints, seen, pipeline)
        if doubt is not None:
            yield doubt
        if parts is not None:
            prices = bone_prices(joints[:, :2], joints[:, 2] == 2, parts)
            if sum(prices.values()) > 0:
                bad = _named(prices)
                yield Finding("parts", sum(prices.values()), sample, index + 1, person.box, bad, joints, None)


def _of_pose(sample: Sample, index: int, joints: Float32, seen: Seen, pipeline: Pipeline) -> Finding | None:
    """The larger of two doubts: sides that are exchanged, and joints that the model sees elsewhere."""
    assembler, evidence, maps = pipeline.assembler, seen.trace.evidence[index], seen.maps[index]
    assert isinstance(assembler, CrfAssembler)
    person, present = sample.people[index], joints[:, 2] > 0
    xy_crop = evidence.crop.affine.forward(joints[:, :2])
    exchange = best_exchange(xy_crop, present, maps, evidence.parts, assembler)
    found, far, price = _prediction_of(joints, index, person.box, seen), np.zeros(0, np.int64), 0.0
    if found is not None:
        far = _far_joints(joints, found, person.box)
        moved = joints[:, :2].copy()
        moved[far] = found[far, :2]
        poses = np.stack([xy_crop, evidence.crop.affine.forward(moved)])
        energies = pose_energies(poses, present, maps, evidence.parts, assembler)
        price = float(energies[0] - energies[1])
    if exchange.pairs and exchange.price >= price / 2:
        words = ", ".join(f"{name}s" for name in exchange.pairs)
        instead = joints[exchange.joints]
        return Finding("sides", exchange.price, sample, index + 1, person.box, words, joints, instead)
    if price > 0 and len(far):
        words = ", ".join(JOINT_NAMES[k].replace("_", " ") for k in far)
        return Finding("joints", price, sample, index + 1, person.box, words, joints, found)
    return None


def _prediction_of(joints: Float32, index: int, box: Float32, seen: Seen) -> Float32 | None:
    """The person from a label's crop who is most like the label, (14, 3); None if nobody was found there."""
    found = zip(seen.trace.scene.people, seen.trace.sources, strict=True)
    people = [person for person, source in found if source.crop == index]
    if not people:
        return None
    predicted = PredictedPeople(
        np.stack([p.pose.xy for p in people]).astype(np.float64),
        np.stack([p.pose.joint_scores for p in people]).astype(np.float64),
        np.stack([p.box for p in people]).astype(np.float64),
        np.ones(len(people)),
        np.ones(len(people)),
    )
    truth = LabelledPeople.from_joints(joints[None], np.asarray(box, np.float64)[None])
    similarity: Float64 = object_keypoint_similarity(predicted, truth)[:, 0]
    similarity = similarity + box_iou(predicted.boxes, truth.boxes)[:, 0]
    best = int(similarity.argmax())
    pose = people[best].pose
    return np.concatenate([pose.xy, 2.0 * pose.present[:, None]], axis=1).astype(np.float32)


def _far_joints(joints: Float32, found: Float32, box: Float32) -> Index:
    """The joints of a label that are far from where they were found, the farthest first."""
    scale = float(np.sqrt(max(1.0, (box[2] - box[0]) * (box[3] - box[1]))))
    apart = np.linalg.norm(joints[:, :2] - found[:, :2], axis=1) / scale
    apart[(joints[:, 2] == 0) | (found[:, 2] == 0)] = 0
    return np.array([k for k in np.argsort(-apart) if apart[k] > FAR], np.int64)


def _named(prices: dict[str, float]) -> str:
    worst = sorted((bone for bone in prices if prices[bone] > WORST_BONE), key=lambda bone: -prices[bone])
    return ", ".join(worst) or "no single bone much"


def _of_predictions(sample: Sample, seen: Seen) -> Iterator[Finding]:
    """Predicted people whose bones lie on pixels of other parts."""
    scene = seen.trace.scene
    for person in scene.people:
        pose = person.pose
        prices = bone_prices(pose.xy, pose.present, scene.part_map)
        if sum(prices.values()) > 0:
            joints = np.concatenate([pose.xy, 2.0 * pose.present[:, None]], axis=1).astype(np.float32)
            price = sum(prices.values())
            yield Finding("prediction", price, sample, 0, person.box, _named(prices), None, joints)


def _of_strangers(sample: Sample, seen: Seen, strangers: PersonBoxes) -> Iterator[Finding]:
    """People whom detector and CRF are sure of, and whom nobody labelled; the price is what their pose gains."""
    first = len(seen.maps) - len(strangers)
    for person, source in zip(seen.trace.scene.people, seen.trace.sources, strict=True):
        sure = person.confidence is None or person.confidence >= SURE_POSE
        if source.crop >= first and sure and person.pose.present.sum() >= LEAST_JOINTS:
            joints = np.concatenate([person.pose.xy, 2.0 * person.pose.present[:, None]], axis=1)
            words = f"box {person.box_score:.2f}, {int(person.pose.present.sum())} joints"
            price = float(person.box_score * -min(0.0, person.certificate.energy))
            yield Finding("missing", price, sample, 0, person.box, words, None, joints.astype(np.float32))
