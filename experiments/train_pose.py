"""Train the Pose FCN.

    python experiments/train_pose.py --config experiments/configs/pose.yaml --data PEOPLE --run runs/pose \
        --init movenet_thunder.npz

PEOPLE is a folder in the COCO-keypoints layout (see posepart/data/coco_people.py), or several. `--resume`
continues an interrupted run; `--print_config` shows every setting; any of them can be given on the command
line, e.g. `--loop.steps 2000`. `--init` is a MoveNet .npz or the pose.safetensors of another run.
"""

from _common import finish, prepare, read_people, training_parser

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
)


def main() -> None:
    parser = training_parser(__doc__)
    parser.add_argument("--builder", default="pose_mobilenet_v2")
    parser.add_argument("--width", type=float, default=1.75, help="of the MobileNetV2")
    parser.add_argument("--freeze", type=int, default=7, help="first blocks of the backbone that stay fixed")
    parser.add_argument("--loop", type=LoopConfig, default=LoopConfig())
    parser.add_argument("--batches", type=CropBatchConfig, default=CropBatchConfig())
    parser.add_argument("--loss", type=PoseLossConfig, default=PoseLossConfig())
    arguments = parser.parse_args()
    settings = parser.instantiate(arguments)

    samples = read_people(settings.data, "train")
    model = prepare(settings, lambda net, path: net.load_movenet(read_arrays(path), MOVENET_SOURCES))
    model.offset_mean, model.offset_deviation = offset_statistics(samples, CropConfig())
    evaluate = PoseEvaluation(read_people(settings.data, "val"), CropConfig())
    model = train(
        model,
        PersonCrops(samples, settings.batches),
        PoseLoss(settings.loss),
        settings.run,
        settings.loop,
        resume=settings.resume,
        evaluate=evaluate,
        settings={"arguments": parser.dump(arguments, format="json")},
    )
    finish(settings, "pose", model, samples, evaluate(model))


if __name__ == "__main__":
    main()
