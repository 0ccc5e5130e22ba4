"""How `posepart predict` shares many photos: among processes, commands and machines."""

import functools
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from jsonargparse import ArgumentParser, Namespace

from posepart.cli import options
from posepart.config import PipelineConfig
from posepart.io.files import shown

if TYPE_CHECKING:
    from posepart.batch.run import Crew
    from posepart.pipeline import Pipeline

ACTORS = 8  # of a cluster, at most


def add_sharing_options(parser: ArgumentParser) -> None:
    """Add --workers, --recursive, --shard and --cluster."""
    parser.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help="Processes that share the photos and the processor cores; each holds the model. Default: 1; with "
        "--cluster 8 at most.",
    )
    parser.add_argument(
        "--recursive",
        action="store_true",
        help="Also take the photos in sub-folders, except folders of results.",
    )
    parser.add_argument(
        "--shard",
        type=str,
        metavar="K/N",
        help="Predict every N-th photo only, beginning with the K-th: N commands with K = 1 ... N share the photos.",
    )
    parser.add_argument(
        "--cluster",
        type=str,
        metavar="auto|ADDRESS",
        help='Let a Ray cluster do it (with the extra "ray"): ADDRESS such as 10.0.0.1:6379; auto is the one that '
        "runs here, or a new one on this machine. Every worker takes --threads cores, 1 by default.",
    )


def shard_of(chosen: Namespace) -> tuple[int, int]:
    """K and N of --shard K/N.

    Raises
    ------
    ValueError
        They are no such numbers, or --workers is none.
    """
    if chosen.workers is not None and chosen.workers < 1:
        raise ValueError(f"--workers: expected at least 1, got {chosen.workers}")
    text = chosen.shard
    if text is None:
        return 1, 1
    match = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise ValueError(f"--shard: expected K/N with 1 <= K <= N, such as 2/8, got {shown(text)}")
    return int(match[1]), int(match[2])


@contextmanager
def loaded(
    chosen: Namespace, config: PipelineConfig, photos: int
) -> Iterator[tuple["Pipeline | Crew", str, dict[str, Any]]]:
    """The pipeline, or the workers that have one each; the name of the model, and what the loader tells of it."""
    if chosen.cluster is not None:
        yield _on_cluster(chosen, config)
        return
    count = min(chosen.workers or 1, photos)
    if count == 1:
        pipeline, about = options.load_pipeline(chosen, config)
        yield pipeline, pipeline.name, about
        return
    from posepart.batch.workers import Workers
    from posepart.engines.processor import usable_cpus

    share = chosen.clone()
    share.threads = max(1, (chosen.threads or usable_cpus()) // count)
    with Workers(functools.partial(options.load_pipeline, share, config), count) as workers:
        name, about = workers.about()
        yield workers, name, about


def _on_cluster(chosen: Namespace, config: PipelineConfig) -> tuple["Crew", str, dict[str, Any]]:
    """The actors of a cluster, all with the engine and the precision that this machine would choose."""
    from posepart.cluster.actors import Actors, check_ray

    check_ray()
    share = chosen.clone()
    share.threads = chosen.threads or 1
    name, about = options.about_model(share)
    share.engine, share.precision = about["engine"], about["precision"]
    load = functools.partial(options.load_pipeline, share, config)
    gpus = 0.0 if chosen.device == "cpu" else 1.0
    actors = (1, chosen.workers or ACTORS)
    return Actors(load, actors, share.threads, gpus, chosen.cluster), name, about
