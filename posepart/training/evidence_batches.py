"""What the trained networks predict on training crops: the input of the CRF's and the second stage's training."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import nn

from posepart.config import PipelineConfig
from posepart.data.person_crops import PersonCrops
from posepart.models.backbones import normalise
from posepart.stages.candidates import propose
from posepart.stages.features import PartGeometry, part_geometry
from posepart.stages.networks import part_maps, pose_maps
from posepart.structures import Candidates, PartMaps


@dataclass(frozen=True)
class PredictedCrop:
    """Stage outputs on one crop, beside its labels.

    joints: (P, 14, 3) float32, everyone labelled in the crop, third column 1 where labelled. box: (4,) float32
    xyxy, crop frame, of the crop's own person. ignore: (h, w) bool, cells where unlabelled joints may lie.
    labels: (h, w) uint8 part ids, 255 = ignore.
    """

    candidates: Candidates
    parts: PartMaps
    geometry: PartGeometry
    joints: NDArray[np.float32]
    box: NDArray[np.float32]
    ignore: NDArray[np.bool_]
    labels: NDArray[np.uint8]


def predicted_crops(
    batches: PersonCrops, count: int, pose: nn.Module, part: nn.Module, config: PipelineConfig
) -> Iterator[PredictedCrop]:
    """The first `count` batches of a stream of training crops, through both networks.

    The crops are augmented ones, so the networks have not seen these very pixels; crop size and stride must be
    the pipeline's.
    """
    for step in range(count):
        batch = batches[step]
        images = normalise(batch["image"])
        all_joint_maps = pose_maps(pose, images, config.mirror_pose, config.upright_pose)
        rows = zip(all_joint_maps, part_maps(part, images, config.part_scales), strict=True)
        for i, (joint_maps, first) in enumerate(rows):
            people = batch["joints"][i].numpy()
            yield PredictedCrop(
                propose(joint_maps, config.candidates),
                first,
                part_geometry(first, config.features),
                people[people[:, :, 2].any(1)],
                batch["box"][i].numpy(),
                batch["ignore"][i].numpy(),
                batch["parts"][i].numpy(),
            )
