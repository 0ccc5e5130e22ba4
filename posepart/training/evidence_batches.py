"""Evidence of trained networks for training crops, from which the CRF and the second stage are trained."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posepart.arrays import Float32, Ids, Mask
from posepart.data.person_crops import PersonCrops
from posepart.geometry.frames import Affine
from posepart.stages.networks import CropNetworks
from posepart.structures import Crop, Evidence


@dataclass(frozen=True)
class LabelledEvidence:
    """The evidence of one training crop with its labels; the photo frame is the crop frame."""

    evidence: Evidence
    joints: Float32  # (P, 14, 3), of all labelled people in the crop; third column 1 where labelled
    ignore: Mask  # (h, w), cells where unlabelled joints may lie
    ignore_stride: float  # crop pixels per cell of `ignore`
    labels: Ids  # (h, w), part ids, 255 = ignore


def labelled_evidence(batches: PersonCrops, count: int, networks: CropNetworks) -> Iterator[LabelledEvidence]:
    """Run the networks on the first batches of a stream of training crops.

    Parameters
    ----------
    batches : PersonCrops
        Its crop size and stride must be those of the networks' configuration.
    count : int
        Number of batches.
    networks : CropNetworks

    Yields
    ------
    LabelledEvidence
        That of one crop after the other.
    """
    for step in range(count):
        batch = batches[step]
        images: NDArray[np.uint8] = batch["image"].numpy().transpose(0, 2, 3, 1)
        crops = [
            Crop(image, Affine.identity(), box)
            for image, box in zip(images, batch["box"].numpy(), strict=True)
        ]
        for i, evidence in enumerate(networks(crops)):
            people = batch["joints"][i].numpy()
            yield LabelledEvidence(
                evidence,
                people[people[:, :, 2].any(1)],
                batch["ignore"][i].numpy(),
                batches.config.stride,
                batch["parts"][i].numpy(),
            )
