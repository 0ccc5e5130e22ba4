"""Systems on photos of several people: their results in files, and their numbers in Tables 1 to 4 of Xia et al."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from posepart.ablation.boxes import FixedBoxes
from posepart.ablation.deepercut import at_size_of
from posepart.ablation.evidence_cache import EvidenceCache, evidence_settings
from posepart.ablation.tree_fit import fit_trees
from posepart.ablation.trees import TreeModel
from posepart.ablation.variants import SCALED, SHIPPED, SharedGroupings, variant_pipeline
from posepart.arrays import Index
from posepart.config import PipelineConfig
from posepart.data.sample import Sample
from posepart.io.files import read_json, write_json
from posepart.io.photos import read_photo
from posepart.io.results import PhotoInfo, read_result, write_result
from posepart.io.terminal import progress
from posepart.loading import load
from posepart.metrics.collect import judged_joints, measured_distances, part_confusions, size_confusions
from posepart.metrics.judged import EXACT_ORIGINS, JudgedPhoto, judge
from posepart.pipeline import Pipeline
from posepart.report.paper_tables import (
    Bootstrap,
    Numbers,
    iou_by_size,
    joint_distance,
    part_iou,
    pose_precision,
)
from posepart.reproduction.comparison import NUMBERS, Measured, write_numbers
from posepart.reproduction.systems import FITTED, JOINTS, PARSING, PIPELINE, VARIANTS, System
from posepart.reproduction.tasks import Folders, Task
from posepart.stages.crf import CrfAssembler
from posepart.structures import Evidence, PersonBoxes, Scene

TREES = "trees.json"

# The numbers of one system in each table. Sec. 4.2 matches poses by the overlap of their boxes.
MEASURES: dict[str, Callable[[Sequence[JudgedPhoto]], Numbers]] = {
    "table_1": lambda photos: pose_precision(judged_joints(photos, "pose_box")),
    "table_2": lambda photos: joint_distance(measured_distances(photos)),
    "table_3": lambda photos: part_iou(part_confusions(photos)),
    "table_4": lambda photos: iou_by_size(size_confusions(photos)),
    "table_9": lambda photos: part_iou(part_confusions(photos)),  # of Liang et al.
}


def summary(photos: Sequence[JudgedPhoto]) -> Numbers:
    """mAP, ADK and mIoU together, so that each bootstrap sample of the photos serves all three."""
    posed = [p.boxes_complete and bool(p.people_from(*EXACT_ORIGINS).any()) for p in photos]
    parsed = [p.confusion is not None for p in photos]
    measures = [
        (MEASURES["table_1"](photos), np.flatnonzero(posed)),
        (MEASURES["table_2"](photos), np.flatnonzero(posed)),
        (MEASURES["table_3"](photos), np.flatnonzero(parsed)),
    ]

    def statistics(weights: Index) -> list[float]:
        return [numbers.statistics(weights[used])[-1] for numbers, used in measures]

    return Numbers(statistics, len(photos))


MEASURES["small"] = summary
# Columns of the summary that a kind of system cannot have.
ABSENT: dict[str, tuple[int, ...]] = {PARSING: (0, 1), JOINTS: (2,)}


@dataclass(frozen=True)
class PhotoSet:
    """Labelled photos, and how systems see and are measured on them."""

    train: Callable[[], Sequence[Sample]]  # reads the photos that trees are fitted to
    val: Callable[[], Sequence[Sample]]  # reads those that are measured on
    data: tuple[str, ...]  # names of the data sets, for `Task`
    config: PipelineConfig  # of the final model
    bootstrap: Bootstrap
    size_edges: tuple[float, ...]  # px, between the sizes of Table 4
    fit_photos: int = 60  # that trees are fitted to
    device: str = "cpu"
    limit: int | None = None  # the largest number of photos that `val` reads
    boxes: str = ""  # the model whose detector finds the people for all systems; each its own by default


def load_model(folder: Path, photos: PhotoSet) -> Pipeline:
    """The final model of a folder of weights."""
    return load(folder, config=replace(photos.config, refine=True), device=photos.device, engine="torch")


def evidence_of(folder: Path, model: Path, photos: PhotoSet, *, labelled: bool = False) -> EvidenceCache:
    """What detector and networks of a model say about photos, kept in a folder."""
    seen_with = evidence_settings(str(model), "default", photos.config)
    return EvidenceCache.open(folder, seen_with, load_model(model, photos), labelled)


def evidence_task(model: str, photos: PhotoSet) -> Task:
    """The task that runs detector and networks on all photos, once for all variants of a model."""

    def run(folder: Path, inputs: Folders) -> None:
        see = evidence_of(folder / "seen", inputs[f"model/{model}"], photos)
        for sample in progress(photos.val(), f"{model}: networks", unit="photo"):
            see(sample)

    settings = {"pipeline": asdict(photos.config), "limit": photos.limit}
    return Task(f"evidence/{model}", settings, run, (), (f"model/{model}",), photos.data)


def trees_task(model: str, photos: PhotoSet) -> Task:
    """The task that fits the AOGs and Chen & Yuille's tree to what a model's networks say about training photos."""

    def run(folder: Path, inputs: Folders) -> None:
        see = evidence_of(folder / "seen", inputs[f"model/{model}"], photos, labelled=True)
        samples = [sample for sample in photos.train() if sample.people][: photos.fit_photos]
        seen = progress(samples, f"{model}: photos to fit to", unit="photo")
        trees = fit_trees([(sample, see(sample)) for sample in seen], see.pipeline)
        write_json(folder / TREES, {name: _tree_record(tree) for name, tree in trees.items()})

    settings = {"pipeline": asdict(photos.config), "photos": photos.fit_photos}
    return Task(f"trees/{model}", settings, run, (TREES,), (f"model/{model}",), photos.data)


def _tree_record(tree: TreeModel) -> dict[str, Any]:
    arrays = {name: getattr(tree, name).tolist() for name in ("mean", "deviation", "weights", "bias")}
    return {"kind": tree.kind, **arrays, "scale": tree.scale, "prior": tree.prior}


def read_trees(path: Path) -> dict[str, TreeModel]:
    """The trees that `trees_task` wrote."""
    trees = {}
    for name, record in read_json(path).items():
        mean, deviation, weights, bias = (
            np.array(record[key]) for key in ("mean", "deviation", "weights", "bias")
        )
        scale, prior = record["scale"], record["prior"]
        trees[name] = TreeModel(record["kind"], mean, deviation, weights, bias, scale, prior)
    return trees


def variant_task(system: System, photos: PhotoSet) -> Task:
    """The task that runs a variant of a model on all photos, from the evidence."""
    model = system.model
    inputs = (
        f"model/{model}",
        f"evidence/{model}",
        *([f"trees/{model}"] if system.variant in FITTED else []),
    )

    def run(folder: Path, folders: Folders) -> None:
        see = evidence_of(folders[f"evidence/{model}"] / "seen", folders[f"model/{model}"], photos)
        pipeline, variant = see.pipeline, VARIANTS[system.variant](photos.config)
        assert isinstance(pipeline.assembler, CrfAssembler) and pipeline.refiner is not None
        trees = read_trees(folders[f"trees/{model}"] / TREES) if system.variant in FITTED else {}
        stages = {SHIPPED: pipeline.refiner.network}

        def conclude(sample: Sample) -> Scene:
            seen, own = see(sample, variant.view), variant
            if variant.view == SCALED:
                own = replace(variant, config=at_size_of(seen[0], variant.config))
            groupings = SharedGroupings(pipeline.assembler.pairwise, trees)  # type: ignore[attr-defined]
            chosen = variant_pipeline(pipeline, own, groupings, stages, photos.device)
            return chosen.conclude(seen, (sample.height, sample.width)).scene

        write_results(folder, photos.val(), conclude, system.key)

    settings = {"variant": asdict(VARIANTS[system.variant](photos.config))}
    return Task(f"results/{system.key}", settings, run, (), inputs, photos.data)


def network_task(system: System, photos: PhotoSet) -> Task:
    """The task that runs a model without a CRF on all photos, or with `photos.boxes` on the boxes of another."""
    name, model = f"results/{system.key}", f"model/{system.model}"
    of_boxes = f"evidence/{photos.boxes}"

    def run(folder: Path, inputs: Folders) -> None:
        pipeline = load(inputs[model], config=photos.config, device=photos.device, engine="torch")
        see = None
        if photos.boxes:
            see = evidence_of(inputs[of_boxes] / "seen", inputs[f"model/{photos.boxes}"], photos)

        def predict(sample: Sample) -> Scene:
            own = pipeline
            if see is not None:
                own = replace(pipeline, detector=FixedBoxes(boxes_of(see(sample))))
            return own(read_photo(sample.image_path))

        write_results(folder, photos.val(), predict, system.key)

    settings = {"pipeline": asdict(photos.config), "limit": photos.limit}
    inputs = (model, *((of_boxes, f"model/{photos.boxes}") if photos.boxes else ()))
    return Task(name, settings, run, (), inputs, photos.data)


def boxes_of(evidence: Sequence[Evidence]) -> PersonBoxes:
    """The person boxes that a photo's evidence is of."""
    boxes = np.array([seen.crop.box for seen in evidence], np.float32).reshape(-1, 4)
    return PersonBoxes(boxes, np.array([seen.crop.score for seen in evidence], np.float32))


def write_results(
    folder: Path, samples: Sequence[Sample], predict: Callable[[Sample], Scene], name: str
) -> None:
    """Predict the photos that have no result yet, and write each result as `posepart predict` does."""
    for number, sample in enumerate(progress(samples, name, unit="photo")):
        photo = PhotoInfo(result_name(number), sample.name, sample.width, sample.height)
        if not (folder / f"{photo.name}.json").exists():
            write_result(predict(sample), photo, folder)


def result_name(number: int) -> str:
    """The name of the result of the photo with this place in the list."""
    return f"{number:06d}"


def numbers_task(system: System, photos: PhotoSet) -> Task:
    """The task that measures the results of a system."""
    tables = tuple(table for table in MEASURES if table in system.rows)

    def run(folder: Path, inputs: Folders) -> None:
        judged = [
            judge(sample, read_result(path), edges=photos.size_edges)
            for sample, path in results_of(inputs[f"results/{system.key}"], photos)
        ]
        numbers = {table: Measured.of(MEASURES[table](judged), photos.bootstrap) for table in tables}
        if "small" in numbers:
            numbers["small"] = numbers["small"].without(ABSENT.get(system.kind, ()))
        write_numbers(folder / NUMBERS, numbers)

    settings = {"tables": tables, "bootstrap": asdict(photos.bootstrap), "size_edges": photos.size_edges}
    return Task(f"numbers/{system.key}", settings, run, (NUMBERS,), (f"results/{system.key}",), photos.data)


def results_of(folder: Path, photos: PhotoSet) -> list[tuple[Sample, Path]]:
    """Every photo with the file of its result."""
    return [(s, folder / f"{result_name(number)}.json") for number, s in enumerate(photos.val())]


def photo_tasks(systems: Sequence[System], photos: PhotoSet) -> list[Task]:
    """All tasks of the systems, from the models on."""
    tasks: list[Task] = []
    for system in systems:
        tasks.append(numbers_task(system, photos))
        if system.kind != PIPELINE:
            tasks.append(network_task(system, photos))
            tasks += [evidence_task(photos.boxes, photos)] if photos.boxes else []
            continue
        tasks += [evidence_task(system.model, photos), variant_task(system, photos)]
        if system.variant in FITTED:
            tasks.append(trees_task(system.model, photos))
    return list({task.name: task for task in tasks}.values())
