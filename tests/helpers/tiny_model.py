"""A model set of tiny untrained networks."""

from pathlib import Path
from typing import Any

import torch

from posepart.models.builders import build
from posepart.models.model_set import Card
from posepart.models.weight_files import save_tensors, save_weights
from posepart.stages.pairwise import PairwiseModel


def write_tiny_model(folder: Path, pairwise: PairwiseModel) -> Path:
    """Write all stages that a model needs; the folder."""
    torch.manual_seed(0)
    arguments: dict[str, tuple[str, dict[str, Any]]] = {
        "detector": ("person_detector", {"width": 0.35, "channels": 8, "hidden": 8, "input_size": 64}),
        "pose": ("pose_mobilenet_v2", {"width": 0.35}),
        "part": ("part_mobilenet_v2", {"width": 0.35}),
        "refine": ("refine_labels", {}),
    }
    for stage, (builder, options) in arguments.items():
        card = Card(stage=stage, builder=builder, arguments=options)
        save_weights(folder / f"{stage}.safetensors", build(builder, options), card)
    save_tensors(folder / "crf.safetensors", pairwise.to_arrays(), Card(stage="crf"))
    return folder
