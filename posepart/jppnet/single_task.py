"""A parsing network, a pose network or both in the pipeline: the systems that both papers compare with.

Part scores are averaged over boxes as those of a Part FCN without poses (Xia et al., Table 3, "w/o pose"); joints
are peaks of heat maps, as those of a JPPNet. There is no CRF and no second stage.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from posepart.arrays import Rgb, in_batches
from posepart.config import PipelineConfig
from posepart.jppnet.networks import peak_candidates
from posepart.models.baselines.cpm import ConvolutionalPoseMachine
from posepart.schema import NUM_PARTS, POSEPART, BodySchema, Part
from posepart.stages.networks import part_maps, to_batch
from posepart.structures import Candidates, Certificate, Crop, Evidence, Grouping, PartMaps, PersonBoxes


@dataclass(frozen=True)
class SingleTaskNetworks:
    """A parsing network and a pose network side by side; one of them may be missing."""

    parsing: nn.Module | None  # (B, 3, S, S) -> part logits (B, 7, h, w); None: everything is background
    joints: nn.Module | None  # (B, 3, S, S) -> heat maps (B, 14, h, w), or a tuple of them; None: no joints
    config: PipelineConfig
    device: str = "cpu"

    def __call__(self, crops: Sequence[Crop]) -> list[Evidence]:
        """The evidence of every crop, in order."""
        return [
            evidence for batch in in_batches(crops, self.config.batch_size) for evidence in self._see(batch)
        ]

    def _see(self, crops: Sequence[Crop]) -> list[Evidence]:
        batch = to_batch(crops, self.device)
        parts = [_BACKGROUND] * len(crops)
        if self.parsing is not None:
            parts = part_maps(self.parsing, batch, self.config.part_scales)
        candidates = [Candidates.empty()] * len(crops)
        if self.joints is not None:
            candidates = self._peaks(self.joints, batch)
        return [Evidence(*of_crop) for of_crop in zip(crops, candidates, parts, strict=True)]

    @torch.inference_mode()
    def _peaks(self, network: nn.Module, batch: Tensor) -> list[Candidates]:
        maps = joint_maps(network, batch, POSEPART, self.config.mirror_pose)
        stride, threshold = batch.shape[-1] / maps.shape[-1], self.config.candidates.score_threshold
        return [peak_candidates(of_crop, stride, threshold) for of_crop in maps.cpu().numpy()]


_BACKGROUND = PartMaps(np.eye(NUM_PARTS, dtype=np.float32)[Part.BACKGROUND, :, None, None], 1.0)


def no_poses(evidence: Evidence) -> Grouping:
    """The assembler of a model without joints."""
    return Grouping((), Certificate.none("no pose network"))


def whole_photo(image: Rgb) -> PersonBoxes:
    """The detector of a model that reads photos as a whole: one box, the photo (H, W, 3)."""
    height, width = image.shape[:2]
    return PersonBoxes(np.array([[0, 0, width, height]], np.float32), np.ones(1, np.float32))


def heat_maps(network: nn.Module, images: Tensor, centres: Tensor | None = None) -> tuple[Tensor, ...]:
    """The heat maps of every stage of a pose network; the last count.

    Parameters
    ----------
    network : nn.Module
    images : (B, 3, H, W) float32
        In [-1, 1].
    centres : (B, 2), optional
        x, y of the person in each image, px, for networks with a centre map; by default its middle.

    Returns
    -------
    tuple of (B, J, h, w)
        J is one more than the joints if there is a map of the background, which is the last.
    """
    if isinstance(network, ConvolutionalPoseMachine):
        return tuple(network(images, centres))
    maps = network(images)
    return (maps,) if isinstance(maps, Tensor) else tuple(maps)


def joint_maps(network: nn.Module, images: Tensor, schema: BodySchema, mirror: bool = True) -> Tensor:
    """The last stage's heat maps of the joints alone.

    Parameters
    ----------
    network : nn.Module
    images : (B, 3, H, W) float32
        In [-1, 1].
    schema : BodySchema
        Says which joint each becomes in a mirrored picture.
    mirror : bool
        Average with the maps of the mirrored images.

    Returns
    -------
    (B, J, h, w) float32
    """
    swapped = list(schema.flip_joints)
    maps = heat_maps(network, images)[-1][:, : len(swapped)].float()
    if not mirror:
        return maps
    return (maps + heat_maps(network, images.flip(-1))[-1][:, swapped].flip(-1).float()) / 2


PROBE = 64  # px, side of the picture on which a network shows how many maps it gives


@torch.inference_mode()
def check_outputs(network: nn.Module, task: str, schema: BodySchema, where: object) -> None:
    """Refuse a network that is none of a task, or of other labels or joints than a schema's.

    Parameters
    ----------
    network : nn.Module
        Afterwards in evaluation mode.
    task : str
        "parsing": one map for every label; "joints": in every stage one for every joint, and perhaps one for the
        background.
    schema : BodySchema
    where : object
        What the error begins with: the network's weight file or builder.

    Raises
    ------
    ValueError
        It gives something else.
    """
    device = next(network.parameters()).device
    try:
        maps = heat_maps(network.eval(), torch.zeros(1, 3, PROBE, PROBE, device=device))
        counts = [of_stage.shape[1] for of_stage in maps]
    except (TypeError, RuntimeError, AttributeError):
        counts = []
    if task == "parsing":
        names, right = len(schema.labels), counts == [len(schema.labels)]
    else:
        names = len(schema.joints)
        right = bool(counts) and set(counts) <= {names, names + 1}
    if not right:
        wanted = f"the scores of {names} labels" if task == "parsing" else f"heat maps of {names} joints"
        found = f"{' and '.join(str(n) for n in sorted(set(counts)))} maps" if counts else "something else"
        raise ValueError(
            f"{where}: expected {wanted} ({schema.name}), but a {type(network).__name__} of these arguments gives "
            f"{found}; `train.py {task}` makes one, with {{{'labels' if task == 'parsing' else 'joints'}: {names}}}"
        )
