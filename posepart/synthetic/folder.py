"""`posepart synth`: a folder of labelled scenes, ready for training; interrupted runs continue."""

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from tqdm import tqdm

from posepart.io.files import write_atomically

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
    """Seed of the index-th scene of a run."""
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
    """Draw and write scenes; yields after each."""
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
    """What the scenes of a folder have in common."""
    photos = PhotoFolder(config.photo_folder).digest() if config.photo_folder else None
    family = {"family": config.family} if config.family else {}
    return family | {
        "generator_version": GENERATOR_VERSION,
        "body_sha256": BODY_SHA256,
        "width": config.width,
        "height": config.height,
        "background_photos_sha256": photos,
    }


def run(
    count: int,
    out: Path,
    seed: int = 0,
    workers: int = 1,
    size: int = 384,
    contact_sheet: bool = True,
    photo_folder: Path | None = None,
    family: str | None = None,
) -> None:
    """Write `count` scenes to the folder `out` in the layout of `writer`.

    Parameters
    ----------
    count : number of scenes; those that are complete already are kept
    out : folder, made if it is not there
    seed : runs with different seeds have different scenes
    workers : number of processes
    size : side of the square images, pixels
    contact_sheet : also write contact_sheet.png with the first 24 scenes of the run
    photo_folder : photos without people for the backgrounds; None draws procedural backgrounds only
    family : one pose family for everyone who does not deal with a neighbour, e.g. acrobat; None draws one per person
    """
    if count < 1 or workers < 1:
        raise ValueError(f"expected count and workers of at least 1, got {count} and {workers}")
    if not seed >= 0 or count > SEEDS_PER_RUN:
        raise ValueError(f"expected seed >= 0 and count <= {SEEDS_PER_RUN}, got {seed} and {count}")
    out, config = Path(out), SynthConfig(size=size, photo_folder=photo_folder, family=family)
    prepare_folder(out, _settings(config))
    seeds = [scene_seed(seed, index) for index in range(count)]
    missing = [s for s in seeds if not is_complete(out, _name(s))]
    progress = tqdm(
        _work(out, missing, config, workers), "scenes", count, unit="scene", initial=count - len(missing)
    )
    for _ in progress:
        pass
    write_annotations(out)
    if contact_sheet:
        generator = SceneGenerator(config)
        sheet = draw_sheet([generator.sample(s) for s in seeds[:SHEET_SCENES]])
        write_atomically(out / "contact_sheet.png", lambda file: sheet.save(file, "PNG"))
