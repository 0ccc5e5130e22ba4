"""Train a JPPNet in the two steps of Liang et al., Sec. 6.1: its parser alone, then everything.

    python experiments/train_jppnet.py --phase parsing --config experiments/configs/jppnet_parsing.yaml \
        --data PEOPLE --run runs/jppnet_parsing --init movenet_lightning.npz
    python experiments/train_jppnet.py --config experiments/configs/jppnet.yaml \
        --data PEOPLE --run runs/jppnet --init runs/jppnet_parsing/jppnet.safetensors

PEOPLE is a folder of a data set, or several (see posepart/data/readers.py). `--resume` continues an interrupted
run; `--print_config` shows every setting. `--init` is a MoveNet .npz or the jppnet.safetensors of another run; the
refinement stages may be new. A folder with jppnet.safetensors and a detector.safetensors, each with its card, is a
model for `posepart predict --model`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from _common import final_figures, finish, prepare, read_people, recorded, run_script, training_parser
from torch import nn

from posepart.config import CropConfig
from posepart.data.person_crops import CropBatchConfig, PersonCrops
from posepart.jppnet.predict import JPPNetInferenceConfig
from posepart.models.backbones import MobileNetV2, read_arrays
from posepart.models.fcn import PoseFCN
from posepart.models.jppnet.loss import JPPNetLossConfig
from posepart.models.jppnet.network import JPPNet
from posepart.schema import NUM_JOINTS
from posepart.training.crop_evaluation import CropEvaluation, values_of
from posepart.training.jppnet import (
    PRINTED_AUGMENTATION,
    REFINEMENTS,
    STRIDE_4_LOSS,
    JPPNetLoss,
    jppnet_predictor,
    parsing_phase,
)
from posepart.training.loop import LoopConfig, train

PHASES = ("parsing", "joint")


def start_from_movenet(model: JPPNet, path: Path) -> None:
    """Backbone and heat-map features of a MoveNet; which joint each heat map shows is learned."""
    assert isinstance(model.backbone, MobileNetV2)
    pose = PoseFCN(MobileNetV2(model.backbone.width))
    pose.load_movenet(read_arrays(path), [()] * NUM_JOINTS)
    model.start_from(pose)


def evaluation_of(evaluate: CropEvaluation) -> Callable[[nn.Module], dict[str, float]]:
    """What is logged during the training: one scale and its mirror image."""
    config = JPPNetInferenceConfig(scales=(1.0,))

    def measure(model: Any) -> dict[str, float]:
        return values_of(evaluate(jppnet_predictor(model, config)))

    return measure


def main() -> None:
    parser = training_parser(__doc__)
    parser.add_argument("--phase", default="joint", choices=PHASES, help="parsing comes first")
    parser.add_argument("--builder", default="jppnet_s")
    parser.add_argument("--arguments", type=dict[str, Any], default={}, help="of the builder")
    parser.add_argument("--freeze", type=int, default=4, help="first blocks of the backbone that stay fixed")
    parser.add_argument("--loop", type=LoopConfig, default=LoopConfig(bf16=False))
    parser.add_argument(
        "--batches", type=CropBatchConfig, default=CropBatchConfig(augment=PRINTED_AUGMENTATION)
    )
    parser.add_argument("--loss", type=JPPNetLossConfig, default=STRIDE_4_LOSS)
    arguments = parser.parse_args()
    settings = parser.instantiate(arguments)
    if settings.phase == "parsing":
        settings.arguments, settings.loss = parsing_phase(settings.arguments, settings.loss)

    samples = read_people(settings.data, "train")
    model = prepare(settings, start_from_movenet, fresh=REFINEMENTS)
    evaluate = evaluation_of(CropEvaluation(read_people(settings.data, "val"), CropConfig()))
    model = train(
        model,
        PersonCrops(samples, settings.batches),
        JPPNetLoss(settings.loss),
        settings.run,
        settings.loop,
        resume=settings.resume,
        evaluate=evaluate,
        settings=recorded(parser, arguments),
    )
    finish(settings, "jppnet", model, samples, final_figures(settings, evaluate, model))


if __name__ == "__main__":
    run_script(main)
