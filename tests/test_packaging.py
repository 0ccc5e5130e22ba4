"""What is installed, under which names, and that the lists of dependencies agree."""

import ast
import configparser
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

import posepart

ROOT = Path(__file__).parents[1]
FOLDERS = {"posepart": "posepart", "posepart.ilp": "ilp", "posepart.models": "models"}
SOURCE_FOLDERS = (*FOLDERS.values(), "experiments", "tests")


def setup_cfg() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def lines_of(section: str, key: str) -> list[str]:
    return setup_cfg()[section][key].strip().splitlines()


def run_python(code: str, folder: Path, path: Path | None = None) -> str:
    """The output of a new Python started in `folder`, with `path` in the place of site-packages."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    if path is not None:
        environment["PYTHONPATH"] = str(path)
    command = [sys.executable, *(["-c", code] if not code.startswith("-m ") else code.split())]
    finished = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def source_files() -> Iterator[Path]:
    for folder in SOURCE_FOLDERS:
        yield from (ROOT / folder).rglob("*.py")


def absolute_imports(path: Path) -> Iterator[str]:
    """The full names of the modules that a file imports, relative imports left out."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module


def test_no_file_imports_bare_ilp_or_models() -> None:
    """Packages of these names on a user's path break in every repository that has its own."""
    offenders = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in source_files()
        for name in absolute_imports(path)
        if name.split(".")[0] in ("ilp", "models")
    }
    assert not offenders


@pytest.mark.parametrize(("folder", "forbidden"), [("ilp", ("posepart", "torch")), ("models", ("posepart",))])
def test_imports_go_one_way(folder: str, forbidden: tuple[str, ...]) -> None:
    offenders = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in (ROOT / folder).rglob("*.py")
        for name in absolute_imports(path)
        if name.split(".")[0] in forbidden
    }
    assert not offenders


def test_every_package_is_listed() -> None:
    found = {
        ".".join((name, *init.parent.relative_to(ROOT / folder).parts))
        for name, folder in FOLDERS.items()
        for init in (ROOT / folder).rglob("__init__.py")
    }
    assert found == set(lines_of("options", "packages"))


def test_environment_agrees_with_setup_cfg() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    assert environment["name"] == "posepart"
    conda = [entry for entry in environment["dependencies"] if isinstance(entry, str)]
    (pip,) = (entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict))
    assert "python=3.11" in conda
    assert setup_cfg()["options"]["python_requires"] == ">=3.11"
    listed = {*conda, *pip} - {"python=3.11", "pip", "--editable .", "-e ."}
    assert listed == set(lines_of("options", "install_requires"))


IMPORTED_AS = {
    "opencv-python-headless": "cv2",
    "pillow": "PIL",
    "scikit-image": "skimage",
    "jsonargparse[signatures]": "jsonargparse",
}
TRAINING = ("training", "ablation", "reproduction")  # rooms that need the extra "train"


def test_what_is_required_is_what_the_package_imports() -> None:
    """Each requirement is imported somewhere but for training; scikit-learn only there, and pycocotools nowhere."""
    users: dict[str, set[str]] = {}
    for folder in FOLDERS.values():
        for path in (ROOT / folder).rglob("*.py"):
            for name in absolute_imports(path):
                users.setdefault(name.split(".")[0], set()).add(path.relative_to(ROOT).parts[1])
    users["openvino"] = {"engines"}  # by name, so that it sends no statistics
    for line in lines_of("options", "install_requires"):
        package = re.split("[<>=]", line)[0]
        assert users.get(IMPORTED_AS.get(package, package), set()) - {*TRAINING}, package
    assert users["sklearn"] <= {*TRAINING, "cli"}  # the command says what to install
    assert "pycocotools" not in users


def test_version_is_stated_once() -> None:
    """In `posepart/__init__.py`, from which the installed metadata take it."""
    assert setup_cfg()["metadata"]["version"] == "attr: posepart.__version__"


def test_run_as_a_module_from_the_clone() -> None:
    assert run_python("-m posepart --version", ROOT) == f"posepart {posepart.__version__}\n"


def test_sub_packages_seen_from_inside_the_clone() -> None:
    """Python started in the clone finds ./posepart first, which has no ilp and no models folder in it."""
    output = run_python("import posepart.ilp, posepart.models; print(posepart.ilp.__file__)", ROOT)
    assert Path(output.strip()) == ROOT / "ilp" / "__init__.py"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, unpacked: what `pip install .` puts into site-packages."""
    if importlib.util.find_spec("setuptools") is None or importlib.util.find_spec("pip") is None:
        pytest.skip("needs setuptools and pip to build the wheel")
    if int(version("setuptools").split(".")[0]) < 71 and importlib.util.find_spec("wheel") is None:
        pytest.skip("needs setuptools 71 or the package wheel to build the wheel")
    source, built = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("built")
    for folder in FOLDERS.values():
        shutil.copytree(ROOT / folder, source / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(ROOT / name, source / name)
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(built)]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, str(source)], check=True)
    (file,) = built.glob("*.whl")
    with zipfile.ZipFile(file) as archive:
        archive.extractall(built / "site")
    return built / "site"


def test_wheel_holds_all_of_it_and_nothing_else(wheel: Path) -> None:
    expected = {
        Path(*name.split("."), path.relative_to(ROOT / folder))
        for name, folder in FOLDERS.items()
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".py", ".typed", ".npz", ".safetensors", ".json", ".yaml")
    }
    files = {path.relative_to(wheel) for path in wheel.rglob("*") if path.is_file()}
    metadata = {path for path in files if path.parts[0].endswith(".dist-info")}
    assert files - metadata == expected
    assert {"LICENSE", "NOTICE", "entry_points.txt"} <= {path.name for path in metadata}
    assert {path.parts[0] for path in metadata} == {f"posepart-{posepart.__version__}.dist-info"}


def test_wheel_imports_from_elsewhere(wheel: Path, tmp_path: Path) -> None:
    code = "import posepart.ilp, posepart.models; print(posepart.ilp.__file__, posepart.models.__file__)"
    ilp, models = run_python(code, tmp_path, path=wheel).split()
    assert Path(ilp) == wheel / "posepart" / "ilp" / "__init__.py"
    assert Path(models) == wheel / "posepart" / "models" / "__init__.py"


def test_wheel_seen_from_inside_the_clone(wheel: Path) -> None:
    """The trap of the plain install: the clone's posepart comes before that of site-packages."""
    run_python("import posepart.ilp, posepart.models, posepart.config", ROOT, path=wheel)
    assert run_python("-m posepart --version", ROOT, path=wheel).startswith("posepart ")


def test_wheel_as_a_module(wheel: Path, tmp_path: Path) -> None:
    assert run_python("-m posepart --version", tmp_path, path=wheel).startswith("posepart ")
