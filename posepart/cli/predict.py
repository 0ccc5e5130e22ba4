"""`posepart predict`: the people, joints and parts of photos, written to a folder."""

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jsonargparse import ArgumentParser, Namespace

from posepart.cli import options
from posepart.cli.options import complain, make_folder
from posepart.cli.predict_video import add_video_options, are_videos, run_videos
from posepart.cli.sharing import add_sharing_options, loaded, shard_of
from posepart.io.terminal import LOG

if TYPE_CHECKING:
    from posepart.batch import RunSummary
    from posepart.batch.run import Crew
    from posepart.io.stores import PhotoFile
    from posepart.pipeline import Pipeline

SUMMARY = "Find people, joints and parts in photos."
STRAY_HINT = "name all photos together, either before the options or after them"
AT_ONCE = 3  # photos in work: 1.3 times the photos a second of one at a time; 2 give less, 4 no more
USAGE = "posepart predict PHOTO_OR_FOLDER... -o OUT [options]"
DESCRIPTION = """\
Find the people in photos: 14 joints of every person and the body part of every pixel.

For each photo NAME, the folder OUT receives
  NAME.json         the people: boxes, scores, joints and the solver's certificate
  NAME_parts.png    the part of every pixel (indexed colours)
  NAME_people.png   the person of every pixel (indexed colours, 0 = nobody)
  NAME_overlay.png  all of this drawn on the photo, at most 2000 px wide or high (--overlay)
and for all photos in OUT predictions.json (a COCO keypoint-results list), run.json (the
settings) and, if some failed, failed.jsonl. If photos differ only in their suffix, NAME
includes it. To continue an interrupted run, or to try again what failed, repeat the
command: photos with complete results are skipped. Several commands may share OUT.

For each video NAME (with the extra "video") it receives NAME_overlay.mp4, NAME_video.json
and the folder NAME_frames with the results of every frame, and, with --track, the tables
NAME_tracks.csv (everybody's joints in every frame) and NAME_angles.csv (degrees)."""
EPILOG = """\
examples:
  posepart predict --sample -o out
  posepart predict beach.jpg party.png -o out
  posepart predict holiday/ -o out --threads 2
  posepart predict holiday/ -o out --workers 4 --overlay jpg
  posepart predict archive/ -o out --recursive --shard 1/4
  posepart predict s3://bucket/photos -o s3://bucket/out --cluster auto
  posepart predict holiday/ -o ablated --no-segment-term
  posepart predict holiday/ -o as_printed --preset xia2017 --model posepart-s
  posepart predict holiday/ -o out --model my_models/run3
  posepart predict holiday/ -o out --pipeline.crf.solver.time_limit 2
  posepart predict clip.mp4 -o out --track --every 2 --hide head
  posepart predict --print_config > settings.yaml
  posepart predict holiday/ -o out --config settings.yaml

reproducibility:
  The same photos, settings and --threads on the same processor give the same pictures
  and predictions.json, byte for byte, with any number of --workers that share them
  evenly, unless a search for poses reaches its time limit
  (--pipeline.crf.solver.time_limit; the last line says how many did, and their status in
  NAME.json is "time_limit").
  NAME.json differs only in its wall times ("seconds"). With --deterministic, these are
  written as 0, and the time limit is an hour per box.

exit codes:
  0  all photos are done
  1  some photos failed, each named with its reason; the others are done
  2  nothing could be done
  130  interrupted"""


def parser() -> ArgumentParser:
    """The options of the command."""
    parser = options.new_parser(USAGE, DESCRIPTION, EPILOG)
    parser.add_argument(
        "photos",
        nargs="*",
        type=str,
        default=[],
        metavar="PHOTO_OR_FOLDER",
        help="Photos and folders of photos (without --recursive, their sub-folders are left out), or videos.",
    )
    parser.add_argument("-o", "--out", type=str, metavar="OUT", help="Folder of the results; made if needed.")
    parser.add_argument(
        "--sample",
        action="store_true",
        help="Use two sample photos: one that comes with scikit-image, and a synthetic group scene.",
    )
    options.add_segment_switch(parser)
    options.add_refine_switch(parser)
    options.add_network_options(parser)
    add_sharing_options(parser)
    parser.add_argument(
        "--overlay",
        type=str,
        default="png",
        choices=("png", "jpg", "none"),
        help="Write NAME_overlay.png (default), NAME_overlay.jpg (a fifth of the size, and faster), or none.",
    )
    _add_manner(parser)
    parser.add_argument(
        "--dump-crf",
        type=str,
        metavar="DIR",
        help="Also write the CRF of every person box to DIR/NAME_*.npz.",
    )
    add_video_options(parser)
    options.add_settings(parser)
    return parser


def _add_manner(parser: ArgumentParser) -> None:
    """Add --overwrite, --quiet and --deterministic."""
    parser.add_argument(
        "--overwrite", action="store_true", help="Process all photos again, also those with complete results."
    )
    parser.add_argument(
        "--quiet",
        action="store_true",
        help="Print errors only: no line about each photo, and no progress bar.",
    )
    parser.add_argument(
        "--deterministic", action="store_true", help="Let equal runs write equal bytes; see reproducibility."
    )


def run(chosen: Namespace) -> int:
    """Predict; the exit code."""
    if are_videos(chosen.photos):
        return run_videos(chosen)
    if chosen.out is None:
        raise ValueError("where do the results go? Name a folder with -o OUT")
    options.check_threads(chosen)
    shard = shard_of(chosen)
    from posepart.io.run_folder import settings_of

    _check_address(chosen)
    config = options.pipeline_config(chosen)
    photos, empty_folders, left_out = _find_photos(chosen.photos, chosen.recursive)
    if not photos and not chosen.sample:
        raise ValueError(
            "; ".join(empty_folders) or "no photo given; name photos or folders, or use --sample"
        )
    for sentence in empty_folders:
        complain(sentence)
    with loaded(chosen, config, len(photos) + 2 * chosen.sample) as (pipeline, name, about):
        if chosen.sample:
            photos = [*_write_sample_photos(Path(chosen.out) / "sample_photos"), *photos]
        settings = settings_of(name, about, chosen.detector, chosen.deterministic, config)
        summary = _predict(chosen, photos, pipeline, settings, shard)
    return _conclude(summary, chosen.out, len(empty_folders), left_out)


def _check_address(chosen: Namespace) -> None:
    """Refuse an object store as OUT where files have to be made on this machine."""
    from posepart.io.stores import is_address, store_of

    if is_address(chosen.out):
        store_of(chosen.out)
        if chosen.sample:
            raise ValueError(f"{chosen.out}: --sample writes its photos to a folder; name one with -o")


def _predict(
    chosen: Namespace,
    photos: "Sequence[PhotoFile]",
    pipeline: "Pipeline | Crew",
    settings: dict[str, Any],
    shard: tuple[int, int],
) -> "RunSummary":
    """Predict into the result folder, once it is clear that it may be used."""
    from posepart.batch import predict_photos
    from posepart.io.run_folder import prepare_out

    run = prepare_out(chosen.out, photos, settings, overwrite=chosen.overwrite)
    return predict_photos(
        photos,
        pipeline,
        chosen.out,
        run=run,
        overwrite=chosen.overwrite,
        deterministic=chosen.deterministic,
        overlay=chosen.overlay,
        dump_crf=None if chosen.dump_crf is None else make_folder(Path(chosen.dump_crf)),
        at_once=max(1, min(AT_ONCE, len(photos))),
        shard=shard,
    )


def _conclude(summary: "RunSummary", out: str, empty_folders: int, left_out: Sequence[str]) -> int:
    if summary.interrupted:
        finished = len(summary.done) + len(summary.complete_already)
        complain(f"interrupted; photos complete in {out}: {finished}; repeat the command to continue")
        return summary.exit_code
    LOG.info("%s", "; ".join([str(summary), *left_out, f"results in {out}"]))
    return summary.exit_code or (1 if empty_folders else 0)


def _find_photos(paths: Sequence[str], recursive: bool) -> tuple["list[PhotoFile]", list[str], list[str]]:
    """The photos; a sentence for every folder without any, so that it does not stop the others; what is left out."""
    from posepart.io.photo_folders import find_photos, left_out

    good, sentences, others = [], [], []
    for path in dict.fromkeys(paths):
        try:
            find_photos([path], recursive)
            good.append(path)
            if Path(path).is_dir() and (other := left_out(path, paths, recursive)):
                others.append(f"{path}: {other}")
        except ValueError as error:
            sentences.append(str(error))
    return find_photos(good, recursive), sentences, others


def _write_sample_photos(folder: Path) -> list[Path]:
    """Write the photo that comes with scikit-image and a group scene of our own as ordinary photo files."""
    import numpy as np
    from PIL import Image
    from skimage.data import astronaut

    from posepart.io.files import write_atomically
    from posepart.synthetic import group_scene

    photos = []
    try:
        make_folder(folder)
        for name, image in (("astronaut.png", astronaut()), ("group_scene.png", group_scene().image)):
            picture = Image.fromarray(np.asarray(image, np.uint8))
            write_atomically(folder / name, functools.partial(picture.save, format="PNG"))
            photos.append(folder / name)
    except OSError as error:
        raise ValueError(
            f"{folder}: the sample photos cannot be written there ({error.strerror}); choose another folder with -o"
        ) from None
    return photos
