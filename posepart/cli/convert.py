"""`posepart convert`: labels of one tool as a file of another."""

from pathlib import Path

from jsonargparse import ArgumentParser, Namespace

from posepart.cli import export, options

SUMMARY = "Turn label files of one tool into those of another."
STRAY_HINT = "name one file or folder of labels: posepart convert LABELS --from FORMAT --to FORMAT -o FILE"
USAGE = "posepart convert LABELS --from FORMAT --to FORMAT -o FILE [--images DIR] [--skeleton NAME]"
DESCRIPTION = """\
Turn labels of one tool into those of another. The formats are those of posepart export;
coco-results can only be written.

With --to people, the folder FILE is a data set that all trainings and posepart evaluate
read, once the photos are copied to FILE/images/."""
EPILOG = """\
examples:
  posepart convert annotations.xml --from cvat --to people -o my_people
  posepart convert labels.json --from coco --to yolo-pose -o yolo
  posepart convert yolo --from yolo-pose --images yolo/images/train --to labelme -o labelme

exit codes:
  0  the file is written
  2  nothing could be done
  130  interrupted"""


def parser() -> ArgumentParser:
    """The options of the command."""
    parser = options.new_parser(USAGE, DESCRIPTION, EPILOG)
    parser.add_argument("labels", nargs="?", type=str, metavar="LABELS", help="File or folder of labels.")
    parser.add_argument("--from", type=str, dest="source", metavar="FORMAT", help="The format of LABELS.")
    export.add_target(parser)
    parser.add_argument(
        "--images",
        type=str,
        metavar="DIR",
        help="Folder of the photos, for formats that do not tell their sizes (yolo-pose, openpose).",
    )
    return parser


def run(chosen: Namespace) -> int:
    """Convert; the exit code."""
    if chosen.labels is None:
        raise ValueError("convert what? Name a file or folder of labels: posepart convert LABELS")
    if chosen.source is None:
        raise ValueError("which format has it? Name it with --from, such as --from coco (see --help)")
    export.check_target(chosen)
    from posepart.formats.known import format_named, skeleton_named, write_labels

    read = format_named(chosen.source, "read").read
    assert read is not None
    try:
        labels = read(Path(chosen.labels), None if chosen.images is None else Path(chosen.images))
    except OSError as error:
        raise ValueError(
            f"{chosen.labels}: cannot be read ({error.strerror or error}); check the path"
        ) from None
    skeleton = None if chosen.skeleton is None else skeleton_named(chosen.skeleton)
    for note in write_labels(labels, format_named(chosen.to, "write"), Path(chosen.out), skeleton):
        print(note)
    print(f"{chosen.out}: {chosen.to}")
    return 0
