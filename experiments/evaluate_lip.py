"""Score submissions to the two tasks of LIP: PCKh@0.5 and parsing, overall, by challenge factor and by size.

    python experiments/evaluate_lip.py --data LIP --split val --pose pose.csv --parsing labels/ --out scores.json

LIP is the folder of the unpacked data set (see posepart/data/lip.py). The rows of the csv are matched to the
pictures by file name or, with `--by_order`, by their order, as the official script does. `--factors FOLDER` holds a
text file of picture names for each factor (occlusion.txt, full_body.txt, upper_body.txt, lower_body.txt,
head_missing.txt, back_view.txt). Without it, the factors are derived from the labelled joints, and there is none for
back views. `--groups.factors` and `--groups.size_edges` choose other factors and sizes.

DATA may also be ATR (Table 8: `--parsing`, in LIP's ids, on the 16 common labels), MPII (Table 10: `--split single`,
`--pose`) or CIHP (`--parsing`, a folder in CIHP's layout: mean IoU, AP^r, AP^p), as predict_lip.py writes them.
"""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from jsonargparse import Namespace

from posepart.data.cihp import read_atr, read_cihp
from posepart.data.lip import read_lip
from posepart.data.mpii import read_mpii
from posepart.data.readers import find_layout
from posepart.data.visibility import VISIBILITIES
from posepart.io.files import write_json
from posepart.metrics.lip import LipGroupsConfig
from posepart.metrics.lip_family import score_cihp, score_common_labels, score_mpii
from posepart.metrics.lip_submissions import score_parsing, score_pose
from posepart.metrics.measure import Measure
from posepart.metrics.tables import format_measures, measures_to_record
from posepart.schema.lip import LIP_LABEL_NAMES
from posepart.schema.mpii import MPII
from posepart.training.scripts import run_script, script_parser


def main() -> None:
    """Run the command line."""
    parser = script_parser(__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of LIP, ATR, MPII or CIHP")
    parser.add_argument("--split", default="val")
    parser.add_argument("--pose", type=Path, help="csv with the file name, and x and y of every joint")
    parser.add_argument("--parsing", type=Path, help="folder of PNG files with label ids")
    parser.add_argument("--by_order", action="store_true", help="match the rows of the csv by their order")
    parser.add_argument("--factors", type=Path, help="folder with a list of pictures for each factor")
    parser.add_argument("--replicates", type=int, default=1000, help="replicates of the bootstrap")
    parser.add_argument("--groups", type=LipGroupsConfig, default=LipGroupsConfig())
    parser.add_argument("--out", type=Path, help="JSON file of the scores to write")
    evaluate(parser.instantiate(parser.parse_args()))


def evaluate(arguments: Namespace) -> None:
    """Score the given submissions, print the scores and write them."""
    if arguments.pose is None and arguments.parsing is None:
        raise ValueError("nothing to score: pass --pose, --parsing or both")
    layout = find_layout(arguments.data).name
    record: dict[str, Any]
    if layout in FAMILY:
        scores = FAMILY[layout](arguments)
        record = {name: None if np.isnan(value) else value for name, value in scores.items()}
        print("  ".join(f"{name} {100 * value:.2f}" for name, value in record.items() if value is not None))
    else:
        measures = evaluate_lip(arguments)
        print(format_measures(measures))
        record = measures_to_record(measures)
    if arguments.out is not None:
        write_json(arguments.out, record)


def evaluate_lip(arguments: Namespace) -> list[Measure]:
    """Score both tasks of LIP."""
    pictures = read_lip(arguments.data, arguments.split)
    lists = None if arguments.factors is None else factor_lists(arguments.factors)
    options = {"factor_lists": lists, "config": arguments.groups, "replicates": arguments.replicates}
    measures: list[Measure] = []
    if arguments.pose is not None:
        pose = score_pose(pictures, arguments.pose, strict=not arguments.by_order, **options)
        measures += pose.measures
        print(f"PCKh, reference {pose.scores['all'].reference}:")
        for name, scores in pose.scores.items():
            if pose.pictures[name]:
                groups = "  ".join(f"{joint} {100 * value:.1f}" for joint, value in scores.groups.items())
                print(f"{name}: {groups}")
    if arguments.parsing is not None:
        parsing = score_parsing(pictures, arguments.parsing, **options)
        measures += parsing.measures
        per_label = zip(LIP_LABEL_NAMES, parsing.scores["all"].iou, strict=True)
        print("  ".join(f"{name} {100 * iou:.1f}" for name, iou in per_label if not np.isnan(iou)))
    return measures


def evaluate_atr(arguments: Namespace) -> dict[str, float]:
    """Table 8, left: LIP's labels on ATR."""
    scores, miou = score_common_labels(
        read_atr(arguments.data, arguments.split), required(arguments, "parsing")
    )
    return {"overall_accuracy": scores.pixel_accuracy, "miou_16": miou}


def evaluate_mpii(arguments: Namespace) -> dict[str, float]:
    """Table 10: joints on MPII's pictures of one person."""
    scores = score_mpii(read_mpii(arguments.data, arguments.split, MPII), required(arguments, "pose"))
    return {**{f"pckh_{name}": value for name, value in scores.groups.items()}, "pckh_total": scores.total}


def evaluate_cihp(arguments: Namespace) -> dict[str, float]:
    """Several people: instance scores and the label maps."""
    report = score_cihp(read_cihp(arguments.data, arguments.split), required(arguments, "parsing"))
    labels = report.labels
    return {
        "overall_accuracy": labels.pixel_accuracy,
        "mean_accuracy": labels.mean_accuracy,
        "miou": labels.miou,
        **asdict(report.instances),
    }


FAMILY: dict[str, Callable[[Namespace], dict[str, float]]] = {
    "ATR": evaluate_atr,
    "MPII": evaluate_mpii,
    "CIHP": evaluate_cihp,
}


def required(arguments: Namespace, option: str) -> Path:
    """The file or folder that an option names.

    Raises
    ------
    ValueError
        It is not given.
    """
    path: Path | None = getattr(arguments, option)
    if path is None:
        raise ValueError(f"nothing to score: this data set needs --{option}")
    return path


def factor_lists(folder: Path) -> dict[str, Path]:
    """Find the lists of pictures in a folder.

    Raises
    ------
    ValueError
        There is none.
    """
    lists = {
        factor: folder / f"{factor}.txt" for factor in VISIBILITIES if (folder / f"{factor}.txt").exists()
    }
    if not lists:
        raise ValueError(f"{folder}: holds none of {', '.join(f'{factor}.txt' for factor in VISIBILITIES)}")
    return lists


if __name__ == "__main__":
    run_script(main)
