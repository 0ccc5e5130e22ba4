"""The videos of `posepart predict`: their options, and what is done with them."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from jsonargparse import ArgumentParser, Namespace

import posepart
from posepart.cli import options
from posepart.io.terminal import LOG
from posepart.video.settings import HIDEABLE, VideoConfig, is_video


def add_video_options(parser: ArgumentParser) -> None:
    """Add --track, --every, --detect-every and --hide."""
    parser.add_argument(
        "--track",
        action="store_true",
        help="Videos: follow people from frame to frame, smooth their joints, write tables of tracks and angles. "
        "The detector looks at some frames only.",
    )
    parser.add_argument(
        "--every",
        type=int,
        default=VideoConfig.every,
        metavar="N",
        help="Videos: the networks see every N-th frame; the poses between are interpolated (with --track, which "
        "N above 1 implies). Default: 1, all.",
    )
    parser.add_argument(
        "--detect-every",
        type=int,
        default=VideoConfig.detect_every,
        metavar="N",
        help=f"Videos, with --track: seen frames from detection to detection. Default: {VideoConfig.detect_every}.",
    )
    parser.add_argument(
        "--hide",
        type=str,
        choices=HIDEABLE,
        metavar="WHAT",
        help="Videos: head makes the heads in the overlay video unrecognisable; implies --track.",
    )


def video_config(chosen: Namespace) -> VideoConfig:
    """The settings of videos.

    Raises
    ------
    ValueError
        A number is below 1.
    """
    hide = () if chosen.hide is None else (chosen.hide,)
    config = VideoConfig(chosen.every, chosen.track, chosen.detect_every, hide)
    return dataclasses.replace(config, track=config.track or config.every > 1 or bool(hide))


def are_videos(paths: Sequence[str]) -> bool:
    """Whether videos are to be predicted, and not photos.

    Raises
    ------
    ValueError
        Some are videos and some are not.
    """
    videos = [path for path in paths if is_video(path)]
    if videos and len(videos) < len(paths):
        raise ValueError(
            f"{videos[0]} is a video, others are not; predict photos and videos one after the other"
        )
    return bool(videos)


def run_videos(chosen: Namespace) -> int:
    """Predict one video after the other, and print a line about each; the exit code as of photos."""
    from posepart.video.predict import predict_video

    if chosen.out is None:
        raise ValueError("where do the results go? Name a folder with -o OUT")
    options.check_threads(chosen)
    out, paths = Path(chosen.out), [Path(path) for path in dict.fromkeys(chosen.photos)]
    _check(paths)
    videos, config = video_config(chosen), options.pipeline_config(chosen)
    pipeline, about = options.load_pipeline(chosen, config)
    settings = {
        "posepart": posepart.__version__,
        "model": pipeline.name,
        **about,
        "detector": chosen.detector,
        "deterministic": chosen.deterministic,
        "pipeline": dataclasses.asdict(config),
    }
    done = 0
    for path in paths:
        try:
            summary = predict_video(path, pipeline, out, videos, settings, overwrite=chosen.overwrite)
            LOG.info("%s; results in %s", summary, out)
            done += 1
        except ValueError as error:
            options.complain(str(error))
        except KeyboardInterrupt:
            options.complain(
                f"interrupted; the frames seen so far are in {out}; repeat the command to continue"
            )
            return 130
    return 0 if done == len(paths) else 1 if done else 2


def _check(paths: Sequence[Path]) -> None:
    """Refuse, before anything is loaded, videos that are not there or share a name, and a missing PyAV."""
    from posepart.video.reading import import_av

    import_av()
    names: dict[str, Path] = {}
    for path in paths:
        if not path.is_file():
            raise ValueError(f"{path}: no such file; check the path")
        other = names.setdefault(path.stem.casefold(), path)
        if other != path:
            raise ValueError(
                f"{other} and {path}: their results would have the same names; use two folders with -o"
            )
