"""The papers' networks in training, at stride 8: steps of each, published starts, resuming, what is frozen."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
import train
from helpers.people_data import write_people
from torch import Tensor, nn

from posepart.models.builders import build
from posepart.models.model_set import read_card
from posepart.models.weight_files import load_network, read_tensors, sha256
from posepart.stages.networks import part_maps, pose_maps
from posepart.training import loop
from posepart.training.part import PartLoss, PartLossConfig
from posepart.training.run import freeze_blocks

NARROW: dict[str, dict[str, Any]] = {  # the papers' networks with few channels and blocks
    "pose_resnet101": {"width": 0.125, "blocks": [1, 1, 1, 1], "rates": [1, 2]},
    "deeplab_resnet101": {
        "labels": 7, "width": 0.125, "blocks": [1, 1, 1, 1], "rates": [1, 2], "scales": [1.0, 0.5],
    },
    "deeplab_vgg16": {"labels": 7, "width": 0.125},
}  # fmt: skip
AS_DEEPLAB = {
    "optimiser": "sgd", "lr": 0.001, "slow": [], "schedule": "poly", "weight_decay": 0.0005, "warmup": 0,
    "clip": 0, "ema": 0, "bf16": False, "threads": 1, "evaluate_every": 2, "checkpoint_every": 1, "seed": 5,
}  # fmt: skip


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "people"
    folder.mkdir()
    write_people(folder)
    (folder / "person_keypoints_train.json").write_bytes((folder / "person_keypoints_val.json").read_bytes())
    return folder


def command(builder: str, data: Path, run: Path, *more: str) -> list[str]:
    network = builder.partition("_")[0].replace("deeplab", "part")
    settings = {
        "builder": builder,
        "arguments": NARROW[builder],
        "freeze": 0,
        "loop": {**AS_DEEPLAB, "steps": 2, "frozen_norms": builder != "deeplab_vgg16"},
        "batches": {
            "batch_size": 2,
            "crop": {"size": 64},
            "need": "joints" if network == "pose" else "parts",
        },
    }
    if network == "part":
        settings["loss"] = {"class_weights": [1.0] * 7}
    path = run.parent / f"{run.name}.yaml"
    path.write_text(json.dumps(settings))
    return [network, "--config", str(path), "--data", str(data), "--run", str(run), *more]


@pytest.mark.parametrize("builder", NARROW)
def test_a_training_with_its_evaluation_at_stride_8(builder: str, data: Path, tmp_path: Path) -> None:
    """The result is a Pose FCN or Part FCN of the pipeline."""
    network, *options = command(builder, data, tmp_path / "run")
    train.main([network, *options])
    path = tmp_path / "run" / f"{network}.safetensors"
    card = read_card(path)
    assert (card.stage, card.builder, card.arguments) == (network, builder, NARROW[builder])
    assert set(card.metrics) >= ({"pck_human", "offsets_lsp"} if network == "pose" else {"miou", "iou_head"})
    crops = torch.zeros(2, 3, 64, 64)
    made: Any = load_network(path)
    maps: Sequence[Any] = (pose_maps if network == "pose" else part_maps)(made, crops)
    assert [(m.stride, (m.joints if network == "pose" else m.scores).shape[1:]) for m in maps] == [
        (8, (8, 8))
    ] * 2


@pytest.mark.parametrize("builder", ["pose_resnet101", "deeplab_vgg16"])
def test_a_killed_training_is_resumed_bit_for_bit(
    builder: str, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With SGD's momentum, frozen norms, and VGG's dropout."""
    train.main(command(builder, data, tmp_path / "whole"))
    save = loop.save_checkpoint

    def killed(*arguments: Any, **options: Any) -> None:
        save(*arguments, **options)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(loop, "save_checkpoint", killed)
        with pytest.raises(KeyboardInterrupt):
            train.main(command(builder, data, tmp_path / "parts"))
    train.main(command(builder, data, tmp_path / "parts", "--resume"))
    (name,) = (path.name for path in (tmp_path / "whole").glob("*.safetensors"))
    whole, parts = (read_tensors(tmp_path / run / name) for run in ("whole", "parts"))
    assert all(torch.equal(whole[key], parts[key]) for key in whole)


def test_a_published_start_and_frozen_norms(data: Path, tmp_path: Path) -> None:
    """The trunk begins as torchvision's, whose norms stay as they are; the file's checksum is checked."""
    published = torchvision.models.ResNet(torchvision.models.resnet.Bottleneck, [1, 1, 1, 1])
    nn.init.constant_(published.get_buffer("layer4.0.bn3.running_mean"), 0.25)
    start = tmp_path / "resnet.pth"
    torch.save(published.state_dict(), start)
    recipe = tmp_path / "recipe.yaml"
    stage = {
        "name": "pose_fcn", "init": str(start), "init_sha256": sha256(start)[:8], "builder": "pose_resnet101",
        "arguments": {"blocks": [1, 1, 1, 1], "rates": [1]}, "freeze": 1,
        "loop": {**AS_DEEPLAB, "steps": 1, "evaluate_every": 1, "frozen_norms": True},
        "batches": {"batch_size": 2, "crop": {"size": 64}},
    }  # fmt: skip
    options = ["pose", "--recipe", str(recipe), "--data", str(data), "--run", str(tmp_path / "run")]
    recipe.write_text(json.dumps({"stages": [{**stage, "init_sha256": "0" * 8}]}))
    with pytest.raises(ValueError, match=r"resnet\.pth: its SHA-256 begins with .*, not with 00000000"):
        train.main(options)
    assert not (tmp_path / "run").exists()
    recipe.write_text(json.dumps({"stages": [stage]}))
    train.main(options)
    assert read_card(tmp_path / "run" / "pose.safetensors").started_from == "resnet.pth"
    trained = read_tensors(tmp_path / "run" / "pose.safetensors")
    assert (trained["backbone.stages.3.0.bn3.running_mean"] == 0.25).all()
    stem, moved = published.get_parameter("conv1.weight"), published.get_parameter("layer4.0.conv1.weight")
    assert torch.equal(trained["backbone.stem.0.weight"], stem.detach().half().float())
    assert not torch.equal(trained["backbone.stages.3.0.conv1.weight"], moved.detach().half().float())
    recipe.write_text(json.dumps({"stages": [{**stage, "builder": "pose_mobilenet_v2", "arguments": {}}]}))
    with pytest.raises(ValueError, match="torchvision's weights start a ResNet-101 or a VGG-16"):
        train.main([*options[:-1], str(tmp_path / "other")])


def test_frozen_blocks_are_neither_trained_nor_counted_wrong() -> None:
    network = build("pose_resnet101", NARROW["pose_resnet101"])
    freeze_blocks(network, 2)
    frozen = {n.split(".")[1] for n, p in network.named_parameters() if not p.requires_grad}
    assert frozen == {"stem", "stages"}
    network.train()
    assert not network.get_submodule("backbone.stem.1").training  # the norm keeps its statistics, too
    assert not network.get_submodule("backbone.stages.0.0.bn1").training
    assert network.get_submodule("backbone.stages.1.0.bn1").training
    with pytest.raises(ValueError, match=r"freeze: a ResNet101 has 5 blocks .*, not 7; with --freeze 0"):
        freeze_blocks(network, 7)
    with pytest.raises(ValueError, match="freeze: a VGG16LargeFOV has 5 blocks"):
        freeze_blocks(build("deeplab_vgg16", NARROW["deeplab_vgg16"]), 7)
    with pytest.raises(ValueError, match="freeze: a RefineFCN has 0 blocks"):
        freeze_blocks(build("refine_labels"), 1)


def test_an_npz_or_a_trunk_of_movenet_is_refused(data: Path, tmp_path: Path) -> None:
    (tmp_path / "movenet.npz").write_bytes(b"")
    options = command("pose_resnet101", data, tmp_path / "run")
    with pytest.raises(ValueError, match=r"a pose_resnet101 starts from weights in \.safetensors or \.pth"):
        train.main([*options, "--init", str(tmp_path / "movenet.npz")])
    with pytest.raises(ValueError, match="trunk: a pose_resnet101 has no MoveNet's trunk"):
        train.main([*options, "--trunk", str(tmp_path / "movenet.npz")])


def test_the_loss_of_all_scales_by_hand() -> None:
    """As in DeepLab's released code, the sum over the maximum and every scale."""
    network = build("deeplab_resnet101", NARROW["deeplab_resnet101"]).eval()
    images = torch.randint(0, 256, (1, 3, 64, 64), dtype=torch.uint8)
    labels = torch.randint(0, 7, (1, 8, 8), dtype=torch.uint8)
    loss = PartLoss(PartLossConfig(class_weights=(1.0,) * 7))(network, {"image": images, "parts": labels})
    whole, half = network.at_scales(images.float() / 127.5 - 1)  # type: ignore[operator]
    grown = nn.functional.interpolate(half, size=(8, 8), mode="bilinear", align_corners=False)
    small = nn.functional.interpolate(labels[:, None].float(), size=(4, 4), mode="nearest-exact")[:, 0]

    def cross_entropy(logits: Tensor, truth: Tensor) -> Tensor:
        return nn.functional.cross_entropy(logits, truth.long())

    expected = cross_entropy(torch.maximum(whole, grown), labels) + cross_entropy(whole, labels)
    torch.testing.assert_close(loss["loss"], expected + cross_entropy(half, small))
    with pytest.raises(ValueError, match=r"the network has 7 labels, loss\.class_weights has 3"):
        PartLoss(PartLossConfig(class_weights=(1.0,) * 3))(network, {"image": images, "parts": labels})
