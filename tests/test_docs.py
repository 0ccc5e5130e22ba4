"""The documentation tells the truth: its code runs, its commands are understood, its tables are the code's."""

import ast
import dataclasses
import importlib.util
import json
import re
from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from helpers.commands import commands, posepart_takes, script_takes
from helpers.markdown import Block, anchors, blocks, inline_code, links, prose, table
from PIL import Image

import posepart
from posepart.cli.main import main
from posepart.config import PAPER, PipelineConfig
from posepart.loading import load_pairwise
from posepart.models.builders import BUILDERS
from posepart.models.model_set import find_model
from posepart.schema import NUM_PARTS

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [
    *(ROOT / f"{name}.md" for name in ("README", "ARCHITECTURE", "CONTRIBUTING", "CHANGELOG")),
    *sorted(DOCS.glob("*.md")),
]
LIVE_PAGES = [page for page in PAGES if page.name != "CHANGELOG.md"]  # which also tells what was
PATH = re.compile(r"(?:posepart|ilp|models|experiments|docs|tests|examples|\.ci|\.github)/[\w./*-]*")
OTHER_PROGRAMS = (
    "accelerate",
    "bash",
    "conda",
    "cp",
    "curl",
    "docker",
    "git",
    "mkdocs",
    "npm",
    "pre-commit",
    "pytest",
    "ruff",
    "source",
    "tar",
)
TYPES: dict[str, type | tuple[type, ...]] = {
    "text": str,
    "whole number": int,
    "number": (int, float),
    "list": list,
    "object": dict,
    "true or false": bool,
    "null": type(None),
}


def all_blocks(language: str) -> list[Block]:
    return [block for page in PAGES for block in blocks(page, language)]


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `posepart predict --sample` and `posepart explain` write."""
    folder = tmp_path_factory.mktemp("docs") / "out"
    assert main(["predict", "--sample", "-o", str(folder)]) == 0
    photo = folder / "sample_photos" / "group_scene.png"
    assert main(["explain", str(photo), "--person", "1", "-o", str(folder)]) == 0
    return folder


@pytest.fixture
def user(out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a user: the sample's results in `out`, and the group scene as photo.jpg."""
    (tmp_path / "out").symlink_to(out)
    Image.open(out / "sample_photos" / "group_scene.png").convert("RGB").save(tmp_path / "photo.jpg")
    monkeypatch.chdir(tmp_path)
    return tmp_path


# Code


@pytest.mark.parametrize(
    "page", [page for page in PAGES if blocks(page, "python")], ids=lambda page: page.name
)
def test_python_blocks_run(page: Path, user: Path) -> None:
    """One after the other; those after a comment `not run: REASON` are compiled only."""
    names: dict[str, Any] = {}
    for block in blocks(page, "python"):
        code = compile("\n" * (block.line - 1) + block.text, str(page), "exec")
        if not block.remark.startswith("not run:"):
            exec(code, names)


def test_readme_shows_a_wrist(user: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The dozen lines of the README end in what they promise: arrays of these shapes."""
    (block,) = blocks(ROOT / "README.md", "python")
    names: dict[str, Any] = {}
    exec(block.text, names)
    assert len([line for line in block.text.splitlines() if line.strip()]) <= 13
    height, width = posepart.read_photo("photo.jpg").shape[:2]
    assert names["lower_arms"].shape == names["first"].shape == (height, width)
    person = names["scene"].people[0]
    assert (
        person.box.shape == (4,)
        and person.pose.xy.shape == (14, 2)
        and person.pose.joint_scores.shape == (14,)
    )
    assert "optimal" in capsys.readouterr().out


@pytest.mark.parametrize("block", all_blocks("bash"), ids=str)
def test_commands_are_understood(
    block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("settings.yaml").write_text("pipeline: {refine: false}\n", encoding="utf-8")
    found = list(commands(block.text))
    assert found
    for command in found:
        check_command(command, monkeypatch, capsys)


SCRIPTS = [
    path for path in sorted((ROOT / "experiments").glob("*.py")) if "python experiments/" in path.read_text()
]
RECIPES = sorted((ROOT / "experiments" / "recipes").glob("*.yaml"))


@pytest.mark.parametrize("path", [*SCRIPTS, *RECIPES], ids=lambda path: path.name)
def test_commands_in_scripts_and_recipes_are_understood(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the head of a script or recipe tells to type."""
    text = path.read_text(encoding="utf-8")
    head = (
        ast.get_docstring(ast.parse(text)) if path.suffix == ".py" else re.sub(r"^# ?", "", text, flags=re.M)
    )
    joined = re.sub(r"\\\n\s*", "", str(head))
    joined = re.sub(r"'\{[^']*'", lambda match: match[0].replace("\n", ""), joined)  # JSON on several lines
    typed = [line.strip() for line in joined.splitlines() if line.startswith("    python experiments/")]
    assert typed
    for line in typed:
        for command in commands(re.sub(r"  +\(.*", "", line)):
            check_command(command, monkeypatch, capsys)


def test_a_wrong_command_is_noticed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The check above is one: options that do not exist, scripts and files that are not there."""
    for line in (
        "posepart predict holiday/ --preset papers",
        "posepart predict holiday/ --pipeline.crf.time_limit 2",
        "python experiments/bench_ilp.py --nothing",
        "python experiments/nothing.py",
        "pytest tests/nothing",
        'pip install ".[nothing]"',
        "unknown_program",
    ):
        with pytest.raises(AssertionError):
            check_command(next(commands(line)), monkeypatch, capsys)


def check_command(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Programs of this project take the arguments; files and extras that are named exist."""
    program, *arguments = command
    if program == "posepart":
        posepart_takes(arguments, monkeypatch, capsys)
    elif program == "python" and arguments[0].endswith(".py"):
        script_takes(arguments[0], arguments[1:], monkeypatch, capsys)
    elif program in ("accelerate", "torchrun"):  # start a script in several processes
        script = next(i for i, argument in enumerate(arguments) if argument.endswith(".py"))
        script_takes(arguments[script], arguments[script + 1 :], monkeypatch, capsys)
    elif program == "pip":
        assert arguments[0] == "install"
        check_extras(arguments[-1])
    elif program != "python3" or arguments[:2] != ["-m", "venv"]:
        assert program in OTHER_PROGRAMS or program == "settings.yaml", f"{program}: a program nobody knows"
    for argument in arguments:
        if PATH.fullmatch(argument):
            assert (ROOT / argument).exists(), argument


def check_extras(requirement: str) -> None:
    for extra in re.findall(r"\w+", requirement) if requirement.startswith(".") else ():
        assert extra in extras(), f"pip install {requirement}: no such extra"


def extras() -> set[str]:
    """What `pip install .[NAME]` knows."""
    parser = ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return set(parser["options.extras_require"])


def test_the_quickstart_tells_all_extras() -> None:
    told = [row[0] for row in table(DOCS / "quickstart.md", "Extra")]
    assert {re.findall(r"\[(\w+)\]", cell)[0] for cell in told} == extras()


def test_command_blocks_hold_nothing_that_is_not_shell() -> None:
    """Blocks have a language, so that each is checked."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        languages = re.findall(r"^```(\w*)$", text, re.MULTILINE)[::2]
        assert set(languages) <= {"bash", "python", "text"}, page.name


@pytest.mark.parametrize("page", LIVE_PAGES, ids=lambda page: page.name)
def test_inline_code_is_right(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Files exist, commands are understood, settings are those of the pipeline."""
    monkeypatch.chdir(tmp_path)
    settings = dict(flat(PipelineConfig()))
    sections = {key.partition(".")[0] for key in settings if "." in key}
    of_files = {row[0].strip("`") for row in table(page, "Field")}
    for code in inline_code(page):
        if PATH.fullmatch(code) and "NAME" not in code:
            assert any(ROOT.glob(code.rstrip("/"))), f"{page.name}: {code} does not exist"
        elif code.startswith(("posepart ", "python experiments/", "pip install ")) and "COMMAND" not in code:
            check_command(next(commands(code)), monkeypatch, capsys)
        key = code.removeprefix("--pipeline.")
        names_setting = re.fullmatch(rf"(?:{'|'.join(sections)})(?:\.[a-z_]+)+", key)
        if names_setting and code not in of_files and not key.endswith((".safetensors", ".json")):
            assert key in settings, f"{page.name}: no setting {key}"


# Links and navigation


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for path, anchor in links(page):
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name}: {path}"
        if anchor:
            assert anchor in anchors(target), f"{page.name}: {path}#{anchor}"


def test_every_page_is_in_the_navigation() -> None:
    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]

    def pages(entry: Any) -> Iterator[str]:
        if isinstance(entry, str):
            yield entry
        else:
            for child in entry.values() if isinstance(entry, dict) else entry:
                yield from pages(child)

    assert sorted(pages(nav)) == sorted(path.name for path in DOCS.glob("*.md"))


def test_the_site_builds(tmp_path: Path) -> None:
    """As `mkdocs build --strict` does: every warning is an error."""
    pytest.importorskip("material")
    pytest.importorskip("mkdocstrings")
    from mkdocs.commands.build import build
    from mkdocs.config import load_config

    config = load_config(str(ROOT / "mkdocs.yml"), site_dir=str(tmp_path), strict=True)
    config.plugins.on_startup(command="build", dirty=False)
    build(config)
    page = (tmp_path / "python-api.html").read_text(encoding="utf-8")
    for name in posepart.__all__:
        assert f'id="posepart.{name}"' in page, name
    assert "optimal" in page and "(14, 2)" in page  # the comments of the fields


# README


def test_readme_is_short_and_begins_with_the_two_commands() -> None:
    """.ci/run runs the lines of the first bash block: the main job, then the tests."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert text.count("\n") <= 120
    first = blocks(ROOT / "README.md", "bash")[0].text.splitlines()
    assert len(first) == 2
    assert "posepart predict --sample -o out" in first[0] and first[1].startswith("pytest")


# Reference pages


def test_python_interface_lists_exactly_the_public_names() -> None:
    listed = re.findall(r"^::: posepart\.(\w+)$", prose(DOCS / "python-api.md"), re.MULTILINE)
    assert sorted(listed) == sorted(posepart.__all__)


def test_every_command_has_its_help_text() -> None:
    text = (DOCS / "command-line.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^\{\{ help (\w+) \}\}$", text, re.MULTILINE))
    assert set(re.findall(r"^## posepart (\w+)$", text, re.MULTILINE)) == named
    hooks = load_hooks()
    (line,) = re.findall(r"\{([\w,\s]+)\}\s+\.\.\.", hooks.help_text(""))
    assert named == {word.strip() for word in line.split(",")}
    page = hooks.on_page_markdown("{{ help explain }}")
    assert page.startswith("```text\nusage: posepart explain") and "--pipeline.crop" not in page


def load_hooks() -> Any:
    specification = importlib.util.spec_from_file_location("hooks", DOCS / "hooks.py")
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def flat(config: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted names and values of the fields of nested dataclasses."""
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            yield from flat(value, f"{prefix}{field.name}.")
        else:
            yield f"{prefix}{field.name}", value


def test_deviations_are_those_of_the_code() -> None:
    paper, default = dict(flat(PAPER)), dict(flat(PipelineConfig()))
    differing = {key: (paper[key], default[key]) for key in default if paper[key] != default[key]}
    rows = table(DOCS / "deviations.md", "Setting", "Paper", "Default")
    told = {
        row[0].strip("`"): (
            ast.literal_eval(re.sub(r" \([A-Za-z].*\)$", "", row[1])),
            ast.literal_eval(row[2]),
        )
        for row in rows
    }
    assert told == differing


def test_what_the_weights_decide_is_told_as_it_is() -> None:
    """The shipped networks are those of their cards; the networks of the paper can be built."""
    rows = table(DOCS / "deviations.md", "Weights", "What", "Paper", "Shipped", "Why")
    model = find_model("posepart-s")
    told = {(row[0].strip("`"), row[1]): (row[2], row[3]) for row in rows}
    for stage, card in model.cards.items():
        if card.builder:
            paper, shipped = told.pop((stage, "network"))
            assert shipped.strip("`") == card.builder
            assert set(re.findall(r"`(\w+)`", paper)) <= set(BUILDERS)
    weights = load_pairwise(model.path("crf")).variant(True)
    assert told.pop(("crf", "features of Pij"))[1] == ("extended" if weights.extended else "plain")
    for stage in ("part", "refine"):
        recipe = (ROOT / "experiments" / "recipes" / f"{stage}.yaml").read_text()
        printed, shipped = told.pop((stage, "class weights"))
        assert f"class_weights: [{shipped}]" in recipe
        assert f"class_weights: [{printed}]" in (ROOT / "posepart" / "presets" / "xia2017.yaml").read_text()
    assert not told


# Output format


def fields(value: Any, stop: tuple[str, ...], path: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted paths of a JSON value, `[]` for each entry of a list of objects, down to `stop`."""
    if isinstance(value, dict) and path not in stop:
        for key, child in value.items():
            yield from fields(child, stop, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        if path:
            yield path, value
        for child in value:
            yield from fields(child, stop, f"{path}[]")
    else:
        yield path, value


def check_fields(page: Path, heading: str, record: Any, stop: tuple[str, ...] = ()) -> None:
    """The table under a heading names the fields of the record, all of them, with their types."""
    section = re.split(rf"^## {re.escape(heading)}$", prose(page), flags=re.MULTILINE)[1]
    section = re.split(r"^## ", section, flags=re.MULTILINE)[0]
    rows = re.findall(r"^\| `([^`]+)` \| ([^|]+) \|", section, re.MULTILINE)
    told = {path: re.split(r"(?<!true) or ", types) for path, types in rows}
    found: dict[str, list[Any]] = {}
    for path, value in fields(record, stop):
        found.setdefault(path, []).append(value)
    assert found.keys() == told.keys()
    for path, values in found.items():
        for value in values:
            assert any(is_a(value, name) for name in told[path]), f"{path}: {value!r} is no {told[path]}"


def is_a(value: Any, name: str) -> bool:
    """Whether a JSON value is of the type that the documentation calls so."""
    return isinstance(value, TYPES[name]) and (name == "true or false" or not isinstance(value, bool))


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def test_fields_of_a_result(out: Path) -> None:
    page = DOCS / "output-format.md"
    check_fields(page, "NAME.json", read(out / "group_scene.json"))
    check_fields(page, "predictions.json", read(out / "predictions.json"))
    stop = ("image_ids", "photos", "settings.weights", "settings.pipeline")
    check_fields(page, "run.json", read(out / "run.json"), stop)


def test_fields_of_an_explanation(out: Path) -> None:
    stop = ("joints[].pairwise", "joints[].runner_up", "pairs[].by_family", "pairs[].by_feature")
    check_fields(DOCS / "explain.md", "The files", read(out / "group_scene_explain_1.json"), stop)


def test_files_of_a_result(out: Path) -> None:
    """The files that are named are those that are written, and the pictures are of the kind that is told."""
    page = DOCS / "output-format.md"
    told = {row[0].strip("`").replace("NAME", "group_scene") for row in table(page, "File", "What it is")}
    written = {
        path.name for path in out.iterdir() if path.is_file() and not path.name.startswith("astronaut")
    }
    assert told == {name for name in written if "explain" not in name}
    kinds = {row[0].strip("`"): row[1:] for row in table(page, "File", "Kind")}
    record = read(out / "group_scene.json")
    size = (record["photo"]["width"], record["photo"]["height"])
    for kind, largest in (("parts", NUM_PARTS - 1), ("people", len(record["people"]))):
        assert kinds[f"NAME_{kind}.png"][0] == "8-bit indexed PNG of the photo's size"
        with Image.open(out / f"group_scene_{kind}.png") as picture:
            assert (picture.format, picture.mode, picture.size) == ("PNG", "P", size)
            assert np.asarray(picture).max() == largest
    with Image.open(out / "group_scene_overlay.png") as picture:
        assert (picture.format, picture.mode) == ("PNG", "RGB")
    for id_, part in enumerate(record["schema"]["parts"]):
        assert f"{id_} {part.replace('_', ' ')}" in kinds["NAME_parts.png"][1]


# Changes, versions, citation


def test_the_version_is_the_same_everywhere() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == posepart.__version__
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    released = re.findall(r"^## (\d+\.\d+\.\d+) - (\d{4}-\d\d-\d\d)$", changes, re.MULTILINE)
    assert released[0] == (posepart.__version__, str(citation["date-released"]))


def test_citation_names_both_papers() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    titles = [reference["title"] for reference in citation["references"]]
    assert (
        len(titles) == 2
        and titles[0].startswith("Joint Multi-Person Pose")
        and titles[1].startswith("Look into")
    )


def exists(dotted: str) -> bool:
    """A module, or a name in one."""
    module, _, name = dotted.rpartition(".")
    try:
        if importlib.util.find_spec(dotted) is not None:
            return True
    except ModuleNotFoundError:
        pass
    if not name[:1].isalpha() or not module:
        return False
    try:
        return hasattr(importlib.import_module(module), name) if importlib.util.find_spec(module) else False
    except ModuleNotFoundError:
        return exists_in_class(module, name)


def exists_in_class(dotted: str, name: str) -> bool:
    """A field of a dataclass."""
    module, _, cls = dotted.rpartition(".")
    return name in getattr(importlib.import_module(module), cls).__dataclass_fields__


def test_new_names_in_the_changes_exist() -> None:
    page = ROOT / "CHANGELOG.md"
    for old, new, modules in table(page, "Old package", "New package"):
        for module in re.findall(r"`(\w+)`", modules):
            assert exists(f"{new.strip('`')}.{module}"), f"{new}.{module}"
            assert old != new
    settings = dict(flat(PipelineConfig()))
    for old, new in table(page, "Old", "New"):
        name = new.strip("`")
        assert name in settings or exists(name), f"{old} -> {new}"


def test_the_issue_forms_are_yaml() -> None:
    forms = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
    assert len(forms) >= 3
    for form in forms:
        assert yaml.safe_load(form.read_text(encoding="utf-8"))
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "checks.yml").read_text(encoding="utf-8"))
    assert any(step.get("run") == "bash .ci/run" for step in workflow["jobs"]["checks"]["steps"])


def test_tests_of_the_papers_items_exist() -> None:
    named = re.findall(r"`(tests/[\w/.]+)(?:::(\w+))?`", (DOCS / "papers.md").read_text(encoding="utf-8"))
    assert len(named) > 70
    for file, test in named:
        content = (ROOT / file).read_text(encoding="utf-8")
        assert f"def {test or 'test_'}" in content, f"{file}::{test}"
