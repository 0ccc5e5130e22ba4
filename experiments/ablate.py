"""The paper's ablations (Secs. 4.2, 4.3) on any labelled data set, with paired intervals over photos.

    python experiments/ablate.py --data PEOPLE -o runs/ablation
    python experiments/ablate.py --data SYNTH --split train --given_boxes true -o runs/ablation_given
    python experiments/ablate.py --data PEOPLE --only segment_term assemblers -o runs/ablation
    python experiments/ablate.py --data PEOPLE --refine_data PEOPLE --refine_steps 400 -o runs/ablation

Detector and networks run once on each photo. Their output is kept in the folder `seen` of the report, shared by all
variants; an interrupted run continues from there. `--given_boxes true` replaces the detector's boxes by the labelled
ones, which separates the effect of the CRF from that of the detector. Writes ablation.md, ablation.json and
ablation.png.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from jsonargparse import Namespace
from tqdm import tqdm

from posepart.ablation.evidence_cache import EvidenceCache, evidence_settings
from posepart.ablation.figure import draw_answers
from posepart.ablation.questions import KEYS, questions
from posepart.ablation.table import Answer, answer, headline_scores, to_markdown, to_record
from posepart.ablation.variants import SHIPPED, SharedGroupings, Variant, variant_pipeline
from posepart.config import CropConfig, PipelineConfig
from posepart.data.readers import read_samples
from posepart.data.sample import Sample
from posepart.io.files import write_json, write_text
from posepart.loading import load
from posepart.metrics.bootstrap import Score
from posepart.metrics.judged import JudgedPhoto, judge
from posepart.models.model_set import find_model
from posepart.models.refine import SecondStage
from posepart.pipeline import Pipeline
from posepart.stages.crf import CrfAssembler
from posepart.training.scripts import run_script, script_parser


def judge_variants(
    samples: Sequence[Sample],
    variants: Sequence[Variant],
    evidence_of: EvidenceCache,
    second_stages: Mapping[str, SecondStage],
    device: str,
) -> dict[Variant, dict[str, Score]]:
    """Run all variants on one photo after the other, and keep what the scores need of each result.

    Parameters
    ----------
    samples : sequence of Sample
    variants : sequence of Variant
    evidence_of : EvidenceCache
    second_stages : mapping of str to SecondStage
        The second stages that variants name.
    device : str
        Torch device.
    """
    photos: dict[Variant, list[JudgedPhoto]] = {variant: [] for variant in variants}
    pipeline = evidence_of.pipeline
    assert isinstance(pipeline.assembler, CrfAssembler)
    kinds = {variant.whole_photo for variant in variants}
    for sample in tqdm(samples, unit="photo", desc=f"{len(variants)} variants"):
        evidence = {whole: evidence_of(sample, whole) for whole in kinds}
        groupings = SharedGroupings(pipeline.assembler.pairwise)
        for variant in variants:
            run = variant_pipeline(pipeline, variant, groupings, second_stages, device)
            trace = run.conclude(evidence[variant.whole_photo], (sample.height, sample.width))
            photos[variant].append(judge(sample, trace.scene))
    return {variant: headline_scores(own) for variant, own in photos.items()}


def write_report(out: Path, answers: Sequence[Answer], about: Mapping[str, Any]) -> None:
    """Write ablation.md, ablation.json and ablation.png, and print ablation.md."""
    boxes = "labelled boxes" if about["given_boxes"] else "detected boxes"
    head = (
        f"# Ablations\n\n{about['photos']} photos of {about['data']} ({about['split']}), {boxes}, model "
        f"{about['model']}. Percent; in brackets the difference to the first row in points, with its paired 95 % "
        "bootstrap interval over photos; bold where the interval does not contain 0.\n"
    )
    text = "\n".join([head, *map(to_markdown, answers)])
    write_text(out / "ablation.md", text)
    write_json(out / "ablation.json", {**about, "questions": {a.question.key: to_record(a) for a in answers}})
    draw_answers(answers, out / "ablation.png")
    print(text)


def load_with_crf(settings: Namespace) -> tuple[Pipeline, SecondStage]:
    """Load the model and its second stage, whether or not the settings use it.

    Raises
    ------
    ValueError
        The model has no CRF or no second stage.
    """
    config = replace(settings.pipeline, refine=True)
    pipeline = load(settings.model, detector=settings.detector, config=config, device=settings.device)
    if pipeline.refiner is None or not isinstance(pipeline.assembler, CrfAssembler):
        raise ValueError(f"--model {pipeline.name}: has no CRF to ablate; choose a model with a Pose FCN")
    return pipeline, pipeline.refiner.network


def trained_second_stages(settings: Namespace) -> dict[str, SecondStage]:
    """Train second stages for this ablation, if `--refine_steps` asks for them.

    Raises
    ------
    ValueError
        They would be trained on the photos on which they are tested.
    """
    if not settings.refine_steps or "second_stage" not in settings.only:
        return {}
    from posepart.ablation.second_stages import train_second_stages
    from posepart.data.person_crops import CropBatchConfig
    from posepart.training.jobs.refine import (
        cached,
        predict,
        weights_of,
    )  # needs packages that testing does not

    data = settings.refine_data or settings.data
    if (data, settings.refine_split) == (settings.data, settings.split):
        raise ValueError(
            "--refine_split: the second stages would be trained on the photos on which they are tested"
        )
    model, folder = find_model(settings.model).folder, settings.out / "refine"
    folder.mkdir(parents=True, exist_ok=True)
    by_pose = {model / "pose.safetensors": read_samples(data, settings.refine_split)}
    batches = CropBatchConfig(batch_size=8, need="parts", crop=CropConfig(), seed=settings.seed)
    examples = cached(
        folder / "train.npz",
        weights_of(by_pose, model),
        lambda: predict(by_pose, batches, settings.refine_crops, model),
    )
    return train_second_stages(examples, folder, settings.refine_steps, settings.seed)


def run(settings: Namespace) -> None:
    """Answer the questions and write the report."""
    samples = read_samples(settings.data, settings.split)[: settings.limit]
    pipeline, shipped = load_with_crf(settings)
    seen_with = evidence_settings(settings.model, settings.detector, settings.pipeline)
    evidence_of = EvidenceCache.open(settings.out / "seen", seen_with, pipeline, settings.given_boxes)
    trained = trained_second_stages(settings)
    chosen = [q for q in questions(settings.pipeline, tuple(trained)) if q.key in settings.only]
    variants = tuple(dict.fromkeys(variant for question in chosen for variant in question.variants))
    networks = {SHIPPED: shipped, **trained}
    scores = judge_variants(samples, variants, evidence_of, networks, settings.device)
    answers = [
        answer(question, scores, settings.replicates, settings.seed)
        for question in tqdm(chosen, unit="question", desc="bootstrap")
    ]
    about = {
        "data": settings.data.name,
        "split": settings.split,
        "photos": len(samples),
        "given_boxes": settings.given_boxes,
        "model": pipeline.name,
        "bootstrap": {"replicates": settings.replicates, "seed": settings.seed, "confidence": 0.95},
    }
    write_report(settings.out, answers, about)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    command = script_parser(__doc__)
    command.add_argument("--data", type=Path, required=True, help="folder of a data set")
    command.add_argument("--split", default="val")
    command.add_argument("--model", default="posepart-s", help="an installed model or a folder of weights")
    command.add_argument("--detector", default="default")
    command.add_argument(
        "--given_boxes", type=bool, default=False, help="use the labelled boxes instead of detected ones"
    )
    command.add_argument("--pipeline", type=PipelineConfig, default=PipelineConfig())
    command.add_argument(
        "--only", type=str, nargs="+", default=list(KEYS), help=f"questions to answer: {', '.join(KEYS)}"
    )
    command.add_argument("--limit", type=int, help="largest number of photos")
    command.add_argument(
        "--refine_steps", type=int, default=0, help="training steps of each second stage; 0 trains none"
    )
    command.add_argument(
        "--refine_crops", type=int, default=1000, help="training crops for the second stages"
    )
    command.add_argument(
        "--refine_data", type=Path, help="folder of the second stages' training data; --data by default"
    )
    command.add_argument("--refine_split", default="train")
    command.add_argument("--replicates", type=int, default=1000, help="replicates of the bootstrap")
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--device", default="cpu")
    command.add_argument("-o", "--out", type=Path, required=True, help="folder of the report")
    settings = command.instantiate(command.parse_args(arguments))
    unknown = sorted(set(settings.only) - set(KEYS))
    if unknown:
        raise ValueError(f"--only: there is no {', '.join(unknown)}; choose from {', '.join(KEYS)}")
    run(settings)
    print(f"wrote {settings.out / 'ablation.md'}, ablation.json and ablation.png")


if __name__ == "__main__":
    run_script(main)
