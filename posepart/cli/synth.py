"""`posepart synth`: a folder of synthetic scenes with exact labels."""

from pathlib import Path

from jsonargparse import ArgumentParser, Namespace

from posepart.cli import options

SUMMARY = "Make synthetic scenes with exact labels."
STRAY_HINT = "name the folder of the scenes with -o DIR"
USAGE = "posepart synth -n N -o DIR [options]"
DESCRIPTION = """\
Make scenes of synthetic people with exact joints and parts, in a layout that training
and posepart evaluate read. To continue an interrupted run, repeat the command."""
EPILOG = """\
examples:
  posepart synth -n 100 -o scenes --seed 7 --workers 2
  posepart synth -n 100 -o gymnasts --family acrobat

exit codes:
  0  all scenes are there
  2  nothing could be done
  130  interrupted"""


def parser() -> ArgumentParser:
    """The options of the command."""
    parser = options.new_parser(USAGE, DESCRIPTION, EPILOG)
    parser.add_argument(
        "-n", "--count", type=int, default=16, metavar="N", help="Number of scenes. Default: 16."
    )
    parser.add_argument("-o", "--out", type=str, metavar="DIR", help="Folder for the scenes; made if needed.")
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="The same seed gives the same scenes. Default: 0."
    )
    parser.add_argument(
        "--workers", type=int, default=1, metavar="N", help="Number of processes to use. Default: 1."
    )
    parser.add_argument(
        "--size", type=int, default=384, metavar="PX", help="Side of the square images, px. Default: 384."
    )
    parser.add_argument(
        "--family",
        type=str,
        metavar="NAME",
        help="One kind of pose, such as acrobat, sit or dance, for all who are not interacting with a neighbour. "
        "Default: a random kind for each person.",
    )
    parser.add_argument(
        "--no-contact-sheet",
        action="store_true",
        help="Do not write contact_sheet.png, which shows the scenes.",
    )
    return parser


def run(chosen: Namespace) -> int:
    """Make the scenes; the exit code."""
    if chosen.out is None:
        raise ValueError("where do the scenes go? Name a folder with -o DIR")
    if chosen.count < 1:
        raise ValueError(f"-n: expected at least 1 scene, got {chosen.count}")
    from posepart.synthetic.config import SynthConfig
    from posepart.synthetic.folder import write_scenes

    write_scenes(
        Path(chosen.out),
        chosen.count,
        SynthConfig(size=chosen.size, family=chosen.family),
        seed=chosen.seed,
        workers=chosen.workers,
        contact_sheet=not chosen.no_contact_sheet,
    )
    return 0
