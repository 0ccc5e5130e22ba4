"""`posepart predict` on a Ray cluster, from Python."""

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from posepart.batch import RunSummary, predict_photos
from posepart.cluster.actors import Actors, check_ray
from posepart.config import PipelineConfig
from posepart.engines.engine import choose_engine
from posepart.io.run_folder import prepare_out, settings_of
from posepart.io.stores import PhotoFile, Store
from posepart.loading import load as load_model
from posepart.models.model_set import find_model
from posepart.pipeline import Pipeline


def predict(
    photos: Sequence[PhotoFile],
    out: str | Path | Store,
    *,
    model: str | Path = "posepart-s",
    config: PipelineConfig | None = None,
    actors: tuple[int, int] = (1, 8),
    cpus: int = 1,
    gpus: float = 0.0,
    address: str | None = None,
) -> RunSummary:
    """Predict photos on a Ray cluster; the results are those of `posepart predict` with the same settings.

    Parameters
    ----------
    photos : sequence of Path or StoredPhoto
        As `io.photo_folders.find_photos` returns them; every machine of the cluster must find them there.
    out : str, Path or Store
        A folder that all machines share, or an address such as s3://bucket/out.
    model : str or Path
        An installed model or a folder of weights, the same on all machines.
    config : PipelineConfig, optional
    actors : (int, int)
        How many processes hold the model, at least and at most.
    cpus : int
        Processor cores of each.
    gpus : float
        GPUs of each; with any, the networks run there.
    address : str, optional
        Of the cluster; "auto" is one that runs here, or else a new one; by default a new one on this machine.

    Returns
    -------
    RunSummary

    Raises
    ------
    ValueError
        The model cannot be loaded, `out` cannot be used, the cluster cannot be reached, or ray is missing.
    """
    check_ray()
    config, device = config or PipelineConfig(), "cuda" if gpus else "cpu"
    engine, found = choose_engine(device=device, threads=cpus), find_model(model)
    weights = {stage: str(card.sha256 or "") for stage, card in found.cards.items()}
    about = {"weights": weights, "engine": engine.name, "precision": engine.precision}
    run = prepare_out(out, photos, settings_of(found.name, about, "default", False, config))
    load = functools.partial(_load, model, config, device, (engine.name, engine.precision, cpus))
    return predict_photos(photos, Actors(load, actors, cpus, gpus, address), out, run=run)


def _load(
    model: str | Path, config: PipelineConfig, device: str, engine: tuple[str, str, int]
) -> tuple[Pipeline, dict[str, Any]]:
    """The pipeline of an actor, which runs this."""
    name, precision, threads = engine
    torch.set_num_threads(1 if name != "torch" else threads)
    return load_model(
        model, config=config, device=device, engine=choose_engine(name, precision, device, threads)
    ), {}
