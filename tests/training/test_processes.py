"""Several processes: the batches of each, and that they train as one does."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.launched import CONFIG, Numbers, compute_losses, network
from helpers.people_data import write_people

from posepart.training.loop import train
from posepart.training.processes import Processes, join_processes, launched

ROOT = Path(__file__).parents[2]
CPU = torch.device("cpu")


def launch(*command: str, processes: int = 2) -> subprocess.CompletedProcess[str]:
    """`accelerate launch` as for GPUs, but the training's device is the CPU; with the package of this checkout."""
    pytest.importorskip("accelerate")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    path = os.pathsep.join(map(str, (*filter(None, sys.path), ROOT / "tests", ROOT / "experiments")))
    launcher = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_machines", "1"]
    launcher += ["--num_processes", str(processes), "--mixed_precision", "no", "--dynamo_backend", "no"]
    return subprocess.run(
        [*launcher, "--main_process_port", str(port), *command],
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "TQDM_DISABLE": "1"},
        capture_output=True,
        text=True,
        timeout=280,
    )


def records(run: Path, kind: str = "train") -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return [line for line in lines if line["kind"] == kind]


def test_one_process_takes_every_batch() -> None:
    assert launched() == 1
    alone = join_processes("cpu")
    assert alone == Processes(CPU, 1, 0)
    assert alone.items(range(3, 6), 1) == range(3, 6)
    assert alone.gather("state") == ["state"]
    value = torch.ones(3)
    alone.average([value])
    alone.wait()
    assert torch.equal(value, torch.ones(3))


@pytest.mark.parametrize(
    ("count", "accumulate", "expected"),
    [
        (2, 1, [[2, 4], [3, 5]]),
        (1, 2, [[2, 3, 4, 5]]),
        (2, 2, [[4, 6, 8, 10], [5, 7, 9, 11]]),
    ],
)
def test_processes_share_the_batches_of_a_step(count: int, accumulate: int, expected: Sequence[int]) -> None:
    found = [Processes(CPU, count, index).items(range(1, 3), accumulate) for index in range(count)]
    assert found == expected


def test_without_accelerate_several_processes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ValueError, match="several processes compute on cpu or cuda, got mps"):
        join_processes("mps")
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(ValueError, match=r"needs accelerate: pip install \"\.\[accelerate\]\", or start one"):
        join_processes("cpu")


def test_two_processes_train_as_one_with_the_doubled_batch(tmp_path: Path) -> None:
    script = str(ROOT / "tests" / "helpers" / "launched.py")
    done = launch(script, str(tmp_path / "two"), "60")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("measured") == 1
    one = train(network(), Numbers(doubled=True), compute_losses, tmp_path / "one", CONFIG)
    two = torch.load(tmp_path / "two" / "checkpoint.pt", weights_only=True)
    for name, value in one.state_dict().items():
        torch.testing.assert_close(two["average"][f"module.{name}"], value, rtol=0, atol=1e-4)
    losses = [records(tmp_path / run)[0]["loss"] for run in ("one", "two")]
    assert losses[0] == pytest.approx(losses[1], abs=1e-4)
    assert len(two["others"]) == 1  # the random state of the second process
    assert json.loads((tmp_path / "two" / "config.json").read_text())["processes"] == 2
    with pytest.raises(ValueError, match="holds a run with another processes"):
        train(network(), Numbers(), compute_losses, tmp_path / "two", CONFIG, resume=True)


def test_train_py_in_two_processes(tmp_path: Path) -> None:
    """A recipe of two trainings and an average: the losses are those of one process that takes both batches."""
    data = tmp_path / "people"
    data.mkdir()
    write_people(data)
    (data / "person_keypoints_train.json").write_bytes((data / "person_keypoints_val.json").read_bytes())
    recipe = tmp_path / "chain.yaml"
    recipe.write_text(
        "defaults: {arguments: {width: 0.35}, freeze: 0, batches: {batch_size: 2, crop: {size: 64}},\n"
        "  loop: {steps: 50, checkpoint_every: 50, evaluate_every: 50, threads: 1, bf16: false,\n"
        "         frozen_norms: true, optimiser: sgd, lr: 0.001}}\n"
        "stages: [{name: first}, {name: second, loop: {seed: 4, steps: 1}},\n"
        "         {name: mean, average: {first: 1, second: 1}}]\n"
    )
    script = str(ROOT / "experiments" / "train.py")
    command = (script, "part", "--recipe", str(recipe), "--data", str(data), "--run")
    done = launch(*command, str(tmp_path / "two"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("wrote") == 3 and done.stdout.count("the result is") == 1
    assert (tmp_path / "two" / "part.safetensors").exists()
    again = launch(*command, str(tmp_path / "two"))
    assert again.returncode == 0, again.stderr
    assert again.stdout.count("finished before") == 3
    alone = [sys.executable, *command, str(tmp_path / "one"), "--loop.accumulate", "2", "--stage", "first"]
    path = os.pathsep.join(filter(None, sys.path))
    subprocess.run(alone, check=True, capture_output=True, env={**os.environ, "PYTHONPATH": path})
    one, two = (records(tmp_path / run / "first")[0] for run in ("one", "two"))
    assert two["loss"] == pytest.approx(one["loss"], abs=1e-4)
    assert two["gradient"] == pytest.approx(one["gradient"], rel=1e-3)
