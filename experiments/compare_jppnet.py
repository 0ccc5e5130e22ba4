"""Tables 11 and 12 of Liang et al. and the structure-sensitive loss on and off, with intervals over photos.

    python experiments/compare_jppnet.py --config experiments/configs/compare_jppnet.yaml --data PEOPLE SYNTH \
        --init movenet_lightning.npz -o runs/jppnet_rows

All rows of a table start from one network, trained on parts alone, and then see equally many images: the batches
are the same. They are scored on the labelled boxes of the val photos. Each row has a folder of its own, with a
weight file and card; an interrupted run continues where it was, and a finished row is not trained again. Writes
jppnet.md and jppnet.json after every row.
"""

import math
import sys
from argparse import RawDescriptionHelpFormatter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from _common import common_card, read_people
from jsonargparse import ArgumentParser, Namespace
from torch import nn
from train_jppnet import start_from_movenet

from posepart.data.person_crops import CropBatchConfig, PersonCrops
from posepart.data.sample import Sample
from posepart.jppnet_inference import JPPNetInferenceConfig
from posepart.metrics.bootstrap import Interval, Score, bootstrap_interval, paired_bootstrap
from posepart.models.backbones import read_arrays
from posepart.models.builders import build
from posepart.models.jppnet_loss import JPPNetLossConfig
from posepart.models.weights import load_into, save_weights
from posepart.results import write_atomically, write_json
from posepart.training.crop_scores import CropEvaluation
from posepart.training.jppnet import (
    PRINTED_AUGMENTATION,
    REFINEMENTS,
    STRIDE_4_LOSS,
    JPPNetLoss,
    ParserLoss,
    ParserLossConfig,
    eyes_of_jppnet,
    eyes_of_parser,
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

    def __call__(self, row: Row) -> nn.Module:
        """The trained network of a row."""
        settings, folder = self.settings, self.settings.out / row.key
        if row.stages is None:
            first = self._first_parser()
            model = self._built(settings.parser, settings.parser_arguments)
            load_into(model, first)
            sensitive = ParserLoss(replace(settings.parser_loss, sensitive=row.sensitive))
            return self._train(
                folder, "parser", model, settings.parser_arguments, sensitive, "parts", settings.loop.steps
            )
        arguments = {**settings.arguments, "stages": row.stages, "scales": list(row.scales)}
        first = self._first_jppnet()
        model = self._built(settings.builder, arguments)
        load_into(model, first, REFINEMENTS)
        return self._train(
            folder, "jppnet", model, arguments, JPPNetLoss(settings.loss), "joints", settings.loop.steps
        )

    def _first_jppnet(self) -> Path:
        """Sec. 6.1: the network of one scale after the training of its parser."""
        settings, folder = self.settings, self.settings.out / "first_jppnet"
        arguments, loss = parsing_phase(settings.arguments, settings.loss)
        model = self._built(settings.builder, arguments)
        if settings.init:
            start_from_movenet(model, settings.init)
        self._train(folder, "jppnet", model, arguments, JPPNetLoss(loss), "parts", settings.first_steps)
        return folder / "jppnet.safetensors"

    def _first_parser(self) -> Path:
        settings, folder = self.settings, self.settings.out / "first_parser"
        arguments = settings.parser_arguments
        model = self._built(settings.parser, arguments)
        if settings.init:
            model.backbone.load_people_weights(read_arrays(settings.init))
        loss = ParserLoss(replace(settings.parser_loss, sensitive=False))
        self._train(folder, "parser", model, arguments, loss, "parts", settings.first_steps)
        return folder / "parser.safetensors"

    def _built(self, builder: str, arguments: Mapping[str, Any]) -> Any:
        """A network whose new layers are the same in every run."""
        torch.manual_seed(self.settings.loop.seed)
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
    ) -> nn.Module:
        """Train in `folder`, or load what it holds already."""
        settings, path = self.settings, folder / f"{stage}.safetensors"
        if not path.exists():
            print(f"{folder.name}: {steps} steps of {settings.batches.batch_size} images", flush=True)
            crops = PersonCrops(self.samples, replace(settings.batches, need=need))
            model = train(model, crops, loss, folder, replace(settings.loop, steps=steps), resume=True)
            builder = settings.builder if stage == "jppnet" else settings.parser
            card = {"builder": builder, "arguments": arguments, "steps": steps, "seed": settings.loop.seed}
            save_weights(path, model, {**common_card(stage, folder.name, self.samples), **card})
        load_into(model, path)  # at half precision, as the file has it, whether it is new or not
        return model.eval()


@dataclass(frozen=True)
class Cell:
    """A score with its interval, and its difference to the first row's; None for the first row."""

    value: Interval
    against_first: Interval | None


def cells_of(
    scores: Sequence[Score], first: Sequence[Score] | None, replicates: int, seed: int
) -> dict[str, Cell]:
    """The cells of a row by name; intervals are bootstrapped over photos, differences with the same photos."""
    cells = {}
    for i, score in enumerate(scores):
        value = bootstrap_interval(score.statistic, score.photos, replicates, seed)
        difference = None
        if first is not None:
            paired = paired_bootstrap(first[i].statistic, score.statistic, score.photos, replicates, seed)
            difference = paired.difference
        cells[score.name] = Cell(value, difference)
    return cells


def to_markdown(title: str, rows: dict[str, dict[str, Cell]]) -> str:
    """A table in percent; in brackets the difference to the first row with its paired interval."""
    columns = list(next(iter(rows.values())))
    lines = [f"## {title}", "", f"| row | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for name, cells in rows.items():
        lines.append(f"| {name} | {' | '.join(_cell_text(cell) for cell in cells.values())} |")
    return "\n".join([*lines, ""])


def _cell_text(cell: Cell) -> str:
    text = "{:.1f}, {:.1f} .. {:.1f}".format(*(100 * v for v in _numbers(cell.value)))
    if cell.against_first is not None:
        text += " ({:+.1f}, {:+.1f} .. {:+.1f})".format(*(100 * v for v in _numbers(cell.against_first)))
    return text


def _numbers(interval: Interval) -> tuple[float, float, float]:
    return interval.value, interval.low, interval.high


def _record(cell: Cell) -> dict[str, Any]:
    def plain(interval: Interval) -> dict[str, float | None]:
        return {k: round(v, 6) if math.isfinite(v) else None for k, v in asdict(interval).items()}

    record: dict[str, Any] = plain(cell.value)
    return record if cell.against_first is None else {**record, "against_first": plain(cell.against_first)}


def write_tables(
    out: Path, tables: dict[str, dict[str, dict[str, Cell]]], samples: dict[str, int], about: dict[str, Any]
) -> str:
    """Write jppnet.md and jppnet.json; returns the Markdown."""
    head = (
        f"# JPPNet and SS-JPPNet, variants trained alike\n\n{about['images_per_row']} images per row after "
        f"{about['images_before']} of the parser alone; crops of {about['crop']} px; labelled boxes of "
        f"{about['photos']} val photos. Percent with 95 % bootstrap intervals over photos; in brackets the "
        "difference to the first row. Counted: "
        + ", ".join(f"{name} {count}" for name, count in samples.items())
        + ".\n\n"
    )
    text = head + "\n".join(to_markdown(title, rows) for title, rows in tables.items() if rows)
    write_atomically(out / "jppnet.md", lambda file: file.write(text.encode()))
    records = {
        title: {row: {name: _record(cell) for name, cell in cells.items()} for row, cells in rows.items()}
        for title, rows in tables.items()
    }
    write_json(out / "jppnet.json", {**about, "samples": samples, "tables": records})
    return text


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
        "inference": asdict(settings.inference),
        "bootstrap": {"replicates": settings.replicates, "seed": settings.loop.seed, "confidence": 0.95},
    }
    tables: dict[str, dict[str, dict[str, Cell]]] = {title: {} for title in TABLES}
    samples: dict[str, int] = {}
    text = ""
    for title, rows in TABLES.items():
        first: Sequence[Score] | None = None
        for row in (row for row in rows if row.key in settings.only):
            network: Any = trainer(row)
            see = (
                eyes_of_parser(network) if row.stages is None else eyes_of_jppnet(network, settings.inference)
            )
            scores = evaluate(see)
            tables[title][row.name] = cells_of(scores, first, settings.replicates, settings.loop.seed)
            samples |= {score.name: score.samples for score in scores}
            first = first or scores
            text = write_tables(settings.out, tables, samples, about)
    return text


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
    parser.add_argument(
        "--inference", type=JPPNetInferenceConfig, default=JPPNetInferenceConfig(scales=(1.0,))
    )
    parser.add_argument("--limit", type=int, help="val photos at most")
    parser.add_argument("--replicates", type=int, default=1000, help="of the bootstrap over photos")
    return parser


def main(arguments: Sequence[str] | None = None) -> None:
    command = command_line()
    settings = command.instantiate(command.parse_args(arguments))
    try:
        unknown = sorted(set(settings.only) - set(KEYS))
        if unknown:
            raise ValueError(f"--only: there is no {', '.join(unknown)}; choose of {', '.join(KEYS)}")
        print(run(settings))
    except ValueError as error:
        print(f"compare_jppnet: error: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
