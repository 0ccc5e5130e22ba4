"""Published weights as starts: features equal torchvision's, and wrong files are refused in one sentence."""

from pathlib import Path

import pytest
import torch
import torchvision
from safetensors.torch import save_file
from torch import Tensor, nn

from posepart.models.backbones import IMAGENET_DEVIATION, IMAGENET_MEAN, ResNet101, VGG16LargeFOV
from posepart.models.builders import build
from posepart.models.jppnet.network import ResNet101Stages
from posepart.models.starts import check_sha256, is_published, large_fov, start_from
from posepart.models.weight_files import sha256

FEW = (1, 1, 1, 1)  # blocks of a small ResNet of full width


def small_resnet() -> nn.Module:
    """torchvision's ResNet with one block per stage and norms of random statistics."""
    torch.manual_seed(0)
    network = torchvision.models.ResNet(torchvision.models.resnet.Bottleneck, [1, 1, 1, 1])
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.get_buffer("running_mean").normal_(0, 0.3)
            module.get_buffer("running_var").uniform_(0.5, 2.0)
    return network.eval().requires_grad_(False)


def images() -> tuple[Tensor, Tensor]:
    """The same images in [-1, 1] and as torchvision's networks read them."""
    rgb = torch.rand(1, 3, 64, 64)
    return rgb * 2 - 1, torchvision.transforms.functional.normalize(
        rgb, list(IMAGENET_MEAN), list(IMAGENET_DEVIATION)
    )


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_resnet_sees_what_torchvisions_sees(tmp_path: Path, suffix: str) -> None:
    """Up to Res-3, whose geometry is the same."""
    published, path = small_resnet(), tmp_path / f"resnet{suffix}"
    write(published.state_dict(), path)
    network = build("pose_resnet101", {"blocks": FEW, "rates": [6]}).eval().requires_grad_(False)
    assert is_published(path)
    start_from(network, path)
    backbone = network.get_submodule("backbone")
    assert isinstance(backbone, ResNet101)
    ours, theirs = images()
    x = published.maxpool(published.relu(published.bn1(published.conv1(theirs))))  # type: ignore[operator]
    expected = published.layer2(published.layer1(x))  # type: ignore[operator]
    found = backbone.stages[1](backbone.stages[0](backbone.stem(backbone.scaled(ours))))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    for i, name in ((2, "layer3"), (3, "layer4")):
        loaded, own = published.get_submodule(name).state_dict(), backbone.stages[i].state_dict()
        assert all(torch.equal(own[key], tensor) for key, tensor in loaded.items())


def test_the_trunks_of_jppnet_and_deeplab_see_the_same() -> None:
    """The last map of JPPNet's trunk is that of the plain one, whose input is scaled to ImageNet's, too."""
    torch.manual_seed(0)
    plain, stages = (kind(0.125, FEW).eval().requires_grad_(False) for kind in (ResNet101, ResNet101Stages))
    stages.load_state_dict(plain.state_dict())
    ours, _ = images()
    assert torch.equal(stages(ours)[1], plain(ours)[0])
    assert stages.channels == (128, 256)


def test_a_deeplab_of_torchvision_gives_its_trunk(tmp_path: Path) -> None:
    published, path = small_resnet(), tmp_path / "deeplabv3_resnet101_coco.pth"
    state = {f"backbone.{k}": v for k, v in published.state_dict().items() if not k.startswith("fc")}
    write({**state, "classifier.0.convs.0.0.weight": torch.zeros(1)}, path)
    network = build("pose_resnet101", {"blocks": FEW, "rates": [6]})
    start_from(network, path)
    assert torch.equal(
        network.get_parameter("backbone.stem.0.weight"), published.get_parameter("conv1.weight")
    )


def test_a_vgg_sees_what_torchvisions_sees_and_decimates_the_rest(tmp_path: Path) -> None:
    torch.manual_seed(0)
    published = torchvision.models.vgg16(weights=None).eval().requires_grad_(False)
    path = tmp_path / "vgg16.pth"
    write(published.state_dict(), path)
    network = build("deeplab_vgg16", {"labels": 7}).eval().requires_grad_(False)
    start_from(network, path)
    backbone = network.get_submodule("backbone")
    assert isinstance(backbone, VGG16LargeFOV)
    ours, theirs = images()
    found, expected = backbone.features[:4](backbone.scaled(ours)), published.features[:4](theirs)  # type: ignore[index]
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    assert torch.equal(
        backbone.get_parameter("features.28.weight"), published.get_parameter("features.28.weight")
    )
    fc6 = published.get_parameter("classifier.0.weight").view(4096, 512, 7, 7)
    assert torch.equal(backbone.fc6.weight[5, 3], fc6[20, 3][[0, 3, 6]][:, [0, 3, 6]])
    assert backbone.fc7.weight[1, 2, 0, 0] == published.get_parameter("classifier.3.weight")[4, 8]
    assert backbone.fc6.get_parameter("bias")[9] == published.get_parameter("classifier.0.bias")[36]


def test_baselines_on_vgg_start_from_it(tmp_path: Path) -> None:
    """FCN-8s with its fully connected layers, SegNet's encoder, and every level of HAZN."""
    torch.manual_seed(0)
    published = torchvision.models.vgg16(weights=None).eval().requires_grad_(False)
    path = tmp_path / "vgg16.pth"
    write(published.state_dict(), path)
    ours, theirs = images()
    fcn = build("fcn8s").eval().requires_grad_(False)
    start_from(fcn, path)
    pools = fcn.get_submodule("backbone")(ours)
    torch.testing.assert_close(pools[0], published.features[:17](theirs), rtol=1e-3, atol=1e-3)  # type: ignore[index,operator]
    torch.testing.assert_close(pools[2], published.features(theirs), rtol=1e-3, atol=1e-3)  # type: ignore[operator]
    wide = torch.randn(1, 512, 7, 7)
    connected = published.get_submodule("classifier")
    found = fcn.get_submodule("fully_connected")(wide)[..., 3, 3]
    torch.testing.assert_close(found, connected[:5](wide.flatten(1)), rtol=1e-3, atol=1e-3)  # type: ignore[index]
    segnet = build("segnet")
    start_from(segnet, path)
    for own, name in (("encoder.0.0", "features.0"), ("encoder.4.6", "features.28")):
        assert torch.equal(segnet.get_parameter(f"{own}.weight"), published.get_parameter(f"{name}.weight"))
        assert torch.equal(segnet.get_parameter(f"{own}.bias"), published.get_parameter(f"{name}.bias"))
    hazn = build("hazn")
    start_from(hazn, path)
    for level in range(3):
        first = hazn.get_parameter(f"backbone.{level}.features.0.weight")
        assert torch.equal(first, published.get_parameter("features.0.weight"))


def test_a_vgg_with_other_convolutions_does_not_start_a_segnet(tmp_path: Path) -> None:
    write({"classifier.0.weight": torch.zeros(1), "features.0.weight": torch.zeros(1)}, tmp_path / "few.pth")
    with pytest.raises(ValueError, match=r"few\.pth: holds no VGG-16 .*: 1 convolutions instead of 13"):
        start_from(build("segnet", {"width": 0.125}), tmp_path / "few.pth")


def write(tensors: dict[str, Tensor], path: Path) -> None:
    if path.suffix == ".pth":
        torch.save(tensors, path)
    else:
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path)


def test_damaged_files_and_other_content(tmp_path: Path) -> None:
    network = build("pose_resnet101", {"blocks": FEW, "width": 0.125, "rates": [6]})
    whole, cut = tmp_path / "whole.pth", tmp_path / "cut.pth"
    write(small_resnet().state_dict(), whole)
    cut.write_bytes(whole.read_bytes()[:5000])
    torch.save([1, 2], tmp_path / "list.pth")
    torch.save({"f": nn.Linear(1, 1)}, tmp_path / "objects.pth")
    write({"conv1.weight": torch.full((8, 3, 7, 7), torch.nan)}, tmp_path / "nan.pth")
    write({"features.0.weight": torch.zeros(64, 3, 3, 3)}, tmp_path / "features.pth")
    for name, message in {
        "missing.pth": "no such weight file",
        "cut.pth": r"cut\.pth: damaged, or no file of plain tensors",
        "objects.pth": "damaged, or no file of plain tensors",
        "list.pth": "expected tensors by name",
        "nan.pth": "not finite",
        "features.pth": r"holds no ResNet-101 as torchvision publishes it: it lacks stem\.0\.weight",
        "whole.pth": "do not fit this ResNet-101: size mismatch",
    }.items():
        with pytest.raises(ValueError, match=message) as raised:
            start_from(network, tmp_path / name)
        assert "\n" not in str(raised.value)
    with pytest.raises(ValueError, match=r"holds no VGG-16 as torchvision publishes it \('classifier"):
        large_fov({"features.0.weight": torch.zeros(64, 3, 3, 3)}, tmp_path / "features.pth")
    with pytest.raises(ValueError, match="the network to train is a MobileNetV2"):
        start_from(build("part_mobilenet_v2"), whole)
    with pytest.raises(ValueError, match="the network to train is a RefineFCN"):
        start_from(build("refine_labels"), whole)
    assert not is_published(tmp_path / "missing.safetensors")


def test_checksums(tmp_path: Path) -> None:
    path = tmp_path / "resnet101-00000000.pth"
    write({"conv1.weight": torch.zeros(1)}, path)
    network = build("pose_resnet101", {"blocks": FEW, "width": 0.125, "rates": [6]})
    with pytest.raises(ValueError, match=r"its SHA-256 begins with .* not with 00000000"):
        start_from(network, path)
    check_sha256(path, sha256(path))
    check_sha256(path, sha256(path)[:8].upper())
    with pytest.raises(ValueError, match="expected 8 to 64 hexadecimal digits"):
        check_sha256(path, "abc")
