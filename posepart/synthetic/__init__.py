"""Synthetic people with exact labels: `SceneGenerator(SynthConfig(...)).sample(seed)`."""

from .config import SynthConfig
from .generator import SceneGenerator
from .sample import group_scene
from .scene import SyntheticPerson, SyntheticScene

__all__ = ["SceneGenerator", "SynthConfig", "SyntheticPerson", "SyntheticScene", "group_scene"]
