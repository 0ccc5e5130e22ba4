"""experiments/average_weights.py on small second stages."""

from pathlib import Path

import average_weights
import numpy as np
import pytest
import torch
from helpers.movenet_arrays import WIDTH, movenet_arrays
from safetensors import safe_open

from posepart.models.builders import build
from posepart.models.model_set import Card, read_card
from posepart.models.weight_files import read_tensors, save_weights


def write(folder: Path, name: str, value: float, width: int = 8, builder: str = "refine_labels") -> Path:
    """A second stage all of whose weights are `value`."""
    network = build(builder, {"width": width})
    network.load_state_dict({key: torch.full_like(t, value) for key, t in network.state_dict().items()})
    path = folder / name / "refine.safetensors"
    card = Card(name, "refine", builder, {"width": width}, metrics={"gain": 1.0}, measured="somehow")
    save_weights(path, network, card)
    return path


def test_shares_and_card(tmp_path: Path) -> None:
    files = [write(tmp_path, "first", 1.0), write(tmp_path, "second", 4.0)]
    out = tmp_path / "mean" / "refine.safetensors"
    average_weights.main([*map(str, files), "-o", str(out), "--shares", "2", "1"])
    assert all((tensor == 2.0).all() for tensor in read_tensors(out).values())
    card = read_card(out)
    assert (card.name, card.builder, card.arguments) == ("second", "refine_labels", {"width": 8})
    assert (card.metrics, card.measured) == ({}, "")
    assert [(part["name"], part["share"]) for part in card.average_of] == [
        ("first", pytest.approx(2 / 3)),
        ("second", pytest.approx(1 / 3)),
    ]
    assert card.average_of[0]["sha256"] == read_card(files[0]).sha256


def test_eight_bits_where_asked(tmp_path: Path) -> None:
    files = [write(tmp_path, "first", 1.0), write(tmp_path, "second", 4.0)]
    out = tmp_path / "mean" / "refine.safetensors"
    average_weights.main([*map(str, files), "-o", str(out), "--eight_bit", "stack.0"])
    with safe_open(out, framework="pt") as file:
        stored = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    written = {name for name, tensor in stored.items() if tensor.dtype == torch.int8}
    assert written == {name for name, tensor in stored.items() if name[:8] == "stack.0." and tensor.dim() > 1}
    assert written
    for tensor in read_tensors(out).values():
        torch.testing.assert_close(tensor, torch.full_like(tensor, 2.5), rtol=1e-3, atol=0)


@pytest.mark.parametrize(
    ("other", "options", "message"),
    [
        ({}, ["--eight_bit", "guide"], "no tensor of two axes or more is named guide"),
        ({"width": 16}, [], "the networks differ in their tensors"),
        ({"builder": "refine_distances"}, [], "different builders: refine_distances, refine_labels"),
        ({}, ["--shares", "1"], "expected 2 positive numbers, one per file"),
        ({}, ["--shares", "1", "0"], "expected 2 positive numbers, one per file"),
    ],
)
def test_what_does_not_fit_is_refused(
    tmp_path: Path,
    other: dict,
    options: list[str],
    message: str,
) -> None:
    files = [write(tmp_path, "first", 1.0), write(tmp_path, "second", 4.0, **other)]
    out = tmp_path / "mean" / "refine.safetensors"
    with pytest.raises(ValueError, match=message):
        average_weights.main([*map(str, files), "-o", str(out), *options])
    assert not out.exists()


def write_pose(folder: Path) -> Path:
    path = folder / "pose.safetensors"
    torch.manual_seed(3)
    card = Card("p", "pose", "pose_mobilenet_v2", {"width": WIDTH})
    save_weights(path, build("pose_mobilenet_v2", {"width": WIDTH}), card)
    return path


def test_different_folds_are_refused(tmp_path: Path) -> None:
    files = []
    for name in ("0/2", "1/2"):
        path = tmp_path / name[0] / "refine.safetensors"
        card = Card(name, "refine", "refine_labels", fold=name)
        save_weights(path, build("refine_labels"), card)
        files.append(str(path))
    out = tmp_path / "mean" / "refine.safetensors"
    with pytest.raises(ValueError, match="without different folds"):
        average_weights.main([*files, "-o", str(out)])
    assert not out.exists()


def write_movenet(folder: Path) -> Path:
    path = folder / "movenet.npz"
    np.savez(path, **movenet_arrays())  # type: ignore[arg-type]
    return path


def test_part_of_the_way_back_to_a_movenet(tmp_path: Path) -> None:
    movenet, pose = write_movenet(tmp_path), write_pose(tmp_path)
    out = tmp_path / "mean" / "pose.safetensors"
    average_weights.main([str(movenet), str(pose), "--shares", "3", "1", "-o", str(out)])
    before, after, theirs = read_tensors(pose), read_tensors(out), movenet_arrays()
    for name, key in (("heat_head.pointwise.weight", "head.kpt_heatmap.pointwise.weight"),
                      ("heat.lateral.1.bias", "lateral.1.bias")):  # fmt: skip
        wanted = 0.75 * torch.from_numpy(theirs[key].astype(np.float32)) + 0.25 * before[name]
        torch.testing.assert_close(after[name], wanted, rtol=1e-3, atol=1e-3)  # kept in half precision
    changed = {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"backbone", "heat", "heat_head", "joint_out"}  # offsets as they were
    rows = (before["joint_out.weight"] != after["joint_out.weight"]).flatten(1).any(1)
    assert rows.tolist() == [False, False] + [True] * 12  # forehead and neck, too
    assert [part["name"] for part in read_card(out).average_of] == ["movenet.npz", "p"]


def test_a_movenet_goes_before_a_pose_fcn(tmp_path: Path) -> None:
    movenet, pose = write_movenet(tmp_path), write_pose(tmp_path)
    out = tmp_path / "mean" / "pose.safetensors"
    with pytest.raises(ValueError, match="names no builder"):
        average_weights.main([str(pose), str(movenet), "-o", str(out)])
    with pytest.raises(ValueError, match="can only be averaged with Pose FCNs, not with a RefineFCN"):
        average_weights.main([str(movenet), str(write(tmp_path, "refine", 1.0)), "-o", str(out)])
    assert not out.exists()
