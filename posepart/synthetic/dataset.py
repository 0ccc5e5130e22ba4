"""Scenes drawn on the fly as a torch data set."""

from typing import TypedDict

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from posepart.schema import NUM_JOINTS

from .config import SynthConfig
from .generator import SceneGenerator
from .scene import SyntheticScene


class SceneTensors(TypedDict):
    """One scene of P people.

    image: (3, H, W) uint8 RGB. parts, instances: (H, W) uint8. boxes: (P, 4) float32 xyxy of the visible
    pixels. joints: (P, 14, 3) float32 x, y, COCO visibility. seed: the scene's.
    """

    image: Tensor
    parts: Tensor
    instances: Tensor
    boxes: Tensor
    joints: Tensor
    seed: int


def scene_tensors(scene: SyntheticScene) -> SceneTensors:
    """A scene as tensors; nobody in the picture gives P = 0."""
    boxes = np.array([p.box for p in scene.people], np.float32).reshape(-1, 4)
    joints = np.array([p.joints for p in scene.people], np.float32).reshape(-1, NUM_JOINTS, 3)
    return SceneTensors(
        image=torch.from_numpy(scene.image.transpose(2, 0, 1).copy()),
        parts=torch.from_numpy(scene.parts),
        instances=torch.from_numpy(scene.instances),
        boxes=torch.from_numpy(boxes),
        joints=torch.from_numpy(joints),
        seed=scene.seed,
    )


class SyntheticDataset(Dataset[SceneTensors]):
    """Scene number `index` is the one of seed `first_seed + index`, whoever asks for it.

    Parameters
    ----------
    length : number of scenes in an epoch
    config : SynthConfig
    first_seed : int

    Notes
    -----
    The number of people differs from scene to scene: give the loader `collate_fn=list`.
    """

    def __init__(self, length: int, config: SynthConfig | None = None, first_seed: int = 0) -> None:
        self.length, self.first_seed = length, first_seed
        self.generator = SceneGenerator(config)

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> SceneTensors:
        if not 0 <= index < self.length:
            raise IndexError(f"expected an index below {self.length}, got {index}")
        return scene_tensors(self.generator.sample(self.first_seed + index))
