"""Tables 11 and 12 of Liang et al. and the structure-sensitive loss on and off, with intervals over photos.

    python experiments/compare_jppnet.py --config experiments/configs/compare_jppnet.yaml --data PEOPLE SYNTH \
        --init movenet_lightning.npz -o runs/jppnet_rows

All rows of a table start from one network, trained on parts alone, and then see equally many images: with one
seed the batches are the same. Each row is trained once per seed (`--seeds`) and scored on the labelled boxes of
the val photos, its scales merged as in its training. Every training has a folder of its own, with a weight file and
card; an interrupted run continues where it was, and a finished training is not done again. Writes jppnet.md and
jppnet.json after every row.
"""

from argparse import RawDescriptionHelpFormatter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from _common import common_card, read_people, run_script
from compare_jppnet_table import Cell, cells_of, mean_over_seeds, write_tables
from jsonargparse import ArgumentParser, Namespace
from torch import Tensor, nn
from train_jppnet import start_from_movenet

from posepart.data.person_crops import CropBatchConfig, PersonCrops
from posepart.data.sample import Sample
from posepart.jppnet.predict import JPPNetInferenceConfig
from posepart.metrics.bootstrap import Score
from posepart.models.backbones import read_arrays
from posepart.models.builders import build
from posepart.models.jppnet.loss import JPPNetLossConfig
from posepart.models.weight_files import load_into, save_weights
from posepart.training.crop_evaluation import CropEvaluation, CropPrediction
from posepart.training.jppnet import (
    PRINTED_AUGMENTATION,
    REFINEMENTS,
    STRIDE_4_LOSS,
    AttentionLoss,
    JPPNetLoss,
    ParserLossConfig,
    attention_predictor,
    jppnet_predictor,
    parsing_phase,
)
from posepart.training.loop import LoopConfig, train

MULTI_SCALE = (1.0, 0.75, 0.5)  # Sec. 6.1, "MSC"


@dataclass(frozen=True)
class Row:
    """A line of a table. stages, scales: of the JPPNet, None for a parser. sensitive: the loss of a parser."""

    key: str
    name: str
    stages: int | None = None
    scales: tuple[float, ...] = (1.0,)
    sensitive: bool = False


# The first of a table is what the others are compared with.
TABLES: dict[str, tuple[Row, ...]] = {
    "JPPNet (Tables 11 and 12)": (
        Row("joint", "Joint", 0),
        Row("joint_msc", "Joint + MSC", 0, MULTI_SCALE),
        Row("joint_s1", "Joint + S1", 1),
        Row("joint_msc_s1", "Joint + MSC + S1", 1, MULTI_SCALE),
        Row("joint_msc_s2", "Joint + MSC + S2", 2, MULTI_SCALE),
    ),
    "SS-JPPNet (Eq. 2)": (
        Row("attention", "Attention, softmax loss"),
        Row("attention_ss", "Attention, structure-sensitive loss", sensitive=True),
    ),
}
KEYS = tuple(row.key for rows in TABLES.values() for row in rows)


class Trainer:
    """Trains the rows, each in its folder, from two networks that they share."""

    def __init__(self, settings: Namespace, samples: Sequence[Sample]) -> None:
        self.settings, self.samples = settings, samples

    def __call__(self, row: Row, seed: int) -> nn.Module:
        """The network of a row, trained with one seed."""
        settings, folder = self.settings, self.settings.out / row.key / f"seed_{seed}"
        if row.stages is None:
            first = self._first_parser()
            model = self._built(settings.parser, settings.parser_arguments, seed)
            load_into(model, first)
            sensitive = AttentionLoss(replace(settings.parser_loss, sensitive=row.sensitive))
            return self._train(
                folder,
                "parser",
                model,
                settings.parser_arguments,
                sensitive,
                "parts",
                settings.loop.steps,
                seed,
            )
        arguments = {**settings.arguments, "stages": row.stages, "scales": list(row.scales)}
        first = self._first_jppnet()
        model = self._built(settings.builder, arguments, seed)
        load_into(model, first, REFINEMENTS)
        loss = JPPNetLoss(settings.loss)
        return self._train(folder, "jppnet", model, arguments, loss, "joints", settings.loop.steps, seed)

    def _first_jppnet(self) -> Path:
        """Sec. 6.1: the network of one scale after the training of its parser."""
        settings, folder = self.settings, self.settings.out / "first_jppnet"
        arguments, loss = parsing_phase(settings.arguments, settings.loss)
        seed = settings.seeds[0]
        model = self._built(settings.builder, arguments, seed)
        if settings.init:
            start_from_movenet(model, settings.init)
        steps = settings.first_steps
        self._train(folder, "jppnet", model, arguments, JPPNetLoss(loss), "parts", steps, seed)
        return folder / "jppnet.safetensors"

    def _first_parser(self) -> Path:
        settings, folder = self.settings, self.settings.out / "first_parser"
        arguments, seed = settings.parser_arguments, settings.seeds[0]
        model = self._built(settings.parser, arguments, seed)
        if settings.init:
            model.backbone.load_people_weights(read_arrays(settings.init))
        loss = AttentionLoss(replace(settings.parser_loss, sensitive=False))
        self._train(folder, "parser", model, arguments, loss, "parts", settings.first_steps, seed)
        return folder / "parser.safetensors"

    def _built(self, builder: str, arguments: Mapping[str, Any], seed: int) -> Any:
        """A network whose new layers are the same in every run with one seed."""
        torch.manual_seed(seed)
        model: Any = build(builder, arguments)
        model.backbone.features[: self.settings.freeze].requires_grad_(False)
        return model

    def _train(
        self,
        folder: Path,
        stage: str,
        model: nn.Module,
        arguments: Mapping[str, Any],
        loss: Any,
        need: str,
        steps: int,
        seed: int,
    ) -> nn.Module:
        """Train in `folder`, or load what it holds already."""
        settings, path = self.settings, folder / f"{stage}.safetensors"
        if not path.exists():
            run = str(folder.relative_to(settings.out))
            print(f"{run}: {steps} steps of {settings.batches.batch_size} images", flush=True)
            crops = PersonCrops(self.samples, replace(settings.batches, need=need, seed=seed))
            model = train(
                model, crops, loss, folder, replace(settings.loop, steps=steps, seed=seed), resume=True
            )
            builder = settings.builder if stage == "jppnet" else settings.parser
            card = {"builder": builder, "arguments": arguments, "steps": steps, "seed": seed}
            save_weights(path, model, {**common_card(stage, run, self.samples), **card})
        load_into(model, path)  # at half precision, as the file has it, whether it is new or not
        return model.eval()


def run(settings: Namespace) -> str:
    """Train and score the rows in the order of the tables; the Markdown of all tables."""
    trainer = Trainer(settings, read_people(settings.data, "train"))
    evaluate = CropEvaluation(
        read_people(settings.data, "val")[: settings.limit], settings.batches.crop, settings.batches.stride
    )
    size = settings.batches.batch_size
    about = {
        "images_per_row": settings.loop.steps * size,
        "images_before": settings.first_steps * size,
        "crop": settings.batches.crop.size,
        "photos": evaluate.photos,
        "seeds": settings.seeds,
        "mirror": settings.mirror,
        "bootstrap": {"replicates": settings.replicates, "seed": settings.seeds[0], "confidence": 0.95},
    }
    tables: dict[str, dict[str, dict[str, Cell]]] = {title: {} for title in TABLES}
    samples: dict[str, int] = {}
    text = ""
    for title, rows in TABLES.items():
        first: Sequence[Score] | None = None
        for row in (row for row in rows if row.key in settings.only):
            trainings = [evaluate(_eyes(trainer(row, seed), row, settings.mirror)) for seed in settings.seeds]
            tables[title][row.name] = cells_of(trainings, first, settings.replicates, settings.seeds[0])
            means = [mean_over_seeds(scores) for scores in zip(*trainings, strict=True)]
            samples |= {score.name: score.samples for score in means}
            first = first or means
            text = write_tables(settings.out, tables, samples, about)
    return text


def _eyes(network: Any, row: Row, mirror: bool) -> Callable[[Tensor], CropPrediction]:
    """How a row's network is scored: by the maps it was trained for, all of its scales merged."""
    if row.stages is None:
        return attention_predictor(network)
    return jppnet_predictor(network, JPPNetInferenceConfig(merged=True, mirror=mirror))


def command_line() -> ArgumentParser:
    """The options."""
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--config", action="config", help="YAML file with any of the settings below")
    parser.add_argument("--data", nargs="+", required=True, help="folders of data sets")
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder of the rows and tables")
    parser.add_argument("--init", type=Path, help="MoveNet .npz that the first networks start from")
    parser.add_argument("--only", type=str, nargs="+", default=list(KEYS), help=f"of {', '.join(KEYS)}")
    parser.add_argument("--builder", default="jppnet_s")
    parser.add_argument("--arguments", type=dict[str, Any], default={}, help="of the builder")
    parser.add_argument("--parser", default="attention_s", help="builder of the parser")
    parser.add_argument("--parser_arguments", type=dict[str, Any], default={}, help="of its builder")
    parser.add_argument("--freeze", type=int, default=4, help="first blocks of the backbone that stay fixed")
    parser.add_argument("--first_steps", type=int, default=400, help="of the network that the rows share")
    parser.add_argument("--loop", type=LoopConfig, default=LoopConfig(steps=800, bf16=False))
    parser.add_argument(
        "--batches", type=CropBatchConfig, default=CropBatchConfig(augment=PRINTED_AUGMENTATION)
    )
    parser.add_argument("--loss", type=JPPNetLossConfig, default=STRIDE_4_LOSS)
    parser.add_argument("--parser_loss", type=ParserLossConfig, default=ParserLossConfig())
    parser.add_argument("--seeds", type=list[int], default=[0], help="a training of every row with each")
    parser.add_argument("--mirror", type=bool, default=True, help="average with the mirrored crops")
    parser.add_argument("--limit", type=int, help="val photos at most")
    parser.add_argument("--replicates", type=int, default=1000, help="of the bootstrap over photos")
    return parser


def main(arguments: Sequence[str] | None = None) -> None:
    command = command_line()
    settings = command.instantiate(command.parse_args(arguments))
    unknown = sorted(set(settings.only) - set(KEYS))
    if unknown:
        raise ValueError(f"--only: there is no {', '.join(unknown)}; choose of {', '.join(KEYS)}")
    print(run(settings))


if __name__ == "__main__":
    run_script(main)
