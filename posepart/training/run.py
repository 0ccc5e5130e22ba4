"""What every training begins and ends with: data, folds, initial weights, and the card of the result."""

import json
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import nn
from torch.utils.data import Dataset

from posepart.data.folds import Fold
from posepart.data.person_crops import CropBatchConfig, PersonCrops
from posepart.data.readers import read_samples, splits_of
from posepart.data.sample import Sample, schema_of
from posepart.io.files import read_json
from posepart.io.terminal import LOG
from posepart.models.backbones import Backbone, MobileNetV2
from posepart.models.builders import build
from posepart.models.model_set import Card, read_card
from posepart.models.starts import is_published, start_from
from posepart.models.weight_files import load_into, save_weights
from posepart.training.loop import LoopConfig, Losses, seed_everything, train
from posepart.training.processes import is_main

Labelled = tuple[list[Sample], list[Sample]]  # those to train on and those to evaluate on

LICENCES: dict[str, Any] = {  # fields of a card
    "licence_code": "Apache-2.0",
    "licence_weights": "Apache-2.0 for our part; started from Google's MoveNet (Apache-2.0), see NOTICE",
    "licence_data": "photos carry third-party rights (see the data's own README); none are distributed",
}


@dataclass(frozen=True)
class Run:
    """Where a training reads and writes."""

    folder: Path  # receives settings, log, checkpoint, weights and card
    data: tuple[Path, ...]  # folders of data sets
    init: Path | None = None  # weights with a card, arrays (.npz), or torchvision's ResNet-101 or VGG-16
    resume: bool = False  # an interrupted training
    recipe: str | None = None  # that the settings come from; written to the card
    recipe_stage: str | None = None  # likewise
    settings: Mapping[str, Any] = field(default_factory=dict)  # all; a resumed run needs the same
    goes_on: bool = False  # the weights are a step on the way to others; nobody is told where they are

    @property
    def record(self) -> dict[str, Any]:
        """The content of `config.json`; without the steps of the loop if they follow from epochs."""
        others = {key: value for key, value in self.settings.items() if key != "loop"}
        loop = dict(self.settings.get("loop", {}))
        if loop.get("epochs") is not None:
            loop["steps"] = None
        return {**({"loop": loop} if loop else {}), "arguments": others}


def read_people(folders: Sequence[Path | str], split: str, schema: str = "posepart") -> list[Sample]:
    """Read the samples of one split, in a schema, from all folders; a folder need not have any split but train.

    Raises
    ------
    ValueError
        A photo, which the error names, cannot be read, is cut short, or has another size than its labels.
    """
    samples: list[Sample] = []
    for folder in map(Path, folders):
        if split == "train" or split in splits_of(folder):
            samples += read_samples(folder, split, schema)
    for sample in samples:  # now, rather than after hours of training
        sample.check_photo()
    return samples


def training_samples(run: Run, fold: str | None = None, schema: str = "posepart") -> Labelled:
    """Read the samples to train on and those to evaluate on.

    Parameters
    ----------
    run : Run
    fold : str, optional
        "K/N" keeps fold K (from 0) of N of the train split for the evaluation. Without it, the evaluation uses the
        val split.
    schema : str
        Of the labels, as for `readers.read_samples`.

    Returns
    -------
    samples, held_out : list of Sample

    Raises
    ------
    ValueError
        There is no such fold.
    """
    samples = read_people(run.data, "train", schema)
    if fold is None:
        held_out = read_people(run.data, "val", schema)
        say("" if held_out else "the data has no val photos: the training is not measured")
        return samples, held_out
    left_out = Fold.parse(fold)
    return left_out.outside(samples), left_out.inside(samples)


def person_crops(samples: Sequence[Sample], config: CropBatchConfig) -> PersonCrops:
    """Training crops; where their `source_shares` do not fit the data, a printed sentence says what is drawn."""
    crops = PersonCrops(samples, config)
    say(crops.note)
    return crops


def say(note: str) -> None:
    """Log a note, if there is one, in the main process."""
    if note and is_main():
        LOG.info(note)


def say_written(run: Run, path: Path) -> None:
    """Log where the weights are, unless the run goes on."""
    say("" if run.goes_on else f"wrote {path}")


def by_pose_weights(pose: Path, folds: Sequence[Path], samples: Sequence[Sample]) -> dict[Path, list[Sample]]:
    """Divide training samples among the pose weights that predict them.

    Parameters
    ----------
    pose : Path
        Weights that predict all samples if there are no `folds`.
    folds : sequence of Path
        Weights that were each trained without one fold; they predict the samples of that fold.
    samples : sequence of Sample

    Returns
    -------
    dict of Path to list of Sample

    Raises
    ------
    ValueError
        As `folds_of`.
    """
    if not folds:
        return {pose: list(samples)}
    return {path: fold.inside(samples) for path, fold in folds_of(folds).items()}


def folds_of(weights: Sequence[Path]) -> dict[Path, Fold]:
    """Read from the cards which fold each weight file was trained without.

    Raises
    ------
    ValueError
        The files are not one for each fold of the same division.
    """
    named = {path: read_card(path).fold for path in weights}
    count = len(named)
    if set(named.values()) != {f"{k}/{count}" for k in range(count)}:
        found = ", ".join(f"{path}: {fold or 'trained on all photos'}" for path, fold in named.items())
        raise ValueError(
            f"expected weights of `train.py pose --fold`, one file for each of {count} folds: {found}"
        )
    return {path: Fold.parse(fold) for path, fold in named.items() if fold is not None}


def initialised(
    run: Run,
    builder: str,
    arguments: Mapping[str, Any],
    *,
    freeze: int = 0,
    load_npz: Callable[[Any, Path], None] | None = None,
    fresh: Sequence[str] = (),
) -> Any:
    """Build the network to train and load its initial weights.

    Parameters
    ----------
    run : Run
    builder : str
        As for `builders.build`.
    arguments : mapping of str
        As for `builders.build`.
    freeze : int
        Number of blocks at the start of the backbone that are not trained.
    load_npz : callable, optional
        (network, path) -> None, loads published arrays into the network, in place.
    fresh : sequence of str
        Modules that the initial weights may lack, as for `load_into`.

    Returns
    -------
    nn.Module

    Raises
    ------
    ValueError
        The initial weights are damaged or do not fit the network, or `freeze` is more than its blocks.
    """
    model: Any = build(builder, arguments)
    if run.init is not None and run.init.suffix == ".npz":
        if load_npz is None or not isinstance(getattr(model, "backbone", None), MobileNetV2):
            raise ValueError(
                f"{run.init}: a {builder} starts from weights in .safetensors or .pth, not from .npz"
            )
        load_npz(model, run.init)
    elif run.init is not None and is_published(run.init):
        start_from(model, run.init)
    elif run.init is not None:
        load_into(model, run.init, fresh)
    freeze_blocks(model, freeze)
    return model


def freeze_blocks(model: Any, count: int) -> None:
    """Leave the first blocks of a network's backbone out of the training.

    Raises
    ------
    ValueError
        The backbone has fewer blocks.
    """
    backbone = getattr(model, "backbone", None)
    blocks = backbone.blocks() if isinstance(backbone, Backbone) else []
    if count > len(blocks):
        kind = type(model if backbone is None else backbone).__name__
        raise ValueError(
            f"freeze: a {kind} has {len(blocks)} blocks that can be left as they are, not {count}; "
            "with --freeze 0 everything is trained"
        )
    for block in blocks[:count]:
        block.requires_grad_(False)


def trained(
    run: Run,
    model: nn.Module,
    batches: Dataset[Any],
    losses: Callable[[nn.Module, Any], Losses],
    loop: LoopConfig,
    evaluate: Callable[[nn.Module], Mapping[str, float]],
) -> nn.Module:
    """Run `loop.train` in the run's folder and return the averaged network."""
    return train(
        model, batches, losses, run.folder, loop, resume=run.resume, evaluate=evaluate, settings=run.record
    )


def last_evaluation(
    run: Run, evaluate: Callable[[nn.Module], Mapping[str, float]], model: nn.Module
) -> Mapping[str, float]:
    """The evaluation after the last step: from the log, or made now if the run was interrupted before it."""
    steps = read_json(run.folder / "config.json")["loop"]["steps"]
    lines = (run.folder / "log.jsonl").read_text(encoding="utf-8").splitlines()
    last = json.loads(lines[-1]) if lines else {}
    if last.get("kind") != "evaluation" or last["step"] != steps:
        return evaluate(model)
    return {name: value for name, value in last.items() if name not in ("kind", "step", "seconds")}


def new_card(run: Run, stage: str, samples: Sequence[Sample], metrics: Mapping[str, float]) -> Card:
    """The fields of a card that every kind of weights has; undefined metrics are left out."""
    schema = schema_of(samples)
    return Card(
        name=run.folder.name,
        stage=stage,
        schema={"joints": list(schema.joints), "parts": list(schema.labels)},
        recipe=run.recipe,
        recipe_stage=run.recipe_stage,
        started_from=run.init.name if run.init else "",
        photos=dict(Counter(sample.source for sample in samples)),
        metrics={name: round(float(v), 4) for name, v in metrics.items() if not math.isnan(v)},
        **LICENCES,
    )


def finish(run: Run, model: nn.Module, card: Card) -> None:
    """Write the weights with their card into the run's folder, in the main process."""
    path = run.folder / f"{card.stage}.safetensors"
    if is_main():
        save_weights(path, model, card)
        say_written(run, path)


def seeded(loop: LoopConfig) -> None:
    """Seed the random generators before a network is built, so that its new layers are the same in every run."""
    seed_everything(loop.seed, loop.threads)
