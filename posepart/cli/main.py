"""The command line: `posepart predict`, `explain`, `evaluate`, `models`, `synth` and `data`.

Every error a user can cause is one sentence on the terminal, `posepart: error: ...`. Exit codes: 0 all is done;
1 some photos failed, the others are done (`data check`: something is wrong with the data); 2 nothing could be
done; 130 interrupted. torch is imported only once there is work for it.
"""

import dataclasses
import functools
import os
import sys
from collections.abc import Mapping, Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jsonargparse import Namespace

import posepart
from posepart.cli.arguments import command_line
from posepart.config import PipelineConfig

if TYPE_CHECKING:
    from posepart.batch import RunSummary
    from posepart.pipeline import Pipeline

UNLIMITED = 3600.0  # s per box: with --deterministic the clock must not decide where a search ends


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit code."""
    _never_fail_on_odd_file_names()
    commands = {
        "predict": _predict,
        "explain": _explain,
        "models": _models,
        "synth": _synth,
        "data": _data,
        "evaluate": _evaluate,
    }
    try:
        chosen = command_line().parse(sys.argv[1:] if arguments is None else arguments)
        return commands[chosen.command](chosen[chosen.command])
    except KeyboardInterrupt:
        _complain("interrupted")
        return 130
    except BrokenPipeError:  # whoever read the output, such as `head`, has gone
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - held until the process ends
        return 0
    except (ValueError, OSError, MemoryError) as error:
        _complain(str(error) or type(error).__name__)
        return 2


def _predict(chosen: Namespace) -> int:
    from posepart.batch import predict_photos
    from posepart.io.run_folder import prepare_out

    if chosen.out is None:
        raise ValueError("where do the results go? Name a folder with -o OUT")
    _check_threads(chosen)
    out = Path(chosen.out)
    config = _pipeline_config(chosen)
    photos, empty_folders = _find_photos(chosen.photos)
    if not photos and not chosen.sample:
        raise ValueError(
            "; ".join(empty_folders) or "no photo given; name photos or folders, or use --sample"
        )
    parser, weights = _load(chosen, config)
    if chosen.sample:
        photos = _write_sample_photos(out / "sample_photos") + photos
    settings = {
        "posepart": posepart.__version__,
        "model": parser.name,
        "weights": weights,
        "detector": chosen.detector,
        "deterministic": chosen.deterministic,
        "pipeline": dataclasses.asdict(config),
    }
    run = prepare_out(out, photos, settings, overwrite=chosen.overwrite)
    for sentence in empty_folders:
        _complain(sentence)
    crf_folder = None if chosen.dump_crf is None else _writable_folder(Path(chosen.dump_crf))
    summary = predict_photos(
        photos,
        parser,
        out,
        run=run,
        overwrite=chosen.overwrite,
        deterministic=chosen.deterministic,
        dump_crf=crf_folder,
    )
    return _conclude(summary, out, len(empty_folders))


def _conclude(summary: "RunSummary", out: Path, empty_folders: int) -> int:
    if summary.interrupted:
        finished = len(summary.done) + len(summary.complete_already)
        _complain(f"interrupted; photos complete in {out}: {finished}; the same command continues")
        return summary.exit_code
    print(f"{summary}; results in {out}")
    return summary.exit_code or (1 if empty_folders else 0)


def _explain(chosen: Namespace) -> int:
    from posepart.cli.explain import explain_photo

    if chosen.photo is None:
        raise ValueError("no photo given; name one: posepart explain PHOTO --person K")
    if chosen.person is not None and chosen.person < 1:
        raise ValueError(f"--person: expected a number from 1 on, as in NAME.json, got {chosen.person}")
    _check_threads(chosen)
    # The second stage follows the poses and changes none.
    config = dataclasses.replace(_pipeline_config(chosen), refine=False)
    parser, _ = _load(chosen, config)
    for text in explain_photo(Path(chosen.photo), chosen.person, parser, Path(chosen.out)):
        print(text, flush=True)
    return 0


def _models(_: Namespace) -> int:
    from posepart.models.weights import installed_models

    models = installed_models()
    if not models:
        raise ValueError(
            "no model is installed; install posepart again, or give a folder of weights to --model"
        )
    for model in models:
        print(f"{model.name}  ({model.folder})")
        for stage, card in model.cards.items():
            print(f"  {stage}")
            for line in _card_lines(card):
                print(f"    {line}")
    return 0


def _synth(chosen: Namespace) -> int:
    if chosen.out is None:
        raise ValueError("where do the scenes go? Name a folder with -o DIR")
    if chosen.count < 1:
        raise ValueError(f"-n: expected at least 1 scene, got {chosen.count}")
    from posepart.synthetic.folder import run

    run(
        chosen.count,
        Path(chosen.out),
        chosen.seed,
        chosen.workers,
        chosen.size,
        not chosen.no_contact_sheet,
        family=chosen.family,
    )
    return 0


def _data(chosen: Namespace) -> int:
    if chosen.action != "check" or chosen.folder is None:
        raise ValueError("what about which data? Name a data set: posepart data check DIR")
    from posepart.data.check import run

    out = None if chosen.out is None else Path(chosen.out)
    return run(Path(chosen.folder), chosen.split, out, chosen.decode)


def _evaluate(chosen: Namespace) -> int:
    from posepart.cli.evaluate import run

    _check_threads(chosen)
    config = _pipeline_config(chosen)
    print(run(chosen, config, lambda: _load(chosen, config)))
    return 0


def _check_threads(chosen: Namespace) -> None:
    if chosen.threads is not None and chosen.threads < 1:
        raise ValueError(f"--threads: expected at least 1, got {chosen.threads}")


def _pipeline_config(chosen: Namespace) -> PipelineConfig:
    """The configuration after the short options, which win over --pipeline and --config."""
    config: PipelineConfig = chosen.pipeline
    if chosen.no_segment_term:
        config = dataclasses.replace(
            config, features=dataclasses.replace(config.features, segment_term=False)
        )
    if chosen.get("no_refine"):
        config = dataclasses.replace(config, refine=False)
    if chosen.get("deterministic"):
        solver = dataclasses.replace(config.crf.solver, time_limit=UNLIMITED)
        config = dataclasses.replace(config, crf=dataclasses.replace(config.crf, solver=solver))
    return config


def _find_photos(paths: Sequence[str]) -> tuple[list[Path], list[str]]:
    """The photos, and a sentence for every folder that has none: it does not keep the others waiting."""
    from posepart.io.photos import find_photos

    good, sentences = [], []
    for path in paths:
        try:
            find_photos([path])
            good.append(path)
        except ValueError as error:
            sentences.append(str(error))
    return find_photos(good), sentences


def _write_sample_photos(folder: Path) -> list[Path]:
    """The photo that comes with scikit-image and a group scene of our own, as ordinary photo files."""
    import numpy as np
    from PIL import Image
    from skimage.data import astronaut

    from posepart.io.files import write_atomically
    from posepart.synthetic import group_scene

    photos = []
    try:
        _writable_folder(folder)
        for name, image in (("astronaut.png", astronaut()), ("group_scene.png", group_scene().image)):
            picture = Image.fromarray(np.asarray(image, np.uint8))
            write_atomically(folder / name, functools.partial(picture.save, format="PNG"))
            photos.append(folder / name)
    except OSError as error:
        raise ValueError(
            f"{folder}: the sample photos cannot be written there ({error.strerror}); choose another folder with -o"
        ) from None
    return photos


def _writable_folder(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"{folder}: the folder cannot be made ({error.strerror}); choose another") from None
    return folder


def _load(chosen: Namespace, config: PipelineConfig) -> tuple["Pipeline", dict[str, str]]:
    """The parser, and the checksum of every stage's weights."""
    import torch

    from posepart.loading import load
    from posepart.models.weights import find_model

    if chosen.threads is not None:
        import cv2

        torch.set_num_threads(chosen.threads)
        cv2.setNumThreads(chosen.threads)
    parser = load(chosen.model, detector=chosen.detector, config=config, device=chosen.device)
    cards = find_model(chosen.model).cards
    return parser, {stage: str(card.get("sha256", "")) for stage, card in cards.items()}


def _card_lines(card: Mapping[str, Any], indent: str = "") -> list[str]:
    lines = []
    for key, value in card.items():
        if isinstance(value, Mapping):
            lines.append(f"{indent}{key}:")
            lines.extend(_card_lines(value, indent + "  "))
        elif isinstance(value, list):
            lines.append(f"{indent}{key}: {', '.join(str(entry) for entry in value)}")
        else:
            lines.append(f"{indent}{key}: {value}")
    return lines


def _complain(sentence: str) -> None:
    print(f"posepart: error: {sentence}", file=sys.stderr)


def _never_fail_on_odd_file_names() -> None:
    """Names of files need not be text that the terminal can show: escape what it cannot."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
