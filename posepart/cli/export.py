"""`posepart export`: stored results as a file of another tool."""

from pathlib import Path

from jsonargparse import ArgumentParser, Namespace

from posepart.cli import options

SUMMARY = "Write results as a file of another tool: COCO, YOLO, LabelMe, CVAT ..."
STRAY_HINT = "name one folder of results: posepart export OUT --to FORMAT -o FILE"
USAGE = "posepart export OUT --to FORMAT -o FILE [--skeleton NAME] [--ids LABELS]"
DESCRIPTION = """\
Write the results of posepart predict as a file, or a folder of files, of another tool.
Scores of people are probabilities where the model is calibrated.

Formats:
  coco           one file: boxes, joints, masks of people and parts
  coco-results   one list of detections, as loadRes of pycocotools reads it
  people         a folder that all trainings of posepart read
  yolo-pose      a folder with a text of boxes and joints per photo
  voc            a folder with PNGs of parts and people, and boxes
  labelme        a folder with a JSON of boxes, points and masks per photo
  label-studio   a folder with tasks.json and the labelling configuration
  cvat           one XML file of skeletons, boxes and masks ("CVAT for images 1.1")
  csv            one table of people: boxes, joints, scores
  openpose       a folder with a JSON of joints per photo
docs/formats.md says what each of them keeps."""
EPILOG = """\
examples:
  posepart export out --to coco -o people.json
  posepart export out --to coco-results --ids person_keypoints_val2017.json -o results.json
  posepart export out --to yolo-pose --skeleton coco17 -o yolo
  posepart export out --to cvat -o annotations.xml

exit codes:
  0  the file is written
  2  nothing could be done
  130  interrupted"""


def parser() -> ArgumentParser:
    """The options of the command."""
    parser = options.new_parser(USAGE, DESCRIPTION, EPILOG)
    parser.add_argument(
        "results", nargs="?", type=str, metavar="OUT", help="Folder that posepart predict wrote."
    )
    add_target(parser)
    parser.add_argument(
        "--ids",
        type=str,
        metavar="LABELS",
        help="COCO file of the data set: photos get its image ids, found by file name; others are left out.",
    )
    return parser


def add_target(parser: ArgumentParser) -> None:
    """Add --to, --skeleton and -o."""
    parser.add_argument("--to", type=str, metavar="FORMAT", help="One of the formats above.")
    parser.add_argument(
        "--skeleton",
        type=str,
        metavar="NAME",
        help="The joints: posepart14, coco17 (nose, eyes and ears are missing) or openpose18 (likewise). Default: "
        "those of the source; openpose18 for openpose.",
    )
    parser.add_argument("-o", "--out", type=str, metavar="FILE", help="The file, or a new folder.")


def run(chosen: Namespace) -> int:
    """Write; the exit code."""
    if chosen.results is None:
        raise ValueError("which results? Name a folder that posepart predict wrote: posepart export OUT")
    check_target(chosen)
    from posepart.data.coco_file import read_coco_file
    from posepart.formats.results import read_results

    ids = None
    if chosen.ids is not None:
        images = read_coco_file(Path(chosen.ids), None).images
        ids = {str(image["file_name"]).rpartition("/")[2]: image["id"] for image in images}
        if len(ids) < len(images):
            raise ValueError(f"--ids: {chosen.ids}: several photos have one file name; rename them")
    from posepart.formats.known import format_named, skeleton_named, write_labels

    labels = read_results(Path(chosen.results), ids)
    skeleton = None if chosen.skeleton is None else skeleton_named(chosen.skeleton)
    for note in write_labels(labels, format_named(chosen.to, "write"), Path(chosen.out), skeleton):
        print(note)
    print(f"{chosen.out}: {chosen.to}")
    return 0


def check_target(chosen: Namespace) -> None:
    """Refuse a --to, --skeleton or -o that is missing or unknown."""
    from posepart.formats.known import format_named, skeleton_named

    if chosen.to is None:
        raise ValueError("in which format? Name one with --to, such as --to coco (see --help)")
    format_named(chosen.to, "write")
    if chosen.skeleton is not None:
        skeleton_named(chosen.skeleton)
    if chosen.out is None:
        raise ValueError("where does the file go? Name it with -o FILE")
