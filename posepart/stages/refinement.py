"""The second-stage Part FCN: part maps and poses -> refined part maps (Sec. 3.2)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from posepart.arrays import Float32, in_batches
from posepart.config import PipelineConfig
from posepart.models.refine import SecondStage
from posepart.stages.skeleton_maps import PoseEncoder
from posepart.structures import Choice, PartMaps


@dataclass(frozen=True)
class Refiner:
    """Draws the poses of every crop as maps and applies the second-stage Part FCN to them and the part scores."""

    network: SecondStage  # log part scores and pose maps -> part logits
    config: PipelineConfig
    joint_map: bool = True  # False: without the maps of joints (ablation)
    skeleton_map: bool = True  # False: without the maps of limbs (ablation)
    device: str = "cpu"

    def __call__(self, parts: Sequence[PartMaps], choices: Sequence[Choice]) -> list[PartMaps]:
        """The refined part score maps of all crops.

        Parameters
        ----------
        parts : sequence of PartMaps
            Of the first stage.
        choices : sequence of Choice
            The people of the same crops.

        Returns
        -------
        list of PartMaps
            One per crop, in order.
        """
        encode = PoseEncoder(
            self.network.encoding,
            self.config.crop.size,
            self.config.skeleton,
            self.joint_map,
            self.skeleton_map,
        )
        skeletons = [
            encode(choice.drawn, first.stride, (first.scores.shape[1], first.scores.shape[2]))
            for first, choice in zip(parts, choices, strict=True)
        ]
        pairs = list(zip(parts, skeletons, strict=True))
        return [maps for batch in in_batches(pairs, self.config.batch_size) for maps in self._refine(batch)]

    @torch.inference_mode()
    def _refine(self, batch: Sequence[tuple[PartMaps, Float32]]) -> list[PartMaps]:
        parts = torch.from_numpy(np.stack([maps.scores for maps, _ in batch])).to(self.device)
        poses = torch.from_numpy(np.stack([skeleton for _, skeleton in batch])).to(self.device)
        scores = self.network(parts.clamp_min(1e-6).log(), poses).softmax(1).cpu().numpy()
        return [PartMaps(s, maps.stride) for s, (maps, _) in zip(scores, batch, strict=True)]
