"""Write a report on labelled photos and results: index.html, tables.md, metrics.json, worst/."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from posepart.arrays import Float64
from posepart.data.sample import Sample
from posepart.io.files import write_json
from posepart.io.terminal import progress
from posepart.metrics.collect import part_confusions
from posepart.metrics.judged import JudgedPhoto, judge, part_similarity, pose_similarity
from posepart.metrics.measure import Measure, measure_photos
from posepart.metrics.segmentation import SIZE_EDGES, check_size_edges
from posepart.metrics.tables import Table, measures_to_record, table_to_markdown, table_to_record
from posepart.report.contents import make_page
from posepart.report.figures import require_matplotlib
from posepart.report.folder import complete_folder
from posepart.report.page import Gallery, page_to_html
from posepart.report.paper_tables import Bootstrap, paper_tables
from posepart.report.predictions import Predictions
from posepart.report.worst_cases import Case, WorstCases, draw_case


def choose_samples(
    samples: Sequence[Sample],
    subset: Sequence[str] | None,
    people_per_photo: int = 0,
    limit: int | None = None,
) -> list[Sample]:
    """Choose the samples to measure on.

    Parameters
    ----------
    samples : sequence of Sample
    subset : sequence of str, optional
        Their sources; all by default.
    people_per_photo : int
        The least number of people.
    limit : int, optional
        How many samples to choose at most.

    Raises
    ------
    ValueError
        A source does not exist, or no sample is left.
    """
    sources = {s.source for s in samples}
    unknown = sorted(set(subset or ()) - sources)
    if unknown:
        raise ValueError(
            f"--subset: no photos from {', '.join(unknown)}; there are {', '.join(sorted(sources))}"
        )
    chosen = [s for s in samples if (not subset or s.source in subset) and len(s.people) >= people_per_photo]
    if not chosen[:limit]:
        raise ValueError(
            "no photo is left to measure on; choose another --subset, --people-per-photo or --limit"
        )
    return chosen[:limit]


def left_out(samples: Sequence[Sample]) -> list[str]:
    """Sentences about photos that some measures leave out, as their labels do not allow them."""
    notes = []
    incomplete = sum(not sample.boxes_complete for sample in samples)
    if incomplete:
        notes.append(
            f"{incomplete} of {len(samples)} photos are left out of the measures of boxes and of pose AP: not "
            "everybody in them is labelled"
        )
    return notes


def check_measurable(samples: Sequence[Sample]) -> None:
    """Refuse photos on which nothing can be measured.

    Raises
    ------
    ValueError
        No photo has a labelled person or a part map, and none is known to be without people.
    """
    empty = any(sample.boxes_complete and not len(sample.ignore_boxes) for sample in samples)
    if not empty and not any(sample.people or sample.part_path for sample in samples):
        ignored = sum(len(sample.ignore_boxes) for sample in samples)
        raise ValueError(
            f"nothing to measure: none of the {len(samples)} photos has a labelled person or a part map"
            + (f" ({ignored} ignore regions; is iscrowd 1 on people?)" if ignored else "")
        )


def evaluate(
    samples: Sequence[Sample],
    predictions: Predictions,
    out: Path,
    about: Mapping[str, Any],
    bootstrap: Bootstrap,
    worst: int = 12,
    size_edges: Sequence[float] = SIZE_EDGES,
) -> tuple[Measure, ...]:
    """Measure results against labels and write the report.

    Parameters
    ----------
    samples : sequence of Sample
    predictions : Predictions
    out : Path
        Folder of the report. An earlier report there is replaced once this one is complete.
    about : mapping
        What else to say about the run: "data", "split", settings.
    bootstrap : Bootstrap
    worst : int
        How many of the worst photos to show, by pose and by parts each.
    size_edges : sequence of float
        px, edges between the sizes of people in Table 4.

    Returns
    -------
    tuple of Measure

    Raises
    ------
    ValueError
        Something, which the error names, cannot be read, measured or written. Then nothing is written.
    """
    require_matplotlib()
    check_measurable(samples)
    with complete_folder(out) as folder:
        results = _judge_all(samples, predictions, worst, size_edges)
        intervals = measure_photos(results.photos, **asdict(bootstrap))
        measures = tuple(progress(intervals, "intervals", unit="measure"))
        tables = paper_tables(results.photos, bootstrap, predictions.parts)
        people = sum(len(sample.people) for sample in samples)
        about = {"model": predictions.name or ", ".join(results.models), **about}
        about |= {"photos": len(samples), "people": people, "bootstrap": asdict(bootstrap)}
        galleries, parts = _write_galleries(results, folder), predictions.parts
        page = make_page(results.photos, measures, tables, results.seconds, galleries, about, parts)
        write_json(folder / "metrics.json", _record(about, results, measures, tables))
        _write_text(folder / "tables.md", _markdown(page.title, page.subtitle, tables.values()))
        _write_text(folder / "index.html", page_to_html(page))
    return measures


def _write_text(path: Path, text: str) -> None:
    """Write a text in UTF-8; names of photos may hold bytes that are not."""
    path.write_text(text, "utf-8", "backslashreplace")


@dataclass(frozen=True)
class _Results:
    """What is kept of all photos."""

    photos: tuple[JudgedPhoto, ...]
    models: tuple[str, ...]  # names of the models that made the results
    seconds: dict[str, Float64]  # stage -> (I,) wall times
    worst_poses: tuple[Case, ...]
    worst_parts: tuple[Case, ...]


def _judge_all(
    samples: Sequence[Sample], predictions: Predictions, worst: int, edges: Sequence[float]
) -> _Results:
    check_size_edges(edges)
    photos, models, seconds = [], set(), []
    poses, parts = WorstCases(worst), WorstCases(worst)
    for sample in progress(samples, "photos", unit="photo"):
        scene = predictions.scene(sample)
        photo = judge(sample, scene, predictions.parts, edges)
        draw = partial(draw_case, sample, scene)
        poses.offer(pose_similarity(photo), draw)
        parts.offer(part_similarity(photo), draw)
        photos.append(photo)
        models.add(scene.model)
        seconds.append(scene.seconds)
    stages = dict.fromkeys(stage for times in seconds for stage in times)
    by_stage = {stage: np.array([times.get(stage, 0.0) for times in seconds]) for stage in stages}
    if not any(values.any() for values in by_stage.values()):  # unknown, or omitted by --deterministic
        by_stage = {}
    return _Results(tuple(photos), tuple(sorted(models)), by_stage, poses.cases(), parts.cases())


def _write_galleries(results: _Results, folder: Path) -> list[Gallery]:
    (folder / "worst").mkdir()
    pose_note = (
        "By the mean OKS, over 12 limb joints, of the people with joints labelled by a human (or a generator); "
        "a person who was not found counts 0. Ignored regions are grey."
    )
    part_note = "By the mean IoU of the classes in the photo. Ignored pixels are grey."
    return [
        _write_gallery("Worst by pose", pose_note, "OKS", "pose", results.worst_poses, folder),
        _write_gallery("Worst by parts", part_note, "mIoU", "parts", results.worst_parts, folder),
    ]


def _write_gallery(
    title: str, note: str, score_name: str, kind: str, cases: tuple[Case, ...], folder: Path
) -> Gallery:
    pictures = []
    for rank, case in enumerate(cases, start=1):
        names = (f"worst/{kind}_{rank:03d}_labels.jpg", f"worst/{kind}_{rank:03d}_result.jpg")
        for name, content in zip(names, (case.truth, case.prediction), strict=True):
            (folder / name).write_bytes(content)
        pictures.append(names)
    if not cases:
        note = f"No photo can be measured by {kind}."
    return Gallery(title, note, score_name, cases, tuple(pictures))


def _record(
    about: Mapping[str, Any], results: _Results, measures: Sequence[Measure], tables: Mapping[str, Table]
) -> dict[str, Any]:
    """The content of metrics.json."""
    return {
        **about,
        "seconds_per_photo": {stage: round(float(s.mean()), 4) for stage, s in results.seconds.items()},
        "measures": measures_to_record(measures),
        "tables": {name: table_to_record(table) for name, table in tables.items()},
        "confusion": part_confusions(results.photos).sum(axis=0).tolist(),
        "worst_by_pose": {case.name: round(case.score, 6) for case in results.worst_poses},
        "worst_by_parts": {case.name: round(case.score, 6) for case in results.worst_parts},
    }


def _markdown(title: str, subtitle: str, tables: Iterable[Table]) -> str:
    head = Table("head", title, f"{subtitle}; intervals are from a bootstrap over photos.", (), ())
    return "\n".join(table_to_markdown(table) for table in (head, *tables))
