"""`posepart explain`: why a pose is what it is, as a table, a picture and a file."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from jsonargparse import ArgumentParser, Namespace

from posepart.cli import options

if TYPE_CHECKING:
    from posepart.pipeline import Pipeline, Trace

SUMMARY = "Tell why a pose is what it is."
STRAY_HINT = "name one photo, and the person with --person K"
USAGE = "posepart explain PHOTO [--person K] [-o OUT] [options]"
DESCRIPTION = """\
Tell why a pose is what it is. For every joint of a person: the terms of the energy that
speak for and against it, by feature, and its margin, which is how much worse the best
pose without this candidate would be. Each margin is found by solving the CRF again.

A table is printed. For person K of a photo NAME, the folder OUT receives
  NAME_explain_K.json  all numbers: joints, pairs by feature, candidates
  NAME_explain_K.png   the person with margins, runners-up and the cost of every bone"""
EPILOG = """\
examples:
  posepart explain beach.jpg --person 2 -o out
  posepart explain beach.jpg                           everybody, into this folder
  posepart explain beach.jpg --person 2 --no-segment-term
  posepart explain beach.jpg --model my_models/run3 --pipeline.crf.solver.time_limit 10

With the settings of an earlier posepart predict, K is the "id" in its NAME.json and the
number in its NAME_overlay.png.

exit codes:
  0  done
  2  nothing could be done
  130  interrupted"""


def parser() -> ArgumentParser:
    """The options of the command."""
    parser = options.new_parser(USAGE, DESCRIPTION, EPILOG)
    parser.add_argument("photo", nargs="?", type=str, metavar="PHOTO", help="The photo.")
    parser.add_argument(
        "--person", type=int, metavar="K", help="Number of the person, from 1. Default: everybody."
    )
    parser.add_argument(
        "-o",
        "--out",
        type=str,
        default=".",
        metavar="OUT",
        help="Folder for the results; made if needed. Default: this folder.",
    )
    options.add_segment_switch(parser)
    options.add_network_options(parser)
    options.add_settings(parser)
    return parser


def run(chosen: Namespace) -> int:
    """Explain, and print a table for each person; the exit code."""
    if chosen.photo is None:
        raise ValueError("no photo given; name one: posepart explain PHOTO --person K")
    if chosen.person is not None and chosen.person < 1:
        raise ValueError(f"--person: expected a number from 1 on, as in NAME.json, got {chosen.person}")
    options.check_threads(chosen)
    # The second stage comes after the poses and does not change them.
    config = dataclasses.replace(options.pipeline_config(chosen), refine=False)
    pipeline, _ = options.load_pipeline(chosen, config)
    for text in explain_photo(Path(chosen.photo), chosen.person, pipeline, Path(chosen.out)):
        print(text, flush=True)
    return 0


def explain_photo(path: Path, number: int | None, pipeline: "Pipeline", out: Path) -> Iterator[str]:
    """Explain one person of a photo, or everybody.

    Parameters
    ----------
    path : Path
    number : int or None
        The person, from 1, as in NAME.json; None: everybody.
    pipeline : Pipeline
    out : Path
        Folder that receives NAME_explain_K.json and NAME_explain_K.png; made if needed.

    Yields
    ------
    str
        For each person a table, and where the files are.

    Raises
    ------
    ValueError
        The photo cannot be read, shows nobody or has no such person, or `out` cannot be written.
    """
    from posepart.io.photos import open_photo

    trace = pipeline.trace(open_photo(path).image)
    people = len(trace.scene.people)
    if not people:
        raise ValueError(
            f"{path}: nobody was found in this photo, so there is no pose to explain; lower "
            "--pipeline.detection.score_threshold or choose another photo"
        )
    if number is not None and number > people:
        count = "1 person" if people == 1 else f"{people} people"
        raise ValueError(f"--person {number}: {path} has {count}; choose from 1 to {people}")
    for k in range(1, people + 1) if number is None else [number]:
        yield _explain_person(path, k, pipeline, trace, out)


def _explain_person(path: Path, number: int, pipeline: "Pipeline", trace: "Trace", out: Path) -> str:
    """Write the files about one person; return the text to print."""
    from PIL import Image

    from posepart.explanation.explain import crf_of, explain
    from posepart.explanation.picture import draw_explanation
    from posepart.explanation.table import explanation_record, explanation_table
    from posepart.io.files import sha256, write_atomically, write_json
    from posepart.io.result_names import result_names

    crf = crf_of(trace, number - 1)
    crop = trace.evidence[trace.sources[number - 1].crop].crop
    explanation = explain(trace, number - 1)
    person = trace.scene.people[number - 1]
    width, height = trace.scene.size
    record = {
        "photo": {"file_name": path.name, "width": width, "height": height, "sha256": sha256(path)},
        "model": pipeline.name,
        "person": number,
        "score": round(person.pose.log_score, 6),
        **explanation_record(explanation, crf.candidates, crop.affine, crf.solution),
    }
    title = f"person {number} of {path.name}"
    picture = Image.fromarray(draw_explanation(crop.image, crf.candidates, explanation, title))
    base = out / f"{result_names([path])[0]}_explain_{number}"
    try:
        out.mkdir(parents=True, exist_ok=True)
        write_atomically(Path(f"{base}.png"), lambda file: picture.save(file, "PNG"))
        write_json(Path(f"{base}.json"), record)
    except OSError as error:
        raise ValueError(
            f"{out}: explanations cannot be written there ({error.strerror}); choose another folder with -o"
        ) from None
    head = (
        f"{path}, person {number} of {len(trace.scene.people)}: {len(explanation.joints)} joints, "
        f"{explanation.energy:.2f} nats of {explanation.crop_energy:.2f} in the crop ({crf.solution.status})"
    )
    table = explanation_table(explanation, crf.candidates, crop.affine)
    return f"{head}\n\n{table}\n\n{base}.json\n{base}.png\n"
