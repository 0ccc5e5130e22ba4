"""The paper's ablations (Sec. 4.2, 4.3) on any data set that can be read, with paired intervals over photos.

    python experiments/ablate.py --data PEOPLE -o runs/ablation
    python experiments/ablate.py --data SYNTH --split train --given_boxes true -o runs/ablation_given
    python experiments/ablate.py --data PEOPLE --only segment_term assemblers -o runs/ablation
    python experiments/ablate.py --data PEOPLE --refine_data PEOPLE --refine_steps 400 -o runs/ablation

Detector and networks see each photo once; what they saw is kept in the folder `seen` of the output, so that all
variants share it and an interrupted run continues. `--given_boxes true` takes the labelled boxes for the
detector's, which tells the CRF's part from the detector's. Writes ablation.md, ablation.json and ablation.png.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from _common import run_script
from ablate_plan import KEYS, questions
from ablate_plot import draw
from jsonargparse import ArgumentParser, Namespace
from tqdm import tqdm

from posepart.ablation.evidence_cache import SeenCrop, load_seen, save_seen, see
from posepart.ablation.table import Table, answer, headline_scores, to_markdown, to_record
from posepart.ablation.variants import (
    SHIPPED,
    Assembled,
    FixedBoxes,
    Question,
    Variant,
    labelled_boxes,
    photo_box,
    scene_of,
)
from posepart.config import PipelineConfig
from posepart.data.readers import read_samples
from posepart.data.sample import Sample
from posepart.io.files import write_json
from posepart.io.photos import read_photo
from posepart.metrics.bootstrap import Score
from posepart.metrics.judged import JudgedPhoto, judge
from posepart.models.refine import RefineFCN
from posepart.models.weights import STAGES, find_model, sha256
from posepart.pipeline import Pipeline, load


class Observer:
    """What detector and networks see of a photo, kept in a folder: boxes of people, or the photo as one box."""

    def __init__(self, parser: Pipeline, folder: Path, given_boxes: bool) -> None:
        self.parser, self.folder, self.given_boxes = parser, folder, given_boxes

    def __call__(self, sample: Sample, whole_photo: bool) -> tuple[SeenCrop, ...]:
        """The crops of a photo after the networks."""
        kind = "photo" if whole_photo else "given" if self.given_boxes else "detected"
        name = hashlib.sha256(str(sample.image_path).encode()).hexdigest()[:12]
        path = self.folder / kind / f"{sample.image_path.stem}_{name}.npz"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            image = read_photo(sample.image_path)
            detector = self.parser.detector
            if whole_photo or self.given_boxes:
                detector = FixedBoxes(photo_box(sample) if whole_photo else labelled_boxes(sample))
            crops = see(image, detector(image), self.parser.networks, self.parser.config, self.parser.device)
            save_seen(path, crops)
        return load_seen(path)


def check_folder(folder: Path, settings: Mapping[str, Any]) -> None:
    """Remember what the photos were seen with.

    Raises
    ------
    ValueError: when the folder holds what other weights or settings saw.
    """
    path = folder / "settings.json"
    wanted = json.loads(json.dumps(settings))
    if path.exists():
        found = json.loads(path.read_text(encoding="utf-8"))
        if found != wanted:
            names = ", ".join(sorted(k for k in {*found, *wanted} if found.get(k) != wanted.get(k)))
            raise ValueError(f"{folder} was made with another {names}: choose another output folder")
        return
    folder.mkdir(parents=True, exist_ok=True)
    write_json(path, wanted)


def seen_with(model: str, detector: str, config: PipelineConfig) -> dict[str, Any]:
    """Everything that what is seen of a photo depends on."""
    files = find_model(model)
    weights = {stage: sha256(files.path(stage)) for stage in STAGES if stage in ("detector", "pose", "part")}
    stages = {name: asdict(getattr(config, name)) for name in ("detection", "crop", "candidates")}
    views = {name: getattr(config, name) for name in ("mirror_pose", "upright_pose", "part_scales")}
    return {**weights, **stages, **views, "detector_spec": detector}


def judge_variants(
    samples: Sequence[Sample],
    variants: Sequence[Variant],
    observer: Observer,
    second_stages: Mapping[str, RefineFCN],
) -> dict[Variant, dict[str, Score]]:
    """Run all variants over the photos, one photo at a time, and reduce each result to what the scores need."""
    photos: dict[Variant, list[JudgedPhoto]] = {variant: [] for variant in variants}
    pairwise = observer.parser.networks.pairwise
    for sample in tqdm(samples, unit="photo", desc=f"{len(variants)} variants"):
        kinds = {variant.whole_photo for variant in variants}
        assembled = {whole: Assembled(observer(sample, whole), pairwise) for whole in kinds}
        shape = sample.height, sample.width
        for variant in variants:
            network = second_stages[variant.second_stage]
            scene = scene_of(shape, assembled[variant.whole_photo], variant, network, observer.parser.device)
            photos[variant].append(judge(sample, scene))
    return {variant: headline_scores(own) for variant, own in photos.items()}


def write_report(out: Path, tables: Sequence[Table], about: Mapping[str, Any]) -> None:
    """ablation.md, ablation.json and ablation.png."""
    lines = [
        "# Ablations",
        "",
        f"{about['photos']} photos of {about['data']} ({about['split']}), "
        f"{'labelled boxes' if about['given_boxes'] else 'detected boxes'}, model {about['model']}. "
        "Percent; in brackets the difference to the first row in points, with its paired 95 % bootstrap interval "
        "over photos; bold where the interval leaves out 0.",
        "",
    ]
    text = "\n".join(lines + [to_markdown(table) for table in tables])
    (out / "ablation.md").write_text(text, encoding="utf-8")
    record = {**about, "questions": {table.question.key: to_record(table) for table in tables}}
    write_json(out / "ablation.json", record)
    draw(tables, out / "ablation.png")
    print(text)


def second_stages_of(settings: Namespace, parser: Pipeline) -> dict[str, RefineFCN]:
    """The second stage of the model, and those trained for this ablation if that is wanted."""
    networks: dict[str, RefineFCN] = {SHIPPED: parser.networks.refine}
    if settings.refine_steps and "second_stage" in settings.only:
        from ablate_refine import retrain  # training needs more than testing

        data = settings.refine_data or settings.data
        if (data, settings.refine_split) == (settings.data, settings.split):
            raise ValueError(
                "--refine_split: the second stages would be trained on the photos they are tested on"
            )
        samples = read_samples(data, settings.refine_split)
        model, folder = find_model(settings.model).folder, settings.out / "refine"
        networks |= retrain(
            samples, model, folder, settings.refine_crops, settings.refine_steps, settings.seed
        )
    return networks


def run(settings: Namespace) -> None:
    """Answer the questions and write the report."""
    check_folder(settings.out / "seen", seen_with(settings.model, settings.detector, settings.pipeline))
    samples = read_samples(settings.data, settings.split)[: settings.limit]
    parser = load(
        settings.model, detector=settings.detector, config=settings.pipeline, device=settings.device
    )
    networks = second_stages_of(settings, parser)
    chosen: list[Question] = [
        question
        for question in questions(settings.pipeline, tuple(name for name in networks if name != SHIPPED))
        if question.key in settings.only
    ]
    variants = tuple(dict.fromkeys(row.variant for question in chosen for row in question.rows))
    observer = Observer(parser, settings.out / "seen", settings.given_boxes)
    scores = judge_variants(samples, variants, observer, networks)
    tables = [
        answer(question, scores, settings.replicates, settings.seed)
        for question in tqdm(chosen, unit="question", desc="bootstrap")
    ]
    about = {
        "data": settings.data.name,
        "split": settings.split,
        "photos": len(samples),
        "given_boxes": settings.given_boxes,
        "model": parser.model_name,
        "bootstrap": {"replicates": settings.replicates, "seed": settings.seed, "confidence": 0.95},
    }
    write_report(settings.out, tables, about)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    command = ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    command.add_argument("--data", type=Path, required=True, help="folder of a data set")
    command.add_argument("--split", default="val")
    command.add_argument("--model", default="posepart-s", help="an installed model or a folder of weights")
    command.add_argument("--detector", default="default")
    command.add_argument("--given_boxes", type=bool, default=False, help="labelled boxes for detected ones")
    command.add_argument("--pipeline", type=PipelineConfig, default=PipelineConfig())
    command.add_argument("--only", type=str, nargs="+", default=list(KEYS), help=f"of {', '.join(KEYS)}")
    command.add_argument("--limit", type=int, help="photos at most")
    command.add_argument("--refine_steps", type=int, default=0, help="train second stages; 0: do not")
    command.add_argument("--refine_crops", type=int, default=1000, help="training crops to predict for them")
    command.add_argument("--refine_data", type=Path, help="folder of their training data; --data by default")
    command.add_argument("--refine_split", default="train")
    command.add_argument("--replicates", type=int, default=1000, help="of the bootstrap")
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--device", default="cpu")
    command.add_argument("-o", "--out", type=Path, required=True, help="folder of the report")
    settings = command.instantiate(command.parse_args(arguments))
    unknown = sorted(set(settings.only) - set(KEYS))
    if unknown:
        raise ValueError(f"--only: there is no {', '.join(unknown)}; choose of {', '.join(KEYS)}")
    run(settings)
    print(f"wrote {settings.out / 'ablation.md'}, ablation.json and ablation.png")


if __name__ == "__main__":
    run_script(main)
