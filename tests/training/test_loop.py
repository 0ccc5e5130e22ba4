"""The training loop: resume, averaging, logs, schedule."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from posepart.training.loop import LoopConfig, make_optimiser, train, warmup_cosine

CONFIG = LoopConfig(
    steps=60, lr=0.05, slow_lr=0.01, slow=("backbone",), ema=0.9, bf16=False, checkpoint_every=20,
    evaluate_every=30, seed=7,
)  # fmt: skip


class Batches(Dataset[Tensor]):
    """Batch `i` is drawn from seed `i`; counts what was asked for."""

    def __init__(self, fail_at: int | None = None) -> None:
        self.asked: list[int] = []
        self.fail_at = fail_at

    def __getitem__(self, step: int) -> Tensor:
        self.asked.append(step)
        if step == self.fail_at:
            raise KeyboardInterrupt
        return torch.from_numpy(np.random.default_rng(step).normal(size=(4, 3)).astype(np.float32))


class Network(nn.Module):
    """Two layers, a norm, and dropout, which draws from torch's random stream unless it is 0."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.backbone = nn.Linear(3, 8)
        self.norm = nn.BatchNorm1d(8)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(8, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.dropout(self.norm(self.backbone(x)).relu()))


def compute_losses(model: nn.Module, batch: Tensor) -> dict[str, Tensor]:
    error = (model(batch)[:, 0] - batch.sum(1)).square().mean()
    return {"loss": error, "error": error.detach().sqrt()}


def network(dropout: float = 0.0) -> Network:
    torch.manual_seed(1)
    return Network(dropout)


def records(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def assert_equal(found: nn.Module, expected: nn.Module) -> None:
    for name, tensor in expected.state_dict().items():
        assert torch.equal(found.state_dict()[name], tensor), name


@pytest.mark.parametrize(
    ("killed_at", "dropout"),
    [
        (20, 0.0),
        (33, 0.0),
        (59, 0.0),
        (33, 0.5),
    ],
)
def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(
    tmp_path: Path, killed_at: int, dropout: float
) -> None:
    whole = train(network(dropout), Batches(), compute_losses, tmp_path / "whole", CONFIG)
    with pytest.raises(KeyboardInterrupt):
        train(network(dropout), Batches(fail_at=killed_at), compute_losses, tmp_path / "parts", CONFIG)
    batches = Batches()
    resumed = train(network(dropout), batches, compute_losses, tmp_path / "parts", CONFIG, resume=True)
    assert batches.asked[0] == killed_at // 20 * 20  # the last checkpoint
    assert_equal(resumed, whole)
    steps = [[(r["kind"], r["step"]) for r in records(tmp_path / run)] for run in ("whole", "parts")]
    assert steps[0] == steps[1] and ("train", 50) in steps[0]
    states = [torch.load(tmp_path / run / "checkpoint.pt", weights_only=True) for run in ("whole", "parts")]
    for name, tensor in states[0]["model"].items():
        assert torch.equal(states[1]["model"][name], tensor)


def test_resuming_a_finished_run_trains_no_further(tmp_path: Path) -> None:
    whole = train(network(), Batches(), compute_losses, tmp_path, CONFIG)
    batches = Batches()
    assert_equal(train(network(), batches, compute_losses, tmp_path, CONFIG, resume=True), whole)
    assert batches.asked == []


def test_resume_without_a_checkpoint_starts_anew(tmp_path: Path) -> None:
    batches = Batches()
    train(network(), batches, compute_losses, tmp_path, CONFIG, resume=True)
    assert batches.asked == list(range(60))


def test_an_existing_run_is_not_overwritten(tmp_path: Path) -> None:
    train(network(), Batches(), compute_losses, tmp_path, CONFIG)
    before = (tmp_path / "checkpoint.pt").read_bytes()
    with pytest.raises(
        ValueError, match="holds a run already: pass --resume to continue it, or choose another"
    ):
        train(network(), Batches(), compute_losses, tmp_path, CONFIG)
    assert (tmp_path / "checkpoint.pt").read_bytes() == before


def test_a_run_is_not_resumed_with_another_optimisation(tmp_path: Path) -> None:
    train(network(), Batches(), compute_losses, tmp_path, CONFIG)
    before = (tmp_path / "config.json").read_bytes()
    with pytest.raises(
        ValueError, match=r"holds a run with another loop\.lr, loop\.steps: resume it with its own"
    ):
        train(network(), Batches(), compute_losses, tmp_path, replace(CONFIG, steps=70, lr=1.0), resume=True)
    assert (tmp_path / "config.json").read_bytes() == before
    same = replace(CONFIG, threads=1, checkpoint_every=7)
    train(network(), Batches(), compute_losses, tmp_path, same, resume=True)


def test_a_run_is_not_resumed_with_other_data(tmp_path: Path) -> None:
    def run(data: str, folder: str, resume: bool) -> None:
        settings = {"arguments": {"batches": {"data": data}, "run": folder, "resume": resume}}
        train(network(), Batches(), compute_losses, tmp_path, CONFIG, resume=resume, settings=settings)

    run("people", "runs/a", False)
    with pytest.raises(ValueError, match=r"holds a run with another arguments\.batches\.data: resume it"):
        run("scenes", "runs/a", True)
    run("people", "./runs/a", True)


def test_evaluation_does_not_disturb_the_training(tmp_path: Path) -> None:
    def noisy(model: nn.Module) -> dict[str, float]:
        assert not model.training
        return {"noise": float(torch.rand(17).sum())}

    quiet = train(network(0.5), Batches(), compute_losses, tmp_path / "quiet", CONFIG)
    evaluated = train(network(0.5), Batches(), compute_losses, tmp_path / "noisy", CONFIG, evaluate=noisy)
    assert_equal(evaluated, quiet)


def test_logs(tmp_path: Path) -> None:
    train(
        network(), Batches(), compute_losses, tmp_path, CONFIG,
        evaluate=lambda _: {"score": 0.5}, settings={"data": "a folder"},
    )  # fmt: skip
    lines = records(tmp_path)
    assert [(r["step"], r["score"]) for r in lines if r["kind"] == "evaluation"] == [(30, 0.5), (60, 0.5)]
    first = next(r for r in lines if r["kind"] == "train")
    assert first["step"] == 50
    assert {"loss", "error", "gradient", "seconds"} <= set(first)
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["data"] == "a folder"
    assert config["loop"]["lr"] == 0.05
    assert not list(tmp_path.glob("*.tmp"))
    assert list(tmp_path.glob("events.out.tfevents.*"))


def test_the_logged_loss_is_the_mean_over_the_steps(tmp_path: Path) -> None:
    seen: list[float] = []

    def recorded(model: nn.Module, batch: Tensor) -> dict[str, Tensor]:
        losses = compute_losses(model, batch)
        seen.append(float(losses["loss"].detach()))
        return losses

    train(network(), Batches(), recorded, tmp_path, CONFIG)
    assert records(tmp_path)[0]["loss"] == pytest.approx(np.mean(seen[:50]), abs=1e-5)


def test_a_resumed_log_has_every_step_once(tmp_path: Path) -> None:
    config = LoopConfig(**{**CONFIG.__dict__, "steps": 160, "checkpoint_every": 100})
    with pytest.raises(KeyboardInterrupt):
        train(network(), Batches(fail_at=155), compute_losses, tmp_path, config)
    train(network(), Batches(), compute_losses, tmp_path, config, resume=True)
    assert [r["step"] for r in records(tmp_path) if r["kind"] == "train"] == [50, 100, 150]


def test_the_average_follows_the_weights(tmp_path: Path) -> None:
    """One weight, loss = weight: Adam's step has the size of the rate whatever the gradient."""

    class Weight(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(1))

    seen: list[float] = []

    def fall(model: nn.Module, _: Tensor) -> dict[str, Tensor]:
        assert isinstance(model, Weight)
        seen.append(float(model.weight.detach()))
        return {"loss": model.weight.sum()}

    config = LoopConfig(
        steps=3, lr=0.1, ema=0.5, bf16=False, weight_decay=0.0, warmup=0.0, checkpoint_every=3
    )
    model = Weight()
    average = train(model, Batches(), fall, tmp_path, config)
    after = [*seen[1:], float(model.weight.detach())]  # the weight after steps 1, 2, 3
    # the average starts as the weight after step 1
    expected = 0.5 * (0.5 * after[0] + 0.5 * after[1]) + 0.5 * after[2]
    assert float(average.state_dict()["weight"]) == pytest.approx(expected, rel=1e-5)
    assert after[2] < after[1] < after[0] < 0


@pytest.mark.parametrize("wanted", [True, False])
@pytest.mark.parametrize("computes", [True, False])
def test_bf16_only_where_the_processor_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: bool, computes: bool
) -> None:
    monkeypatch.setattr("posepart.training.loop.has_bf16", lambda device: computes)
    seen: list[torch.dtype] = []

    def watch(model: nn.Module, batch: Tensor) -> dict[str, Tensor]:
        error = (model(batch)[:, 0] - batch.sum(1)).square().mean()
        seen.append(model(batch).dtype)
        return {"loss": error}

    train(network(), Batches(), watch, tmp_path, replace(CONFIG, steps=1, bf16=wanted))
    assert seen == [torch.bfloat16 if wanted and computes else torch.float32]


def test_training_learns(tmp_path: Path) -> None:
    config = LoopConfig(**{**CONFIG.__dict__, "steps": 150})
    train(network(), Batches(), compute_losses, tmp_path, config)
    losses = [r["loss"] for r in records(tmp_path) if r["kind"] == "train"]
    assert losses[-1] < losses[0]


def test_slow_layers_and_vectors_have_groups_of_their_own() -> None:
    model = network()
    model.norm.requires_grad_(False)
    groups = {
        id(p): (g["lr"], g["weight_decay"])
        for g in make_optimiser(model, CONFIG).param_groups
        for p in g["params"]
    }
    assert groups == {
        id(model.backbone.weight): (0.01, 0.02),
        id(model.backbone.bias): (0.01, 0.0),
        id(model.head.weight): (0.05, 0.02),
        id(model.head.bias): (0.05, 0.0),
    }


@pytest.mark.parametrize(
    ("progress", "factor"), [(0.0, 0.005), (0.05, 0.5019221), (0.1, 0.98052826), (0.5, 0.505), (1.0, 0.005)]
)
def test_schedule(progress: float, factor: float) -> None:
    # linear to progress 0.1, times half a cosine, plus 0.005: 0.5 * (1 + cos(0.05 pi)) / 2 + 0.005, ...
    assert warmup_cosine(progress, 0.1) == pytest.approx(factor, abs=2e-5)


def test_no_warm_up_starts_at_the_full_rate() -> None:
    assert warmup_cosine(0.0, 0.0) == pytest.approx(1.005)


def test_a_loss_that_is_no_number_ends_the_run_at_the_last_checkpoint(tmp_path: Path) -> None:
    def losses(model: nn.Module, batch: Tensor) -> dict[str, Tensor]:
        loss = compute_losses(model, batch)["loss"]
        return {"loss": loss * float("nan") if len(asked.asked) == 25 else loss}

    asked = Batches()
    with pytest.raises(
        ValueError, match=r"the loss of step 25 is nan: train anew with a lower learning rate"
    ):
        train(network(), asked, losses, tmp_path, CONFIG)
    checkpoint = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert checkpoint["step"] == 20
    assert all(torch.isfinite(tensor).all() for tensor in checkpoint["model"].values())


def test_slow_layers_are_named_up_to_a_dot() -> None:
    trunk = network()
    model = nn.ModuleDict({"trunk": trunk, "trunks": nn.Linear(2, 2, bias=False)})
    groups = make_optimiser(model, replace(CONFIG, slow=("trunk.backbone", "trunk.head.bias"))).param_groups
    slow = [p for group in groups if group["lr"] == CONFIG.slow_lr for p in group["params"]]
    assert {id(p) for p in slow} == {id(p) for p in (*trunk.backbone.parameters(), trunk.head.bias)}
