"""Part IoU, PCK and PCKh of a network on the crops of labelled boxes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from posepart.config import CropConfig
from posepart.data.augment import warp_labels
from posepart.data.person_crops import crop_labels
from posepart.data.sample import Sample, schema_of
from posepart.metrics.bootstrap import Score
from posepart.metrics.pck import (
    PCK_FRACTION,
    PCKH_FRACTION,
    JointCounts,
    count_joints,
    head_lengths,
    pooled_rate,
    torso_diameters,
)
from posepart.metrics.people import LabelledPeople
from posepart.metrics.segmentation import confusion_matrix, pooled_scores
from posepart.models.backbones import normalise
from posepart.schema import LIMB_JOINTS, POSEPART, BodySchema, Part
from posepart.stages.crops import box_affine
from posepart.training.part import upsampled_argmax

KEPT = (
    1 << 30
)  # bytes of crops that are kept from one evaluation to the next; more are cropped anew each time
PCK = "0.2 x torso diameter, 12 limb joints"


@dataclass(frozen=True)
class CropPrediction:
    """What a network predicts for B crops."""

    parsing: NDArray | None  # (B, C, h, w), scores of the labels; None if the network predicts joints only
    xy: NDArray | None = None  # (B, J, 2), joints in the crop frame; None if the network predicts parts only


@dataclass(frozen=True)
class _View:
    """The crop of a labelled person."""

    photo: int  # index of the photo
    origin: str  # of the joints' labels
    image: NDArray[np.uint8]  # (S, S, 3)
    labels: NDArray[np.uint8] | None  # (S, S), part ids
    joints: NDArray[np.float32]  # (J, 3), crop frame; third column 1 where labelled, else 0
    head_size: float  # crop px, of PCKh where the data set gives it, else 0


class CropEvaluation:
    """Scores of a network on every labelled person of a set of photos of one schema, with given boxes.

    In our schema joints are judged by PCK and PCKh, in any other by PCKh on the joints that its total pools.
    """

    def __init__(self, samples: Sequence[Sample], crop: CropConfig, stride: int = 4) -> None:
        self.photos = len(samples)
        self.schema = schema_of(samples)
        self.samples, self.crop, self.stride = samples, crop, stride
        self.index = [
            (photo, p)
            for photo, sample in enumerate(samples)
            for p, person in enumerate(sample.people)
            if sample.part_path is not None or person.joints is not None
        ]
        keeps = len(self.index) * 4 * crop.size**2 <= KEPT
        self.kept = [self._view(*place) for place in self.index] if keeps else None

    def _view(self, photo: int, p: int) -> _View:
        sample, crop = self.samples[photo], self.crop
        person = sample.people[p]
        affine = box_affine(person.box, crop)
        seen = crop_labels(sample, p, affine, False, crop.size, self.stride)
        labels = sample.read_parts()
        if labels is not None:
            labels = warp_labels(labels, affine, crop.size, 1, Part.BACKGROUND)
        head = person.head_size * affine.scale
        return _View(photo, person.joints_from, seen["image"], labels, seen["joints"][0], head)

    def _views(self, start: int, count: int) -> list[_View]:
        if self.kept is not None:
            return self.kept[start : start + count]
        return [self._view(*place) for place in self.index[start : start + count]]

    @torch.inference_mode()
    def __call__(self, see: Callable[[Tensor], CropPrediction], batch: int = 16) -> tuple[Score, ...]:
        """Score a network.

        Parameters
        ----------
        see : callable
            (B, 3, S, S) float32 images in [-1, 1] -> what the network predicts.
        batch : int
            Crops predicted at once.

        Returns
        -------
        tuple of Score
            First that of the parts; if the network predicts joints, PCK and PCKh for every origin of joint labels.
        """
        labels = len(self.schema.labels)
        confusions = np.zeros((self.photos, labels, labels), np.int64)
        joints: dict[tuple[str, str], JointCounts] = {}
        for start in range(0, len(self.index), batch):
            views = self._views(start, batch)
            images = np.stack([view.image.transpose(2, 0, 1) for view in views])
            seen = see(normalise(torch.from_numpy(images)))
            for row, view in enumerate(views):
                if view.labels is not None and seen.parsing is not None:
                    found = upsampled_argmax(seen.parsing[row], view.labels.shape)
                    confusions[view.photo] += confusion_matrix(view.labels, found, labels)
                for counts in () if seen.xy is None else _judge(view, seen.xy[row], self.schema):
                    key = view.origin, counts.reference
                    nothing = JointCounts.empty(counts.reference, self.photos, len(self.schema.joints))
                    total = joints.setdefault(key, nothing)
                    total.right[view.photo] += counts.right[0]
                    total.counted[view.photo] += counts.counted[0]
        named = sorted(joints.items(), key=lambda item: item[0])
        scored = (_joint_score(origin, counts, self.schema) for (origin, _), counts in named)
        return (_part_score(confusions), *scored)


def values_of(scores: Sequence[Score]) -> dict[str, float]:
    """The value of every score that has samples, by name, for logs and cards."""
    return {
        score.name: float(score.statistic(np.ones(score.photos, np.int64)))
        for score in scores
        if score.samples
    }


def _judge(view: _View, xy: NDArray, schema: BodySchema) -> tuple[JointCounts, ...]:
    """Count the right joints of one person by PCK and by PCKh, every joint taken as found; empty without labels."""
    labelled = view.joints[None, :, 2] > 0
    truth = LabelledPeople(view.joints[None, :, :2].astype(np.float64), labelled, np.zeros((1, 4)))
    found = xy[None].astype(np.float64), np.ones(labelled.shape, bool)
    head = np.array([view.head_size]) if view.head_size else head_lengths(truth.xy, labelled, schema.head)
    judged = [count_joints(truth, *found, head, PCKH_FRACTION, pckh_reference(schema))]
    if schema == POSEPART:
        judged.insert(0, count_joints(truth, *found, torso_diameters(truth.xy, labelled), PCK_FRACTION, PCK))
    return tuple(counts for counts in judged if counts.counted.any())


def pckh_reference(schema: BodySchema) -> str:
    """The reference length of PCKh and the joints that it counts, in words."""
    top, neck = (schema.joints[joint].replace("_", " ") for joint in schema.head)
    return f"0.5 x {top}-{neck} distance, {len(schema.total_joints)} joints"


def _part_score(confusions: NDArray[np.int64]) -> Score:
    return Score(
        "part_miou",
        "pixels of the crops of labelled boxes",
        len(confusions),
        int(confusions.sum()),
        lambda weights: pooled_scores(confusions, weights).miou,
    )


def _joint_score(origin: str, counts: JointCounts, schema: BodySchema) -> Score:
    name, joints = ("pck", LIMB_JOINTS) if counts.reference == PCK else ("pckh", schema.total_joints)
    return Score(
        f"{name}_{origin}",
        f"labelled joints, {counts.reference}, boxes given",
        len(counts.right),
        int(counts.counted[:, list(joints)].sum()),
        lambda weights: pooled_rate(counts, joints, weights),
    )
