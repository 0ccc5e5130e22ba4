"""`posepart evaluate`: from what was typed to a report."""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jsonargparse import Namespace

import posepart
from posepart.config import PipelineConfig
from posepart.data.readers import read_samples
from posepart.metrics.tables import format_measures
from posepart.report.evaluate import choose_samples, evaluate
from posepart.report.figures import require_matplotlib
from posepart.report.folder import check_replaceable
from posepart.report.paper_tables import Bootstrap
from posepart.report.predictions import ImageParser, Predictions, predictions_of_model, stored_predictions

LoadModel = Callable[[], tuple[ImageParser, Mapping[str, str]]]

_AT_LEAST = {"people_per_photo": 0, "limit": 1, "worst": 0, "replicates": 0, "seed": 0}


def run(chosen: Namespace, config: PipelineConfig, load: LoadModel) -> str:
    """Write the report.

    Parameters
    ----------
    chosen : as `arguments.evaluate_parser` parses.
    config : settings of the pipeline, where a model is run.
    load : returns the model and the checksums of its weights; called only if no results are given.

    Returns
    -------
    What to print: all measures, and where the report is.

    Raises
    ------
    ValueError: one sentence about what is missing or cannot be read, measured or written.
    """
    _check(chosen)
    data, out = Path(chosen.data), Path(chosen.out)
    require_matplotlib()
    check_replaceable(out)
    samples = choose_samples(
        read_samples(data, chosen.split), chosen.subset, chosen.people_per_photo, chosen.limit
    )
    about: dict[str, Any] = {
        "data": data.resolve().name,
        "split": chosen.split,
        "subset": chosen.subset,
        "people_per_photo": chosen.people_per_photo or None,
        "limit": chosen.limit,
        "posepart": posepart.__version__,
    }
    if chosen.predictions is not None:
        predictions = stored_predictions(Path(chosen.predictions), data, chosen.split)
        about["predictions"] = Path(chosen.predictions).name
    else:
        predictions, settings = _model_predictions(chosen, config, load)
        about |= settings
    if chosen.name:
        predictions = dataclasses.replace(predictions, name=chosen.name)
    bootstrap = Bootstrap(chosen.replicates, chosen.seed)
    measures = evaluate(samples, predictions, out, about, bootstrap, chosen.worst)
    return f"{format_measures(measures)}\nreport in {out / 'index.html'}"


def _model_predictions(
    chosen: Namespace, config: PipelineConfig, load: LoadModel
) -> tuple[Predictions, dict[str, Any]]:
    parser, weights = load()
    settings = {
        "weights": dict(weights),
        "detector": chosen.detector,
        "pipeline": dataclasses.asdict(config),
    }
    return predictions_of_model(parser), settings


def _check(chosen: Namespace) -> None:
    if chosen.data is None:
        raise ValueError("what to measure on? Name a folder of labelled photos with --data DIR")
    if chosen.out is None:
        raise ValueError("where does the report go? Name a folder with -o REPORT")
    for name, least in _AT_LEAST.items():
        if chosen[name] is not None and chosen[name] < least:
            raise ValueError(f"--{name.replace('_', '-')}: expected at least {least}, got {chosen[name]}")
