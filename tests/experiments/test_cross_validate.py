"""experiments/cross_validate.py with stand-ins for the models of the folds."""

import json
from collections.abc import Callable
from pathlib import Path

import cross_validate
import pytest
from helpers.people_data import empty_scene, perfect_scene, write_people
from jsonargparse import Namespace

from posepart.data.folds import Fold
from posepart.data.sample import Sample
from posepart.models.builders import build
from posepart.models.model_set import Card
from posepart.models.weight_files import save_weights
from posepart.structures import Scene
from posepart.training.run import read_people


def weights_without(folder: Path, fold: str | None) -> Path:
    """A weight file whose card names the fold; the network does not matter."""
    path = folder / "pose.safetensors"
    card = Card(stage="pose", builder="refine_labels", fold=fold)
    save_weights(path, build("refine_labels"), card)
    return path


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


def test_cross_validation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One fold's model is perfect and the others' find nobody."""
    pytest.importorskip("matplotlib")
    data = people_folder(tmp_path / "data")
    samples = read_people([str(data)], "train")
    for name, fold in (("seeing", "0/3"), ("blind", "1/3"), ("too", "2/3")):
        weights_without(tmp_path / name, fold)
    scenes = {"seeing": perfect_scene, "blind": empty_scene, "too": empty_scene}

    def load(folder: Path, **_: object) -> Callable[[Sample], Scene]:
        return lambda image: scenes[folder.name](image)

    monkeypatch.setattr(
        cross_validate, "find_model", lambda folder: Namespace(path=lambda s: folder / f"{s}.safetensors")
    )
    monkeypatch.setattr(cross_validate.posepart, "load", load)
    by_path = {sample.image_path: sample for sample in samples}
    monkeypatch.setattr(cross_validate, "read_photo", by_path.__getitem__)
    out = tmp_path / "report"
    models = [str(tmp_path / name) for name in scenes]
    cross_validate.main(["--data", str(data), "--models", *models, "--replicates", "0", "-o", str(out)])
    measures = json.loads((out / "metrics.json").read_text())["measures"]
    complete = [s for s in samples if s.boxes_complete]
    people = sum(len(s.people) for s in complete)
    seen = sum(len(s.people) for s in Fold(0, 3).inside(complete))
    assert 0 < seen < people
    assert measures["box_recall"]["value"] == pytest.approx(seen / people, abs=1e-6)
