"""Train the person detector.

    python experiments/train_detector.py --config experiments/configs/detector.yaml --data PEOPLE \
        --run runs/detector --init mobilenet_v2_w1.5.npz

    python experiments/train_detector.py --config experiments/configs/detector_guided.yaml --data PEOPLE SCENES \
        --run runs/guided --init runs/detector/detector.safetensors --guide nanodet_g.npz

PEOPLE is a folder in the COCO-keypoints layout (see posepart/data/coco_people.py), or several. `--resume`
continues an interrupted run; `--print_config` shows every setting; any of them can be given on the command
line, e.g. `--loop.steps 500`. `--init` is a people-trained MobileNetV2 .npz or the detector.safetensors of
another run. A guided detector starts from an unguided one and the weights of its guide (see convert_nanodet.py),
or from a guided one. On Linux, MALLOC_MMAP_THRESHOLD_=8589934592 MALLOC_TRIM_THRESHOLD_=17179869184 in the
environment makes the training a third faster: the allocator then keeps the activations' memory between steps.
"""

from pathlib import Path
from typing import Any

from _common import final_figures, finish, read_people, recorded, run_script, training_parser

from posepart.config import DetectionConfig
from posepart.models.backbones import read_arrays
from posepart.models.builders import build
from posepart.models.detector.guided import GUIDANCE
from posepart.models.weight_files import load_into
from posepart.training.detector import (
    DetectorEvaluation,
    MosaicBatchConfig,
    MosaicBatches,
    detector_losses,
    shift_scores,
)
from posepart.training.loop import LoopConfig, train


def initialised(settings: Any) -> Any:
    """The network to train, with its initial weights, its first blocks frozen.

    Raises
    ------
    ValueError: when weights are damaged or do not fit, a guided detector has no guide, or another has one.
    """
    model: Any = build(settings.builder, settings.arguments)
    guided = hasattr(model.backbone, "guide")
    if settings.guide and not guided:
        raise ValueError(
            f"--guide {settings.guide}: {settings.builder} has no guide, guided_person_detector has"
        )
    trained = settings.init is not None and settings.init.suffix != ".npz"
    if guided and not settings.guide and not trained:
        raise ValueError(
            f"{settings.builder} needs the weights of its guide: pass --guide, or --init with both"
        )
    if trained:
        load_into(model, settings.init, GUIDANCE if settings.guide else ())
    elif settings.init:
        model.backbone.body.load_people_weights(read_arrays(settings.init))
    if settings.guide:
        model.backbone.guide.load_published(read_arrays(settings.guide))
    model.backbone.body.features[: settings.freeze].requires_grad_(False)
    return model


def main() -> None:
    parser = training_parser(__doc__)
    parser.add_argument("--builder", default="person_detector")
    parser.add_argument("--arguments", type=dict[str, int | float], default={}, help="of the builder")
    parser.add_argument(
        "--guide", type=Path | None, help="weights of the guide, a NanoDet, as published: .npz"
    )
    parser.add_argument("--freeze", type=int, default=7, help="first blocks of the backbone that stay fixed")
    parser.add_argument("--loop", type=LoopConfig, default=LoopConfig())
    parser.add_argument("--batches", type=MosaicBatchConfig, default=MosaicBatchConfig())
    arguments = parser.parse_args()
    settings = parser.instantiate(arguments)

    model = initialised(settings)
    samples = read_people(settings.data, "train")
    evaluate = DetectorEvaluation(read_people(settings.data, "val"))
    model = train(
        model,
        MosaicBatches(samples, settings.batches),
        detector_losses,
        settings.run,
        settings.loop,
        resume=settings.resume,
        evaluate=evaluate,
        settings=recorded(parser, arguments),
    )
    best = final_figures(settings, evaluate, model)["best_threshold"]
    shift_scores(model, best, DetectionConfig().score_threshold)
    finish(settings, "detector", model, samples, evaluate(model))


if __name__ == "__main__":
    run_script(main)
