"""experiments/train.py on LIP's own labels: 20 parts and 16 joints."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
import train
from helpers.lip_layout import write_atr, write_cihp, write_lip, write_mpii

from posepart.models.model_set import read_card
from posepart.models.weight_files import read_tensors
from posepart.presets import read_preset
from posepart.schema.lip import LIP

AS_PRINTED = {"scale": [0.75, 1.25], "zoom": "uniform", "random_crop": True, "flip": 0.5, "rotation_share": 0}
PLAIN = dict.fromkeys(("full_turn", "colour", "grey", "blur", "low_resolution", "rectangle", "paste"), 0)


def settings(folder: Path, arguments: Mapping[str, object]) -> list[str]:
    """Two steps of a tiny network, as printed in everything but size."""
    content = {
        "arguments": arguments,
        "schema": "lip",
        "freeze": 0,
        "loop": {"steps": 2, "evaluate_every": 2, "threads": 1, "bf16": False},
        "batches": {"batch_size": 2, "crop": {"size": 64, "margin": 1.0}, "augment": {**AS_PRINTED, **PLAIN}},
        "evaluation": {"size": 64, "margin": 1.0},
        "inference": {"scales": [0.75, 0.5, 1.25]},
    }
    path = folder / "settings.yaml"
    path.write_text(json.dumps(content))
    return ["--config", str(path), "--data", str(write_lip(folder / "LIP")), "--run", str(folder / "run")]


def test_jppnet_in_its_two_steps(tmp_path: Path) -> None:
    arguments = {"labels": 20, "joints": 16, "stages": 1, "width": 0.35, "channels": 8}
    options = settings(tmp_path, arguments)
    train.main(["jppnet", *options, "--phase", "parsing", "--batches.need", "parts"])
    first = tmp_path / "run" / "jppnet.safetensors"
    options[-1] = str(tmp_path / "joint")
    train.main(["jppnet", *options, "--init", str(first)])
    card = read_card(tmp_path / "joint" / "jppnet.safetensors")
    assert card.schema == {"joints": list(LIP.joints), "parts": list(LIP.labels)}
    assert set(card.metrics) == {"part_miou", "pckh_human"}
    assert card.photos == {"lip": 3}
    tensors = read_tensors(tmp_path / "joint" / "jppnet.safetensors")
    assert tensors["joint_module.conv_8.weight"].shape[0] == 16
    assert tensors["part_module.aspp.0.weight"].shape[0] == 20


def test_a_network_of_another_size_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="the network has 14 joints, the schema lip has 16"):
        train.main(["jppnet", *settings(tmp_path, {"width": 0.35, "channels": 8, "labels": 20})])


@pytest.mark.parametrize(
    ("job", "schema", "arguments", "measures"),
    [
        ("parsing", "lip", {"labels": 20, "width": 0.35, "scales": [1.0, 0.5]}, {"part_miou"}),
        ("parsing", "cihp", {"labels": 20, "width": 0.35, "scales": [1.0]}, {"part_miou"}),
        ("parsing", "atr", {"labels": 18, "width": 0.35, "scales": [1.0]}, {"part_miou"}),
        ("joints", "mpii", {"joints": 16}, {"pckh_human"}),
    ],
)
def test_single_tasks(
    tmp_path: Path, job: str, schema: str, arguments: dict[str, object], measures: set[str]
) -> None:
    """SS-JPPNet's second step on the nine regions of LIP, and the other data sets of its family."""
    options = settings(tmp_path, arguments)
    write = {"lip": write_lip, "cihp": write_cihp, "atr": write_atr, "mpii": write_mpii}[schema]
    content = json.loads((tmp_path / "settings.yaml").read_text())
    content.pop("inference")
    content["schema"] = schema
    if job == "parsing":
        content["loss"] = {"sensitive": True}
    (tmp_path / "settings.yaml").write_text(json.dumps(content))
    train.main([job, *options, "--data", str(write(tmp_path / "data"))])
    card = read_card(tmp_path / "run" / f"{job}.safetensors")
    assert set(card.metrics) == measures
    assert card.schema["joints" if job == "joints" else "parts"][-1] in ("left_wrist", "right_shoe", "scarf")


def test_the_presets_have_the_numbers_of_section_6_1() -> None:
    """JPPNet: 30 + 30 epochs at 384 px; SS-JPPNet: 30 + 20 at 321 px, the last 20 structure-sensitive."""
    jppnet = read_preset("jppnet2018").recipe("jppnet").stages
    assert [stage.settings["phase"] for stage in jppnet] == ["parsing", "joint"]
    attention = read_preset("ssjppnet2017").recipe("parsing").stages
    assert [stage.settings["loss"]["sensitive"] for stage in attention] == [False, True]
    for stages, epochs, size in ((jppnet, [30, 30], 384), (attention, [30, 20], 321)):
        assert [stage.settings["loop"]["epochs"] for stage in stages] == epochs
        for stage in stages:
            assert stage.settings["schema"] == "lip"
            assert stage.settings["batches"]["crop"] == {"size": size, "margin": 1.0}
            assert stage.settings["evaluation"] == {"size": size, "margin": 1.0}
    for stage in jppnet:
        augment = stage.settings["batches"]["augment"]
        assert {key: augment[key] for key in AS_PRINTED} == AS_PRINTED
        assert not any(augment[key] for key in PLAIN)
        assert stage.settings["arguments"] == {
            "labels": 20, "joints": 16, "stages": 2, "scales": [1.0, 0.75, 0.5],
        }  # fmt: skip
    for name in ("jppnet2018", "ssjppnet2017"):
        views = read_preset(name).pipeline.jppnet
        assert (tuple(views.scales), views.mirror, views.average) == (
            (0.75, 0.5, 1.25),
            True,
            "probabilities",
        )


@pytest.mark.parametrize(
    ("job", "preset"), [("jppnet", "jppnet2018_small"), ("parsing", "ssjppnet2017_small")]
)
def test_the_small_presets_train_on_lip(tmp_path: Path, job: str, preset: str) -> None:
    data = str(write_lip(tmp_path / "LIP"))
    run = tmp_path / "run"
    few = [
        "--loop.steps",
        "2",
        "--loop.evaluate_every",
        "2",
        "--loop.threads",
        "1",
        "--batches.batch_size",
        "2",
    ]
    train.main([job, "--preset", preset, "--data", data, "--run", str(run), *few])
    card = read_card(run / f"{job}.safetensors")
    assert card.schema["parts"] == list(LIP.labels)
    assert 0 <= card.metrics["part_miou"] < 1
