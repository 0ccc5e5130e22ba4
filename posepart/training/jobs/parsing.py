"""Train a parsing network on photos with part maps.

Attention and SS-JPPNet (Liang et al., Sec. 6.1), DeepLab, FCN-8s, SegNet, HAZN, LG-LSTM and Graph LSTM.

`--init` is a people-trained MobileNetV2 .npz, torchvision's ResNet-101 or VGG-16 where the network has one, or the
parsing.safetensors of another run. A folder with parsing.safetensors and a detector.safetensors, each with its card,
is a model for `posepart predict --model`; without the detector, photos are read as a whole.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from torch import nn

from posepart.config import CropConfig
from posepart.data.person_crops import CropBatchConfig
from posepart.data.sample import LabelledPerson, Sample, schema_of
from posepart.jppnet.single_task import check_outputs
from posepart.models.backbones import read_arrays
from posepart.schema.named import schema_named
from posepart.training import run as runs
from posepart.training.crop_evaluation import CropEvaluation, values_of
from posepart.training.jppnet import PRINTED_AUGMENTATION
from posepart.training.loop import LoopConfig
from posepart.training.parsing import ParsingLoss, ParsingLossConfig, parsing_predictor


@dataclass(frozen=True)
class Settings:
    """Settings of the training.

    Attributes
    ----------
    builder : str
        The network: a function in posepart.models.builders.
    arguments : dict
        Arguments of the builder.
    schema : str
        Labels of the data: posepart, lip, cihp or atr.
    freeze : int
        Number of blocks at the start of the backbone that are not trained.
    crops : str
        What a crop is of: a "person", or the whole "photo", for networks that read photos without boxes.
    loop : LoopConfig
        Optimisation.
    batches : CropBatchConfig
        How training crops are drawn. Labels have the network's stride, whatever `stride` says.
    evaluation : CropConfig
        Crops of the evaluation.
    loss : ParsingLossConfig
        The softmax loss or the structure-sensitive one.
    """

    builder: str = "attention_s"
    arguments: dict[str, Any] = field(default_factory=dict)
    schema: str = "posepart"
    freeze: int = 4
    crops: Literal["person", "photo"] = "person"
    loop: LoopConfig = field(default_factory=lambda: LoopConfig(bf16=False))
    batches: CropBatchConfig = field(
        default_factory=lambda: CropBatchConfig(need="parts", augment=PRINTED_AUGMENTATION)
    )
    evaluation: CropConfig = field(default_factory=CropConfig)
    loss: ParsingLossConfig = field(default_factory=ParsingLossConfig)


def train(settings: Settings, run: runs.Run) -> None:
    """Train, evaluate, and write `parsing.safetensors`."""
    runs.seeded(settings.loop)
    samples, held_out = runs.training_samples(run, schema=schema_named(settings.schema).name)
    if settings.crops == "photo":
        samples, held_out = whole_photos(samples), whole_photos(held_out)
    model = runs.initialised(
        run,
        settings.builder,
        settings.arguments,
        freeze=settings.freeze,
        load_npz=lambda network, path: network.backbone.load_people_weights(read_arrays(path)),
    )
    schema = schema_of(samples)
    check_outputs(model, "parsing", schema, settings.builder)
    stride = getattr(model, "label_stride", model.stride)
    crops = runs.person_crops(samples, replace(settings.batches, need="parts", stride=stride))
    evaluation = CropEvaluation(held_out, settings.evaluation)

    def evaluate(network: nn.Module) -> dict[str, float]:
        return values_of(evaluation(parsing_predictor(network, schema)))

    model = runs.trained(run, model, crops, ParsingLoss(settings.loss, schema), settings.loop, evaluate)
    metrics = runs.last_evaluation(run, evaluate, model)
    card = runs.new_card(run, "parsing", samples, metrics)
    runs.finish(run, model, replace(card, builder=settings.builder, arguments=settings.arguments))


def whole_photos(samples: Sequence[Sample]) -> list[Sample]:
    """The samples as if each showed one person in a box of the size of the photo; they have parts only."""
    photos = []
    for sample in samples:
        box = np.array([0, 0, sample.width, sample.height], np.float32)
        photos.append(replace(sample, people=(LabelledPerson(box, None),)))
    return photos
