"""A JPPNet that sees drawn people without mistakes."""

from torch import Tensor, nn

from helpers.stand_ins import SeesJoints, SeesParts
from posepart.config import JPPNetInferenceConfig
from posepart.models.jppnet.network import JPPNet, JPPNetConfig, StageMaps

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
