"""Train the first-stage Part FCN on photos with part maps.

`--init` is a MoveNet .npz, of which the backbone is used, torchvision's ResNet-101 or VGG-16 (ImageNet) or the
ResNet-101 of its DeepLab (COCO), or the part.safetensors of another run. The Part FCNs of Xia et al. are
`deeplab_vgg16` and `deeplab_resnet101` with 7 labels.
"""

from dataclasses import dataclass, field, replace
from typing import Any

from posepart.config import CropConfig
from posepart.data.person_crops import CropBatchConfig
from posepart.models.backbones import read_arrays
from posepart.training import run as runs
from posepart.training.loop import LoopConfig
from posepart.training.part import PartEvaluation, PartLoss, PartLossConfig


@dataclass(frozen=True)
class Settings:
    """Settings of the training.

    Attributes
    ----------
    builder : str
        The network: a function in posepart.models.builders.
    arguments : dict
        Arguments of the builder.
    freeze : int
        Number of blocks at the start of the backbone that are not trained.
    fold : str, optional
        K/N keeps fold K (from 0) of N of the train photos for the evaluation.
    loop : LoopConfig
        Optimisation.
    batches : CropBatchConfig
        How training crops are drawn; their stride is that of the network, whatever is set.
    loss : PartLossConfig
        Weights of the classes.
    """

    builder: str = "part_mobilenet_v2"
    arguments: dict[str, Any] = field(default_factory=lambda: {"width": 1.75})
    freeze: int = 7
    fold: str | None = None
    loop: LoopConfig = field(default_factory=LoopConfig)
    batches: CropBatchConfig = field(default_factory=lambda: CropBatchConfig(need="parts"))
    loss: PartLossConfig = field(default_factory=PartLossConfig)


def train(settings: Settings, run: runs.Run, labelled: runs.Labelled | None = None) -> None:
    """Train, evaluate, and write `part.safetensors`."""
    runs.seeded(settings.loop)
    model = runs.initialised(
        run,
        settings.builder,
        settings.arguments,
        freeze=settings.freeze,
        load_npz=lambda network, path: network.backbone.load_people_weights(read_arrays(path)),
    )
    samples, held_out = labelled or runs.training_samples(run, settings.fold)
    evaluate = PartEvaluation(held_out, CropConfig())
    crops = runs.person_crops(samples, replace(settings.batches, stride=model.stride))
    model = runs.trained(run, model, crops, PartLoss(settings.loss), settings.loop, evaluate)
    card = runs.new_card(run, "part", samples, runs.last_evaluation(run, evaluate, model))
    card = replace(card, builder=settings.builder, arguments=settings.arguments, fold=settings.fold)
    runs.finish(run, model, card)
