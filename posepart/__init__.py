"""Joint multi-person pose estimation and semantic part segmentation (Xia et al., CVPR 2017).

The public names are those of `__all__`; everything else may change in any version.
"""

from importlib import import_module as _import_module
from pathlib import Path as _Path
from typing import TYPE_CHECKING

# After a plain `pip install .`, Python started inside the clone finds ./posepart first, without the
# sub-packages `ilp` and `models` that setup.cfg maps into it: let it look for them in the clone's root.
if not (_Path(__file__).parent / "ilp").is_dir():
    __path__.append(str(_Path(__file__).parent.parent))

if TYPE_CHECKING:
    from posepart.batch import predict_photos
    from posepart.config import PAPER, PipelineConfig
    from posepart.draw import draw_overlay
    from posepart.explanation.explain import explain
    from posepart.io.photos import read_photo
    from posepart.io.results import read_result, write_result
    from posepart.loading import load
    from posepart.pipeline import Pipeline
    from posepart.schema import Joint, Part
    from posepart.structures import Certificate, Person, Pose, Scene

__version__ = "0.2.0"
"""The version of posepart; see docs/versions.md for what may change when."""

__all__ = [
    "PAPER",
    "Certificate",
    "Joint",
    "Part",
    "Person",
    "Pipeline",
    "PipelineConfig",
    "Pose",
    "Scene",
    "__version__",
    "draw_overlay",
    "explain",
    "load",
    "predict_photos",
    "read_photo",
    "read_result",
    "write_result",
]

_HOME = {
    "PAPER": "config",
    "Certificate": "structures",
    "Joint": "schema",
    "Part": "schema",
    "Person": "structures",
    "Pipeline": "pipeline",
    "PipelineConfig": "config",
    "Pose": "structures",
    "Scene": "structures",
    "draw_overlay": "draw",
    "explain": "explanation.explain",
    "load": "loading",
    "predict_photos": "batch",
    "read_photo": "io.photos",
    "read_result": "io.results",
    "write_result": "io.results",
}


def __getattr__(name: str) -> object:
    """A public name, imported at its first use: torch takes seconds to import, `posepart --help` must not."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(_import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
