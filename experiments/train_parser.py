"""Train attention to scale, and with the structure-sensitive loss SS-JPPNet (Liang et al., Sec. 5.3 and 6.1).

    python experiments/train_parser.py --config experiments/configs/parser.yaml --data PEOPLE \
        --run runs/parser --init movenet_lightning.npz
    python experiments/train_parser.py --config experiments/configs/parser_structure.yaml --data PEOPLE \
        --run runs/parser_structure --init runs/parser/parser.safetensors

Only parts are learned. PEOPLE is a folder of a data set, or several (see posepart/data/readers.py). `--resume`
continues an interrupted run; `--print_config` shows every setting. `--init` is a people-trained MobileNetV2 .npz or
the parser.safetensors of another run.
"""

from typing import Any

from _common import final_figures, finish, prepare, read_people, recorded, run_script, training_parser

from posepart.config import CropConfig
from posepart.data.person_crops import CropBatchConfig, PersonCrops
from posepart.models.backbones import read_arrays
from posepart.training.crop_evaluation import CropEvaluation, values_of
from posepart.training.jppnet import (
    PRINTED_AUGMENTATION,
    AttentionLoss,
    ParserLossConfig,
    attention_predictor,
)
from posepart.training.loop import LoopConfig, train


def main() -> None:
    parser = training_parser(__doc__)
    parser.add_argument("--builder", default="attention_s")
    parser.add_argument("--arguments", type=dict[str, Any], default={}, help="of the builder")
    parser.add_argument("--freeze", type=int, default=4, help="first blocks of the backbone that stay fixed")
    parser.add_argument("--loop", type=LoopConfig, default=LoopConfig(bf16=False))
    parser.add_argument(
        "--batches", type=CropBatchConfig, default=CropBatchConfig(need="parts", augment=PRINTED_AUGMENTATION)
    )
    parser.add_argument("--loss", type=ParserLossConfig, default=ParserLossConfig())
    arguments = parser.parse_args()
    settings = parser.instantiate(arguments)

    samples = read_people(settings.data, "train")
    model = prepare(settings, lambda net, path: net.backbone.load_people_weights(read_arrays(path)))
    crops = CropEvaluation(read_people(settings.data, "val"), CropConfig())

    def evaluate(network: Any) -> dict[str, float]:
        return values_of(crops(attention_predictor(network)))

    model = train(
        model,
        PersonCrops(samples, settings.batches),
        AttentionLoss(settings.loss),
        settings.run,
        settings.loop,
        resume=settings.resume,
        evaluate=evaluate,
        settings=recorded(parser, arguments),
    )
    finish(settings, "parser", model, samples, final_figures(settings, evaluate, model))


if __name__ == "__main__":
    run_script(main)
