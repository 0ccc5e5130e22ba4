"""Measure on training photos as if they were new, each with the model whose Pose FCN was trained without it.

    python experiments/train.py pose --recipe experiments/recipes/pose_fold.yaml --fold 0/2 --data PEOPLE \
        --run runs/fold0                                 (and the same with 1/2)
    python experiments/cross_validate.py --data PEOPLE --models MODEL0 MODEL1 --subset lsp_extended -o report

Each model folder holds pose weights that were trained without one fold, and the weights of the other stages, which
may have been trained on all photos. The report is that of `posepart evaluate`.
"""

from collections.abc import Sequence
from pathlib import Path

import posepart
from posepart.data.readers import read_samples
from posepart.data.sample import Sample
from posepart.io.photos import read_photo
from posepart.metrics.tables import format_measures
from posepart.models.model_set import find_model
from posepart.report.evaluate import choose_samples, evaluate
from posepart.report.paper_tables import Bootstrap
from posepart.report.predictions import Predictions
from posepart.structures import Scene
from posepart.training.run import folds_of
from posepart.training.scripts import run_script, script_parser


def predictions_of_folds(models: Sequence[Path], detector: str, device: str) -> Predictions:
    """Predict each photo with the model that was trained without its fold.

    Raises
    ------
    ValueError
        A folder holds no model, or the pose weights are not one for each fold of the same division.
    """
    folds = folds_of([find_model(folder).path("pose") for folder in models])
    pipelines = [
        (fold, posepart.load(path.parent, detector=detector, device=device)) for path, fold in folds.items()
    ]

    def scene(sample: Sample) -> Scene:
        pipeline = next(pipeline for fold, pipeline in pipelines if sample in fold)
        return pipeline(read_photo(sample.image_path))

    return Predictions(scene)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    command = script_parser(__doc__)
    command.add_argument("--data", type=Path, required=True, help="folder of a data set")
    command.add_argument("--split", default="train")
    command.add_argument("--models", type=Path, nargs="+", required=True, help="model folders, one per fold")
    command.add_argument("--subset", type=str, nargs="+", help="only photos from these sources")
    command.add_argument("--limit", type=int, help="largest number of photos")
    command.add_argument("--detector", default="default")
    command.add_argument("--device", default="cpu")
    command.add_argument("--replicates", type=int, default=1000, help="replicates of the bootstrap")
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("-o", "--out", type=Path, required=True, help="folder of the report")
    settings = command.parse_args(arguments)
    samples = choose_samples(
        read_samples(settings.data, settings.split), settings.subset, limit=settings.limit
    )
    predictions = predictions_of_folds(settings.models, settings.detector, settings.device)
    about = {
        "data": settings.data.name,
        "split": f"{settings.split}, cross-validated",
        "subset": settings.subset,
        "models": [folder.name for folder in settings.models],
    }
    bootstrap = Bootstrap(settings.replicates, settings.seed)
    measures = evaluate(samples, predictions, settings.out, about, bootstrap)
    print(f"{format_measures(measures)}\nreport in {settings.out / 'index.html'}")


if __name__ == "__main__":
    run_script(main)
