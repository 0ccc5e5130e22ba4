"""Model sets and cards: what is found, what is refused, and that nothing here needs torch."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from posepart.models import model_set
from posepart.models.model_set import STAGES, Card, find_model, installed_models, read_card
from posepart.models.refine import RefineFCN
from posepart.models.weight_files import save_weights, sha256, write_card


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "set" / "refine.safetensors"
    save_weights(path, RefineFCN(width=8), Card(stage="refine", builder="refine_labels"))
    return path


@pytest.fixture
def model_folder(saved: Path) -> Path:
    """A folder with five weight files and cards, all of them copies of one."""
    for stage in STAGES:
        if stage != "refine":
            shutil.copy(saved, saved.parent / f"{stage}.safetensors")
        card = replace(read_card(saved), stage=stage)
        write_card(saved.parent / f"{stage}.safetensors", card)
    return saved.parent


def test_find_model_in_a_folder(model_folder: Path) -> None:
    model = find_model(model_folder)
    assert model.name == "set"
    assert sorted(model.cards) == sorted(STAGES)
    assert model.path("pose") == model_folder / "pose.safetensors"


def test_find_model_by_name_among_the_installed(model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_set, "INSTALLED", model_folder.parent)
    assert find_model("set").folder == model_folder
    assert [m.name for m in installed_models()] == ["set"]
    with pytest.raises(ValueError, match=r"posepart-x: no installed model \(there are: set\)"):
        find_model("posepart-x")


def test_nothing_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_set, "INSTALLED", tmp_path / "absent")
    assert installed_models() == []
    with pytest.raises(ValueError, match=r"posepart-s: no installed model \(there are: none\)"):
        find_model("posepart-s")


def test_a_model_folder_that_lacks_a_stage(model_folder: Path) -> None:
    (model_folder / "crf.safetensors").unlink()
    with pytest.raises(ValueError, match=r"set: lacks crf\.safetensors; a model folder holds detector, pose"):
        find_model(model_folder)


def test_a_model_folder_with_the_weights_of_another_stage(model_folder: Path) -> None:
    shutil.copy(model_folder / "part.json", model_folder / "pose.json")
    with pytest.raises(
        ValueError,
        match=r"pose\.safetensors: its card says .* the stage part, not pose",
    ):
        find_model(model_folder)


def test_an_empty_card() -> None:
    assert Card.from_record({}) == Card()
    assert Card().to_record() == {}


def test_cards_of_other_versions_are_read(saved: Path) -> None:
    record = {"stage": "refine", "curve": [[50, 0.5]], "data": {"images": 3}, "recipe": None, "seed": 4}
    saved.with_suffix(".json").write_text(json.dumps(record))
    assert read_card(saved) == Card(stage="refine")


def test_a_card_is_read_as_it_was_written(tmp_path: Path) -> None:
    card = Card("n", "pose", "pose_s", {"width": 1.5}, photos={"ccp": 3}, metrics={"pck": 0.5}, fold="0/2")
    write_card(tmp_path / "pose.safetensors", card)
    assert read_card(tmp_path / "pose.safetensors") == card


def test_the_cards_that_ship() -> None:
    """Each holds what a user needs, and only fields of `Card`."""
    (model,) = installed_models()
    for stage, card in model.cards.items():
        path = model.path(stage)
        assert card.to_record() == json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        assert card.stage == stage
        assert card.sha256 == sha256(path)
        assert card.licence_code
        assert card.licence_weights
        assert card.licence_data
        assert card.photos
        assert card.metrics
        assert card.measured
        assert card.recipe or stage == "calibration"
        assert path.with_suffix(".json").stat().st_size < 4096


def test_models_are_listed_without_torch() -> None:
    code = (
        "import sys; from posepart.models.model_set import installed_models; "
        "print(installed_models()[0].name, 'torch' in sys.modules)"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert finished.stdout == "posepart-s False\n"
