"""Tables 11 and 12 of Liang et al., and their structure-sensitive loss on and off, with intervals over photos.

    python experiments/compare_jppnet.py --config experiments/recipes/compare_jppnet.yaml --data PEOPLE SYNTH \
        --init movenet_lightning.npz -o runs/jppnet_rows

All rows of a table start from the same network, which was trained on parts alone, and are trained on equally many
images; trainings with the same seed have the same batches. Each row is trained once per seed (`--seeds`) and scored
on the labelled boxes of the val photos, with its scales merged as in training. Every training has its own folder
with weights and card. An interrupted run is continued, and a finished training is not repeated. Writes jppnet.md and
jppnet.json after every row.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jsonargparse import ArgumentParser, Namespace
from torch import Tensor, nn

from posepart.data.person_crops import CropBatchConfig
from posepart.data.sample import Sample
from posepart.io.files import write_json, write_text
from posepart.jppnet.predict import JPPNetInferenceConfig
from posepart.metrics.bootstrap import Score, bootstrap_interval, paired_bootstrap
from posepart.metrics.tables import Cell, Row, Table, table_to_markdown, table_to_record
from posepart.models.backbones import read_arrays
from posepart.models.builders import build
from posepart.models.jppnet.loss import JPPNetLossConfig
from posepart.models.weight_files import load_into, save_weights
from posepart.training.crop_evaluation import CropEvaluation, CropPrediction
from posepart.training.jppnet import (
    PRINTED_AUGMENTATION,
    REFINEMENTS,
    STRIDE_4_LOSS,
    JPPNetLoss,
    jppnet_predictor,
    parsing_phase,
    start_from_movenet,
)
from posepart.training.loop import LoopConfig, train
from posepart.training.parsing import ParsingLoss, ParsingLossConfig, parsing_predictor
from posepart.training.run import Run, new_card, person_crops, read_people
from posepart.training.scripts import run_script, script_parser

MULTI_SCALE = (1.0, 0.75, 0.5)  # Sec. 6.1, "MSC"


@dataclass(frozen=True)
class Variant:
    """A row of a table."""

    key: str  # for the command line and the folder
    name: str  # in the table
    stages: int | None = None  # refinement stages of the JPPNet; None for attention to scale
    scales: tuple[float, ...] = (1.0,)  # scales of the JPPNet
    sensitive: bool = False  # whether attention to scale has the structure-sensitive loss


# The other rows of a table are compared with the first.
TABLES: dict[str, tuple[Variant, ...]] = {
    "JPPNet (Tables 11 and 12)": (
        Variant("joint", "Joint", 0),
        Variant("joint_msc", "Joint + MSC", 0, MULTI_SCALE),
        Variant("joint_s1", "Joint + S1", 1),
        Variant("joint_msc_s1", "Joint + MSC + S1", 1, MULTI_SCALE),
        Variant("joint_msc_s2", "Joint + MSC + S2", 2, MULTI_SCALE),
    ),
    "SS-JPPNet (Eq. 2)": (
        Variant("attention", "Attention, softmax loss"),
        Variant("attention_ss", "Attention, structure-sensitive loss", sensitive=True),
    ),
}
KEYS = tuple(variant.key for variants in TABLES.values() for variant in variants)


@dataclass(frozen=True)
class Training:
    """One training."""

    folder: Path  # of its log and weights
    stage: str  # "jppnet" or "parsing"
    arguments: Mapping[str, Any]  # of the builder
    loss: Callable[[nn.Module, Mapping[str, Tensor]], dict[str, Tensor]]  # (network, batch) -> losses
    need: str  # labels that its crops must have, "parts" or "joints"
    steps: int  # number of updates
    seed: int  # of weights and batches


class Trainer:
    """Trains the variants, each in its folder, from two shared networks."""

    def __init__(self, settings: Namespace, samples: Sequence[Sample]) -> None:
        self.settings, self.samples = settings, samples

    def __call__(self, variant: Variant, seed: int) -> nn.Module:
        """Train the network of a variant with one seed."""
        settings, folder = self.settings, self.settings.out / variant.key / f"seed_{seed}"
        steps = settings.loop.steps
        if variant.stages is None:
            loss = ParsingLoss(replace(settings.attention_loss, sensitive=variant.sensitive))
            arguments = settings.attention_arguments
            training = Training(folder, "parsing", arguments, loss, "parts", steps, seed)
            return self._trained(training, lambda model: load_into(model, self.first_attention))
        arguments = {**settings.arguments, "stages": variant.stages, "scales": list(variant.scales)}
        training = Training(folder, "jppnet", arguments, JPPNetLoss(settings.loss), "joints", steps, seed)
        return self._trained(training, lambda model: load_into(model, self.first_jppnet, REFINEMENTS))

    @cached_property
    def first_jppnet(self) -> Path:
        """The network of one scale after the training of its parsing branch (Sec. 6.1)."""
        settings, folder = self.settings, self.settings.out / "first_jppnet"
        arguments, loss = parsing_phase(settings.arguments, settings.loss)
        seed, steps = settings.seeds[0], settings.first_steps
        training = Training(folder, "jppnet", arguments, JPPNetLoss(loss), "parts", steps, seed)

        def start(model: Any) -> None:
            if settings.init:
                start_from_movenet(model, settings.init)

        self._trained(training, start)
        return Path(folder / "jppnet.safetensors")

    @cached_property
    def first_attention(self) -> Path:
        """Attention to scale after its training with the softmax loss."""
        settings, folder = self.settings, self.settings.out / "first_attention"
        loss = ParsingLoss(replace(settings.attention_loss, sensitive=False))
        arguments, seed, steps = settings.attention_arguments, settings.seeds[0], settings.first_steps

        def start(model: Any) -> None:
            if settings.init:
                model.backbone.load_people_weights(read_arrays(settings.init))

        self._trained(Training(folder, "parsing", arguments, loss, "parts", steps, seed), start)
        return Path(folder / "parsing.safetensors")

    def _trained(self, training: Training, start: Callable[[Any], object]) -> nn.Module:
        """Train a network, which `start` initialises, unless the folder of the training holds its weights."""
        settings, seed = self.settings, training.seed
        builder = settings.builder if training.stage == "jppnet" else settings.attention
        torch.manual_seed(seed)  # new layers are the same in every run with one seed
        model: Any = build(builder, training.arguments)
        model.backbone.features[: settings.freeze].requires_grad_(False)
        path = training.folder / f"{training.stage}.safetensors"
        if not path.exists():
            start(model)
            name = str(training.folder.relative_to(settings.out))
            print(f"{name}: {training.steps} steps of {settings.batches.batch_size} images", flush=True)
            crops = person_crops(self.samples, replace(settings.batches, need=training.need, seed=seed))
            loop = replace(settings.loop, steps=training.steps, epochs=None, seed=seed)
            model = train(model, crops, training.loss, training.folder, loop, resume=True)
            card = new_card(Run(training.folder, ()), training.stage, self.samples, {})
            card = replace(card, name=name, builder=builder, arguments=dict(training.arguments))
            save_weights(path, model, card)
        load_into(model, path)  # a new network, too, is used at the half precision of the file
        return model.to(settings.loop.device).eval()


def run(settings: Namespace) -> str:
    """Train and score the variants in the order of the tables, and return the Markdown of all tables."""
    trainer = Trainer(settings, read_people(settings.data, "train"))
    photos = read_people(settings.data, "val")[: settings.limit]
    evaluate = CropEvaluation(photos, settings.batches.crop, settings.batches.stride)
    rows: dict[str, list[Row]] = {title: [] for title in TABLES}
    columns: dict[str, tuple[str, ...]] = {}
    samples: dict[str, int] = {}
    text = ""
    for title, variants in TABLES.items():
        first: Sequence[Score] | None = None
        for variant in (variant for variant in variants if variant.key in settings.only):
            predictors = (_predictor(trainer(variant, s), variant, settings.mirror) for s in settings.seeds)
            trainings = [evaluate(predictor) for predictor in predictors]
            means = [mean_over_seeds(scores) for scores in zip(*trainings, strict=True)]
            rows[title].append(
                Row(variant.name, cells_of(trainings, first, settings.replicates, settings.seeds[0]))
            )
            columns[title] = tuple(score.name for score in means)
            samples |= {score.name: score.samples for score in means}
            first = first or means
            tables = {t: Table(t, t, "", columns[t], tuple(r), head="row") for t, r in rows.items() if r}
            text = write_tables(settings, tables, samples, evaluate.photos)
    return text


def _predictor(network: Any, variant: Variant, mirror: bool) -> Callable[[Tensor], CropPrediction]:
    """The function that predicts crops for the scores, with all scales of the network merged."""
    if variant.stages is None:
        return parsing_predictor(network)
    return jppnet_predictor(network, JPPNetInferenceConfig(merged=True, mirror=mirror))


def mean_over_seeds(scores: Sequence[Score]) -> Score:
    """The mean over several networks of one score on the same photos."""
    return replace(
        scores[0], statistic=lambda weights: float(np.mean([s.statistic(weights) for s in scores]))
    )


def cells_of(
    trainings: Sequence[Sequence[Score]], first: Sequence[Score] | None, replicates: int, seed: int
) -> tuple[Cell, ...]:
    """The cells of a row: bootstrap intervals over photos, and paired differences to the first row.

    Parameters
    ----------
    trainings : sequence of sequence of Score
        The scores of the networks of all seeds.
    first : sequence of Score, optional
        The scores of the first row, averaged by `mean_over_seeds`; None for the first row itself.
    replicates : int
        Of the bootstrap.
    seed : int
        Of the bootstrap.
    """
    cells = []
    for i, of_seeds in enumerate(zip(*trainings, strict=True)):
        score = mean_over_seeds(of_seeds)
        value = bootstrap_interval(score.statistic, score.photos, replicates, seed)
        difference = None
        if first is not None:
            difference = paired_bootstrap(first[i].statistic, score.statistic, score.photos, replicates, seed)
        every_photo = np.ones(score.photos, np.int64)
        values = tuple(float(s.statistic(every_photo)) for s in of_seeds)
        cells.append(Cell(value, difference, values, score.photos, score.samples))
    return tuple(cells)


def write_tables(
    settings: Namespace, tables: Mapping[str, Table], samples: Mapping[str, int], photos: int
) -> str:
    """Write jppnet.md and jppnet.json, and return the Markdown."""
    size, seeds = settings.batches.batch_size, settings.seeds
    about = {
        "images_per_row": settings.loop.steps * size,
        "images_before": settings.first_steps * size,
        "crop": settings.batches.crop.size,
        "photos": photos,
        "seeds": seeds,
        "mirror": settings.mirror,
        "bootstrap": {"replicates": settings.replicates, "seed": seeds[0], "confidence": 0.95},
    }
    head = (
        f"# JPPNet and SS-JPPNet, variants trained alike\n\n{about['images_per_row']} images per row after "
        f"{about['images_before']} for the parsing branch alone; crops of {about['crop']} px; labelled boxes of "
        f"{photos} val photos. Percent, mean over {len(seeds)} trainings, with 95 % bootstrap intervals over "
        "photos; then the difference to the first row, and in braces the lowest and the highest training. Counted: "
        + ", ".join(f"{name} {count}" for name, count in samples.items())
        + ".\n\n"
    )
    text = head + "\n".join(table_to_markdown(table, level=2) for table in tables.values())
    write_text(settings.out / "jppnet.md", text)
    records = {title: table_to_record(table) for title, table in tables.items()}
    write_json(settings.out / "jppnet.json", {**about, "samples": dict(samples), "tables": records})
    return text


def command_line() -> ArgumentParser:
    """The options."""
    parser = script_parser(__doc__)
    parser.add_argument("--config", action="config", help="YAML file with any of the settings below")
    parser.add_argument("--data", nargs="+", required=True, help="folders of data sets")
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder of the rows and tables")
    parser.add_argument("--init", type=Path, help="MoveNet .npz that the first networks start from")
    parser.add_argument("--only", type=str, nargs="+", default=list(KEYS), help=f"of {', '.join(KEYS)}")
    parser.add_argument("--builder", default="jppnet_s")
    parser.add_argument("--arguments", type=dict[str, Any], default={}, help="of the builder")
    parser.add_argument("--attention", default="attention_s", help="builder of attention to scale")
    parser.add_argument("--attention_arguments", type=dict[str, Any], default={}, help="of its builder")
    parser.add_argument("--freeze", type=int, default=4, help="first blocks of the backbone that stay fixed")
    parser.add_argument("--first_steps", type=int, default=400, help="of the network that the rows share")
    parser.add_argument("--loop", type=LoopConfig, default=LoopConfig(steps=800, bf16=False))
    parser.add_argument(
        "--batches", type=CropBatchConfig, default=CropBatchConfig(augment=PRINTED_AUGMENTATION)
    )
    parser.add_argument("--loss", type=JPPNetLossConfig, default=STRIDE_4_LOSS)
    parser.add_argument("--attention_loss", type=ParsingLossConfig, default=ParsingLossConfig())
    parser.add_argument("--seeds", type=list[int], default=[0], help="a training of every row with each")
    parser.add_argument("--mirror", type=bool, default=True, help="average with the mirrored crops")
    parser.add_argument("--limit", type=int, help="val photos at most")
    parser.add_argument("--replicates", type=int, default=1000, help="of the bootstrap over photos")
    return parser


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    command = command_line()
    settings = command.instantiate(command.parse_args(arguments))
    unknown = sorted(set(settings.only) - set(KEYS))
    if unknown:
        raise ValueError(f"--only: there is no {', '.join(unknown)}; choose from {', '.join(KEYS)}")
    print(run(settings))


if __name__ == "__main__":
    run_script(main)
