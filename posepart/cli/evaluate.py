"""`posepart evaluate`: the measures of a model, or of stored results, on labelled photos, as a report."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jsonargparse import ArgumentParser, Namespace

import posepart
from posepart.cli import options

if TYPE_CHECKING:
    from posepart.data.sample import Sample
    from posepart.report.predictions import Predictions

SUMMARY = "Measure a model, or stored results, on labelled photos."
STRAY_HINT = "name the labelled photos with --data DIR"
USAGE = """posepart evaluate --data DIR [--model M | --predictions OUT] -o REPORT [options]
       posepart evaluate --labels FILE --predictions RESULTS [--sigmas S ...] [-o REPORT]"""
DESCRIPTION = """\
Measure how good a model is on labelled photos: run it on them, or read stored results,
and write a report.

The folder REPORT receives
  index.html    the report: the paper's Tables 1 to 4, precision and recall of every joint
                and of boxes, confusion of parts, errors of joints, calibration of their
                scores, time by stage, and the worst cases as pictures; works offline
  tables.md     the tables as Markdown
  metrics.json  all numbers
  worst/        the pictures
All intervals are 95 % bootstrap intervals over photos. The figures need matplotlib
(pip install matplotlib, or install posepart with its extra [report]).

--data takes the layouts that posepart data check --help lists."""
EPILOG = """\
examples:
  posepart evaluate --data people/ -o report
  posepart evaluate --data people/ --model my_models/run3 --threads 2 -o report
  posepart evaluate --data people/ --no-segment-term -o report_without
  posepart evaluate --data people/ --preset xia2017 --model posepart-s -o report_as_printed
  posepart evaluate --data people/ --predictions out/ -o report     (of posepart predict)
  posepart evaluate --data labels.json --images photos/ --joints neck=spine -o report
  posepart evaluate --data coco/ --predictions theirs.json --name theirs -o report
  posepart evaluate --data scenes/ --split train --limit 100 -o report
  posepart evaluate --data people/ --subset pelota --people-per-photo 2 -o report

any joints:
  posepart evaluate --labels labels.json --predictions results.json --sigmas 0.05 0.03 0.1
  COCO's numbers for a COCO file of people with any joints and a list of results with the
  same joints, as pycocotools computes them; REPORT receives metrics.json. Sigmas are known
  for the joints of COCO and of posepart.

other systems:
  theirs.json is a COCO keypoint-results list, with the 14 joints of posepart or the 17
  of COCO. Photos are found by file_name or image_id; the third number of a joint is its
  score in [0, 1]. Such a list has no part maps, so parts are not measured.

exit codes:
  0  the report is written
  2  nothing could be done
  130  interrupted"""

_AT_LEAST = {"people_per_photo": 0, "limit": 1, "worst": 0, "replicates": 0, "seed": 0}


def parser() -> ArgumentParser:
    """The options of the command."""
    parser = options.new_parser(USAGE, DESCRIPTION, EPILOG)
    _add_data(parser)
    parser.add_argument(
        "--predictions",
        type=str,
        metavar="OUT",
        help="Measure these results instead of running a model: a folder that posepart predict wrote, or a COCO "
        "keypoint-results list (predictions.json) of any system.",
    )
    parser.add_argument(
        "-o", "--out", type=str, metavar="REPORT", help="Folder for the report; made if needed."
    )
    parser.add_argument(
        "--name", type=str, metavar="NAME", help="Name of the system in the report. Default: its model."
    )
    _add_filters(parser)
    parser.add_argument(
        "--worst",
        type=int,
        default=12,
        metavar="N",
        help="Number of worst cases to show, by pose and by parts. Default: 12.",
    )
    parser.add_argument(
        "--replicates",
        type=int,
        default=1000,
        metavar="N",
        help="Bootstrap samples; 0 gives no intervals. Default: 1000.",
    )
    parser.add_argument(
        "--size-edges",
        type=float,
        nargs=3,
        default=[80.0, 140.0, 220.0],
        metavar="PX",
        help="Edges between the sizes of people in Table 4, by the square root of the area of the box. Default: 80 "
        "140 220.",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="Seed of the bootstrap. Default: 0.")
    options.add_segment_switch(parser)
    options.add_refine_switch(parser)
    options.add_network_options(parser)
    options.add_settings(parser)
    return parser


def _add_data(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--data", type=str, metavar="DIR", help="Folder of labelled photos, or a COCO file with any joints."
    )
    options.add_coco_options(parser)
    parser.add_argument(
        "--split", type=str, default="val", metavar="SPLIT", help="The split to measure on. Default: val."
    )
    parser.add_argument(
        "--labels",
        type=str,
        metavar="FILE",
        help="In place of --data: a COCO file of people with any joints; --predictions is a list of results.",
    )
    parser.add_argument(
        "--sigmas",
        type=float,
        nargs="+",
        metavar="S",
        help="With --labels: the constant of OKS of every joint.",
    )


def _add_filters(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--subset", nargs="+", type=str, metavar="SOURCE", help="Only photos from these sources."
    )
    parser.add_argument(
        "--people-per-photo",
        type=int,
        default=0,
        metavar="N",
        help="Only photos with at least N labelled people.",
    )
    parser.add_argument("--limit", type=int, metavar="N", help="Only the first N of these photos.")


def run(chosen: Namespace) -> int:
    """Measure, write the report, and print all measures; the exit code."""
    if chosen.labels is not None:
        return _run_on_files(chosen)
    _check(chosen)
    from posepart.data.readers import read_samples, remarks_on
    from posepart.metrics.tables import format_measures
    from posepart.report.evaluate import choose_samples, evaluate, left_out
    from posepart.report.figures import require_matplotlib
    from posepart.report.folder import check_replaceable
    from posepart.report.paper_tables import Bootstrap

    data, out = options.data_source(chosen.data, chosen), Path(chosen.out)
    require_matplotlib()
    check_replaceable(out)
    labelled = read_samples(data, chosen.split)
    samples = choose_samples(labelled, chosen.subset, chosen.people_per_photo, chosen.limit)
    predictions, source = _predictions(chosen, labelled)
    for note in (*left_out(samples), *predictions.notes, *remarks_on(data, chosen.split)):
        print(note)
    about = {
        "data": Path(data).resolve().name,
        "split": chosen.split,
        "subset": chosen.subset,
        "people_per_photo": chosen.people_per_photo or None,
        "limit": chosen.limit,
        "size_edges": chosen.size_edges,
        "posepart": posepart.__version__,
        **source,
    }
    bootstrap = Bootstrap(chosen.replicates, chosen.seed)
    measures = evaluate(samples, predictions, out, about, bootstrap, chosen.worst, chosen.size_edges)
    print(f"{format_measures(measures)}\nreport in {out / 'index.html'}")
    return 0


def _run_on_files(chosen: Namespace) -> int:
    """Compare a list of results with a file of labels, in any joints."""
    from posepart.io.files import write_json
    from posepart.report.coco_files import compare_coco_files, format_comparison

    if chosen.data is not None:
        raise ValueError("--labels and --data exclude each other; name the labels with one of them")
    if chosen.predictions is None:
        raise ValueError("which results? Name a COCO results list with --predictions RESULTS")
    comparison = compare_coco_files(Path(chosen.labels), Path(chosen.predictions), chosen.sigmas)
    if chosen.out is not None:
        path = options.make_folder(Path(chosen.out)) / "metrics.json"
        try:
            write_json(path, dataclasses.asdict(comparison))
        except OSError as error:
            raise ValueError(f"{path}: cannot be written ({error.strerror}); choose another -o") from None
    print(format_comparison(comparison))
    return 0


def _predictions(chosen: Namespace, labelled: Sequence["Sample"]) -> tuple["Predictions", dict[str, Any]]:
    """Stored results, or those of a model that runs photo by photo; and what the report says of their origin."""
    from posepart.report.predictions import predictions_of_model, stored_predictions

    if chosen.predictions is not None:
        predictions = stored_predictions(Path(chosen.predictions), labelled)
        source: dict[str, Any] = {"predictions": Path(chosen.predictions).name}
    else:
        config = options.pipeline_config(chosen)
        pipeline, about = options.load_pipeline(chosen, config)
        predictions = predictions_of_model(pipeline)
        source = {**about, "detector": chosen.detector, "pipeline": dataclasses.asdict(config)}
    if chosen.name:
        predictions = dataclasses.replace(predictions, name=chosen.name)
    return predictions, source


def _check(chosen: Namespace) -> None:
    options.check_threads(chosen)
    if chosen.data is None:
        raise ValueError("what to measure on? Name a folder of labelled photos with --data DIR")
    if chosen.out is None:
        raise ValueError("where does the report go? Name a folder with -o REPORT")
    for name, least in _AT_LEAST.items():
        if chosen[name] is not None and chosen[name] < least:
            raise ValueError(f"--{name.replace('_', '-')}: expected at least {least}, got {chosen[name]}")
