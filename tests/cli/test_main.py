"""The command line: help that appears at once, and one sentence for every mistake."""

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from helpers.fake_pipeline import error_of

from posepart import __version__
from posepart.cli import main as cli

ROOT = Path(__file__).parents[2]

LETTERS = "abcdefghijklmnopqrst"  # anchors, each of which stands for twice as many values as the one before


def test_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 2
    assert "name a command: predict, explain, evaluate, gather, export, convert, audit" in error_of(capsys)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"posepart {__version__}\n"


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("predict --sample", ("--no-segment-term", "--deterministic")),
        ("explain beach.jpg --person 2", ("--no-segment-term",)),
    ],
)
def test_help_has_examples(
    command: str, options: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main([command.split()[0], "--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    for expected in (f"examples:\n  posepart {command}", *options, "exit codes:"):
        assert expected in text


@pytest.mark.parametrize(
    "arguments",
    [["--help"], *([name, "--help"] for name in cli.GRAMMARS), ["models"], ["models", "posepart-s"]],
)
def test_what_should_appear_at_once_imports_nothing_large(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom posepart.cli import main as cli\n"
        f"try: cli.main({arguments})\n"
        "except SystemExit as end: assert end.code == 0\n"
        "sys.exit(sum(name in sys.modules for name in ('torch', 'cv2', 'numpy', 'PIL')))"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    text = " ".join(capsys.readouterr().out.split())
    for name, grammar in cli.GRAMMARS.items():
        assert f"{name} {grammar.SUMMARY}" in text


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["predct"], "unknown command 'predct'; did you mean predict?"),
        (["predict", "a.jpg"], "where do the results go? Name a folder with -o OUT"),
        (["predict", "-o", "out"], "no photo given; name photos or folders, or use --sample"),
        (["predict", "a", "--pipeline.crf.time_limt", "2"], "did you mean --pipeline.crf.solver.time_limit?"),
        (["predict", "a", "--pipeline.crf.time_limt=2"], "did you mean --pipeline.crf.solver.time_limit?"),
        (["predict", "a", "--no-segment"], "did you mean --no-segment-term?"),
        (["predict", "a", "-o", "out", "b"], "b: not expected here; name all photos together"),
        (
            ["predict", "--sample", "-o", "out", "--device", "openvino"],
            "pass --engine openvino and leave out",
        ),
        (["predict", "a", "--threads", "two"], "--threads: expected a whole number, got two"),
        (["predict", "a", "-o", "out", "--threads", "0"], "--threads: expected at least 1, got 0"),
        (
            ["predict", "a", "--pipeline.crf.solver.time_limit", "x"],
            "--pipeline.crf.solver.time_limit: expected a number, got x",
        ),
        (
            ["predict", "a", "--pipeline.refine", "maybe"],
            "--pipeline.refine: expected true or false, got maybe",
        ),
        (
            ["predict", "a", "--pipeline.detection.score_threshold", "1" + 400 * "0"],
            "the value of an option cannot be read (int too large to convert to float)",
        ),
        (["predict", "a", "--config", "gone.yaml"], "--config: File does not exist: "),
        (["explain"], "no photo given; name one: posepart explain PHOTO --person K"),
        (["explain", "a", "--person", "0"], "--person: expected a number from 1 on, as in NAME.json, got 0"),
        (["explain", "a", "--person", "x"], "--person: expected a whole number, got x"),
        (["explain", "a", "b"], "b: not expected here; name one photo, and the person with --person K"),
        (["explain", "a", "--threads", "0"], "--threads: expected at least 1, got 0"),
        (["explain", "a", "--persn", "2"], "did you mean --person?"),
        (["predict", "a", "--preset", "papr"], "--preset: expected one of default, "),
        (["predict", "a", "-o"], "-o/--out: expected"),
        (["evaluate", "a"], "a: not expected here; name the labelled photos with --data DIR"),
        (["models", "a", "b"], "b: not expected here; name one model"),
        (["completion"], "for which shell? Name one of bash, zsh, tcsh"),
        (["completion", "fish"], "shell: expected one of bash, zsh, tcsh, got fish"),
        (["synth", "a"], "a: not expected here; name the folder of the scenes with -o DIR"),
        (["synth"], "where do the scenes go? Name a folder with -o DIR"),
        (["synth", "-o", "out", "-n", "0"], "-n: expected at least 1 scene, got 0"),
    ],
)
def test_mistakes(arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(arguments) == 2
    assert expected in error_of(capsys)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            "pipeline:\n  crf:\n    time_limt: 3\n",
            "pipeline.crf.time_limt in the configuration; did you mean pipeline.crf.solver.time_limit?",
        ),
        ("pipelin:\n  refine: false\n", "pipelin.refine in the configuration; did you mean pipeline.refine?"),
        ("pipeline: 3\n", "pipeline is a section of settings, but the file says 3"),
        ("pipeline:\n  crf: 3\n", "crf"),
        (
            "pipeline:\n  detection:\n    tiles: off\n",
            "expected a text, got False, which YAML makes of on, off, yes and no: put the word in quotes",
        ),
        ("a: [", "not a YAML or JSON file of settings"),
        ("- - threads\n  - - 1" + 5000 * "0", "not a YAML or JSON file of settings"),
        (f"threads: {5000 * 'x'}", "xx..."),
        (f"pipeline: {5000 * 'x'}", "xx..."),
        (f"{900 * 'x'}: 1", "xx... in the configuration"),
        ("preset: null", "preset is null; give it a value, or leave it out for default"),
        ("detector: null", "detector is null; give it a value, or leave it out for default"),
        ("pipeline: null", "pipeline is a section of settings, but the file says None"),
        ("pipeline: {crf: null}", "crf"),
        ("pipeline: {choice: {rule: null}}", "pipeline.choice.rule is null; give it a value"),
        ("pipeline: {crop: {margin: null}}", "pipeline.crop.margin is null; give it a value"),
        ("pipeline: {part_scales: null}", "pipeline.part_scales is null; give it a value"),
        ("pipeline: {crop: {margin: 1" + 400 * "0" + "}}", "a number of 401 digits is too large"),
        ("hello", "not a YAML or JSON file of settings"),
        ("threads: 2001-99-99", "settings.yaml: month must be in 1..12)"),
        (
            "a: &a [x, x]\n" + "".join(f"{b}: &{b} [*{a}, *{a}]\n" for a, b in pairwise(LETTERS)),
            "multiply itself)",
        ),
    ],
)
def test_mistakes_in_a_configuration(
    content: str, expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "settings.yaml").write_text(content)
    assert cli.main(["predict", "a", "-o", "out", "--config", str(tmp_path / "settings.yaml")]) == 2
    error = error_of(capsys)
    assert expected in error
    assert len(error) < 1500
