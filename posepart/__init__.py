"""Joint multi-person pose estimation and semantic part segmentation (Xia et al., CVPR 2017)."""

from pathlib import Path as _Path

# After a plain `pip install .`, Python started inside the clone finds ./posepart first, without the
# sub-packages `ilp` and `models` that setup.cfg maps into it: let it look for them in the clone's root.
if not (_Path(__file__).parent / "ilp").is_dir():
    __path__.append(str(_Path(__file__).parent.parent))

__version__ = "0.1.0"
__all__ = ["__version__", "load"]


def __getattr__(name: str) -> object:
    """`posepart.load`, imported at first use: torch takes seconds to import, `posepart --help` must not."""
    if name == "load":
        from posepart.loading import load

        return load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
