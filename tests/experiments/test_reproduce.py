"""experiments/reproduce.py on made-up data: tables, figures, what stands, and what is continued."""

import csv
import re
from pathlib import Path

import pytest
import reproduce
import train

from posepart.reproduction.fixtures import write_made_up
from posepart.training import checkpoints

FEW = {"train": 2, "val": 2}  # scenes
INSTALLED = """
pipeline: {preset: default, upright_pose: false, part_scales: [1.0], detection: {tiles: "off"}}
trainings: {}
models:
  resnet101: {detector: posepart-s, pose: posepart-s, part: posepart-s, crf: posepart-s, refine: posepart-s}
"""


@pytest.fixture(scope="module")
def pascal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pascal")
    write_made_up(folder, "xia2017", FEW)
    return folder


@pytest.fixture(scope="module")
def lip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lip")
    write_made_up(folder, "lip", FEW)
    return folder


def numbers(out: Path) -> dict[tuple[str, str, str], str]:
    """What was measured, by table, system and column."""
    with (out / "tables.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {(row["table"], row["system"], row["column"]): row["here"] for row in rows}


def test_tables_3_and_4_of_xia_with_the_shipped_weights(
    pascal: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan, out = tmp_path / "plan.yaml", tmp_path / "out"
    plan.write_text(INSTALLED)
    command = ["xia2017", "--data", str(pascal), "--plan", str(plan), "-o", str(out), "--replicates", "5"]
    command += ["--only", "resnet101", "resnet101_without_pose"]
    reproduce.main(command)
    found = numbers(out)
    assert float(found["table_3", "Our model (ResNet-101, final)", "Ave."]) > 50
    assert found["table_3", "HAZN", "Ave."] == ""
    page = (out / "index.html").read_text(encoding="utf-8")
    assert "64.39" in page and "not run" in page and "panels/figure_4.jpg" in page
    assert (out / "panels" / "figure_4.jpg").read_bytes().startswith(b"\xff\xd8")
    assert not (out / "panels" / "figure_3.jpg").exists()  # none of its systems was run
    capsys.readouterr()
    reproduce.main(command)
    printed = capsys.readouterr().out
    assert printed.count("stands") == 6 and "..." not in printed
    assert numbers(out) == found
    reproduce.main([*command, "--size_edges", "20", "40", "60"])
    printed = capsys.readouterr().out
    assert set(re.findall(r"(\S+) \.\.\.", printed)) == {
        "numbers/resnet101",
        "numbers/resnet101_without_pose",
    }
    (result,) = (out / "tasks" / "results").glob("resnet101-*")
    (result / "done.json").unlink()  # as if it had been killed: the photos that are done are kept
    before = (result / "000000.json").stat().st_mtime_ns
    (result / "000001.json").unlink()
    reproduce.main(command)
    assert (result / "000000.json").stat().st_mtime_ns == before
    assert (result / "000001.json").exists()


ONLY = ("segnet", "hourglass", "joint_s1", "pascal_deeplab_vgg16")


def lip_command(data: Path, out: Path) -> list[str]:
    folders = [f"--{name}={data / name.upper()}" for name in ("pascal", "atr", "mpii")]
    settings = ["--smoke", "--steps", "2", "--replicates", "3", "--panels", "2", "--only", *ONLY]
    return ["lip", "--data", str(data / "LIP"), *folders, "-o", str(out), *settings]


def test_tables_of_lip(lip: Path, tmp_path: Path) -> None:
    reproduce.main(lip_command(lip, tmp_path))
    found = numbers(tmp_path)
    measured = {table for (table, _, _), value in found.items() if value}
    assert measured == {
        *(f"table_{number}" for number in (1, 2, 3, 4, 5, 6, 9, 10, 11, 12)),
        *("table_8_left", "table_8_right", "figure_4", "figure_5", "figure_7"),
    }
    assert found["table_1", "LIP", "Training"] == "4.0"
    assert 0 <= float(found["table_12", "Joint + S1", "Mean IoU"]) <= 100
    text = (tmp_path / "tables.md").read_text(encoding="utf-8")
    assert "Figure 3" in text and "labels are secret" in text
    (submission,) = (tmp_path / "tasks" / "submission").glob("joint_s1_lip_test-*")
    assert (submission / "pose.csv").exists() and len(list((submission / "parsing").glob("*.png"))) == 4
    for number in (6, 8, 11):
        assert (tmp_path / "panels" / f"figure_{number}.jpg").exists()


def test_a_killed_training_is_continued(
    lip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [*lip_command(lip, tmp_path)[: -len(ONLY)], "segnet"]
    save = checkpoints.save_checkpoint

    def killed(*arguments: object) -> None:
        save(*arguments)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("posepart.training.loop.save_checkpoint", killed)
        with pytest.raises(KeyboardInterrupt):
            reproduce.main(command)
    assert list((tmp_path / "tasks" / "train").glob("segnet-*/only/checkpoint.pt"))
    assert not list((tmp_path / "tasks").glob("*/*/done.json"))
    asked: list[list[str]] = []
    run = train.main

    def noted(options: list[str]) -> None:
        asked.append(options)
        run(options)

    monkeypatch.setattr(train, "main", noted)
    reproduce.main(command)
    assert len(asked) == 1 and "--resume" in asked[0]
    capsys.readouterr()
    reproduce.main([*command, "--list"])
    listed = capsys.readouterr().out.split("\n")[:-1]
    assert listed and all(line.startswith("stands") for line in listed)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["mpii"], "which paper"),
        (["xia2017", "-o", "out"], "which data"),
        (["xia2017", "--data", "nowhere", "-o", "out"], "nowhere: no such folder"),
        (["xia2017", "--smoke", "-o", "out", "--only", "table_9"], "--only table_9: no table and no system"),
        (["lip", "--data", "a", "b", "-o", "out"], "--data b: LIP is one folder"),
    ],
)
def test_mistakes(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=message):
        reproduce.main(arguments)
