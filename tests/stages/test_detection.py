"""Photo -> person boxes: selection, scaling, the adapters."""

import pickle
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from skimage import data
from torch import Tensor, nn

from posepart.arrays import Rgb
from posepart.config import PAPER, DetectionConfig
from posepart.models.detector.network import person_detector
from posepart.models.model_set import INSTALLED, Card
from posepart.models.weight_files import load_any, save_weights
from posepart.stages.detection import (
    Detectron2Detector,
    PersonDetector,
    TorchvisionDetector,
    build_detector,
    detectron2_detector,
    select_people,
    shrink,
)


class FixedDetector(nn.Module):
    """A torchvision detection model that always finds the same boxes, and keeps the images it got."""

    def __init__(self, boxes: list[list[float]], scores: list[float], labels: list[int], max_size: int = 100):
        super().__init__()
        self.transform = SimpleNamespace(max_size=max_size)
        self.found = {
            "boxes": torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
            "scores": torch.tensor(scores, dtype=torch.float32),
            "labels": torch.tensor(labels, dtype=torch.int64),
        }
        self.seen: list[Tensor] = []

    def forward(self, images: list[Tensor]) -> list[dict[str, Tensor]]:
        self.seen += images
        return [self.found]


def photo(height: int, width: int) -> Rgb:
    return np.zeros((height, width, 3), np.uint8)


def test_nobody() -> None:
    found = TorchvisionDetector(FixedDetector([], [], []))(photo(50, 100))
    assert len(found) == 0 and found.xyxy.shape == (0, 4) and found.xyxy.dtype == np.float32


def test_select_people_orders_and_limits() -> None:
    xyxy = torch.tensor(
        [
            [0.0, 0, 10, 30],  # hidden by the fourth: IoU 0.9
            [20, 0, 30, 30],
            [40, 0, 50, 30],  # scored too low
            [0, 0, 10, 27],
            [60, 0, 64, 5],  # too small
            [70, 0, 80, 30],
        ]
    )
    scores = torch.tensor([0.8, 0.7, 0.29, 0.95, 0.99, 0.65])
    found = select_people(xyxy, scores, DetectionConfig())
    assert found.xyxy[:, 0].tolist() == [0, 20, 70]
    np.testing.assert_allclose(found.scores, [0.95, 0.7, 0.65])
    assert found.left_out == 0
    best = select_people(xyxy, scores, DetectionConfig(max_people=2))
    assert (len(best), best.left_out) == (2, 1)
    assert len(select_people(xyxy, scores, DetectionConfig(nms_iou=0.95))) == 4


def test_boxes_return_to_the_photo_frame() -> None:
    model = FixedDetector([[10, 5, 20, 25]], [0.9], [1], max_size=100)
    found = TorchvisionDetector(model)(photo(200, 400))
    assert model.seen[0].shape == (3, 50, 100)
    np.testing.assert_allclose(found.xyxy, [[40, 20, 80, 100]])


def test_other_classes_are_dropped() -> None:
    model = FixedDetector([[10, 5, 20, 25], [50, 5, 60, 25]], [0.9, 0.8], [18, 1])
    assert TorchvisionDetector(model)(photo(50, 100)).xyxy[:, 0].tolist() == [50]


def test_a_lit_pixel_is_seen_in_its_place() -> None:
    image = photo(40, 60)
    image[7, 31] = 255
    model = FixedDetector([], [], [])
    TorchvisionDetector(model)(image)
    assert (model.seen[0] > 0).nonzero()[:, 1:].unique(dim=0).tolist() == [[7, 31]]
    assert float(model.seen[0].max()) == 1.0


@pytest.mark.parametrize("size", [(1, 1), (1, 700), (700, 1), (64, 64)])
def test_odd_photo_sizes(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    detector = TorchvisionDetector(person_detector(width=0.25, channels=16, hidden=8, input_size=64))
    assert len(detector(photo(*size))) >= 0


def test_shrink_keeps_small_images() -> None:
    image = photo(10, 20)
    assert shrink(image, 20) is image
    assert shrink(photo(3000, 1), 100).shape == (100, 1, 3)


def test_build_our_weights_from_folder_and_file(tmp_path: Path) -> None:
    torch.manual_seed(0)
    arguments: dict[str, Any] = {"width": 0.25, "channels": 16, "hidden": 8, "input_size": 64}
    path = tmp_path / "detector.safetensors"
    save_weights(path, person_detector(**arguments), Card(builder="person_detector", arguments=arguments))
    for spec in (str(tmp_path), str(path)):
        detector = build_detector(spec)
        assert isinstance(detector, TorchvisionDetector) and detector.longest == 64
    assert isinstance(build_detector("default", default=path), TorchvisionDetector)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("nowhere", "neither default, torchvision"),
        ("torchvision:", "name what to load"),
        ("torchvision:no_such_model:x.pth", "unknown torchvision detector"),
        ("torchvision:fasterrcnn_mobilenet_v3_large_fpn", "needs weights"),
        ("torchvision:fasterrcnn_mobilenet_v3_large_fpn:absent.pth", "absent.pth: no such weight file"),
    ],
)
def test_wrong_specifications(spec: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build_detector(spec)


def test_checkpoints_hold_only_fitting_tensors(tmp_path: Path) -> None:
    path = tmp_path / "plain.pth"
    torch.save(nn.Linear(2, 3).state_dict(), path)
    linear = nn.Linear(2, 3)
    load_any(linear, path)
    with pytest.raises(ValueError, match="do not fit"):
        load_any(nn.Linear(4, 3), path)
    torch.save(nn.Linear(2, 3), path)  # a whole pickled module is refused
    with pytest.raises(ValueError, match="not a state dict of plain tensors"):
        load_any(linear, path)
    path.write_bytes(b"no weights")
    with pytest.raises(ValueError, match="not a state dict of plain tensors"):
        load_any(linear, path)
    torch.save({1: torch.zeros(2)}, path)
    with pytest.raises(ValueError, match="not a state dict of plain tensors"):
        load_any(linear, path)
    with pytest.raises(ValueError, match="no such weight file"):
        load_any(linear, tmp_path)


class StandInPredictor:
    """detectron2's DefaultPredictor: BGR in, Instances out."""

    def __init__(self, settings: Any) -> None:
        self.settings = settings
        self.model = nn.Linear(2, 3)
        self.seen: Rgb | None = None

    def __call__(self, image: Rgb) -> dict[str, Any]:
        self.seen = image
        return {
            "instances": SimpleNamespace(
                pred_boxes=SimpleNamespace(
                    tensor=torch.tensor([[1.0, 2, 11, 32], [3, 2, 13, 32], [40, 2, 50, 32]])
                ),
                scores=torch.tensor([0.7, 0.99, 0.9]),
                pred_classes=torch.tensor([0, 2, 0]),
            )
        }


class StandInSettings(SimpleNamespace):
    def merge_from_file(self, path: str, allow_unsafe: bool = True) -> None:
        self.merged, self.unsafe = path, allow_unsafe
        if path.endswith("elsewhere.yaml"):
            self.MODEL.WEIGHTS = Path(path).read_text()


def stand_in_detectron2() -> dict[str, ModuleType]:
    """Modules with the part of detectron2's interface that the adapter uses."""
    heads = SimpleNamespace(SCORE_THRESH_TEST=0.05, NMS_THRESH_TEST=0.5)
    model = SimpleNamespace(DEVICE="cuda", WEIGHTS="", ROI_HEADS=heads)
    modules = {
        name: ModuleType(name)
        for name in ("detectron2", "detectron2.config", "detectron2.engine", "detectron2.model_zoo")
    }

    def get_config_file(name: str) -> str:
        if not name.startswith("COCO-Detection/"):
            raise RuntimeError(f"{name} not available in Model Zoo!")
        return f"zoo/{name}"

    modules["detectron2.config"].get_cfg = lambda: StandInSettings(MODEL=model)  # type: ignore[attr-defined]
    modules["detectron2.engine"].DefaultPredictor = StandInPredictor  # type: ignore[attr-defined]
    modules["detectron2.model_zoo"].get_config_file = get_config_file  # type: ignore[attr-defined]
    modules["detectron2.model_zoo"].get_checkpoint_url = lambda name: f"https://zoo/{name}"  # type: ignore[attr-defined]
    return modules


@pytest.fixture
def detectron2(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, module in stand_in_detectron2().items():
        monkeypatch.setitem(sys.modules, name, module)


@pytest.mark.usefixtures("detectron2")
def test_detectron2_sees_bgr_and_returns_people_only() -> None:
    detector = build_detector("detectron2:COCO-Detection/faster_rcnn_R_50_FPN_3x.yaml")
    assert isinstance(detector, Detectron2Detector)
    image = photo(50, 100)
    image[..., 0] = 200  # red
    found = detector(image)
    predictor = detector.predict
    assert isinstance(predictor, StandInPredictor) and predictor.seen is not None
    assert predictor.seen[0, 0].tolist() == [0, 0, 200]
    assert found.xyxy.tolist() == [[40, 2, 50, 32], [1, 2, 11, 32]]
    np.testing.assert_allclose(found.scores, [0.9, 0.7])


@pytest.mark.usefixtures("detectron2")
def test_detectron2_settings(tmp_path: Path) -> None:
    zoo = detectron2_detector(
        "COCO-Detection/x.yaml", None, DetectionConfig(score_threshold=0.3, nms_iou=0.7)
    )
    settings = zoo.predict.settings  # type: ignore[attr-defined]
    assert settings.merged == "zoo/COCO-Detection/x.yaml"
    assert settings.MODEL.WEIGHTS == "https://zoo/COCO-Detection/x.yaml"
    assert settings.MODEL.DEVICE == "cpu"
    assert settings.MODEL.ROI_HEADS.SCORE_THRESH_TEST == 0.3
    assert settings.MODEL.ROI_HEADS.NMS_THRESH_TEST == 0.7
    assert not settings.unsafe  # YAML runs no code
    with pytest.raises(ValueError, match="neither a file nor a name"):
        build_detector("detectron2:absent.yaml")


@pytest.mark.usefixtures("detectron2")
def test_files_of_weights_for_detectron2_hold_only_tensors(tmp_path: Path) -> None:
    """It would unpickle them."""
    config, weights = tmp_path / "mine.yaml", tmp_path / "w.pth"
    config.write_text("MODEL: {}")
    elsewhere = tmp_path / "elsewhere.yaml"
    elsewhere.write_text("https://example.org/w.pkl")  # what the stand-in takes as its weights
    wanted = nn.Linear(2, 3)
    torch.save({"model": wanted.state_dict(), "iteration": 7}, weights)
    predictor = build_detector(f"detectron2:{config}:{weights}").predict  # type: ignore[union-attr]
    assert isinstance(predictor, StandInPredictor) and predictor.settings.MODEL.WEIGHTS == ""
    assert torch.equal(predictor.model.weight, wanted.weight)
    weights.write_bytes(pickle.dumps({"model": print}, protocol=2))
    for spec, told in (
        (f"{config}:{weights}", "w.pth: not a state dict of plain tensors"),
        ("COCO-Detection/x.yaml:absent.pth", "absent.pth: no such weight file"),
        (str(config), "mine.yaml: names no file of weights; use detectron2:CONFIG:WEIGHTS"),
        (str(elsewhere), "elsewhere.yaml: names no file of weights"),
    ):
        with pytest.raises(ValueError, match=told):
            build_detector(f"detectron2:{spec}")


def test_a_part_of_detectron2_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    modules: dict[str, Any] = {**stand_in_detectron2(), "detectron2.model_zoo": None}
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    with pytest.raises(
        ValueError, match=r"cannot be imported \(import of detectron2.model_zoo .*: build it from"
    ):
        detectron2_detector("COCO-Detection/x.yaml", None, None)


@pytest.mark.usefixtures("detectron2")
def test_detectron2_boxes_of_a_large_photo_return_to_its_frame() -> None:
    detector = detectron2_detector("COCO-Detection/x.yaml", None, None)
    found = detector(photo(50, 2666))
    assert found.xyxy[0].tolist() == [80, 4, 100, 64]


@pytest.mark.usefixtures("detectron2")
def test_the_iou_of_box_nms_reaches_every_detector(tmp_path: Path) -> None:
    """Sec. 4.1; without the setting a network of torchvision keeps its own."""
    weights = tmp_path / "coco.pth"
    name = "fasterrcnn_mobilenet_v3_large_320_fpn"
    torch.manual_seed(0)
    torch.save(torchvision.models.get_model(name, weights=None, weights_backbone=None).state_dict(), weights)
    for config, ours, theirs, third_party in (
        (DetectionConfig(), 0.45, 0.5, 0.6),
        (PAPER.detection, 0.6, 0.6, 0.6),
        (DetectionConfig(nms_iou=0.9), 0.9, 0.9, 0.9),
    ):
        own = TorchvisionDetector(person_detector(width=0.25, channels=16, hidden=8, input_size=64), config)
        assert own.module.roi_heads.nms_thresh == ours
        coco = build_detector(f"torchvision:{name}:{weights}", config)
        assert isinstance(coco, TorchvisionDetector) and coco.module.roi_heads.nms_thresh == theirs
        detectron = detectron2_detector("COCO-Detection/x.yaml", None, config)
        heads = detectron.predict.settings.MODEL.ROI_HEADS  # type: ignore[attr-defined]
        assert third_party == heads.NMS_THRESH_TEST


def test_a_single_stage_detector_has_its_nms_in_itself() -> None:
    class SingleStage(FixedDetector):
        nms_thresh = 0.55

    module = SingleStage([], [], [])
    TorchvisionDetector(module, DetectionConfig())
    assert module.nms_thresh == 0.55
    TorchvisionDetector(module, DetectionConfig(nms_iou=0.7))
    assert module.nms_thresh == 0.7
    with pytest.raises(ValueError, match=r"detection\.nms_iou: expected a number in \(0, 1\] or null, got 6"):
        DetectionConfig(nms_iou=6)


def test_detectron2_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "detectron2", None)
    monkeypatch.setitem(sys.modules, "detectron2.config", None)
    with pytest.raises(ValueError, match="build it from source"):
        build_detector("detectron2:COCO-Detection/faster_rcnn_R_50_FPN_3x.yaml")


def test_the_real_detectron2(tmp_path: Path) -> None:
    """Where it is installed: a network of its model zoo, with random weights, behind the adapter."""
    zoo = pytest.importorskip("detectron2.model_zoo", exc_type=ImportError)
    from detectron2.modeling import build_model

    config = zoo.get_config("COCO-Detection/faster_rcnn_R_50_FPN_3x.yaml")
    config.MODEL.DEVICE, config.MODEL.WEIGHTS = "cpu", ""
    config.INPUT.MIN_SIZE_TEST = config.INPUT.MAX_SIZE_TEST = 64
    path, weights = tmp_path / "small.yaml", tmp_path / "random.pth"
    path.write_text(config.dump())
    torch.manual_seed(0)
    network = build_model(config)
    torch.save({"model": network.state_dict(), "iteration": 1}, weights)
    settings = DetectionConfig(score_threshold=0.0, nms_iou=0.7, max_people=5)
    detector = build_detector(f"detectron2:{path}:{weights}", settings)
    assert isinstance(detector, Detectron2Detector)
    theirs = detector.predict.model.state_dict()  # type: ignore[attr-defined]
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in network.state_dict().items())
    found = detector(photo(60, 80))
    assert len(found) <= 5
    assert (found.xyxy >= -0.5).all() and (found.xyxy[:, 2::2] <= 80.5).all()
    assert found.scores.tolist() == sorted(found.scores.tolist(), reverse=True)


SHIPPED = INSTALLED / "posepart-s" / "detector.safetensors"


@pytest.mark.skipif(not SHIPPED.exists(), reason="the model posepart-s is not installed")
class TestShippedDetector:
    @pytest.fixture(scope="class")
    def detector(self) -> PersonDetector:
        return build_detector("default", default=SHIPPED)

    def test_finds_the_astronaut(self, detector: PersonDetector) -> None:
        image = data.astronaut()
        found = detector(image)
        assert (
            found.scores[0] > 0.95 and (found.scores[1:] < 0.6).all()
        )  # her glove looks like a small person
        x0, y0, x1, y1 = found.xyxy[0]
        assert x0 < 100 and y0 < 30 and x1 > 330 and y1 > 470
        again = detector(image)
        assert (
            again.xyxy.tobytes() == found.xyxy.tobytes() and again.scores.tobytes() == found.scores.tobytes()
        )

    @pytest.mark.parametrize("name", ["coffee", "chelsea", "coins"])
    def test_finds_nobody_where_nobody_is(self, detector: PersonDetector, name: str) -> None:
        image = getattr(data, name)()
        assert (
            len(
                detector(
                    np.broadcast_to(image if image.ndim == 3 else image[..., None], (*image.shape[:2], 3))
                )
            )
            == 0
        )

    def test_a_large_photo_gives_the_boxes_of_a_small_one(self, detector: PersonDetector) -> None:
        small = data.astronaut()
        large = np.repeat(np.repeat(small, 6, axis=0), 6, axis=1)  # 9 megapixels
        np.testing.assert_allclose(detector(large).xyxy / 6, detector(small).xyxy, atol=3)
