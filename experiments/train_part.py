"""Train the first-stage Part FCN.

    python experiments/train_part.py --config experiments/configs/part.yaml --data PEOPLE --run runs/part \
        --init movenet_thunder.npz

PEOPLE is a folder in the COCO-keypoints layout with part maps (see posepart/data/coco_people.py), or several.
`--resume` continues an interrupted run; `--print_config` shows every setting; any of them can be given on the
command line, e.g. `--loop.steps 2000`. `--init` is a MoveNet .npz or the part.safetensors of another run.
"""

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
from posepart.training.part import PartEvaluation, PartLoss, PartLossConfig


def main() -> None:
    parser = training_parser(__doc__)
    fold_option(parser)
    parser.add_argument("--builder", default="part_mobilenet_v2")
    parser.add_argument("--width", type=float, default=1.75, help="of the MobileNetV2")
    parser.add_argument("--freeze", type=int, default=7, help="first blocks of the backbone that stay fixed")
    parser.add_argument("--loop", type=LoopConfig, default=LoopConfig())
    parser.add_argument("--batches", type=CropBatchConfig, default=CropBatchConfig(need="parts"))
    parser.add_argument("--loss", type=PartLossConfig, default=PartLossConfig())
    arguments = parser.parse_args()
    settings = parser.instantiate(arguments)

    model = prepare(settings, lambda net, path: net.backbone.load_people_weights(read_arrays(path)))
    samples, held_out = read_training(settings)
    evaluate = PartEvaluation(held_out, CropConfig())
    model = train(
        model,
        PersonCrops(samples, settings.batches),
        PartLoss(settings.loss),
        settings.run,
        settings.loop,
        resume=settings.resume,
        evaluate=evaluate,
        settings=recorded(parser, arguments),
    )
    finish(settings, "part", model, samples, final_figures(settings, evaluate, model))


if __name__ == "__main__":
    run_script(main)
