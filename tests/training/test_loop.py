"""The training loop: resume, averaging, logs, schedule."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from posepart.training.loop import LoopConfig, train
from posepart.training.optimiser import make_optimiser, schedule_of, warmup_cosine

CONFIG = LoopConfig(
    steps=60, lr=0.05, slow_lr=0.01, slow=("backbone",), ema=0.9, bf16=False, checkpoint_every=20,
    evaluate_every=30, seed=7,
)  # fmt: skip


class Batches(Dataset[Tensor]):
    """Batch `i` is drawn from seed `i`; counts what was asked for."""

    def __init__(self, fail_at: int | None = None) -> None:
        self.asked: list[int] = []
        self.fail_at = fail_at

    def __len__(self) -> int:
        return 10

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


class Doubled(Dataset[Tensor]):
    """Two batches as one."""

    def __getitem__(self, step: int) -> Tensor:
        batches = Batches()
        return torch.cat([batches[2 * step], batches[2 * step + 1]])


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


@pytest.mark.parametrize("deterministic", [True, False])
def test_deterministic(tmp_path: Path, deterministic: bool) -> None:
    seen: list[bool] = []

    def watch(model: nn.Module, batch: Tensor) -> dict[str, Tensor]:
        seen.append(torch.are_deterministic_algorithms_enabled())
        return compute_losses(model, batch)

    train(network(), Batches(), watch, tmp_path, replace(CONFIG, steps=1, deterministic=deterministic))
    torch.use_deterministic_algorithms(False)
    assert seen == [deterministic]


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


def test_a_run_of_an_earlier_version_is_resumed(tmp_path: Path) -> None:
    """Its config.json lacks the newer settings of the loop, which are then the defaults."""
    train(network(), Batches(), compute_losses, tmp_path, CONFIG)
    newer = (
        "epochs",
        "optimiser",
        "rates",
        "momentum",
        "schedule",
        "power",
        "drops",
        "frozen_norms",
        "accumulate",
    )
    record = json.loads((tmp_path / "config.json").read_text())
    record["loop"] = {name: value for name, value in record["loop"].items() if name not in newer}
    (tmp_path / "config.json").write_text(json.dumps(record))
    train(network(), Batches(), compute_losses, tmp_path, CONFIG, resume=True)
    with pytest.raises(ValueError, match=r"another loop\.optimiser: resume it with its own"):
        train(network(), Batches(), compute_losses, tmp_path, replace(CONFIG, optimiser="sgd"), resume=True)


SGD_CONFIG = replace(CONFIG, optimiser="sgd", schedule="poly", warmup=0.0, clip=0.0, ema=0.0)


def test_sgd_with_momentum_and_poly(tmp_path: Path) -> None:
    """One weight, loss = weight, so the gradient is 1: v = m v + 1, w = w - rate v, by hand."""

    class Weight(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(1))

    config = replace(SGD_CONFIG, steps=4, lr=0.1, momentum=0.5, weight_decay=0.0)
    model = train(Weight(), Batches(), lambda m, _: {"loss": m.weight.sum()}, tmp_path, config)  # type: ignore[operator, union-attr]
    speeds = (1.0, 1.5, 1.75, 1.875)
    expected = -sum(0.1 * (1 - k / 4) ** 0.9 * speed for k, speed in enumerate(speeds))
    assert float(model.state_dict()["weight"]) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("settings", "step", "factor"),
    [
        ({"schedule": "constant"}, 59, 1.0),
        ({"schedule": "constant", "warmup": 0.5}, 15, 0.5),
        ({"schedule": "poly"}, 0, 1.0),
        ({"schedule": "poly"}, 30, 0.5**0.9),
        ({"schedule": "poly", "power": 2.0}, 45, 0.0625),
        ({"schedule": "poly"}, 60, 0.0),
        ({"schedule": "constant", "drops": (1 / 3, 2 / 3)}, 19, 1.0),
        ({"schedule": "constant", "drops": (1 / 3, 2 / 3)}, 20, 0.1),
        ({"schedule": "constant", "drops": (1 / 3, 2 / 3)}, 40, 0.01),
    ],
)
def test_schedules(settings: dict[str, Any], step: int, factor: float) -> None:
    config = LoopConfig(**{**asdict(CONFIG), "warmup": 0.0, **settings})
    assert schedule_of(config, step) == pytest.approx(factor, rel=1e-4)


def test_rates_multiply(tmp_path: Path) -> None:
    """DeepLab's: ten times for the new layer, twice for biases, twenty times for its bias."""
    model = network()
    config = replace(SGD_CONFIG, rates={"head": 10.0, ".bias": 2.0})
    optimiser = make_optimiser(model, config)
    rates = {id(p): g["lr"] for g in optimiser.param_groups for p in g["params"]}
    found = {name: rates[id(p)] for name, p in model.named_parameters()}
    expected = {
        "backbone.weight": 0.01, "backbone.bias": 0.02, "norm.weight": 0.05, "norm.bias": 0.1,
        "head.weight": 0.5, "head.bias": 1.0,
    }  # fmt: skip
    assert found == pytest.approx(expected)
    assert all(g["momentum"] == 0.9 for g in optimiser.param_groups)
    with pytest.raises(ValueError, match=r"loop\.rates: the network has no parameter that heads names"):
        make_optimiser(model, replace(config, rates={"heads": 10.0}))


def test_epochs(tmp_path: Path) -> None:
    """The source has 10 batches in an epoch; config.json tells the steps, and the run is resumed by its epochs."""
    batches = Batches()
    config = replace(CONFIG, epochs=1.5)
    train(network(), batches, compute_losses, tmp_path, config)
    assert batches.asked == list(range(15))
    assert json.loads((tmp_path / "config.json").read_text())["loop"]["steps"] == 15
    train(network(), Batches(), compute_losses, tmp_path, config, resume=True)
    with pytest.raises(ValueError, match=r"another loop\.epochs, loop\.steps"):
        train(network(), Batches(), compute_losses, tmp_path, replace(config, epochs=2), resume=True)
    with pytest.raises(ValueError, match=r"loop\.epochs: this training has no epochs; pass --loop\.steps"):
        train(network(), Doubled(), compute_losses, tmp_path / "endless", config)


def test_frozen_norms_stay(tmp_path: Path) -> None:
    before = {name: value.clone() for name, value in network().state_dict().items()}
    after = train(network(), Batches(), compute_losses, tmp_path, replace(SGD_CONFIG, frozen_norms=True))
    for name, value in after.state_dict().items():
        assert torch.equal(value, before[name]) == name.startswith("norm."), name


def test_accumulated_batches_equal_one_of_their_size(tmp_path: Path) -> None:
    config = replace(SGD_CONFIG, steps=50, frozen_norms=True, lr=0.01)
    batches = Batches()
    twice = train(network(), batches, compute_losses, tmp_path / "twice", replace(config, accumulate=2))
    assert batches.asked == list(range(100))
    once = train(network(), Doubled(), compute_losses, tmp_path / "once", config)
    for name, value in once.state_dict().items():
        torch.testing.assert_close(twice.state_dict()[name], value, rtol=1e-4, atol=1e-5)
    losses = [records(tmp_path / run)[0]["loss"] for run in ("once", "twice")]
    assert losses[0] == pytest.approx(losses[1], abs=1e-4)


@pytest.mark.parametrize(
    "settings", [{"optimiser": "sgd", "schedule": "poly"}, {"ema": 0.0}, {"accumulate": 3}]
)
def test_other_settings_resume_bit_for_bit(tmp_path: Path, settings: dict[str, Any]) -> None:
    config = replace(CONFIG, **settings)
    whole = train(network(0.5), Batches(), compute_losses, tmp_path / "whole", config)
    with pytest.raises(KeyboardInterrupt):
        train(
            network(0.5), Batches(fail_at=33 * config.accumulate), compute_losses, tmp_path / "parts", config
        )
    resumed = train(network(0.5), Batches(), compute_losses, tmp_path / "parts", config, resume=True)
    assert_equal(resumed, whole)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"accumulate": 0}, "loop.accumulate: expected 1 or more, got 0"),
        ({"epochs": 0.0}, "loop.epochs: expected more than 0, got 0.0"),
        ({"ema": 1.0}, "loop.ema: expected 0 for no average, or a decay below 1, got 1.0"),
    ],
)
def test_impossible_settings(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        LoopConfig(**settings)


def test_workers_change_nothing(tmp_path: Path) -> None:
    """Nor how a resumed run goes on; batches and dropout are the same. OpenCV may have threads of its own before."""
    cv2.setNumThreads(2)
    cv2.GaussianBlur(np.zeros((2000, 2000, 3), np.uint8), (9, 9), 0)
    whole = train(network(0.5), Batches(), compute_losses, tmp_path / "whole", CONFIG)
    working = replace(CONFIG, workers=2)
    assert_equal(train(network(0.5), Batches(), compute_losses, tmp_path / "working", working), whole)
    with pytest.raises(KeyboardInterrupt):
        train(network(0.5), Batches(fail_at=33), compute_losses, tmp_path / "parts", CONFIG)
    assert_equal(
        train(network(0.5), Batches(), compute_losses, tmp_path / "parts", working, resume=True), whole
    )
