"""Losses of heat maps on batches of crops, by hand, and what a pose network sees of a crop and its mirror image."""

import pytest
import torch
from torch import Tensor, nn

from posepart.models.baselines.cpm import ConvolutionalPoseMachine
from posepart.schema import FLIP_JOINTS, NUM_JOINTS, Joint
from posepart.training.joints import JointsLoss, JointsLossConfig, joints_predictor


class Stages(nn.Module):
    """Heat maps of zeros in every stage, of as many maps as asked for."""

    def __init__(self, maps: int, stages: int) -> None:
        super().__init__()
        self.maps, self.stages = maps, stages

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        side = images.shape[-1] // 4
        return (torch.zeros(len(images), self.maps, side, side),) * self.stages


def batch_of(joints: Tensor) -> dict[str, Tensor]:
    every = torch.zeros(1, 6, NUM_JOINTS, 3)
    every[0, 0] = joints
    return {
        "image": torch.zeros(1, 3, 32, 32, dtype=torch.uint8),
        "joints": every,
        "box": torch.tensor([[0.0, 0.0, 31.0, 31.0]]),
    }


def joints_at(places: dict[Joint, tuple[float, float]]) -> Tensor:
    joints = torch.zeros(NUM_JOINTS, 3)
    for joint, (x, y) in places.items():
        joints[joint] = torch.tensor([x, y, 1.0])
    return joints


def test_the_loss_is_summed_over_the_stages() -> None:
    """Eq. (1)'s 1 / (2 N) sum of squares, N = 1 labelled joint; a joint outside the labels does not count."""
    joints = joints_at({Joint.NECK: (13.5, 17.5)})  # the centre of cell (3, 4)
    cells = torch.arange(8.0)
    blob = float(
        torch.exp(-((cells - 3) ** 2)).sum() * torch.exp(-((cells - 4) ** 2)).sum()
    )  # of its squares
    losses = JointsLoss(JointsLossConfig(sigma=4.0))(Stages(NUM_JOINTS, 3), batch_of(joints))
    assert losses["result"].item() == pytest.approx(blob / 2, rel=1e-5)
    assert losses["loss"].item() == pytest.approx(3 * blob / 2, rel=1e-5)


def test_the_background_counts_where_all_joints_are_known() -> None:
    config = JointsLossConfig(sigma=4.0)
    some = batch_of(joints_at({Joint.NECK: (13.5, 17.5)}))
    without = JointsLoss(config)(Stages(NUM_JOINTS, 1), some)["loss"]
    assert JointsLoss(config)(Stages(NUM_JOINTS + 1, 1), some)["loss"] == without
    cells = torch.arange(8.0)
    blob = torch.exp(-((cells - 3) ** 2) / 2)[None] * torch.exp(-((cells - 4) ** 2) / 2)[:, None]
    everything = batch_of(joints_at(dict.fromkeys(Joint, (13.5, 17.5))))
    found = JointsLoss(config)(Stages(NUM_JOINTS + 1, 1), everything)["loss"]
    expected = (NUM_JOINTS * (blob**2).sum() + ((1 - blob) ** 2).sum()) / (2 * (NUM_JOINTS + 1))
    torch.testing.assert_close(found, expected)


def test_nothing_labelled_is_no_loss() -> None:
    assert JointsLoss(JointsLossConfig())(Stages(NUM_JOINTS, 2), batch_of(joints_at({})))["loss"] == 0


class Colours(nn.Module):
    """The left wrist is where red is, the right one where green is."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, images: Tensor) -> Tensor:
        maps = torch.zeros(len(images), NUM_JOINTS, *images.shape[-2:])
        maps[:, Joint.LEFT_WRIST], maps[:, Joint.RIGHT_WRIST] = images[:, 0], images[:, 1]
        return maps


def test_the_mirror_image_swaps_sides() -> None:
    """A network that knows left from right by the side of the picture sees the same joints in the mirror image."""

    class Sides(Colours):
        def forward(self, images: Tensor) -> Tensor:
            maps = super().forward(images)
            red = images[:, 0] + images[:, 1]
            half = images.shape[-1] // 2
            maps[:, Joint.LEFT_WRIST], maps[:, Joint.RIGHT_WRIST] = red.clone(), red.clone()
            maps[:, Joint.LEFT_WRIST, :, half:] = maps[:, Joint.RIGHT_WRIST, :, :half] = 0
            return maps

    images = torch.zeros(1, 3, 8, 8)
    images[0, 0, 2, 1] = images[0, 1, 5, 6] = 1.0
    xy = joints_predictor(Sides())(images).xy
    assert xy is not None
    assert xy[0, Joint.LEFT_WRIST].tolist() == [1, 2]
    assert xy[0, Joint.RIGHT_WRIST].tolist() == [6, 5]
    assert FLIP_JOINTS[Joint.LEFT_WRIST] == Joint.RIGHT_WRIST


def test_cpm_is_told_the_centre_of_the_box() -> None:
    told: list[Tensor] = []

    class Listens(ConvolutionalPoseMachine):
        def __init__(self) -> None:
            nn.Module.__init__(self)

        def forward(self, images: Tensor, centres: Tensor | None = None) -> tuple[Tensor, ...]:
            assert centres is not None
            told.append(centres)
            return Stages(NUM_JOINTS + 1, 2)(images)

    batch = batch_of(joints_at({Joint.NECK: (13.5, 17.5)}))
    batch["box"] = torch.tensor([[2.0, 4.0, 12.0, 24.0]])
    JointsLoss(JointsLossConfig())(Listens(), batch)
    assert told[0].tolist() == [[7.0, 14.0]]
