"""What the training scripts do with folds, and experiments/cross_validate.py."""

import importlib
import json
import types
from pathlib import Path

import pytest
from helpers.people_data import empty_scene, perfect_scene, write_people
from jsonargparse import Namespace

from posepart.data.folds import Fold
from posepart.models.builders import build
from posepart.models.weight_files import save_weights

EXPERIMENTS = Path(__file__).parents[2] / "experiments"


@pytest.fixture
def common(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    monkeypatch.syspath_prepend(str(EXPERIMENTS))
    return importlib.import_module("_common")


def weights_without(folder: Path, fold: str | None) -> Path:
    """A weight file whose card names the fold; the network does not matter."""
    path = folder / "pose.safetensors"
    card = {"stage": "pose", "builder": "refine_labels", "arguments": {}} | ({"fold": fold} if fold else {})
    save_weights(path, build("refine_labels"), card)
    return path


def names(samples: list) -> set[str]:
    return {sample.image_path.name for sample in samples}


def people_folder(folder: Path) -> Path:
    """`write_people` as a train split, with one of the photos as val split too."""
    folder.mkdir()
    write_people(folder)
    content = json.loads((folder / "person_keypoints_val.json").read_text())
    (folder / "person_keypoints_train.json").write_text(json.dumps(content))
    content["images"] = content["images"][:1]
    content["annotations"] = [a for a in content["annotations"] if a["image_id"] == 1]
    (folder / "person_keypoints_val.json").write_text(json.dumps(content))
    return folder


def test_a_fold_is_left_out_of_training_and_measured_on(common: types.ModuleType, tmp_path: Path) -> None:
    data = [str(people_folder(tmp_path / "data"))]
    train, held_out = common.read_training(Namespace(data=data, fold=None))
    assert (len(train), len(held_out)) == (5, 1)
    train, held_out = common.read_training(Namespace(data=data, fold="2/3"))
    assert names(train) | names(held_out) == {f"photo_{k}.jpg" for k in range(1, 6)}
    assert names(held_out) == names(Fold(2, 3).inside(train + held_out))
    assert not names(train) & names(held_out)


def test_each_photo_is_predicted_by_weights_trained_without_it(
    common: types.ModuleType, tmp_path: Path
) -> None:
    samples = write_people(tmp_path)
    files = [
        weights_without(tmp_path / name, fold) for name, fold in (("b", "2/3"), ("a", "0/3"), ("c", "1/3"))
    ]
    by_pose = common.by_pose_weights(Namespace(folds=files), samples)
    assert names(by_pose[files[0]]) == names(Fold(2, 3).inside(samples))
    assert names(by_pose[files[1]]) == names(Fold(0, 3).inside(samples))
    alone = common.by_pose_weights(Namespace(folds=[], model=tmp_path), samples)
    assert alone == {tmp_path / "pose.safetensors": samples}


def test_command_line(common: types.ModuleType, tmp_path: Path) -> None:
    parser = common.training_parser("")
    common.fold_option(parser)
    common.folds_option(parser)
    usual = ["--data", "people", "--run", str(tmp_path / "run")]
    settings = parser.instantiate(parser.parse_args(usual))
    assert (settings.fold, settings.folds) == (None, [])
    settings = parser.instantiate(
        parser.parse_args([*usual, "--fold", "0/2", "--folds", "a.safetensors", "b"])
    )
    assert (settings.fold, settings.folds) == ("0/2", [Path("a.safetensors"), Path("b")])


@pytest.mark.parametrize("folds", [["0/2"], ["0/2", "0/2"], ["0/2", None], ["0/3", "1/3"]])
def test_incomplete_folds_are_refused(
    common: types.ModuleType, tmp_path: Path, folds: list[str | None]
) -> None:
    files = [weights_without(tmp_path / str(k), fold) for k, fold in enumerate(folds)]
    with pytest.raises(ValueError, match=f"one file for each of {len(folds)} folds"):
        common.folds_of(files)


def test_cross_validation(common: types.ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One fold's model is perfect and the others' find nobody."""
    pytest.importorskip("matplotlib")
    script = importlib.import_module("cross_validate")
    data = people_folder(tmp_path / "data")
    samples = common.read_people([str(data)], "train")
    for name, fold in (("seeing", "0/3"), ("blind", "1/3"), ("too", "2/3")):
        weights_without(tmp_path / name, fold)
    scenes = {"seeing": perfect_scene, "blind": empty_scene, "too": empty_scene}

    def load(folder: Path, **_: object):
        return lambda image: scenes[folder.name](image)

    monkeypatch.setattr(
        script, "find_model", lambda folder: Namespace(path=lambda s: folder / f"{s}.safetensors")
    )
    monkeypatch.setattr(script.posepart, "load", load)
    by_path = {sample.image_path: sample for sample in samples}
    monkeypatch.setattr(script, "read_photo", by_path.__getitem__)
    out = tmp_path / "report"
    models = [str(tmp_path / name) for name in scenes]
    script.main(["--data", str(data), "--models", *models, "--replicates", "0", "-o", str(out)])
    measures = json.loads((out / "metrics.json").read_text())["measures"]
    complete = [s for s in samples if s.boxes_complete]
    people = sum(len(s.people) for s in complete)
    seen = sum(len(s.people) for s in Fold(0, 3).inside(complete))
    assert 0 < seen < people
    assert measures["box_recall"]["value"] == pytest.approx(seen / people, abs=1e-6)


def test_the_last_evaluation_of_a_run_is_not_made_twice(common: types.ModuleType, tmp_path: Path) -> None:
    settings = Namespace(run=tmp_path, loop=Namespace(steps=60))
    records = [
        {"kind": "evaluation", "step": 30, "seconds": 4.0, "pck_lsp": 0.25},
        {"kind": "train", "step": 60, "seconds": 7.5, "loss": 1.0},
        {"kind": "evaluation", "step": 60, "seconds": 8.0, "pck_lsp": 0.5},
    ]
    log = tmp_path / "log.jsonl"
    log.write_text("".join(f"{json.dumps(record)}\n" for record in records))
    assert common.final_figures(settings, lambda _: {"pck_lsp": 0.75}, None) == {"pck_lsp": 0.5}
    log.write_text("".join(f"{json.dumps(record)}\n" for record in records[:2]))  # killed before the last
    assert common.final_figures(settings, lambda _: {"pck_lsp": 0.75}, None) == {"pck_lsp": 0.75}
