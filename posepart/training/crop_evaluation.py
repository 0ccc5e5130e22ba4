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
from posepart.data.sample import Sample
from posepart.metrics.bootstrap import Score
from posepart.metrics.pck import JointCounts, count_joints, head_lengths, pooled_rate, torso_diameters
from posepart.metrics.people import LabelledPeople
from posepart.metrics.segmentation import confusion_matrix, pooled_scores
from posepart.models.backbones import normalise
from posepart.schema import LIMB_JOINTS, NUM_JOINTS, NUM_PARTS, Joint, Part
from posepart.stages.crops import box_affine
from posepart.training.part import upsampled_argmax

PCK, PCKH = "0.2 x torso diameter, 12 limb joints", "0.5 x forehead-neck distance, 14 joints"


@dataclass(frozen=True)
class CropPrediction:
    """What a network predicts for B crops."""

    parsing: NDArray | None  # (B, 7, h, w), scores of the parts; None if the network predicts joints only
    xy: NDArray | None = None  # (B, 14, 2), joints in the crop frame; None if the network predicts parts only


@dataclass(frozen=True)
class _View:
    """The crop of a labelled person."""

    photo: int  # index of the photo
    origin: str  # of the joints' labels
    image: NDArray[np.uint8]  # (S, S, 3)
    labels: NDArray[np.uint8] | None  # (S, S), part ids
    joints: NDArray[np.float32]  # (14, 3), crop frame; third column 1 where labelled, else 0


class CropEvaluation:
    """Scores of a network on every labelled person of a set of photos, with given boxes."""

    def __init__(self, samples: Sequence[Sample], crop: CropConfig, stride: int = 4) -> None:
        self.photos = len(samples)
        self.views: list[_View] = []
        for photo, sample in enumerate(samples):
            parts = sample.read_parts()
            for p, person in enumerate(sample.people):
                if parts is not None or person.joints is not None:
                    affine = box_affine(person.box, crop)
                    seen = crop_labels(sample, p, affine, False, crop.size, stride)
                    labels = parts
                    if parts is not None:
                        labels = warp_labels(parts, affine, crop.size, 1, Part.BACKGROUND)
                    joints = seen["joints"][0]
                    self.views.append(_View(photo, person.joints_from, seen["image"], labels, joints))

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
        confusions = np.zeros((self.photos, NUM_PARTS, NUM_PARTS), np.int64)
        joints: dict[tuple[str, str], JointCounts] = {}
        for start in range(0, len(self.views), batch):
            views = self.views[start : start + batch]
            images = np.stack([view.image.transpose(2, 0, 1) for view in views])
            seen = see(normalise(torch.from_numpy(images)))
            for row, view in enumerate(views):
                if view.labels is not None and seen.parsing is not None:
                    found = upsampled_argmax(seen.parsing[row], view.labels.shape)
                    confusions[view.photo] += confusion_matrix(view.labels, found)
                for counts in () if seen.xy is None else _judge(view, seen.xy[row]):
                    key = view.origin, counts.reference
                    total = joints.setdefault(key, self._nothing(counts.reference))
                    total.right[view.photo] += counts.right[0]
                    total.counted[view.photo] += counts.counted[0]
        named = sorted(joints.items(), key=lambda item: item[0])
        return (_part_score(confusions), *(_joint_score(origin, counts) for (origin, _), counts in named))

    def _nothing(self, reference: str) -> JointCounts:
        """Counts of zero for every photo."""
        shape = self.photos, NUM_JOINTS
        return JointCounts(np.zeros(shape, np.int64), np.zeros(shape, np.int64), reference)


def values_of(scores: Sequence[Score]) -> dict[str, float]:
    """The value of every score that has samples, by name, for logs and cards."""
    return {
        score.name: float(score.statistic(np.ones(score.photos, np.int64)))
        for score in scores
        if score.samples
    }


def _judge(view: _View, xy: NDArray) -> tuple[JointCounts, ...]:
    """Count the right joints of one person by PCK and by PCKh, every joint taken as found; empty without labels."""
    labelled = view.joints[None, :, 2] > 0
    truth = LabelledPeople(view.joints[None, :, :2].astype(np.float64), labelled, np.zeros((1, 4)))
    found = xy[None].astype(np.float64), np.ones((1, NUM_JOINTS), bool)
    torso, head = torso_diameters(truth.xy, labelled), head_lengths(truth.xy, labelled)
    judged = (
        count_joints(truth, *found, torso, 0.2, PCK),
        count_joints(truth, *found, head, 0.5, PCKH),
    )
    return tuple(counts for counts in judged if counts.counted.any())


def _part_score(confusions: NDArray[np.int64]) -> Score:
    return Score(
        "part_miou",
        "pixels of the crops of labelled boxes",
        len(confusions),
        int(confusions.sum()),
        lambda weights: pooled_scores(confusions, weights).miou,
    )


def _joint_score(origin: str, counts: JointCounts) -> Score:
    name, joints = ("pck", LIMB_JOINTS) if counts.reference == PCK else ("pckh", tuple(Joint))
    return Score(
        f"{name}_{origin}",
        f"labelled joints, {counts.reference}, boxes given",
        len(counts.right),
        int(counts.counted[:, list(joints)].sum()),
        lambda weights: pooled_rate(counts, joints, weights),
    )
