"""The start and the end of a training: folds, and the last evaluation."""

import json
from pathlib import Path

import pytest
from helpers.people_data import write_people
from torch import nn

from posepart.data.folds import Fold
from posepart.models.builders import build
from posepart.models.model_set import Card
from posepart.models.weight_files import save_weights
from posepart.training.run import Run, by_pose_weights, folds_of, last_evaluation, training_samples


def weights_without(folder: Path, fold: str | None) -> Path:
    """A weight file whose card names the fold; the network does not matter."""
    path = folder / "pose.safetensors"
    card = Card(stage="pose", builder="refine_labels", fold=fold)
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


def test_a_fold_is_left_out_of_training_and_measured_on(tmp_path: Path) -> None:
    run = Run(tmp_path / "run", (people_folder(tmp_path / "data"),))
    train, held_out = training_samples(run)
    assert (len(train), len(held_out)) == (5, 1)
    train, held_out = training_samples(run, "2/3")
    assert names(train) | names(held_out) == {f"photo_{k}.jpg" for k in range(1, 6)}
    assert names(held_out) == names(Fold(2, 3).inside(train + held_out))
    assert not names(train) & names(held_out)


def test_each_photo_is_predicted_by_weights_trained_without_it(tmp_path: Path) -> None:
    samples = write_people(tmp_path)
    files = [
        weights_without(tmp_path / name, fold) for name, fold in (("b", "2/3"), ("a", "0/3"), ("c", "1/3"))
    ]
    by_pose = by_pose_weights(tmp_path / "pose.safetensors", files, samples)
    assert names(by_pose[files[0]]) == names(Fold(2, 3).inside(samples))
    assert names(by_pose[files[1]]) == names(Fold(0, 3).inside(samples))
    alone = by_pose_weights(tmp_path / "pose.safetensors", [], samples)
    assert alone == {tmp_path / "pose.safetensors": samples}


@pytest.mark.parametrize("folds", [["0/2"], ["0/2", "0/2"], ["0/2", None], ["0/3", "1/3"]])
def test_incomplete_folds_are_refused(tmp_path: Path, folds: list[str | None]) -> None:
    files = [weights_without(tmp_path / str(k), fold) for k, fold in enumerate(folds)]
    with pytest.raises(ValueError, match=f"one file for each of {len(folds)} folds"):
        folds_of(files)


def test_the_last_evaluation_of_a_run_is_not_made_twice(tmp_path: Path) -> None:
    run = Run(tmp_path, ())
    records = [
        {"kind": "evaluation", "step": 30, "seconds": 4.0, "pck_lsp": 0.25},
        {"kind": "train", "step": 60, "seconds": 7.5, "loss": 1.0},
        {"kind": "evaluation", "step": 60, "seconds": 8.0, "pck_lsp": 0.5},
    ]
    log = tmp_path / "log.jsonl"
    log.write_text("".join(f"{json.dumps(record)}\n" for record in records))
    (tmp_path / "config.json").write_text('{"loop": {"steps": 60}}')
    assert last_evaluation(run, lambda _: {"pck_lsp": 0.75}, nn.Identity()) == {"pck_lsp": 0.5}
    log.write_text("".join(f"{json.dumps(record)}\n" for record in records[:2]))  # killed before the last
    assert last_evaluation(run, lambda _: {"pck_lsp": 0.75}, nn.Identity()) == {"pck_lsp": 0.75}


def test_a_photo_that_is_cut_short_is_named_before_the_training(tmp_path: Path) -> None:
    run = Run(tmp_path / "run", (people_folder(tmp_path / "data"),))
    photo = tmp_path / "data" / "images" / "photo_3.jpg"
    photo.write_bytes(photo.read_bytes()[:-20])
    with pytest.raises(ValueError, match=r"photo_3\.jpg: the picture is damaged or cut short"):
        training_samples(run)
