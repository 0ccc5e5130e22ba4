"""A folder of labelled scenes, ready for training; a run that was interrupted can be continued."""

import dataclasses
import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from posepart.io.files import write_atomically
from posepart.io.terminal import progress

from .config import SynthConfig
from .contact_sheet import contact_sheet as draw_sheet
from .generator import GENERATOR_VERSION, SceneGenerator
from .people.body import BODY_SHA256
from .render.backgrounds import PhotoFolder
from .writer import is_complete, prepare_folder, write_annotations, write_scene

SEEDS_PER_RUN = 1_000_000  # runs with different seeds share no scene up to this many
SHEET_SCENES = 24

_generator: SceneGenerator | None = None  # of a worker process


def scene_seed(seed: int, index: int) -> int:
    """The seed of the index-th scene of a run."""
    return seed * SEEDS_PER_RUN + index


def _name(scene: int) -> str:
    return f"synthetic_{scene:010d}"


def _start_worker(config: SynthConfig) -> None:
    global _generator
    _generator = SceneGenerator(config)


def _write(folder: Path, seed: int) -> None:
    assert _generator is not None
    write_scene(folder, _name(seed), _generator.sample(seed))


def _work(folder: Path, seeds: list[int], config: SynthConfig, workers: int) -> Iterator[None]:
    """Draw and write scenes, and yield after each."""
    if workers == 1:
        _start_worker(config)
        for seed in seeds:
            _write(folder, seed)
            yield
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, _start_worker, (config,)) as pool:
        jobs = [pool.submit(_write, folder, seed) for seed in seeds]
        try:
            for job in as_completed(jobs):
                yield job.result()
        finally:
            for job in jobs:
                job.cancel()


def _settings(config: SynthConfig) -> dict[str, Any]:
    """The settings that all scenes of a folder share: those listed here, and the others that are not the default."""
    listed = {
        "generator_version": GENERATOR_VERSION,
        "body_sha256": BODY_SHA256,
        "width": config.width,
        "height": config.height,
        "background_photos_sha256": PhotoFolder(config.photo_folder).digest()
        if config.photo_folder
        else None,
    }
    elsewhere = ("size", "photo_folder", "backend")  # above, or of no effect on the scenes
    changed = {
        field.name: getattr(config, field.name)
        for field in dataclasses.fields(config)
        if field.name not in elsewhere and getattr(config, field.name) != field.default
    }
    return changed | listed


def write_scenes(
    out: Path,
    count: int,
    config: SynthConfig,
    *,
    seed: int = 0,
    workers: int = 1,
    contact_sheet: bool = True,
) -> None:
    """Write scenes to a folder in the layout of `writer`, with a progress bar.

    Parameters
    ----------
    out : Path
        The folder; made if needed. Scenes that are complete already are kept.
    count : int
        Number of scenes.
    config : SynthConfig
    seed : int
        Runs with different seeds have different scenes.
    workers : int
        Number of processes.
    contact_sheet : bool
        Also write contact_sheet.png, which shows the first `SHEET_SCENES` scenes.

    Raises
    ------
    ValueError
        A number is out of range, or the folder holds scenes of other settings.
    """
    if count < 1 or workers < 1:
        raise ValueError(f"expected count and workers of at least 1, got {count} and {workers}")
    if not seed >= 0 or count > SEEDS_PER_RUN:
        raise ValueError(f"expected seed >= 0 and count <= {SEEDS_PER_RUN}, got {seed} and {count}")
    prepare_folder(out, _settings(config))
    seeds = [scene_seed(seed, index) for index in range(count)]
    missing = [s for s in seeds if not is_complete(out, _name(s))]
    for _ in progress(
        _work(out, missing, config, workers), "scenes", count, unit="scene", done=count - len(missing)
    ):
        pass
    write_annotations(out)
    if contact_sheet:
        generator = SceneGenerator(config)
        sheet = draw_sheet([generator.sample(s) for s in seeds[:SHEET_SCENES]])
        write_atomically(out / "contact_sheet.png", lambda file: sheet.save(file, "PNG"))
