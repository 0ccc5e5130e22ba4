"""Score submissions to the two tasks of LIP: PCKh@0.5 and parsing, overall, by challenge factor and by size.

    python experiments/evaluate_lip.py --data LIP --split val --pose pose.csv --parsing labels/ --out scores.json

LIP is the folder of the unpacked data set (see posepart/data/lip.py). The rows of the csv are matched to the
pictures by file name or, with `--by_order`, by their order, as the official script does. `--factors FOLDER` holds a
text file of picture names for each factor (occlusion.txt, full_body.txt, upper_body.txt, head_missing.txt,
back_view.txt). Without it, the factors are derived from the labelled joints, and there is none for back views.
"""

from pathlib import Path

import numpy as np
from jsonargparse import Namespace

from posepart.data.lip import read_lip
from posepart.io.files import write_json
from posepart.metrics.lip import FACTORS
from posepart.metrics.lip_submissions import score_parsing, score_pose
from posepart.metrics.measure import Measure
from posepart.metrics.tables import format_measures, measures_to_record
from posepart.schema.lip import LIP_LABEL_NAMES
from posepart.training.scripts import run_script, script_parser


def main() -> None:
    """Run the command line."""
    parser = script_parser(__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of LIP")
    parser.add_argument("--split", default="val")
    parser.add_argument("--pose", type=Path, help="csv with the file name, and x and y of every joint")
    parser.add_argument("--parsing", type=Path, help="folder of PNG files with label ids")
    parser.add_argument("--by_order", action="store_true", help="match the rows of the csv by their order")
    parser.add_argument("--factors", type=Path, help="folder with a list of pictures for each factor")
    parser.add_argument("--replicates", type=int, default=1000, help="replicates of the bootstrap")
    parser.add_argument("--out", type=Path, help="JSON file of the scores to write")
    evaluate(parser.parse_args())


def evaluate(arguments: Namespace) -> None:
    """Score the given submissions, print the scores and write them."""
    if arguments.pose is None and arguments.parsing is None:
        raise ValueError("nothing to score: pass --pose, --parsing or both")
    pictures = read_lip(arguments.data, arguments.split)
    lists = None if arguments.factors is None else factor_lists(arguments.factors)
    options = {"factor_lists": lists, "replicates": arguments.replicates}
    measures: list[Measure] = []
    if arguments.pose is not None:
        pose = score_pose(pictures, arguments.pose, strict=not arguments.by_order, **options)
        measures += pose.measures
        print(f"PCKh, reference {pose.scores['all'].reference}:")
        print("  ".join(f"{name} {100 * value:.1f}" for name, value in pose.scores["all"].groups.items()))
    if arguments.parsing is not None:
        parsing = score_parsing(pictures, arguments.parsing, **options)
        measures += parsing.measures
        scores = parsing.scores["all"]
        print(
            f"overall accuracy {100 * scores.pixel_accuracy:.2f}, mean accuracy {100 * scores.mean_accuracy:.2f}"
        )
        per_label = zip(LIP_LABEL_NAMES, scores.iou, strict=True)
        print("  ".join(f"{name} {100 * iou:.1f}" for name, iou in per_label if not np.isnan(iou)))
    print(format_measures(measures))
    if arguments.out is not None:
        write_json(arguments.out, measures_to_record(measures))


def factor_lists(folder: Path) -> dict[str, Path]:
    """Find the lists of pictures in a folder.

    Raises
    ------
    ValueError
        There is none.
    """
    lists = {factor: folder / f"{factor}.txt" for factor in FACTORS if (folder / f"{factor}.txt").exists()}
    if not lists:
        raise ValueError(f"{folder}: holds none of {', '.join(f'{factor}.txt' for factor in FACTORS)}")
    return lists


if __name__ == "__main__":
    run_script(main)
