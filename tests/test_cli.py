"""The command line: one sentence for every mistake, the exit codes, and what reaches the parser."""

import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from fake_parser import FakeParser, error_of, write_photo
from jsonargparse import Namespace

from posepart import __version__, cli
from posepart.config import PipelineConfig
from posepart.results import read_result

ROOT = Path(__file__).parents[1]


@pytest.fixture
def parser(monkeypatch: pytest.MonkeyPatch) -> FakeParser:
    """Stands in for the networks; `parser.config` and `parser.chosen` tell what it was loaded with."""
    fake = FakeParser()

    def load(chosen: Namespace, config: PipelineConfig) -> tuple[FakeParser, dict[str, str]]:
        fake.chosen, fake.config = chosen, config  # type: ignore[attr-defined]
        return fake, {"pose": "0123"}

    monkeypatch.setattr(cli, "_load", load)
    return fake


def test_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 2
    assert "name a command: predict, explain, models, synth" in error_of(capsys)


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


def test_help_does_not_import_torch() -> None:
    """So that it takes a fraction of a second."""
    code = (
        "import sys\nfrom posepart import cli\n"
        "try: cli.main(['predict', '--help'])\n"
        "except SystemExit: pass\n"
        "sys.exit('torch' in sys.modules or 'cv2' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["predct"], "unknown command 'predct'; did you mean predict?"),
        (["predict", "a.jpg"], "where do the results go? Name a folder with -o OUT"),
        (["predict", "-o", "out"], "no photo given; name photos or folders, or use --sample"),
        (["predict", "a", "--pipeline.crf.time_limt", "2"], "did you mean --pipeline.crf.time_limit?"),
        (["predict", "a", "--pipeline.crf.time_limt=2"], "did you mean --pipeline.crf.time_limit?"),
        (["predict", "a", "--no-segment"], "did you mean --no-segment-term?"),
        (["predict", "a", "-o", "out", "b"], "b: not expected here; name all photos together"),
        (["predict", "a", "--threads", "two"], "--threads: expected a whole number, got two"),
        (["predict", "a", "-o", "out", "--threads", "0"], "--threads: expected at least 1, got 0"),
        (
            ["predict", "a", "--pipeline.crf.time_limit", "x"],
            "--pipeline.crf.time_limit: expected a number, got x",
        ),
        (
            ["predict", "a", "--pipeline.refine", "maybe"],
            "--pipeline.refine: expected true or false, got maybe",
        ),
        (["predict", "a", "--config", "gone.yaml"], "--config: File does not exist: "),
        (["explain"], "no photo given; name one: posepart explain PHOTO --person K"),
        (["explain", "a", "--person", "0"], "--person: expected a number from 1 on, as in NAME.json, got 0"),
        (["explain", "a", "--person", "x"], "--person: expected a whole number, got x"),
        (["explain", "a", "b"], "b: not expected here; name one photo, and the person with --person K"),
        (["explain", "a", "--threads", "0"], "--threads: expected at least 1, got 0"),
        (["explain", "a", "--persn", "2"], "did you mean --person?"),
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
            "pipeline.crf.time_limt in the configuration; did you mean pipeline.crf.time_limit?",
        ),
        ("pipelin:\n  refine: false\n", "pipelin.refine in the configuration; did you mean pipeline.refine?"),
        ("pipeline: 3\n", "pipeline is a section of settings, but the file says 3"),
        ("pipeline:\n  crf: 3\n", "crf"),
        ("a: [", "not a YAML or JSON file of settings"),
        ("hello", "not a YAML or JSON file of settings"),
    ],
)
def test_mistakes_in_a_configuration(
    content: str, expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "settings.yaml").write_text(content)
    assert cli.main(["predict", "a", "-o", "out", "--config", str(tmp_path / "settings.yaml")]) == 2
    assert expected in error_of(capsys)


def test_predict(tmp_path: Path, parser: FakeParser, capsys: pytest.CaptureFixture[str]) -> None:
    write_photo(tmp_path / "photos" / "a.png", people=2)
    out = tmp_path / "out"
    assert cli.main(["predict", str(tmp_path / "photos"), "-o", str(out)]) == 0
    assert parser.config == PipelineConfig()  # type: ignore[attr-defined]
    assert len(read_result(out / "a.json").people) == 2
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"[1/1] {tmp_path / 'photos' / 'a.png'}: 2 people in ")
    assert lines[1].startswith("1 photo done, 2 people found in ")
    assert lines[1].endswith(f"results in {out}")


def test_switches_reach_the_parser(tmp_path: Path, parser: FakeParser) -> None:
    photo = write_photo(tmp_path / "a.png")
    arguments = ["predict", "--no-segment-term", "--no-refine", "--deterministic", str(photo)]
    arguments += ["-o", str(tmp_path / "out"), "--pipeline.crf.missing_joint_score", "0.3"]
    arguments += [
        "--dump-crf",
        str(tmp_path / "crf"),
        "--detector",
        "other",
        "--model",
        "mine",
        "--device",
        "cuda",
    ]
    assert cli.main(arguments) == 0
    config, chosen = parser.config, parser.chosen  # type: ignore[attr-defined]
    assert not config.features.segment_term
    assert not config.refine
    assert config.crf.missing_joint_score == 0.3
    assert config.crf.time_limit == cli.UNLIMITED
    assert (chosen.detector, chosen.model, chosen.device) == ("other", "mine", "cuda")
    assert parser.dumps == [tmp_path / "crf" / "a"]


def test_configuration_file_and_overrides(tmp_path: Path, parser: FakeParser) -> None:
    photo = write_photo(tmp_path / "a.png")
    (tmp_path / "settings.json").write_text(
        '{"pipeline": {"refine": false, "crf": {"time_limit": 3}}, "threads": 2}'
    )
    arguments = [
        "predict",
        str(photo),
        "-o",
        str(tmp_path / "out"),
        "--config",
        str(tmp_path / "settings.json"),
    ]
    assert cli.main([*arguments, "--pipeline.crf.time_limit", "4"]) == 0
    assert not parser.config.refine  # type: ignore[attr-defined]
    assert parser.config.crf.time_limit == 4.0  # type: ignore[attr-defined]
    assert parser.chosen.threads == 2  # type: ignore[attr-defined]


def test_printed_configuration_can_be_read_back(
    tmp_path: Path, parser: FakeParser, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        cli.main(["predict", "--pipeline.batch_size", "3", "--print_config"])
    (tmp_path / "settings.yaml").write_text(capsys.readouterr().out)
    photo = write_photo(tmp_path / "a.png")
    arguments = ["predict", str(photo), "-o", str(tmp_path / "out")]
    assert cli.main(["predict", "--config", str(tmp_path / "settings.yaml"), *arguments[1:]]) == 0
    assert parser.config.batch_size == 3  # type: ignore[attr-defined]


def test_some_photos_fail(tmp_path: Path, parser: FakeParser, capsys: pytest.CaptureFixture[str]) -> None:
    photo = write_photo(tmp_path / "a.png")
    (tmp_path / "cut.png").write_bytes(photo.read_bytes()[:60])
    (tmp_path / "no_photos").mkdir()
    arguments = ["predict", str(photo), str(tmp_path / "cut.png"), str(tmp_path / "no_photos")]
    assert cli.main([*arguments, "-o", str(tmp_path / "out")]) == 1
    captured = capsys.readouterr()
    errors = captured.err.splitlines()
    assert len(errors) == 2
    assert "no_photos: no photo in this folder" in errors[0]
    assert "cut.png: " in errors[1]
    assert "1 photo done" in captured.out.splitlines()[-1]
    assert "1 failed: " in captured.out.splitlines()[-1]
    assert (tmp_path / "out" / "a.json").exists()


def test_only_a_folder_without_photos(
    tmp_path: Path, parser: FakeParser, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["predict", str(tmp_path), "-o", str(tmp_path / "out")]) == 2
    assert "no photo in this folder" in error_of(capsys)
    assert not (tmp_path / "out").exists()


def test_only_a_bad_photo(tmp_path: Path, parser: FakeParser, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["predict", str(tmp_path / "gone.jpg"), "-o", str(tmp_path / "out")]) == 2
    assert "gone.jpg: no such file" in error_of(capsys)


@pytest.mark.parametrize("sample", [False, True])
def test_out_cannot_be_written(
    sample: bool, tmp_path: Path, parser: FakeParser, capsys: pytest.CaptureFixture[str], group_scene: None
) -> None:
    photo = write_photo(tmp_path / "a.png")
    arguments = ["predict", *(["--sample"] if sample else [str(photo)]), "-o", str(photo / "out")]
    assert cli.main(arguments) == 2
    assert ("cannot be made" if sample else "cannot be written there") in error_of(capsys)


def test_bad_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def load(*_: object) -> None:
        raise ValueError("pose.safetensors: damaged; copy it again")

    monkeypatch.setattr(cli, "_load", load)
    assert cli.main(["predict", str(write_photo(tmp_path / "a.png")), "-o", str(tmp_path / "out")]) == 2
    assert error_of(capsys) == "pose.safetensors: damaged; copy it again"
    assert not (tmp_path / "out").exists()


def test_interrupted(tmp_path: Path, parser: FakeParser, capsys: pytest.CaptureFixture[str]) -> None:
    parser.fail_on, parser.error = 1, KeyboardInterrupt()
    photos = [str(write_photo(tmp_path / name)) for name in ("a.png", "b.png")]
    assert cli.main(["predict", *photos, "-o", str(tmp_path / "out")]) == 130
    assert "interrupted; photos complete in " in error_of(capsys)


def test_interrupted_while_loading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def load(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_load", load)
    assert cli.main(["predict", str(write_photo(tmp_path / "a.png")), "-o", str(tmp_path / "out")]) == 130
    assert error_of(capsys) == "interrupted"


@pytest.fixture
def group_scene(monkeypatch: pytest.MonkeyPatch) -> None:
    """A group scene that takes no time."""
    import posepart.data.synthetic as synthetic

    scene = types.SimpleNamespace(image=np.full((90, 120, 3), 2, np.uint8))
    monkeypatch.setattr(synthetic, "group_scene", lambda: scene, raising=False)


def test_sample(tmp_path: Path, parser: FakeParser, group_scene: None) -> None:
    out = tmp_path / "out"
    for _ in range(2):  # the second run finds the same photos complete
        assert cli.main(["predict", "--sample", "-o", str(out)]) == 0
    assert parser.sizes == [(512, 512), (120, 90)]
    assert sorted(path.name for path in (out / "sample_photos").iterdir()) == [
        "astronaut.png",
        "group_scene.png",
    ]
    assert (out / "astronaut_overlay.png").exists()
    assert len(read_result(out / "group_scene.json").people) == 2


def test_sample_photo_comes_with_scikit_image() -> None:
    """No download: the file is in the package's folder."""
    import skimage.data

    assert (Path(skimage.data.__file__).parent / "astronaut.png").is_file()


def test_models(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    cards = {"pose": {"builder": "posepart_s", "metrics": {"pck": 0.81}, "licence": ["code", "data"]}}
    model = types.SimpleNamespace(name="posepart-s", folder=Path("weights/posepart-s"), cards=cards)
    weights = types.ModuleType("posepart.models.weights")
    weights.installed_models = lambda: [model]  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "posepart.models.weights", weights)
    assert cli.main(["models"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"posepart-s  ({Path('weights/posepart-s')})",
        "  pose",
        "    builder: posepart_s",
        "    metrics:",
        "      pck: 0.81",
        "    licence: code, data",
    ]
    weights.installed_models = lambda: []  # type: ignore[attr-defined]
    assert cli.main(["models"]) == 2
    assert "no model is installed" in error_of(capsys)


def test_synth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    module = types.ModuleType("posepart.data.synthetic.cli")
    module.run = lambda *arguments: calls.append(arguments)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "posepart.data.synthetic.cli", module)
    assert cli.main(["synth", "-n", "3", "-o", str(tmp_path), "--seed", "5", "--no-contact-sheet"]) == 0
    assert calls == [(3, tmp_path, 5, 1, 384, False)]
