"""Synthetic people with exact labels: `SceneGenerator(SynthConfig(...)).sample(seed)`.

A scene is drawn (`generator`, `layout`, `people`, `clothes`), rendered (`render`), labelled (`labels`) and written
(`writer`, `folder`).
"""

from .config import SynthConfig
from .generator import SceneGenerator
from .sample import group_scene
from .scene import SyntheticPerson, SyntheticScene

__all__ = ["SceneGenerator", "SynthConfig", "SyntheticPerson", "SyntheticScene", "group_scene"]
