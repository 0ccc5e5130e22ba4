"""A group picture with a fixed seed, for demonstrations."""

from .config import SynthConfig
from .generator import SceneGenerator
from .scene import SyntheticScene

GROUP_SEED = 257  # chosen by eye: everybody is upright, well lit and clearly visible
GROUP_CONFIG = SynthConfig(
    size=(640, 480),
    people=4,
    interaction_share=0.35,
    adults_only=True,
    plain=True,
    arrangement="row",
    supersampling=2,
    backend="numpy",
)


def group_scene(seed: int = GROUP_SEED) -> SyntheticScene:
    """Four adults side by side, 640 x 480 pixels; the default seed is the project's demonstration picture."""
    return SceneGenerator(GROUP_CONFIG).sample(seed)
