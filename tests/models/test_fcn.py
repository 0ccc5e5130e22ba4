"""Pose FCN and Part FCN: shapes, normalisation of the offsets, initial weights of a MoveNet."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from helpers.movenet_arrays import WIDTH, movenet_arrays
from torch import Tensor, nn

from posepart.models.backbones import MobileNetV2, VGG16LargeFOV, read_arrays
from posepart.models.fcn import Head, PartFCN, PoseFCN, Pyramid, upsample2
from posepart.models.pose_fcn import at_cells
from posepart.training.pose import MOVENET_SOURCES


@pytest.fixture(scope="module")
def pose() -> PoseFCN:
    torch.manual_seed(0)
    network = PoseFCN(MobileNetV2(WIDTH)).eval().requires_grad_(False)
    network.offset_mean.normal_(0, 20)
    network.offset_deviation.uniform_(5, 50)
    return network


def test_upsampling_has_half_pixel_centres() -> None:
    row = torch.tensor([0.0, 1.0]).view(1, 1, 1, 2)
    assert upsample2(row)[0, 0, 0].tolist() == [0.0, 0.25, 0.75, 1.0]


def test_pyramid_has_the_finest_levels_size() -> None:
    pyramid = Pyramid((4, 8, 16), (12, 10, 6), batch_norm=False)
    levels = [torch.zeros(1, 4, 16, 24), torch.zeros(1, 8, 8, 12), torch.zeros(1, 16, 4, 6)]
    assert pyramid(levels).shape == (1, 6, 16, 24)
    assert pyramid.out_channels == 6


def test_pyramid_of_one_level_is_a_projection() -> None:
    pyramid = Pyramid((5,), (3,), batch_norm=True)
    level = torch.randn(2, 5, 7, 7)
    torch.testing.assert_close(pyramid([level]), pyramid.lateral[0](level))
    assert len(pyramid.smooth) == 0


def test_pose_output(pose: PoseFCN) -> None:
    logits, offsets = pose(torch.randn(2, 3, 64, 96))
    assert pose.stride == 4
    assert logits.shape == (2, 14, 16, 24)
    assert offsets.shape == (2, 364, 16, 24)


def test_joints_start_improbable() -> None:
    torch.manual_seed(0)
    network = PoseFCN(MobileNetV2(WIDTH)).eval()
    with torch.inference_mode():
        assert network(torch.zeros(1, 3, 64, 64))[0].sigmoid().max() < 0.05


def test_offsets_are_denormalised_to_pixels() -> None:
    network = PoseFCN(MobileNetV2(WIDTH)).eval().requires_grad_(False)
    network.offset_out.weight.zero_()
    network.get_parameter("offset_out.bias").fill_(0.5)
    network.offset_mean[7], network.offset_deviation[7] = -12.0, 40.0
    offsets = network(torch.randn(1, 3, 64, 64))[1]
    assert (offsets[0, 7] == 8).all()  # 0.5 * 40 - 12
    assert (offsets[0, 8] == 16).all()  # 0.5 * 32 + 0, as for a network without statistics


def test_offsets_at_chosen_cells_are_those_of_the_maps(pose: PoseFCN) -> None:
    images = torch.randn(2, 3, 64, 64)
    _, maps = pose(images)
    cells = torch.tensor([[0, 17, 255], [16 * 3 + 5, 0, 0]])
    chosen = pose.offsets_from(at_cells(pose.features(images)[1], cells))
    assert chosen.shape == (2, 3, 364)
    torch.testing.assert_close(chosen[0, 1], maps[0, :, 1, 1], rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(chosen[0, 2], maps[0, :, 15, 15], rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(chosen[1, 0], maps[1, :, 3, 5], rtol=1e-4, atol=1e-3)


def test_batched_equals_single(pose: PoseFCN) -> None:
    images = torch.randn(3, 3, 64, 64)
    together = pose(images)
    alone = pose(images[1:2])
    for many, one in zip(together, alone, strict=True):
        torch.testing.assert_close(many[1:2], one, rtol=1e-4, atol=1e-3)


def test_part_output() -> None:
    network = PartFCN(MobileNetV2(WIDTH)).eval()
    assert network(torch.randn(2, 3, 64, 96)).shape == (2, 7, 16, 24)
    assert network.stride == 4


def test_head_is_relu_of_a_separable_convolution() -> None:
    head = Head(2, 1).requires_grad_(False)
    head.depthwise.weight.zero_()
    head.depthwise.weight[0, 0, 1, 1], head.depthwise.weight[1, 0, 1, 2] = 2.0, 1.0
    head.pointwise.weight.fill_(1.0)
    head.get_parameter("pointwise.bias").fill_(-5.0)
    image = torch.tensor([[[1.0, 2.0], [3.0, 4.0]], [[10.0, 20.0], [1.0, 2.0]]])[None]
    # twice the first channel + the second's right neighbour - 5, not below 0
    assert head(image).flatten().tolist() == [17.0, 0.0, 3.0, 3.0]


def movenet_heat_maps(arrays: dict[str, np.ndarray], levels: list[Tensor]) -> Tensor:
    """The 17 heat-map logits, computed independently from MoveNet's tensors."""
    t = {k: torch.from_numpy(np.asarray(v, np.float32)) for k, v in arrays.items()}
    c4, c8, c16, c32 = levels
    z = F.conv2d(c32, t["lateral.0.weight"], t["lateral.0.bias"])
    for i, level in enumerate((c16, c8, c4)):
        z = F.interpolate(z, scale_factor=2, mode="bilinear", align_corners=False)
        z = z + F.conv2d(level, t[f"lateral.{i + 1}.weight"], t[f"lateral.{i + 1}.bias"])
        z = F.conv2d(z, t[f"smooth.{i}.depthwise.weight"], padding=1, groups=z.shape[1])
        z = F.relu(F.conv2d(z, t[f"smooth.{i}.pointwise.weight"], t[f"smooth.{i}.pointwise.bias"]))
    head = "head.kpt_heatmap"
    z = F.conv2d(z, t[f"{head}.depthwise.weight"], padding=1, groups=24)
    z = F.relu(F.conv2d(z, t[f"{head}.pointwise.weight"], t[f"{head}.pointwise.bias"]))
    return F.conv2d(z, t[f"{head}.out.weight"], t[f"{head}.out.bias"])


def check_first_logits(network: PoseFCN, arrays: dict[str, np.ndarray], images: Tensor) -> None:
    network.load_movenet(arrays, MOVENET_SOURCES)
    network.eval()
    with torch.inference_mode():
        logits, _ = network(images)
        heat = movenet_heat_maps(arrays, network.backbone(images))
    near = partial(torch.testing.assert_close, rtol=1e-3, atol=1e-3 * float(heat.abs().max()))
    near(logits[:, 2:], heat[:, 5:17])  # shoulders to ankles
    near(logits[:, 0], heat[:, 1:3].mean(1))  # forehead: both eyes
    torch.testing.assert_close(
        logits[:, 1], torch.full_like(logits[:, 1], -5.0)
    )  # neck: not known to MoveNet


def test_first_logits_are_movenets() -> None:
    check_first_logits(PoseFCN(MobileNetV2(WIDTH)), movenet_arrays(), torch.randn(1, 3, 64, 64))


def test_first_logits_are_those_of_the_real_thunder(shared: Path) -> None:
    path = shared / "data" / "backbone" / "movenet_thunder.npz"
    if not path.exists():
        pytest.skip("needs movenet_thunder.npz in the data folder")
    torch.manual_seed(0)
    images = F.interpolate(torch.rand(1, 3, 8, 8) * 2 - 1, size=128, mode="bilinear")
    check_first_logits(PoseFCN(MobileNetV2(1.75)), read_arrays(path), images)


def test_movenet_needs_a_mobilenet() -> None:
    with torch.device("meta"):
        network = PoseFCN(VGG16LargeFOV(), heat_widths=(256,), wide_widths=(256,), hidden=256)
    with pytest.raises(ValueError, match="VGG16LargeFOV"):
        network.load_movenet(movenet_arrays(), MOVENET_SOURCES)


@pytest.mark.parametrize("name", ["lateral.0.weight", "head.kpt_heatmap.out.bias"])
def test_movenet_with_a_tensor_missing_is_refused(name: str) -> None:
    arrays = movenet_arrays()
    del arrays[name]
    with pytest.raises(ValueError, match=name):
        PoseFCN(MobileNetV2(WIDTH)).load_movenet(arrays, MOVENET_SOURCES)


def test_movenet_with_another_pyramid_is_refused() -> None:
    network = PoseFCN(MobileNetV2(WIDTH), heat_widths=(48, 32, 24, 24))
    with pytest.raises(ValueError, match="do not fit"):
        network.load_movenet(movenet_arrays(), MOVENET_SOURCES)


def test_gradients_reach_every_parameter() -> None:
    network = PoseFCN(MobileNetV2(WIDTH)).train()
    logits, offsets = network(torch.randn(2, 3, 64, 64))
    (logits.square().mean() + offsets.square().mean()).backward()
    untouched = [n for n, p in network.named_parameters() if p.grad is None]
    assert untouched == []
    assert isinstance(network.get_submodule("wide.smooth.0.2"), nn.BatchNorm2d)
