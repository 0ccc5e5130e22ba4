"""DeeperCut (Insafutdinov et al. 2016) as Xia et al. compare with it (Sec. 4.2): one CRF over the whole photo.

No person boxes and no parts: the Pose FCN sees the photo at one scale, all its joint proposals are the nodes of
one CRF, and local search groups them into people. Networks and pairwise regressions are ours, since DeeperCut's own
are not part of this project; what is compared is the method.
"""

from dataclasses import dataclass, replace

import numpy as np

from posepart.ablation.assemblers import LocalSearchAssembler
from posepart.ablation.boxes import FixedBoxes, whole_photo
from posepart.arrays import Rgb
from posepart.config import CropConfig, PipelineConfig
from posepart.pipeline import Pipeline
from posepart.stages.crf import unary
from posepart.stages.crops import crop_boxes
from posepart.stages.networks import CropNetworks
from posepart.stages.pairwise import PairwiseModel
from posepart.structures import Evidence, PersonBoxes, Scene

SIZES = (256, 384, 512, 768)  # px, longer sides at which the Pose FCN may see a photo
MAX_PER_JOINT = 40  # proposals of a joint type; with 6 a photo of seven people could not be right


def deepercut_config(base: PipelineConfig) -> PipelineConfig:
    """The settings of DeeperCut: potentials as in Eq. (1), no segments, every pose is a person.

    Candidates keep the type that proposed them. As in its released code, two candidates of one type may be one
    joint (`duplicate_probability`).
    """
    crf = base.crf
    labels = replace(crf.labels, multi_label=False, unique_joints=False)
    potentials = replace(crf.potentials, pairwise_scale=1.0, pairwise_prior=0.0)
    return replace(
        base,
        candidates=replace(base.candidates, max_per_joint=MAX_PER_JOINT),
        features=replace(base.features, segment_term=False),
        crf=replace(crf, labels=labels, potentials=potentials),
        choice=replace(base.choice, rule="all"),
        upright_pose=False,  # a photo has no trunk to turn upright
        refine=False,
    )


@dataclass(frozen=True)
class DeeperCut:
    """Photo -> people, without boxes.

    The photo is fitted into a square of one of `sizes`, the scale being unknown: the one at which the unaries of
    Eq. (1) promise most, i.e. of the least sum of negative psi_i.
    """

    networks: CropNetworks  # their settings should be those of `config`
    pairwise: PairwiseModel
    config: PipelineConfig  # see `deepercut_config`; its crop is not read
    sizes: tuple[int, ...] = SIZES

    def see(self, photo: Rgb) -> Evidence:
        """The evidence of the whole photo (H, W, 3) as one box."""
        return min((self._see(photo, size) for size in self.sizes), key=self._promise)

    def _see(self, photo: Rgb, size: int) -> Evidence:
        height, width = photo.shape[:2]
        crops = crop_boxes(photo, whole_photo(width, height), CropConfig(size, margin=1.0))
        return self.networks(crops)[0]

    def _promise(self, evidence: Evidence) -> float:
        own = evidence.candidates.scores[np.arange(len(evidence.candidates)), evidence.candidates.joint]
        return float(np.minimum(unary(own, self.config.crf.potentials.probability_clip), 0).sum())

    def __call__(self, photo: Rgb) -> Scene:
        """The people of a photo; its parts are those of the first stage, at the same scale."""
        evidence = self.see(photo)
        config = at_size_of(evidence, self.config)
        nobody = FixedBoxes(PersonBoxes.empty())  # `conclude` starts after the boxes
        assembler = LocalSearchAssembler(self.pairwise, config)
        pipeline = Pipeline(nobody, self.networks, assembler, None, config, name="DeeperCut")
        return pipeline.conclude([evidence], (photo.shape[0], photo.shape[1])).scene


def at_size_of(evidence: Evidence, config: PipelineConfig) -> PipelineConfig:
    """The settings with the size of the crop that the evidence is of."""
    size = round(evidence.parts.scores.shape[-1] * evidence.parts.stride)
    return replace(config, crop=CropConfig(size, margin=1.0))
