"""Engines: the same numbers as torch, the same bits whatever threads and batches, and how one is chosen."""

import ctypes
import faulthandler
import gc
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from posepart.engines.engine import TorchEngine, choose_engine, run_on
from posepart.engines.openvino import OpenVinoEngine
from posepart.engines.processor import usable_cpus
from posepart.models.backbones import MobileNetV2
from posepart.models.detector.guided import guided_person_detector
from posepart.models.fcn import PartFCN, PoseFCN


@pytest.fixture(scope="module")
def crops() -> Tensor:
    return torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(1)) * 2 - 1


def pose_network() -> PoseFCN:
    torch.manual_seed(2)
    return PoseFCN(MobileNetV2(0.35)).eval()


@torch.inference_mode()
def test_openvino_says_what_torch_says(crops: Tensor) -> None:
    network = pose_network()
    expected = network.features(crops)
    run_on(OpenVinoEngine("float32", 1), network, "features")
    for found, wanted in zip(network.features(crops), expected, strict=True):
        assert found.dtype == torch.float32
        torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-4)
    other = crops[:1, :, :32] / 2  # another batch, another size, other values
    for found, wanted in zip(network.features(other), PoseFCN.features(network, other), strict=True):
        torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_same_bits_with_any_threads_and_batches(precision: str) -> None:
    network, crops = PartFCN(MobileNetV2(0.35)).eval(), torch.rand(3, 3, 64, 64) * 2 - 1
    with torch.inference_mode():
        one, two = (OpenVinoEngine(precision, threads).compile(network) for threads in (1, 2))
        assert torch.equal(one(crops), two(crops))
        assert torch.equal(one(crops), torch.cat([two(crops[:1]), two(crops[1:])]))


class SignalStack(ctypes.Structure):
    """`stack_t` of the C library."""

    _fields_ = (("start", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t))


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_freed_networks_leave_signal_handlers_their_stack(crops: Tensor) -> None:
    """A stack that is gone let the next signal overwrite what had taken its place: a crash long after."""
    faulthandler.enable()
    compiled = [OpenVinoEngine("float32", 1).compile(nn.Conv2d(3, 2, 1)) for _ in range(2)]
    for one in compiled:
        one(crops)
    del compiled[0], one
    gc.collect()
    compiled.clear()
    gc.collect()
    stack = SignalStack()
    assert ctypes.CDLL(None).sigaltstack(None, ctypes.byref(stack)) == 0
    ranges = [line.split()[0].split("-") for line in Path("/proc/self/maps").read_text().splitlines()]
    assert any(int(start, 16) <= stack.start < int(end, 16) for start, end in ranges)


@torch.inference_mode()
def test_what_cannot_be_compiled_runs_in_torch() -> None:
    class Factors(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return torch.stack([torch.linalg.qr(image[0])[0] for image in images])

    compiled = OpenVinoEngine("float32", 1).compile(Factors())
    images = torch.full((1, 3, 8, 8), 10.0)
    with pytest.warns(UserWarning, match=r"OpenVINO cannot compile Factors \(.*\): torch runs it, slower"):
        assert torch.equal(compiled(images), Factors()(images))
    assert torch.equal(compiled(2 * images), Factors()(2 * images))  # of which nothing more is told


@torch.inference_mode()
def test_the_dense_part_of_the_detector(crops: Tensor) -> None:
    torch.manual_seed(4)
    detector = guided_person_detector(width=0.35, channels=16, hidden=16, input_size=64).eval()
    images = (
        torch.rand(1, 3, 64, 96) * 2 - 1,
        torch.rand(1, 3, 128, 64) * 2 - 1,
    )  # it is compiled for the first
    expected = [detector.backbone(image) for image in images]
    run_on(OpenVinoEngine("float32", 1), detector.backbone, "dense")
    for image, wanted in zip(images, expected, strict=True):
        found = detector.backbone(image)
        assert found.keys() == wanted.keys()
        for level, maps in wanted.items():
            torch.testing.assert_close(found[level], maps, atol=1e-3, rtol=1e-3)


@torch.inference_mode()
def test_torch_in_bfloat16_is_near_and_not_equal(crops: Tensor) -> None:
    network = pose_network()
    expected = network.features(crops)[0]
    run_on(TorchEngine("bfloat16"), network, "features")
    found = network.features(crops)[0]
    assert found.dtype == torch.float32
    assert 0 < (found - expected).abs().max() < 0.5


def test_without_openvino(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    assert choose_engine().name == "torch"
    with pytest.raises(ValueError, match="engine openvino needs the package openvino"):
        choose_engine("openvino")


def test_choice() -> None:
    assert choose_engine().name == "openvino"
    engine = choose_engine("openvino", "bfloat16", threads=3)
    assert (engine.name, engine.precision) == ("openvino", "bfloat16")
    assert choose_engine(device="meta").name == "torch"
    engine = choose_engine("torch")
    assert (engine.name, engine.precision) == ("torch", "float32")
    network = nn.Identity()
    run_on(engine, network)
    assert "forward" not in vars(network)


@pytest.mark.parametrize(
    ("name", "precision", "device", "told"),
    [
        ("tensorrt", "auto", "cpu", "engine: expected one of auto, openvino, torch, got 'tensorrt'"),
        ("auto", "int4", "cpu", "precision: expected one of auto, float32, bfloat16, got 'int4'"),
        ("openvino", "auto", "meta", "engine openvino computes on the CPU only, not on meta"),
    ],
)
def test_no_such_engine(name: str, precision: str, device: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        choose_engine(name, precision, device)


@pytest.mark.parametrize(
    ("file", "text", "own", "cpus"),
    [
        ("cpu.max", "150000 100000", "0::/", 2),
        ("app/cpu.max", "50000 100000", "0::/app/inner", 1),
        ("cpu.max", "max 100000", "0::/", 1000),
        ("cpu/cpu.cfs_quota_us", "300000", "4:cpu,cpuacct:/", 3),
        ("cpu/cpu.cfs_quota_us", "-1", "4:cpu,cpuacct:/", 1000),
        ("cpu.max", "broken", "0::/", 1000),
    ],
)
def test_cpus_that_a_group_may_use(
    file: str, text: str, own: str, cpus: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda process: range(1000), raising=False)
    path = tmp_path / "groups" / file
    path.parent.mkdir(parents=True)
    path.write_text(text)
    path.with_name("cpu.cfs_period_us").write_text("100000")
    (tmp_path / "own").write_text(own + "\n")
    assert usable_cpus(tmp_path / "groups", tmp_path / "own") == cpus
    assert usable_cpus(tmp_path / "none", tmp_path / "nothing") == 1000
