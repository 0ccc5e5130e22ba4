"""`posepart explain`: from a photo to the explanations of its people, as text and files."""

from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from posepart.explanation.explain import explain
from posepart.explanation.picture import draw_explanation
from posepart.explanation.table import explanation_record, explanation_table
from posepart.io.files import sha256, write_atomically, write_json
from posepart.io.photos import open_photo
from posepart.io.run_folder import result_names
from posepart.pipeline import FcnNetworks, Pipeline, Trace


def explain_photo(path: Path, number: int | None, parser: Pipeline, out: Path) -> Iterator[str]:
    """Explain one person of a photo, or everybody.

    Parameters
    ----------
    path : Path
    number : int or None
        The person, from 1, as in NAME.json; None: everybody.
    parser : Pipeline
    out : Path
        Folder that receives NAME_explain_K.json and NAME_explain_K.png; made if needed.

    Yields
    ------
    str
        For each person a table and where the files are.

    Raises
    ------
    ValueError
        If the photo cannot be read, has nobody or no such person, or if `out` cannot be written.
    """
    photo = open_photo(path)
    parsed = parser.parse(photo.image)
    people = len(parsed.scene.people)
    if not people:
        raise ValueError(
            f"{path}: nobody was found in this photo, so there is no pose to explain; lower "
            "--pipeline.detection.score_threshold or choose another photo"
        )
    if number is not None and number > people:
        raise ValueError(f"--person {number}: {path} has {_count(people)}; choose from 1 to {people}")
    for k in range(1, people + 1) if number is None else [number]:
        yield _explain_person(path, k, parser, parsed, out)


def _explain_person(path: Path, number: int, parser: Pipeline, parsed: Trace, out: Path) -> str:
    crop = parsed.crops[parsed.owners[number - 1]]
    crf, networks = crop.crf, parser.networks
    if crf is None or not isinstance(networks, FcnNetworks):
        raise ValueError(
            f"{parser.model_name} has no CRF, so there is nothing to explain; choose another --model"
        )
    explanation = explain(
        crf.candidates,
        crf.geometry,
        networks.pairwise,
        crf.problem,
        crf.solution,
        parsed.poses[number - 1],
        parser.config.features,
        parser.config.crf,
    )
    person = parsed.scene.people[number - 1]
    width, height = parsed.scene.size
    record = {
        "photo": {"file_name": path.name, "width": width, "height": height, "sha256": sha256(path)},
        "model": parser.model_name,
        "person": number,
        "score": round(person.pose.log_score, 6),
        **explanation_record(explanation, crf.candidates, crop.crop.affine, crf.solution),
    }
    title = f"person {number} of {path.name}"
    picture = Image.fromarray(draw_explanation(crop.crop.image, crf.candidates, explanation, title))
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
        f"{path}, person {number} of {len(parsed.scene.people)}: {len(explanation.joints)} joints, "
        f"{explanation.energy:.2f} nats of {explanation.crop_energy:.2f} in the crop ({crf.solution.status})"
    )
    table = explanation_table(explanation, crf.candidates, crop.crop.affine)
    return f"{head}\n\n{table}\n\n{base}.json\n{base}.png\n"


def _count(people: int) -> str:
    return "1 person" if people == 1 else f"{people} people"
