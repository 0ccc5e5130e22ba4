"""The plan of the house: what may import what, how large things may be, what is absent where (ARCHITECTURE.md)."""

import ast
import re
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = {"posepart": "posepart", "posepart.ilp": "ilp", "posepart.models": "models"}

# Every room of the package: a module or folder of posepart/, or ilp/, or models/. A room imports from the floors
# below its own and from nothing else; imports for types only and imports inside functions count, too.
FLOORS = (
    ("ilp", "models", "engines", "arrays", "config", "ordered", "stopwatch"),
    ("schema", "geometry"),
    ("structures",),
    ("stages", "io", "draw"),
    ("pipeline", "jppnet", "data", "synthetic"),
    ("loading", "batch", "explanation", "metrics", "formats", "images"),
    ("report", "training", "video", "views", "cluster", "serve"),
    ("ablation", "presets", "audit"),
    ("reproduction",),
    ("cli",),
    ("__main__",),
)
ROOT_MODULES = 12

UPWARDS = {  # (importing, imported) -> why it may import upwards; only inside its functions
    (
        "posepart.structures",
        "posepart.views",
    ): "the methods of `Scene` are for users; their work is done above",
}

MODULE_LINES, FUNCTION_LINES, PARAMETERS = 300, 50, 7
TOO_LONG = {  # "FILE" or "FILE:FUNCTION" -> why it may be longer
    "posepart/training/loop.py:train": "a training reads from top to bottom; half of it is its documentation",
}
TOO_MANY_PARAMETERS = {  # "FILE:FUNCTION" -> why it may take more
    "posepart/training/loop.py:train": "all that trainings differ in, three of it by keyword and optional",
    "posepart/batch/run.py:predict_photos": "public; all but the first three are options of the command, by keyword",
    "posepart/cluster/predict.py:predict": "public; all but the first two by keyword and optional",
}
CODE = ("posepart", "ilp", "models", "experiments", "examples", "docs")


def modules() -> dict[str, Path]:
    """Every module of the package by its full name."""
    found = {}
    for package, folder in PACKAGES.items():
        for path in (ROOT / folder).rglob("*.py"):
            names = path.relative_to(ROOT / folder).with_suffix("").parts
            found[".".join((package, *(names[:-1] if names[-1] == "__init__" else names)))] = path
    return found


MODULES = modules()


def imported(name: str, path: Path) -> Iterator[str]:
    """The modules of the package that a module imports, wherever in it, by full name."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.partition(".")[0] == "posepart")
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *([node.module] if node.module else [])])
            if base.partition(".")[0] == "posepart":
                for alias in node.names:
                    yield f"{base}.{alias.name}" if f"{base}.{alias.name}" in MODULES else base


def room(module: str) -> str:
    """The room of a module; the package itself, whose public names lead everywhere, is none."""
    return module.split(".")[1] if "." in module else ""


def test_every_room_has_a_floor() -> None:
    assert {room(name) for name in MODULES} - {""} == {name for floor in FLOORS for name in floor}


def test_no_import_runs_up() -> None:
    floor = {name: number for number, names in enumerate(FLOORS) for name in names}
    offenders = sorted(
        f"{name} (floor {floor[room(name)]}) imports {other} (floor {floor[room(other)]})"
        for name, path in MODULES.items()
        if room(name)
        for other in imported(name, path)
        if room(other) not in ("", room(name)) and floor[room(other)] >= floor[room(name)]
        if (name, other) not in UPWARDS
    )
    assert not offenders


def test_what_may_import_upwards_does_so_in_its_functions_only() -> None:
    """And nobody but them imports what they import."""
    for name, other in UPWARDS:
        at_once = [n for n in ast.parse(MODULES[name].read_text(encoding="utf-8")).body if _is_import(n)]
        assert not [node for node in at_once if other.rpartition(".")[2] in ast.unparse(node)]
        assert {one for one, path in MODULES.items() if other in imported(one, path)} == {name}


def _is_import(node: ast.stmt) -> bool:
    return isinstance(node, ast.Import | ast.ImportFrom)


def test_no_import_circle() -> None:
    """Among single modules, too. A folder's `__init__` may re-export its modules; they do not import it."""
    graph = {
        name: {other for other in imported(name, path) if room(other) and (name, other) not in UPWARDS}
        for name, path in MODULES.items()
    }
    del graph["posepart"]
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_the_package_itself_imports_nothing_at_once() -> None:
    """Its public names are imported at first use."""
    tree = ast.parse((ROOT / "posepart" / "__init__.py").read_text(encoding="utf-8"))
    at_once = {str(node.module) for node in tree.body if isinstance(node, ast.ImportFrom)}
    at_once |= {alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names}
    assert at_once == {"importlib", "pathlib", "typing"}


def test_few_modules_at_the_root() -> None:
    assert len(list((ROOT / "posepart").glob("*.py"))) <= ROOT_MODULES


# Sizes


def code_files() -> Iterator[Path]:
    for folder in CODE:
        yield from sorted((ROOT / folder).rglob("*.py"))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_modules_and_functions_are_short() -> None:
    longer = {}
    for path in code_files():
        file = path.relative_to(ROOT).as_posix()
        lines = path.read_text(encoding="utf-8").count("\n")
        if lines > MODULE_LINES:
            longer[file] = lines
        for function in functions(path):
            lines = (function.end_lineno or function.lineno) - function.lineno + 1
            if lines > FUNCTION_LINES:
                longer[f"{file}:{function.name}"] = lines
    assert longer.keys() == TOO_LONG.keys(), longer


def test_functions_take_few_parameters() -> None:
    more = {}
    for path in code_files():
        for function in functions(path):
            arguments = function.args
            names = [a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
            count = len(names) - (names[:1] in (["self"], ["cls"]))
            if count > PARAMETERS:
                more[f"{path.relative_to(ROOT).as_posix()}:{function.name}"] = count
    assert more.keys() == TOO_MANY_PARAMETERS.keys(), more


# What is absent where

OPENS = re.compile(r"^(open|fopen|read_text|read_bytes|write_text|write_bytes|mkdir|print|imread|imwrite)$")
# "FILE:FUNCTION" -> why it may read weights; everything else is given them.
READS_WEIGHTS = {
    "detection.py:torchvision_detector": "weights that a user names with --detector",
    "detection.py:detectron2_detector": "the same",
    "detection.py:build_detector": "the same, or those of a model set",
    "calibration.py:load_calibration": "the maps of a model set",
}


@pytest.mark.parametrize("folder", ["stages", "geometry", "schema"])
def test_stages_open_no_file(folder: str) -> None:
    """Stages, geometry and schema neither touch the disk nor print; weights come in as objects."""
    offenders = []
    for path in sorted((ROOT / "posepart" / folder).rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
        readers = {
            alias.asname or alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and re.search(r"\.io\b|weight|model_set", str(node.module))
            for alias in node.names
            if alias.name.islower()
        }
        for function in (node for node in tree.body if not is_excused(node, path)):
            for call in (node for node in ast.walk(function) if isinstance(node, ast.Call)):
                name, owner = called(call)
                loads = name in ("load", "save") and owner in ("np", "numpy", "torch", "json")
                if OPENS.match(name) or loads or name in readers:
                    offenders.append(f"{path.name}:{call.lineno} {ast.unparse(call.func)}")
    assert not offenders


def is_excused(node: ast.stmt, path: Path) -> bool:
    return isinstance(node, ast.FunctionDef) and f"{path.name}:{node.name}" in READS_WEIGHTS


def called(call: ast.Call) -> tuple[str, str]:
    """The name of what is called, and the module or object that it is taken from."""
    if isinstance(call.func, ast.Attribute):
        return call.func.attr, ast.unparse(call.func.value)
    return getattr(call.func, "id", ""), ""


KNOWS = {
    "ilp": {"numpy", "ortools", "scipy", "highspy"},
    "models": {"numpy", "torch", "torchvision", "safetensors"},
}


@pytest.mark.parametrize(("folder", "allowed"), KNOWS.items())
def test_what_the_optimiser_and_the_networks_know(folder: str, allowed: set[str]) -> None:
    """`ilp/` knows no images and no networks, `models/` nothing of `posepart/`."""
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [str(node.module)]
            for name in names:
                top = name.partition(".")[0]
                assert top in allowed or top in sys.stdlib_module_names, f"{path.name} imports {name}"


def test_every_folder_is_on_the_map() -> None:
    """ARCHITECTURE.md has a line for every folder with code, and no line for a folder that is not there."""
    told = set(
        re.findall(
            r"^\| `([\w/-]+)/` \|", (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8"), re.MULTILINE
        )
    )
    packages = {
        path.parent.relative_to(ROOT).as_posix()
        for folder in PACKAGES.values()
        for path in (ROOT / folder).rglob("__init__.py")
    }
    grouped = {folder for folder in packages if folder.startswith("posepart/synthetic/")}
    assert packages - grouped - {"posepart"} <= told
    assert all((ROOT / folder).is_dir() for folder in told)
