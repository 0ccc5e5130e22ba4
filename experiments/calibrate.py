"""Calibrate the scores of a model: fit maps from joint and pose scores to probabilities, and measure them.

    python experiments/calibrate.py --data PEOPLE --model MODEL --run runs/calibration
    cp runs/calibration/calibration.* MODEL/

Runs the model on the photos of the val part whose joints were labelled by a human, or are exact. Three kinds of maps
(raw, Platt, isotonic) are measured on photos to which they were not fitted: the photos are divided into folds,
several times, and each fold is measured with a map that was fitted to the others (`--folds 2` fits to halves). The
kind with the least expected calibration error is then fitted to all photos; where no map is better than the raw
scores, these stay. The maps are written to `calibration.safetensors`, with a card that states the errors before and
after; `report.json` holds all measurements.

`--train_photos 200` also fits maps to that many photos of the train part, which the networks have seen, and measures
them on the val part. `--predictions OUT` reads the results that `posepart predict PEOPLE/images -o OUT` wrote with
an uncalibrated model.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from jsonargparse import Namespace

from posepart.data.sample import Sample
from posepart.io.files import write_json
from posepart.io.photos import read_photo
from posepart.io.results import read_result
from posepart.io.terminal import progress
from posepart.loading import load
from posepart.metrics.bootstrap import Interval
from posepart.metrics.judged import EXACT_ORIGINS, JudgedPhoto, judge
from posepart.models.model_set import Card, find_model
from posepart.models.weight_files import save_tensors
from posepart.pipeline import Pipeline
from posepart.stages.calibration import Calibration, to_arrays
from posepart.structures import Scene
from posepart.training.calibration import (
    FITS,
    Outcomes,
    calibration_error,
    chance_error,
    cross_fitted,
    error_change,
    joint_outcomes,
    pose_outcomes,
)
from posepart.training.run import LICENCES, read_people
from posepart.training.scripts import run_script, script_parser

SceneOf = Callable[[Path], Scene]
OUTCOMES = {"joint": joint_outcomes, "pose": pose_outcomes}


def with_exact_joints(samples: Sequence[Sample]) -> list[Sample]:
    """Select the samples with a person whose joints were labelled by a human or are exact."""
    return [
        s for s in samples if any(p.joints_from in EXACT_ORIGINS and p.joints is not None for p in s.people)
    ]


def predicted(samples: Sequence[Sample], scene_of: SceneOf, name: str) -> list[JudgedPhoto]:
    """Judge the model's results on photos."""
    return [judge(s, scene_of(s.image_path), parts=False) for s in progress(samples, name, unit="photo")]


def running(pipeline: Pipeline) -> SceneOf:
    """A function from a photo file to the uncalibrated result of the model."""
    raw = replace(pipeline, calibration=None)
    return lambda path: raw(read_photo(path))


def stored(folder: Path) -> SceneOf:
    """A function from a photo file to the result that `posepart predict` wrote into the folder."""

    def read(path: Path) -> Scene:
        scene = read_result(folder / f"{path.stem}.json")
        if any(person.confidence is not None for person in scene.people):
            raise ValueError(
                f"{folder}: these scores are already calibrated; predict without calibration.safetensors"
            )
        return scene

    return read


def measure(outcomes: Outcomes, train: Outcomes | None, folds: int, replicates: int) -> dict[str, Any]:
    """Measure the calibration error of every method, and its difference to that of the raw scores.

    Parameters
    ----------
    outcomes : Outcomes
        Those to measure on, and to fit to by cross-fitting.
    train : Outcomes, optional
        Further outcomes to fit to.
    folds : int
        Of the cross-fitting.
    replicates : int
        Of the bootstrap.

    Returns
    -------
    dict
        A part of `report.json`.
    """
    rows: dict[str, Any] = {}
    candidates = {name: cross_fitted(outcomes, name, folds) for name in FITS}
    candidates["raw"] = outcomes.scores
    if train is not None:
        for name in ("platt", "isotonic"):
            candidates[f"{name}, fitted on train"] = FITS[name](train.scores, train.right)(outcomes.scores)
    for name, probabilities in candidates.items():
        change = error_change(outcomes, candidates["raw"], probabilities, replicates)
        rows[name] = {
            "error": _numbers(calibration_error(outcomes, probabilities, replicates)),
            "change": _numbers(change),
        }
    about = {"photos": outcomes.photos, "samples": len(outcomes.scores), "right": _share(outcomes)}
    return {**about, "chance_error": round(chance_error(outcomes), 4), "methods": rows}


def by_source(
    photos: Sequence[JudgedPhoto], outcomes: Outcomes, method: str, settings: Namespace
) -> dict[str, Any]:
    """Measure the errors before and after for every source of photos, whose shares of right joints may differ."""
    sources = np.array([p.source for p in photos], np.str_)[outcomes.images]
    after = cross_fitted(outcomes, method, settings.folds)
    rows = {}
    for name in map(str, np.unique(sources)):
        rows_of = sources == name
        part = Outcomes(
            outcomes.photos, outcomes.images[rows_of], outcomes.scores[rows_of], outcomes.right[rows_of]
        )
        rows[name] = {
            "samples": len(part.scores),
            "right": _share(part),
            "before": _numbers(calibration_error(part, part.scores, settings.replicates)),
            "after": _numbers(calibration_error(part, after[:, rows_of], settings.replicates)),
        }
    return rows


def table(name: str, rows: Mapping[str, Any]) -> str:
    """Format the measurements of joint or pose scores for the terminal."""
    lines = [f"{name}: {rows['samples']} in {rows['photos']} photos, {rows['right']:.1%} right"]
    lines.append(f"  an error of perfect scores by chance alone: {rows['chance_error']:.3f}")
    lines.append(f"  {'':<28}{'calibration error':<26}difference to raw")
    lines += [
        f"  {method:<28}{_text(row['error']):<26}{_text(row['change'])}"
        for method, row in rows["methods"].items()
    ]
    lines.append(f"  chosen: {rows['chosen']}")
    lines += [
        f"  on {source} ({row['samples']}, {row['right']:.1%} right): {_text(row['before'])} before, "
        f"{_text(row['after'])} after"
        for source, row in rows["by_source"].items()
    ]
    return "\n".join(lines)


def least_error(rows: Mapping[str, Any]) -> str:
    """The method, raw scores included, whose cross-fitted maps have the least calibration error."""
    return min(FITS, key=lambda method: rows[method]["error"][0])


def _numbers(interval: Interval) -> list[float]:
    return [round(value, 4) for value in (interval.value, interval.low, interval.high)]


def _text(numbers: Sequence[float]) -> str:
    return "{:.3f} ({:.3f} .. {:.3f})".format(*numbers)


def _share(outcomes: Outcomes) -> float:
    return round(float(outcomes.right.mean()), 4)


def _card(settings: Namespace, photos: Sequence[JudgedPhoto], report: Mapping[str, Any]) -> Card:
    metrics = {}
    for name, rows in report.items():
        metrics[f"{name}_error_raw"] = rows["methods"]["raw"]["error"][0]
        metrics[f"{name}_error"] = rows["methods"][rows["chosen"]]["error"][0]
    counts = ", ".join(f"{rows['samples']} {name} scores ({rows['chosen']})" for name, rows in report.items())
    return Card(
        name=Path(settings.model).name,
        stage="calibration",
        photos=dict(Counter(photo.source for photo in photos)),
        pose_sha256=find_model(settings.model).cards["pose"].sha256,
        metrics=metrics,
        measured=f"expected calibration error of {counts} in {len(photos)} photos of the {settings.split} part, "
        f"cross-fitted in {settings.folds} folds",
        **LICENCES,
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    command = script_parser(__doc__)
    command.add_argument("--data", nargs="+", required=True, help="folders of data sets")
    command.add_argument("--split", default="val", help="part of the data on which the model was not trained")
    command.add_argument("--model", default="posepart-s", help="an installed model or a folder of weights")
    command.add_argument("--device", default="cpu", help="torch device of the networks")
    command.add_argument(
        "--predictions", type=Path, help="folder of results of `posepart predict`; no model is run"
    )
    command.add_argument(
        "--run", type=Path, required=True, help="folder of the weights and their card to write"
    )
    command.add_argument("--folds", type=int, default=5, help="folds of the cross-fitting")
    command.add_argument("--replicates", type=int, default=300, help="replicates of the bootstrap")
    command.add_argument(
        "--train_photos", type=int, default=0, help="photos of the train part to fit to as well"
    )
    settings = command.parse_args(arguments)
    folder = settings.predictions
    scene_of = stored(folder) if folder else running(load(settings.model, device=settings.device))
    samples = with_exact_joints(read_people(settings.data, settings.split))
    photos = predicted(samples, scene_of, settings.split)
    train: list[JudgedPhoto] = []
    if settings.train_photos:
        seen = with_exact_joints(read_people(settings.data, "train"))
        order = np.random.default_rng(0).permutation(len(seen))[: settings.train_photos]
        train = predicted([seen[i] for i in order], scene_of, "train")
    report, maps = {}, {}
    for name, outcomes_of in OUTCOMES.items():
        outcomes = outcomes_of(photos)
        if not len(outcomes.scores):
            raise ValueError(
                f"no {name} of the {settings.split} part can be judged; choose another part (--split) or more data"
            )
        rows = measure(outcomes, outcomes_of(train) if train else None, settings.folds, settings.replicates)
        chosen = least_error(rows["methods"])
        maps[name] = FITS[chosen](outcomes.scores, outcomes.right)
        report[name] = {**rows, "chosen": chosen, "by_source": by_source(photos, outcomes, chosen, settings)}
        print(table(name, report[name]))
    weights = settings.run / "calibration.safetensors"
    save_tensors(
        weights, to_arrays(Calibration(maps["joint"], maps["pose"])), _card(settings, photos, report)
    )
    write_json(settings.run / "report.json", report)
    print(f"wrote {weights}; to use it, copy it and its card to the other weights of the model")


if __name__ == "__main__":
    run_script(main)
