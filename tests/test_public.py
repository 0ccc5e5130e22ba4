"""The public names of the package: exactly these, and cheap to import."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import posepart

PUBLIC = {
    "load",
    "Pipeline",
    "PipelineConfig",
    "PAPER",
    "Scene",
    "Person",
    "Pose",
    "Certificate",
    "Joint",
    "Part",
    "read_photo",
    "draw_overlay",
    "explain",
    "write_result",
    "read_result",
    "predict_photos",
    "__version__",
}


def test_the_public_names_are_these() -> None:
    """A name that comes or goes is a decision: change this list, docs/python-api.md and CHANGELOG.md with it."""
    assert set(posepart.__all__) == PUBLIC
    assert len(posepart.__all__) == len(PUBLIC)


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_every_public_name_is_there_and_documented(name: str) -> None:
    value = getattr(posepart, name)
    assert name in dir(posepart)
    if callable(value):
        assert value.__name__ == name
        assert value.__doc__


def test_type_checkers_see_the_same_names() -> None:
    """The imports under TYPE_CHECKING and the table of homes name the same modules."""
    tree = ast.parse(Path(posepart.__file__).read_text(encoding="utf-8"))
    (block,) = (
        node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    )
    typed = {
        alias.name: str(node.module)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert typed == {name: f"posepart.{home}" for name, home in posepart._HOME.items()}
    assert typed.keys() == PUBLIC - {"__version__"}


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Parser'"):
        posepart.Parser  # noqa: B018


def test_import_is_quick() -> None:
    """Neither the package nor its public records need torch; whoever only reads results does not wait for it."""
    code = (
        "import sys, posepart; print('torch' in sys.modules);"
        "posepart.Joint, posepart.PAPER, posepart.Scene, posepart.read_photo, posepart.read_result;"
        "print('torch' in sys.modules)"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output.split() == ["False", "False"]


def test_the_import_of_version_0_1_still_works_and_says_what_to_use() -> None:
    code = "import posepart; from posepart.images import read_photo; print(read_photo is posepart.read_photo)"
    finished = subprocess.run(
        [sys.executable, "-W", "default", "-c", code], capture_output=True, text=True, check=True
    )
    assert finished.stdout.strip() == "True"
    assert "DeprecationWarning: posepart.images is deprecated: use posepart.read_photo" in finished.stderr
