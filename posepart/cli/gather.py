"""`posepart gather`: the list of all people in a result folder, from the results that are there."""

from jsonargparse import ArgumentParser, Namespace

from posepart.cli import options

SUMMARY = "Write predictions.json of a result folder anew, from all complete photos."
STRAY_HINT = "name one folder"
USAGE = "posepart gather OUT"
DESCRIPTION = """\
Write OUT/predictions.json anew from the results of all photos that are complete and were
made with the settings in OUT/run.json.

posepart predict does the same at its end. This command is for a folder whose processes
were killed, or from which results were removed. It is safe while others write there."""
EPILOG = """\
examples:
  posepart gather out
  posepart gather s3://bucket/out"""


def parser() -> ArgumentParser:
    """The options of the command."""
    parser = options.new_parser(USAGE, DESCRIPTION, EPILOG)
    parser.add_argument("out", type=str, metavar="OUT", help="A folder that posepart predict wrote.")
    return parser


def run(chosen: Namespace) -> int:
    """Gather; the exit code."""
    from posepart.io.gathering import gather
    from posepart.io.predictions import PREDICTIONS
    from posepart.io.run_folder import read_run
    from posepart.io.stores import store_of

    store = store_of(chosen.out)
    run = read_run(store).get("run")
    if not isinstance(run, str):
        raise ValueError(f"{store}: no result folder (its run.json is missing or damaged)")
    found = gather(store, run)
    others = f"; {found.others} with results of other settings left out" if found.others else ""
    print(f"{found.photos} photos in {store}/{PREDICTIONS}{others}")
    return 0
