"""The predict command: what reaches the pipeline, what is written, and the exit codes."""

import types
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers.fake_pipeline import FakePipeline, error_of, write_photo
from jsonargparse import Namespace
from PIL import Image

from posepart.cli import main as cli
from posepart.cli import options
from posepart.config import PAPER, SPEEDS, PipelineConfig, at_speed
from posepart.io.results import read_result
from posepart.presets import preset_names, read_preset


class LoadedPipeline(FakePipeline):
    """Remembers what it was loaded with."""

    chosen: Namespace
    config: PipelineConfig


@pytest.fixture
def pipeline(monkeypatch: pytest.MonkeyPatch) -> LoadedPipeline:
    """Stands in for the networks."""
    fake = LoadedPipeline()

    def load(chosen: Namespace, config: PipelineConfig) -> tuple[LoadedPipeline, dict[str, str]]:
        fake.chosen, fake.config = chosen, config
        return fake, {"pose": "0123"}

    monkeypatch.setattr(options, "load_pipeline", load)
    return fake


def test_predict(tmp_path: Path, pipeline: LoadedPipeline, capsys: pytest.CaptureFixture[str]) -> None:
    write_photo(tmp_path / "photos" / "a.png", people=2)
    out = tmp_path / "out"
    assert cli.main(["predict", str(tmp_path / "photos"), "-o", str(out)]) == 0
    assert pipeline.config == PipelineConfig()
    assert len(read_result(out / "a.json").people) == 2
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"[1/1] {tmp_path / 'photos' / 'a.png'}: 2 people in ")
    assert lines[1].startswith("1 photo done, 2 people found in ")
    assert lines[1].endswith(f"results in {out}")


def test_quiet(tmp_path: Path, pipeline: LoadedPipeline, capsys: pytest.CaptureFixture[str]) -> None:
    photo = write_photo(tmp_path / "a.png", people=2)
    (tmp_path / "text.jpg").write_text("no picture")
    arguments = ["predict", str(photo), str(tmp_path / "text.jpg"), "-o", str(tmp_path / "out"), "--quiet"]
    assert cli.main(arguments) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("posepart: error: ") and captured.err.count("\n") == 1


def test_switches_reach_the_pipeline(tmp_path: Path, pipeline: LoadedPipeline) -> None:
    photo = write_photo(tmp_path / "a.png")
    arguments = ["predict", "--no-segment-term", "--no-refine", "--deterministic", str(photo)]
    arguments += ["-o", str(tmp_path / "out"), "--pipeline.choice.missing_joint_score", "0.3"]
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
    config, chosen = pipeline.config, pipeline.chosen
    assert not config.features.segment_term
    assert not config.refine
    assert config.choice.missing_joint_score == 0.3
    assert config.crf.solver.time_limit == options.UNLIMITED
    assert (chosen.detector, chosen.model, chosen.device) == ("other", "mine", "cuda")
    assert (tmp_path / "crf" / "a_0.npz").is_file()


def test_configuration_file_and_overrides(tmp_path: Path, pipeline: LoadedPipeline) -> None:
    photo = write_photo(tmp_path / "a.png")
    (tmp_path / "settings.json").write_text(
        '{"pipeline": {"refine": false, "crf": {"solver": {"time_limit": 3}}}, "threads": 2}'
    )
    arguments = [
        "predict",
        str(photo),
        "-o",
        str(tmp_path / "out"),
        "--config",
        str(tmp_path / "settings.json"),
    ]
    assert cli.main([*arguments, "--pipeline.crf.solver.time_limit", "4"]) == 0
    assert not pipeline.config.refine
    assert pipeline.config.crf.solver.time_limit == 4.0
    assert pipeline.chosen.threads == 2


def test_printed_configuration_can_be_read_back(
    tmp_path: Path, pipeline: LoadedPipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        cli.main(["predict", "--pipeline.batch_size", "3", "--print_config"])
    (tmp_path / "settings.yaml").write_text(capsys.readouterr().out)
    photo = write_photo(tmp_path / "a.png")
    arguments = ["predict", str(photo), "-o", str(tmp_path / "out")]
    assert cli.main([*arguments, "--config", str(tmp_path / "settings.yaml")]) == 0
    assert cli.main(["predict", f"--config={tmp_path / 'settings.yaml'}", *arguments[1:]]) == 0
    assert pipeline.config.batch_size == 3


@pytest.mark.parametrize("preset", ["default", *preset_names(), "paper"])
def test_preset(preset: str, tmp_path: Path, pipeline: LoadedPipeline) -> None:
    photo = str(write_photo(tmp_path / "a.png"))
    command = ["predict", photo, "-o", str(tmp_path / "out"), "--preset", preset, "--model", "posepart-s"]
    assert cli.main(command) == 0
    expected = PipelineConfig() if preset == "default" else read_preset(preset).pipeline
    assert pipeline.config == expected


@pytest.mark.parametrize("speed", SPEEDS)
def test_single_settings_win_over_the_speed(speed: str, tmp_path: Path, pipeline: LoadedPipeline) -> None:
    command = ["predict", str(write_photo(tmp_path / "a.png")), "-o", str(tmp_path / "out")]
    assert cli.main([*command, "--speed", speed]) == 0
    assert pipeline.config == at_speed(speed)
    (tmp_path / "settings.yaml").write_text(f"speed: {speed}\npipeline:\n  mirror_pose: true\n")
    assert cli.main([*command, "--config", str(tmp_path / "settings.yaml"), "--overwrite"]) == 0
    assert pipeline.config == replace(at_speed(speed), mirror_pose=True)


def test_a_preset_needs_its_own_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without --model, one sentence says what to train; our model may be named, and is told apart."""
    photo, out = str(write_photo(tmp_path / "a.png")), str(tmp_path / "out")
    assert cli.main(["predict", photo, "-o", out, "--preset", "xia2017"]) == 2
    told = capsys.readouterr().err
    assert "its networks (pose, part, crf, refine) do not come with posepart" in told
    assert "experiments/train.py NETWORK --preset xia2017" in told
    assert told.count("\n") == 1
    assert not (tmp_path / "out").exists()
    monkeypatch.setattr("posepart.loading.load", lambda *args, **kwargs: FakePipeline())
    assert cli.main(["predict", photo, "-o", out, "--preset", "xia2017", "--model", "posepart-s"]) == 0
    told = capsys.readouterr().err
    assert "model posepart-s has other networks than the preset: pose (pose_mobilenet_v2 instead of" in told
    assert cli.main(["predict", photo, "-o", out + "2", "--preset", "paper"]) == 0  # as before version 0.3


def test_settings_win_over_the_preset_wherever_they_stand(tmp_path: Path, pipeline: LoadedPipeline) -> None:
    photo = str(write_photo(tmp_path / "a.png"))
    (tmp_path / "settings.yaml").write_text("preset: paper\npipeline:\n  crop:\n    margin: 1.2\n")
    arguments = ["predict", photo, "-o", str(tmp_path / "out"), "--pipeline.batch_size", "3", "--no-refine"]
    expected = replace(PAPER, batch_size=3, refine=False)
    assert cli.main([*arguments, "--preset", "paper"]) == 0
    assert pipeline.config == expected
    assert cli.main([*arguments, "--config", str(tmp_path / "settings.yaml"), "--overwrite"]) == 0
    assert pipeline.config == replace(expected, crop=replace(PAPER.crop, margin=1.2))


def test_printed_preset_can_be_read_back(
    tmp_path: Path, pipeline: LoadedPipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        cli.main(["predict", "--preset", "paper", "--pipeline.batch_size", "3", "--print_config"])
    (tmp_path / "settings.yaml").write_text(capsys.readouterr().out)
    photo = str(write_photo(tmp_path / "a.png"))
    arguments = ["predict", photo, "-o", str(tmp_path / "out"), "--config", str(tmp_path / "settings.yaml")]
    assert cli.main(arguments) == 0
    assert pipeline.config == replace(PAPER, batch_size=3)


def test_some_photos_fail(
    tmp_path: Path, pipeline: LoadedPipeline, capsys: pytest.CaptureFixture[str]
) -> None:
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
    tmp_path: Path, pipeline: LoadedPipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["predict", str(tmp_path), "-o", str(tmp_path / "out")]) == 2
    assert "no photo in this folder" in error_of(capsys)
    assert not (tmp_path / "out").exists()


def test_only_a_bad_photo(
    tmp_path: Path, pipeline: LoadedPipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["predict", str(tmp_path / "gone.jpg"), "-o", str(tmp_path / "out")]) == 2
    assert "gone.jpg: no such file" in error_of(capsys)


@pytest.mark.parametrize("sample", [False, True])
def test_out_cannot_be_written(
    sample: bool,
    tmp_path: Path,
    pipeline: LoadedPipeline,
    capsys: pytest.CaptureFixture[str],
    group_scene: None,
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

    monkeypatch.setattr(options, "load_pipeline", load)
    assert cli.main(["predict", str(write_photo(tmp_path / "a.png")), "-o", str(tmp_path / "out")]) == 2
    assert error_of(capsys) == "pose.safetensors: damaged; copy it again"
    assert not (tmp_path / "out").exists()


def test_interrupted(tmp_path: Path, pipeline: LoadedPipeline, capsys: pytest.CaptureFixture[str]) -> None:
    pipeline.fail_on, pipeline.error = 1, KeyboardInterrupt()
    photos = [str(write_photo(tmp_path / name)) for name in ("a.png", "b.png")]
    assert cli.main(["predict", *photos, "-o", str(tmp_path / "out")]) == 130
    assert "interrupted; photos complete in " in error_of(capsys)


def test_interrupted_while_loading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def load(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(options, "load_pipeline", load)
    assert cli.main(["predict", str(write_photo(tmp_path / "a.png")), "-o", str(tmp_path / "out")]) == 130
    assert error_of(capsys) == "interrupted"


@pytest.fixture
def group_scene(monkeypatch: pytest.MonkeyPatch) -> None:
    """A group scene that takes no time."""
    import posepart.synthetic as synthetic

    scene = types.SimpleNamespace(image=np.full((90, 120, 3), 2, np.uint8))
    monkeypatch.setattr(synthetic, "group_scene", lambda: scene, raising=False)


def test_sample(tmp_path: Path, pipeline: LoadedPipeline, group_scene: None) -> None:
    out = tmp_path / "out"
    for _ in range(2):  # the second run finds the same photos complete
        assert cli.main(["predict", "--sample", "-o", str(out)]) == 0
    assert sorted(pipeline.sizes) == [(120, 90), (512, 512)]
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


def test_what_a_folder_leaves_out_is_named(
    tmp_path: Path, pipeline: LoadedPipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    album = tmp_path / "album"
    write_photo(album / "a.png")
    Image.new("RGB", (9, 9)).save(album / "b.jfif", "JPEG")
    for name in ("c.cr2", "d.PSD", "notes.txt"):
        (album / name).write_bytes(b"of another kind")
    assert cli.main(["predict", str(album), str(album), "-o", str(tmp_path / "out")]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("2 photos done, ")
    assert f"; {album}: 2 files left out: c.cr2, d.PSD (" in last


def test_only_pictures_that_cannot_be_read(
    tmp_path: Path, pipeline: LoadedPipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "c.cr2").touch()
    assert cli.main(["predict", str(tmp_path), "-o", str(tmp_path / "out")]) == 2
    assert "1 file left out: c.cr2 (" in error_of(capsys)
