"""Named builders."""

import pytest
import torch

from posepart.models.baselines.deeplab import DeepLab
from posepart.models.builders import BUILDERS, build
from posepart.models.fcn import PartFCN
from posepart.models.pose_fcn import PoseNetwork
from posepart.models.refine import SecondStage
from posepart.stages.skeleton_maps import LAYERS


def test_every_name_is_its_functions() -> None:
    assert all(builder.__name__ == name for name, builder in BUILDERS.items())


@pytest.mark.parametrize("name", sorted(n for n in BUILDERS if n.startswith("pose_")))
def test_pose_builders(name: str) -> None:
    with torch.device("meta"):
        network = build(name)
        logits, offsets = network(torch.zeros(1, 3, 64, 64))
    assert isinstance(network, PoseNetwork)
    cells = 64 // network.stride
    assert (logits.shape, offsets.shape) == ((1, 14, cells, cells), (1, 364, cells, cells))


@pytest.mark.parametrize("name", ["part_mobilenet_v2", "deeplab_vgg16", "deeplab_resnet101"])
def test_part_builders(name: str) -> None:
    arguments = {} if name.startswith("part_") else {"labels": 7}
    with torch.device("meta"):
        network = build(name, arguments)
        logits = network(torch.zeros(1, 3, 64, 64))
    assert isinstance(network, PartFCN | DeepLab)
    assert logits.shape == (1, 7, 64 // network.stride, 64 // network.stride)


@pytest.mark.parametrize("name", ["refine_distances", "refine_labels", "refine_xia2017"])
def test_refine_builders(name: str) -> None:
    with torch.device("meta"):
        network = build(name)
        assert isinstance(network, SecondStage)
        pose = torch.zeros(1, sum(int(maps) for maps in LAYERS[network.encoding]), 8, 8)
        assert network(torch.zeros(1, 7, 8, 8), pose).shape == (1, 7, 8, 8)


def test_arguments_are_passed_on() -> None:
    with torch.device("meta"):
        networks = [build("part_mobilenet_v2", {"width": 1.75}), build("part_mobilenet_v2")]
        networks.append(build("pose_mobilenet_v2", None))
    assert [network.get_submodule("backbone").width for network in networks] == [1.75, 1.0, 1.75]


def test_unknown_name_and_argument() -> None:
    with pytest.raises(ValueError, match=r"unknown builder 'pose'.*pose_mobilenet_v2"):
        build("pose")
    with pytest.raises(ValueError, match=r"'refine_labels' does not take these arguments: .*depth"):
        build("refine_labels", {"depth": 3})
