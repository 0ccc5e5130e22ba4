"""Drawn people, and stand-in networks that see them without mistakes."""

from dataclasses import replace

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from helpers.scenes import STANDING
from posepart.config import PipelineConfig
from posepart.models.refine import RefineFCN
from posepart.pipeline import Pipeline
from posepart.schema import JOINT_PARTS, NEIGHBOURS, SKELETON, Joint, Part
from posepart.stages.crf import CrfAssembler
from posepart.stages.features import FEATURE_NAMES, OFFSET_FEATURES
from posepart.stages.networks import FcnNetworks
from posepart.stages.pairwise import PAIR_CLASS_NAMES, LogisticWeights, PairwiseModel, term_names
from posepart.stages.refinement import Refiner
from posepart.structures import PersonBoxes

PEOPLE = 3
CENTRES = (torch.arange(64) + 0.5) * 4 - 0.5


def figure(x: float, y: float, scale: float = 0.7) -> NDArray[np.float64]:
    """(14, 2) joints of a standing person, in the photo."""
    return np.round(np.array([STANDING[j] for j in Joint]) * scale + [x, y])


def draw(figures: list[NDArray[np.float64]], size: tuple[int, int] = (330, 190)) -> NDArray[np.uint8]:
    """Black photo (width, height) with squares of 7 px whose red tells the joint and whose green the person."""
    image = np.zeros((size[1], size[0], 3), np.uint8)
    for number, joints in enumerate(figures):
        for joint, (x, y) in enumerate(joints.astype(int)):
            image[y - 3 : y + 4, x - 3 : x + 4] = 10 + 16 * joint, 50 + 80 * number, 255
    return image


def boxes_of(figures: list[NDArray[np.float64]]) -> PersonBoxes:
    xyxy = [np.concatenate([j.min(0) - 6, j.max(0) + 6]) for j in figures]
    scores = 0.95 - 0.1 * np.arange(len(figures))
    return PersonBoxes(np.array(xyxy, np.float32).reshape(-1, 4), scores.astype(np.float32))


def seen(crop: Tensor) -> NDArray[np.float64]:
    """(PEOPLE, 14, 2) joints that a crop (3, S, S) in [-1, 1] shows, NaN where it does not."""
    red, green, blue = (crop.numpy() + 1) * 127.5
    found = np.full((PEOPLE, len(Joint), 2), np.nan)
    for number in range(PEOPLE):
        for joint in Joint:
            hit = (blue > 250) & (abs(red - 10 - 16 * joint) < 3) & (abs(green - 50 - 80 * number) < 3)
            if hit.sum() >= 9:
                found[number, joint] = np.argwhere(hit)[:, ::-1].mean(0)
    return found


class MapsAsFeatures(nn.Module):
    """A Pose FCN whose features are the offset maps themselves; what inherits has `forward` of a `PoseNetwork`."""

    def features(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        logits, offsets = self(batch)
        return logits, offsets

    def offsets_from(self, rows: Tensor) -> Tensor:
        return rows


class SeesJoints(MapsAsFeatures):
    """A Pose FCN without mistakes: a blob at every joint, offsets to the rest of the nearest person."""

    def forward(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        logits, offsets = zip(*(self._one(torch.from_numpy(seen(crop))) for crop in batch), strict=True)
        return torch.stack(logits).float(), torch.stack(offsets).float()

    def _one(self, joints: Tensor) -> tuple[Tensor, Tensor]:
        grid = torch.stack(torch.meshgrid(CENTRES, CENTRES, indexing="xy"), -1)  # (64, 64, 2)
        distance = (grid - joints[:, :, None, None]).square().sum(-1).nan_to_num(1e6)  # (P, 14, 64, 64)
        score = (0.9 * torch.exp(-distance / 72)).amax(0).clamp(1e-4, 1)
        nearest = distance.argmin(0)  # (14, 64, 64)
        others = joints[:, torch.from_numpy(NEIGHBOURS)].nan_to_num(0.0)  # (P, 14, 13, 2)
        chosen = others[nearest, torch.arange(14)[:, None, None]]  # (14, 64, 64, 13, 2)
        offsets = chosen - grid[None, :, :, None]
        return torch.logit(score), offsets.permute(0, 3, 4, 1, 2).reshape(364, 64, 64)


class SeesParts(nn.Module):
    """A Part FCN without mistakes: thick sticks along the skeleton, discs at the joints."""

    def forward(self, batch: Tensor) -> Tensor:
        labels = []
        for crop in batch:
            canvas = np.zeros((256, 256), np.uint8)
            for joints in seen(crop):
                for a, b, part in SKELETON:
                    if np.isfinite(joints[[a, b]]).all():
                        start, end = np.round(joints[[a, b]]).astype(int).tolist()
                        cv2.line(canvas, start, end, int(part), 15)
                for joint in Joint:
                    if np.isfinite(joints[joint]).all():
                        centre = np.round(joints[joint]).astype(int).tolist()
                        cv2.circle(canvas, centre, 10, int(JOINT_PARTS[joint][0]), -1)
            labels.append(torch.from_numpy(canvas[2::4, 2::4].astype(np.int64)))
        return 8.0 * nn.functional.one_hot(torch.stack(labels), len(Part)).permute(0, 3, 1, 2).float()


def logistic(columns: tuple[str, ...]) -> LogisticWeights:
    """Two joints belong together when their offsets agree; a line inside its part adds a little."""
    weights = np.zeros((len(PAIR_CLASS_NAMES), len(term_names(columns))))
    weights[:, :2] = -0.15
    if columns == FEATURE_NAMES:
        weights[:, columns.index("line_share_p3")] = 1.0
    ones = np.ones(len(columns))
    return LogisticWeights(columns, 0 * ones, ones, np.ones(4), weights, np.full(len(weights), 4.0))


PAIRWISE = PairwiseModel(logistic(FEATURE_NAMES), logistic(OFFSET_FEATURES))


def pipeline_of(
    boxes: PersonBoxes, config: PipelineConfig | None = None, pairwise: PairwiseModel = PAIRWISE
) -> Pipeline:
    config = replace(
        config or PipelineConfig(), mirror_pose=False, upright_pose=False, part_scales=(1.0,)
    )  # SeesJoints reads joint types from colours
    refiner = Refiner(RefineFCN(width=8).eval(), config) if config.refine else None
    networks = FcnNetworks(SeesJoints(), SeesParts(), config)
    return Pipeline(
        lambda image: boxes, networks, CrfAssembler(pairwise, config), refiner, config, name="stand-in"
    )


FIGURES = [figure(15, 20), figure(110, 25), figure(225, 15)]
