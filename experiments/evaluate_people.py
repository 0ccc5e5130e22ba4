"""Measure a model, end to end, on a folder in the COCO-keypoints layout (see posepart/data/coco_people.py).

    python experiments/evaluate_people.py --data PEOPLE --model posepart-s -o runs/evaluation
    python experiments/evaluate_people.py --data PEOPLE --predictions OUT -o runs/evaluation

The first line runs the model over the val part, the second reads the results that `posepart predict
PEOPLE/images -o OUT` wrote. Both print a table with bootstrap intervals over photos and write metrics.json.
`--limit 20` takes the first photos, `--subset lsp_extended pelota` those of some sources, `--people_per_photo 1`
those with at least so many labelled people; settings of the pipeline are given as in `--pipeline.refine false`.
"""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from jsonargparse import ArgumentParser, Namespace
from numpy.typing import NDArray
from tqdm import tqdm

from posepart.config import PipelineConfig
from posepart.data.coco_people import read_coco_people
from posepart.data.sample import Sample
from posepart.images import read_photo
from posepart.metrics.suite import evaluate_scenes
from posepart.metrics.tables import format_measures, measures_to_record
from posepart.results import read_result, write_json
from posepart.structures import Scene

# The floors and ceilings that the shipped model has to pass on the val part.
AT_LEAST = {
    "box_ap50": 0.90,
    "box_recall": 0.80,
    "people_free_photos_right": 0.90,
    "pck_lsp_extended": 0.70,
    "pck_other_human": 0.78,
    "oks_ap": 0.50,
    "part_miou_derived": 0.62,
    "part_miou_human": 0.55,
    "part_miou_exact": 0.75,
}
AT_MOST = {"false_people_per_photo": 0.5}

ImageParser = Callable[[NDArray[np.uint8]], Scene]


def choose_samples(
    samples: Sequence[Sample], subset: Sequence[str] | None, people_per_photo: int, limit: int | None
) -> list[Sample]:
    """The samples of the sources in `subset` with enough people, at most `limit`.

    Raises
    ------
    ValueError: when a source does not exist, or nothing is left.
    """
    sources = {s.source for s in samples}
    unknown = sorted(set(subset or ()) - sources)
    if unknown:
        raise ValueError(
            f"--subset: no photos from {', '.join(unknown)}; there are {', '.join(sorted(sources))}"
        )
    chosen = [s for s in samples if (not subset or s.source in subset) and len(s.people) >= people_per_photo][
        :limit
    ]
    if not chosen:
        raise ValueError("no photo is left to measure on; choose another --subset or --limit")
    return chosen


def predicted_scenes(samples: Sequence[Sample], parser: ImageParser) -> Iterator[tuple[Sample, Scene]]:
    """Run the model over the photos, one at a time."""
    for sample in tqdm(samples, unit="photo", disable=None):
        yield sample, parser(read_photo(sample.image_path))


def stored_scenes(samples: Sequence[Sample], folder: Path) -> Iterator[tuple[Sample, Scene]]:
    """Read the results of the photos from a folder that `posepart predict` wrote."""
    for sample in tqdm(samples, unit="photo", disable=None):
        yield sample, read_result(folder / f"{sample.image_path.stem}.json")


def evaluate(
    pairs: Iterator[tuple[Sample, Scene]], out: Path, about: dict[str, object], replicates: int, seed: int
) -> str:
    """Write `metrics.json` into `out`; the table."""
    seconds: list[dict[str, float]] = []
    models: set[str] = set()

    def noted() -> Iterator[tuple[Sample, Scene]]:
        for sample, scene in pairs:
            seconds.append(scene.seconds)
            models.add(scene.model)
            yield sample, scene

    measures = evaluate_scenes(noted(), replicates=replicates, seed=seed)
    stages = seconds[0] if seconds else {}
    means = {stage: round(float(np.mean([s.get(stage, 0.0) for s in seconds])), 4) for stage in stages}
    bootstrap = {"replicates": replicates, "seed": seed, "confidence": 0.95}
    record = {"model": ", ".join(sorted(models)), **about, "photos": len(seconds), "bootstrap": bootstrap}
    out.mkdir(parents=True, exist_ok=True)
    write_json(
        out / "metrics.json", {**record, "seconds_per_photo": means, "measures": measures_to_record(measures)}
    )
    return format_measures(measures, AT_LEAST, AT_MOST)


def main(arguments: Sequence[str] | None = None, parser: ImageParser | None = None) -> None:
    """The command line; `parser` stands in for the model in tests."""
    command = ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    command.add_argument("--data", type=Path, required=True, help="folder in the COCO-keypoints layout")
    command.add_argument("--split", default="val")
    command.add_argument("--model", default="posepart-s", help="an installed model or a folder of weights")
    command.add_argument("--detector", default="default")
    command.add_argument("--pipeline", type=PipelineConfig, default=PipelineConfig())
    command.add_argument("--device", default="cpu")
    command.add_argument("--predictions", type=Path, help="folder of `posepart predict`; no model is run")
    command.add_argument("-o", "--out", type=Path, required=True, help="folder for metrics.json")
    command.add_argument("--subset", type=str, nargs="+", help="sources of photos")
    command.add_argument("--people_per_photo", type=int, default=0, help="at least so many")
    command.add_argument("--limit", type=int, help="photos at most")
    command.add_argument("--replicates", type=int, default=1000, help="of the bootstrap")
    command.add_argument("--seed", type=int, default=0)
    parsed = command.parse_args(arguments)
    settings = command.instantiate(parsed)
    try:
        samples = choose_samples(
            read_coco_people(settings.data, settings.split),
            settings.subset,
            settings.people_per_photo,
            settings.limit,
        )
        if settings.predictions:
            pairs = stored_scenes(samples, settings.predictions)
        else:
            pairs = predicted_scenes(samples, parser or _load(settings))
        about = {"data": settings.data.name, "split": settings.split, "subset": settings.subset}
        if not settings.predictions:
            about["pipeline"] = json.loads(command.dump(parsed, format="json"))["pipeline"]
        print(evaluate(pairs, settings.out, about, settings.replicates, settings.seed))
    except ValueError as error:
        print(f"evaluate_people: error: {error}", file=sys.stderr)
        sys.exit(2)
    print(f"wrote {settings.out / 'metrics.json'}")


def _load(settings: Namespace) -> ImageParser:
    from posepart.pipeline import load  # torch takes seconds to import; stored results do not need it

    return load(
        settings.model,
        detector=settings.detector,
        config=settings.pipeline,
        device=settings.device,
    )


if __name__ == "__main__":
    main()
