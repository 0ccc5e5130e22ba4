"""`posepart data check`: what a data set holds, and what is wrong with it."""

import functools
from pathlib import Path
from typing import TYPE_CHECKING

from jsonargparse import ArgumentParser, Namespace

from posepart.cli import options

if TYPE_CHECKING:
    from posepart.data.check import DataReport
    from posepart.data.check_sample import Finding

SUMMARY = "Check a data set."
STRAY_HINT = "name one data set: posepart data check DIR"
USAGE = "posepart data check DIR [options]"
DESCRIPTION = """\
Check a data set before training or measuring on it: count what it holds, and list what
is wrong with it. Every problem names its file and how to fix it.

Layouts that are recognised:
  people              DIR/person_keypoints_SPLIT.json (14 joints), DIR/images/;
                      posepart synth writes it
  COCO                DIR/annotations/person_keypoints_SPLIT2017.json (17 joints), DIR/SPLIT2017/;
                      as CVAT exports it: without 2017, and the photos in DIR/images/SPLIT/
  Roboflow            DIR/train/_annotations.coco.json, DIR/valid/ ..., any joints, photos beside it
  COCO file           any FILE.json with any joints, in place of DIR; see --images and --joints
  PASCAL-Person-Part  DIR/SPLIT_id.txt, DIR/JPEGImages/, DIR/SegmentationPart/, DIR/PersonJoints/
  LIP                 DIR/lip_SPLIT_set.csv, DIR/SPLIT_images/, DIR/SPLIT_segmentations/
  CIHP                DIR/Training/, DIR/Validation/ with Images/, Category_ids/, Human_ids/
  ATR                 DIR/JPEGImages/, DIR/SegmentationClassAug/, DIR/SPLIT_id.txt
  MPII                DIR/mpii_human_pose_v1_u12_1.mat or DIR/train.json, DIR/images/
LIP, CIHP, ATR and MPII are checked in their own joints and labels.
The first two may have part maps in DIR/parts/NAME.png.

With -o OUT, the folder OUT receives
  contact_sheet_SPLIT.jpg  photos from all sources with boxes, joints and parts; grey: ignored
  problems.txt             all problems; the terminal shows the first few of each kind"""
EPILOG = """\
examples:
  posepart data check people/
  posepart data check people/ --split val -o checked
  posepart data check labels.json --images photos/ --joints neck=spine_top
  posepart data check coco/ --decode -o checked

exit codes:
  0  nothing is wrong
  1  something is wrong with the data
  2  the data could not be checked
  130  interrupted"""
SHEET_SAMPLES = 48


def parser() -> ArgumentParser:
    """The options of the command."""
    parser = options.new_parser(USAGE, DESCRIPTION, EPILOG)
    parser.add_argument(
        "action", nargs="?", type=str, metavar="check", help="What to do; there is only check."
    )
    parser.add_argument(
        "folder", nargs="?", type=str, metavar="DIR", help="Folder of the data set, or a COCO file."
    )
    options.add_coco_options(parser)
    parser.add_argument(
        "--split", nargs="+", type=str, metavar="SPLIT", help="Splits to check, such as val. Default: all."
    )
    parser.add_argument(
        "-o",
        "--out",
        type=str,
        metavar="OUT",
        help="Folder for the contact sheets and the full list of problems; made if needed.",
    )
    parser.add_argument(
        "--decode", action="store_true", help="Decode every photo; otherwise only their headers are read."
    )
    return parser


def run(chosen: Namespace) -> int:
    """Check, and print what was found; exit code 1 if something is wrong."""
    if chosen.action != "check" or chosen.folder is None:
        raise ValueError("check which data? Name a data set: posepart data check DIR")
    from posepart.data.check import check_data, format_findings
    from posepart.data.summary import format_summary

    folder = options.data_source(chosen.folder, chosen)
    out = None if chosen.out is None else Path(chosen.out)
    report = check_data(folder, chosen.split, chosen.decode)
    print(f"{folder}: {report.layout}\n")
    if report.summaries:
        print(format_summary(report.summaries) + "\n")
    for remark in report.remarks:
        print(f"{remark}\n")
    findings = list(report.findings)
    if out is not None:
        findings += _write(report, out)
    if not findings:
        print("nothing is wrong")
        return 0
    print(format_findings(findings))
    if out is not None:
        print(f"the full list is in {out / 'problems.txt'}")
    return 1


def _write(report: "DataReport", out: Path) -> list["Finding"]:
    """Write the contact sheets and the list of problems; return the problems that drawing found."""
    from posepart.data.check import format_findings
    from posepart.data.check_sample import Finding
    from posepart.data.contact_sheet import choose_samples, contact_sheet
    from posepart.io.files import write_atomically, write_text

    new: list[Finding] = []
    try:
        out.mkdir(parents=True, exist_ok=True)
        for split, samples in report.samples.items():
            if samples:
                sheet, failures = contact_sheet(choose_samples(samples, SHEET_SAMPLES))
                save = functools.partial(sheet.save, format="JPEG", quality=90)
                write_atomically(out / f"contact_sheet_{split}.jpg", save)
                new += [Finding("cannot be drawn", sentence) for sentence in failures]
        text = format_findings([*report.findings, *new], shown=None) or "nothing is wrong"
        write_text(out / "problems.txt", f"{text}\n")
    except OSError as error:
        raise ValueError(
            f"{out}: cannot be written ({error.strerror or error}); choose another folder with -o"
        ) from None
    return new
