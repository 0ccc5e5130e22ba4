"""Weight files: round trip, and one clear sentence for everything that can be wrong with them."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from posepart.models.model_set import Card, read_card
from posepart.models.refine import RefineFCN
from posepart.models.weight_files import (
    decode,
    encode,
    load_into,
    load_network,
    read_tensors,
    save_tensors,
    save_weights,
    sha256,
    write_card,
)

CARD = Card(builder="refine_labels", arguments={"width": 64}, stage="refine")


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    network = RefineFCN(width=64)
    torch.nn.init.normal_(network.out.weight)
    path = tmp_path / "set" / "refine.safetensors"
    save_weights(path, network, CARD)
    return path


def test_round_trip_at_half_precision(saved: Path) -> None:
    torch.manual_seed(0)
    original = RefineFCN(width=64)
    torch.nn.init.normal_(original.out.weight)
    loaded = load_network(saved)
    assert not loaded.training
    for name, tensor in loaded.state_dict().items():
        assert tensor.dtype == torch.float32
        torch.testing.assert_close(tensor, original.state_dict()[name].half().float(), rtol=0, atol=0)
    assert not any(p.requires_grad for p in loaded.parameters())
    half = 2 * sum(p.numel() for p in original.parameters())
    assert half < saved.stat().st_size < half + 4000


def test_card_is_kept_with_the_checksum(saved: Path) -> None:
    card = read_card(saved)
    assert replace(card, sha256=None) == CARD
    assert card.sha256 == sha256(saved)
    assert len(card.sha256) == 64


def test_no_temporary_files_stay(saved: Path) -> None:
    assert sorted(p.name for p in saved.parent.iterdir()) == ["refine.json", "refine.safetensors"]


def test_integers_stay_integers(tmp_path: Path) -> None:
    path = tmp_path / "crf.safetensors"
    save_tensors(path, {"names": np.array([65, 66], np.uint8), "weights": np.array([[0.1]])}, Card())
    tensors = read_tensors(path)
    assert tensors["names"].dtype == torch.uint8
    assert tensors["names"].tolist() == [65, 66]
    assert tensors["weights"].dtype == torch.float32
    assert float(tensors["weights"]) == pytest.approx(0.1)


def test_sha256_of_a_known_text(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")
    assert sha256(tmp_path / "abc").startswith("ba7816bf8f01cfea414140de5dae2223")


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"pose\.safetensors: no such weight file"):
        read_tensors(tmp_path / "pose.safetensors")


@pytest.mark.parametrize("content", [b"", b"hello", b"\xff" * 64])
def test_not_a_safetensors_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "pose.safetensors"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"pose\.safetensors: damaged or no safetensors file"):
        read_tensors(path)


def test_a_long_text_in_the_header_is_cut(saved: Path) -> None:
    header = json.dumps({"out.weight": "x" * 5000}).encode()
    saved.write_bytes(len(header).to_bytes(8, "little") + header)
    with pytest.raises(ValueError, match=r"refine\.safetensors: damaged or no safetensors file \(.{,900}$"):
        read_tensors(saved)


def test_truncated_file(saved: Path) -> None:
    saved.write_bytes(saved.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"refine\.safetensors: damaged"):
        load_network(saved)


def test_one_changed_byte(saved: Path) -> None:
    content = bytearray(saved.read_bytes())
    content[-1] ^= 1
    saved.write_bytes(content)
    with pytest.raises(ValueError, match=r"refine\.safetensors: its SHA-256 differs from the card's"):
        load_network(saved)


def test_missing_card(saved: Path) -> None:
    saved.with_suffix(".json").unlink()
    with pytest.raises(ValueError, match=r"refine\.json: the weight file's card is missing; copy it beside"):
        load_network(saved)


@pytest.mark.parametrize(
    ("text", "message"), [("{", "no valid JSON"), ("[1]", "not a JSON object"), ("{}", "names no builder")]
)
def test_wrong_card(saved: Path, text: str, message: str) -> None:
    saved.with_suffix(".json").write_text(text)
    with pytest.raises(ValueError, match=rf"refine\.json: .*{message}"):
        load_network(saved)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"builder": True}, "the card's builder: expected a text, got True"),
        ({"builder": {"width": 1}}, "the card's builder: expected a text"),
        ({"arguments": [["width", 8]]}, "the card's arguments: expected names with values"),
        ({"arguments": {"width": -1}}, "negative dimension"),
        ({"arguments": {"width": 0}}, "groups must be a positive integer"),
        ({"arguments": {"width": None}}, "does not take these arguments"),
        ({"limits": "none"}, "the card's limits: expected a list, got 'none'"),
    ],
)
def test_odd_values_in_a_card(saved: Path, changes: dict[str, Any], message: str) -> None:
    card = saved.with_suffix(".json")
    card.write_text(json.dumps(json.loads(card.read_text()) | changes))
    with pytest.raises(ValueError, match=rf"refine\.json: .*{message}"):
        load_network(saved)


def test_a_card_deeper_than_python_recurses(saved: Path) -> None:
    saved.with_suffix(".json").write_text("[" * 20_000 + "]" * 20_000)
    with pytest.raises(ValueError, match=r"refine\.json: the card is no valid JSON"):
        load_network(saved)


def test_card_of_another_network(saved: Path) -> None:
    write_card(saved, replace(read_card(saved), builder="refine_xia2017", arguments={}))
    with pytest.raises(ValueError, match=r"refine\.safetensors: the weights do not fit the network"):
        load_network(saved)


def test_card_with_an_unknown_builder(saved: Path) -> None:
    write_card(saved, replace(read_card(saved), builder="pose_vit"))
    with pytest.raises(ValueError, match=r"unknown builder 'pose_vit': choose one of .*refine_labels"):
        load_network(saved)


def test_load_into_another_shape(saved: Path) -> None:
    with pytest.raises(ValueError, match=r"refine\.safetensors: the weights do not fit .*size mismatch"):
        load_into(RefineFCN(width=32), saved)


def test_eight_bits(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = RefineFCN(width=64)
    torch.nn.init.normal_(network.out.weight)
    path = tmp_path / "refine.safetensors"
    save_weights(path, network, CARD, eight_bit=["stack.2", "out"])
    loaded = load_network(path).state_dict()
    assert loaded.keys() == network.state_dict().keys()
    for name, tensor in network.state_dict().items():
        close = tensor.half().float()  # what half precision leaves
        if name.startswith(("stack.2.", "out.")) and tensor.dim() > 1:
            # a step is a 127th of the largest of the output channel's weights
            step = tensor.flatten(1).abs().amax(1) / 127
            error = (loaded[name] - tensor).flatten(1).abs().amax(1)
            assert (error <= 0.51 * step + 1e-6).all()
            assert (error > 0).any()
        else:
            torch.testing.assert_close(loaded[name], close, rtol=0, atol=0)
    save_weights(tmp_path / "half.safetensors", network, CARD)
    assert path.stat().st_size < 0.7 * (tmp_path / "half.safetensors").stat().st_size


def test_eight_bits_of_a_channel_of_zeros() -> None:
    tensor = torch.tensor([[0.0, 0.0], [1.0, -0.5]])
    codes, scale = encode(tensor)
    assert codes.tolist() == [[0, 0], [127, -64]]
    torch.testing.assert_close(decode(codes, scale), tensor, atol=0.01, rtol=0)


def test_eight_bits_of_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is named guide"):
        save_weights(tmp_path / "refine.safetensors", RefineFCN(width=64), CARD, eight_bit=["guide"])
    assert not list(tmp_path.iterdir())


def test_fresh_parts_keep_their_values(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = RefineFCN(width=64)
    state = {k: v for k, v in network.state_dict().items() if not k.startswith("stack.2.")}
    path = tmp_path / "refine.safetensors"
    save_tensors(path, state, CARD)
    other = RefineFCN(width=64)
    own = {k: v.clone() for k, v in other.state_dict().items() if k.startswith("stack.2.")}
    load_into(other, path, fresh=["stack.2"])
    for name, tensor in other.state_dict().items():
        torch.testing.assert_close(tensor, own[name] if name in own else state[name])
    with pytest.raises(ValueError, match="do not fit"):
        load_into(other, path, fresh=["stack.20"])
