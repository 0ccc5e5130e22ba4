"""The paper's ablations (Secs. 4.2, 4.3) on any labelled data set, with paired intervals over photos.

    python experiments/ablate.py --data PEOPLE -o runs/ablation
    python experiments/ablate.py --data SYNTH --split train --given_boxes true -o runs/ablation_given
    python experiments/ablate.py --data PEOPLE --only systems --fit_data OTHERS --fit_photos 60 -o runs/systems
    python experiments/ablate.py --data PEOPLE --only segment_term assemblers -o runs/ablation
    python experiments/ablate.py --data PEOPLE --refine_data PEOPLE --refine_steps 400 -o runs/ablation

Detector and networks run once on each photo. Their output is kept in the folder `seen` of the report, shared by all
variants; an interrupted run continues from there. `--given_boxes true` replaces the detector's boxes by the labelled
ones, which separates the effect of the CRF from that of the detector. `--fit_photos` fits the baselines of Sec. 4.2
that are trees to other photos. Writes ablation.md, ablation.json and ablation.png.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from jsonargparse import Namespace

from posepart.ablation.deepercut import at_size_of
from posepart.ablation.evidence_cache import EvidenceCache, evidence_settings
from posepart.ablation.figure import draw_answers
from posepart.ablation.questions import KEYS, questions
from posepart.ablation.table import (
    Answer,
    answer,
    headline_scores,
    table_to_section,
    to_markdown,
    to_record,
)
from posepart.ablation.trees import TreeModel
from posepart.ablation.variants import SCALED, SHIPPED, Fitted, SharedGroupings, Variant, variant_pipeline
from posepart.config import PipelineConfig
from posepart.data.readers import read_samples
from posepart.data.sample import Sample
from posepart.io.files import write_json, write_text
from posepart.io.terminal import progress
from posepart.loading import load
from posepart.metrics.bootstrap import Score
from posepart.metrics.judged import JudgedPhoto, judge
from posepart.metrics.segmentation import SIZE_EDGES, check_size_edges
from posepart.models.model_set import find_model
from posepart.models.refine import SecondStage
from posepart.pipeline import Pipeline
from posepart.stages.crf import CrfAssembler
from posepart.training.scripts import run_script, script_parser


def judge_variants(
    samples: Sequence[Sample],
    variants: Sequence[Variant],
    evidence_of: EvidenceCache,
    fitted: Fitted,
    settings: Namespace,
) -> dict[Variant, dict[str, Score]]:
    """Run all variants on one photo after the other, and keep what the scores need of each result.

    Parameters
    ----------
    samples : sequence of Sample
    variants : sequence of Variant
    evidence_of : EvidenceCache
    fitted : Fitted
        The second stages and trees that variants name.
    settings : Namespace
        Its `device` and `size_edges` are read.
    """
    photos: dict[Variant, list[JudgedPhoto]] = {variant: [] for variant in variants}
    pipeline = evidence_of.pipeline
    assert isinstance(pipeline.assembler, CrfAssembler)
    views = {variant.view for variant in variants}
    for sample in progress(samples, f"{len(variants)} variants", unit="photo"):
        evidence = {view: evidence_of(sample, view) for view in views}
        groupings = SharedGroupings(pipeline.assembler.pairwise, fitted.trees)
        for variant in variants:
            seen, own = evidence[variant.view], variant
            if variant.view == SCALED:
                own = replace(variant, config=at_size_of(seen[0], variant.config))
            run = variant_pipeline(pipeline, own, groupings, fitted.second_stages, settings.device)
            trace = run.conclude(seen, (sample.height, sample.width))
            photos[variant].append(judge(sample, trace.scene, edges=settings.size_edges))
    return {variant: headline_scores(own) for variant, own in photos.items()}


def write_report(
    out: Path,
    answers: Mapping[str, Answer],
    tables: Mapping[str, Mapping[str, Answer]],
    about: Mapping[str, Any],
) -> None:
    """Write ablation.md, ablation.json and ablation.png, and print ablation.md.

    Parameters
    ----------
    out : Path
        Folder.
    answers : mapping of str to Answer
        By the key of the question.
    tables : mapping of str to mapping of str to Answer
        By the key of the question: its answers in the columns of the paper's tables, by table.
    about : mapping
        Of the run.
    """
    boxes = "labelled boxes" if about["given_boxes"] else "detected boxes"
    head = (
        f"# Ablations\n\n{about['photos']} photos of {about['data']} ({about['split']}), {boxes}, model "
        f"{about['model']}. Percent; in brackets the difference to the first row in points, with its paired 95 % "
        "bootstrap interval over photos; bold where the interval does not contain 0.\n"
    )
    sections = [head]
    for key, own in answers.items():
        sections += [
            to_markdown(own),
            *(table_to_section(name, table) for name, table in tables[key].items()),
        ]
    text = "\n".join(sections)
    write_text(out / "ablation.md", text)
    records = {
        key: to_record(own) | {name: to_record(table)["rows"] for name, table in tables[key].items()}
        for key, own in answers.items()
    }
    write_json(out / "ablation.json", {**about, "questions": records})
    draw_answers(tuple(answers.values()), out / "ablation.png")
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
        made_by,
        predict,
    )  # needs packages that testing does not

    data = settings.refine_data or settings.data
    if (data, settings.refine_split) == (settings.data, settings.split):
        raise ValueError(
            "--refine_split: the second stages would be trained on the photos on which they are tested"
        )
    model, folder = find_model(settings.model).folder, settings.out / "refine"
    folder.mkdir(parents=True, exist_ok=True)
    by_pose = {model / "pose.safetensors": read_samples(data, settings.refine_split)}
    batches = CropBatchConfig(batch_size=8, need="parts", crop=settings.pipeline.crop, seed=settings.seed)
    examples = cached(
        folder / "train.npz",
        made_by(by_pose, model, settings.pipeline),
        lambda: predict(by_pose, batches, settings.refine_crops, model, settings.pipeline, settings.device),
    )
    steps, seed = settings.refine_steps, settings.seed
    return train_second_stages(examples, folder, steps, seed, settings.pipeline, settings.device)


def fitted_trees(
    settings: Namespace, pipeline: Pipeline, seen_with: Mapping[str, Any]
) -> dict[str, TreeModel]:
    """Fit the trees of `trees.TREES` to labelled boxes, if `--fit_photos` asks for them.

    Raises
    ------
    ValueError
        They would be fitted to the photos on which they are tested.
    """
    if not settings.fit_photos or "systems" not in settings.only:
        return {}
    from posepart.ablation.tree_fit import fit_trees  # needs packages that testing does not

    data = settings.fit_data or settings.data
    if (data, settings.fit_split) == (settings.data, settings.split):
        raise ValueError("--fit_split: the trees would be fitted to the photos on which they are tested")
    samples = read_samples(data, settings.fit_split)[: settings.fit_photos]
    seen = EvidenceCache.open(settings.out / "fit", seen_with, pipeline, labelled=True)
    photos = progress(samples, "photos to fit to", unit="photo")
    return fit_trees([(sample, seen(sample)) for sample in photos], pipeline)


def run(settings: Namespace) -> None:
    """Answer the questions and write the report."""
    samples = read_samples(settings.data, settings.split)[: settings.limit]
    pipeline, shipped = load_with_crf(settings)
    seen_with = evidence_settings(settings.model, settings.detector, settings.pipeline)
    evidence_of = EvidenceCache.open(settings.out / "seen", seen_with, pipeline, settings.given_boxes)
    trained = trained_second_stages(settings)
    trees = fitted_trees(settings, pipeline, seen_with)
    asked = questions(settings.pipeline, tuple(trained), bool(trees))
    chosen = [question for question in asked if question.key in settings.only]
    variants = tuple(dict.fromkeys(variant for question in chosen for variant in question.variants))
    fitted = Fitted({SHIPPED: shipped, **trained}, trees)
    scores = judge_variants(samples, variants, evidence_of, fitted, settings)
    answers, tables = {}, {}
    for question in progress(chosen, "bootstrap", unit="question"):
        compare = partial(answer, question, scores, settings.replicates, settings.seed)
        answers[question.key] = compare()
        tables[question.key] = {name: compare(name) for name in question.tables}
    about = {
        "data": settings.data.name,
        "split": settings.split,
        "photos": len(samples),
        "given_boxes": settings.given_boxes,
        "model": pipeline.name,
        "size_edges": list(settings.size_edges),
        "trees": {kind: {"scale": tree.scale, "prior": tree.prior} for kind, tree in trees.items()},
        "bootstrap": {"replicates": settings.replicates, "seed": settings.seed, "confidence": 0.95},
    }
    write_report(settings.out, answers, tables, about)


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
    command.add_argument("--refine_crops", type=int, default=1000, help="crops to train them on")
    command.add_argument(
        "--refine_data", type=Path, help="folder of the second stages' training data; --data by default"
    )
    command.add_argument("--refine_split", default="train")
    command.add_argument(
        "--fit_photos",
        type=int,
        default=0,
        help="photos to fit the AOGs and Chen & Yuille's tree to; 0 fits none",
    )
    command.add_argument("--fit_data", type=Path, help="folder of the data for these fits; --data by default")
    command.add_argument("--fit_split", default="train")
    command.add_argument(
        "--size_edges",
        type=float,
        nargs=3,
        default=list(SIZE_EDGES),
        help="px, edges between the sizes of people in Table 4, by the square root of the area of the box",
    )
    command.add_argument("--replicates", type=int, default=1000, help="replicates of the bootstrap")
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--device", default="cpu")
    command.add_argument("-o", "--out", type=Path, required=True, help="folder of the report")
    settings = command.instantiate(command.parse_args(arguments))
    unknown = sorted(set(settings.only) - set(KEYS))
    if unknown:
        raise ValueError(f"--only: there is no {', '.join(unknown)}; choose from {', '.join(KEYS)}")
    check_size_edges(settings.size_edges)
    run(settings)
    print(f"wrote {settings.out / 'ablation.md'}, ablation.json and ablation.png")


if __name__ == "__main__":
    run_script(main)
