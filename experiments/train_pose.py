"""Train the Pose FCN.

    python experiments/train_pose.py --config experiments/configs/pose.yaml --data PEOPLE --run runs/pose \
        --init movenet_thunder.npz

PEOPLE is a folder in the COCO-keypoints layout (see posepart/data/coco_people.py), or several. `--resume`
continues an interrupted run; `--print_config` shows every setting; any of them can be given on the command
line, e.g. `--loop.steps 2000`. `--init` is a MoveNet .npz or the pose.safetensors of another run; `--trunk` then
puts a MoveNet's backbone, heat-map path and limb joints back in their place, and `--frozen` keeps them there.
"""

from pathlib import Path

from _common import (
    final_figures,
    finish,
    fold_option,
    prepare,
    read_training,
    recorded,
    run_script,
    training_parser,
)

from posepart.config import CropConfig
from posepart.data.person_crops import CropBatchConfig, PersonCrops
from posepart.models.backbones import read_arrays
from posepart.training.loop import LoopConfig, train
from posepart.training.pose import (
    MOVENET_SOURCES,
    PoseEvaluation,
    PoseLoss,
    PoseLossConfig,
    offset_statistics,
    restore_trunk,
)


def main() -> None:
    parser = training_parser(__doc__)
    fold_option(parser)
    parser.add_argument("--builder", default="pose_mobilenet_v2")
    parser.add_argument("--width", type=float, default=1.75, help="of the MobileNetV2")
    parser.add_argument("--freeze", type=int, default=7, help="first blocks of the backbone that stay fixed")
    parser.add_argument("--trunk", type=Path, help="MoveNet .npz that replaces the trunk of --init")
    parser.add_argument(
        "--frozen", type=list[str], default=[], help="modules that stay fixed, e.g. [backbone]"
    )
    parser.add_argument("--loop", type=LoopConfig, default=LoopConfig())
    parser.add_argument("--batches", type=CropBatchConfig, default=CropBatchConfig())
    parser.add_argument("--loss", type=PoseLossConfig, default=PoseLossConfig())
    arguments = parser.parse_args()
    settings = parser.instantiate(arguments)

    samples, held_out = read_training(settings)
    model = prepare(settings, lambda net, path: net.load_movenet(read_arrays(path), MOVENET_SOURCES))
    if settings.trunk:
        restore_trunk(model, read_arrays(settings.trunk))
    for name in settings.frozen:
        getattr(model, name).requires_grad_(False)
    model.offset_mean, model.offset_deviation = offset_statistics(samples, settings.batches.crop)
    evaluate = PoseEvaluation(held_out, CropConfig())
    model = train(
        model,
        PersonCrops(samples, settings.batches),
        PoseLoss(settings.loss),
        settings.run,
        settings.loop,
        resume=settings.resume,
        evaluate=evaluate,
        settings=recorded(parser, arguments),
    )
    finish(settings, "pose", model, samples, final_figures(settings, evaluate, model))


if __name__ == "__main__":
    run_script(main)
