"""A JPPNet that sees drawn people without mistakes, and a pipeline of it alone."""

from torch import Tensor, nn

from helpers.stand_ins import SeesJoints, SeesParts
from posepart.config import JPPNetInferenceConfig, PipelineConfig
from posepart.jppnet.networks import JppnetNetworks, PeakAssembler
from posepart.models.jppnet.network import JPPNet, JPPNetConfig, StageMaps
from posepart.pipeline import Pipeline
from posepart.structures import PersonBoxes

ONE_SCALE = JPPNetInferenceConfig(scales=(1.0,), mirror=False)  # the stand-ins know left and right by colour


class SeesBoth(JPPNet):
    """A JPPNet without mistakes; of several people in a crop it sees the one that shows best."""

    def __init__(self) -> None:
        nn.Module.__init__(self)
        self.stride = 4
        self.config = JPPNetConfig(labels=7, joints=14)
        self.joints, self.parts = SeesJoints(), SeesParts()

    def stages(self, images: Tensor) -> StageMaps:
        logits, _ = self.joints(images)
        return StageMaps((self.parts(images),), (logits.sigmoid(),))


def jppnet_pipeline(boxes: PersonBoxes) -> Pipeline:
    """A JPPNet without CRF and second stage."""
    config = PipelineConfig(jppnet=ONE_SCALE)
    networks, assembler = JppnetNetworks(SeesBoth().eval(), config), PeakAssembler(config.choice)
    return Pipeline(lambda image: boxes, networks, assembler, None, config, name="joint")
