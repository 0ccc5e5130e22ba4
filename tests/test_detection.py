"""Photo -> person boxes: selection, scaling, the adapters."""

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from skimage import data
from torch import Tensor, nn
from torchvision.models.detection.transform import GeneralizedRCNNTransform

from posepart.config import DetectionConfig
from posepart.detection import (
    Detectron2Detector,
    PersonDetector,
    TorchvisionDetector,
    View,
    build_detector,
    fuse_views,
    load_checkpoint,
    select_people,
    shrink,
)
from posepart.models.detector import person_detector
from posepart.models.weights import INSTALLED, save_weights

ONE_VIEW = DetectionConfig(scales=(1.0,))


class FixedDetector(nn.Module):
    """A torchvision detection model that always finds the same boxes, and keeps what it was shown."""

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


def photo(height: int, width: int) -> np.ndarray:
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
    scores = torch.tensor([0.8, 0.7, 0.59, 0.95, 0.99, 0.65])
    found = select_people(xyxy, scores, DetectionConfig())
    assert found.xyxy[:, 0].tolist() == [0, 20, 70]
    np.testing.assert_allclose(found.scores, [0.95, 0.7, 0.65])
    assert len(select_people(xyxy, scores, DetectionConfig(max_people=2))) == 2
    assert len(select_people(xyxy, scores, DetectionConfig(nms_iou=0.95))) == 4


def test_boxes_return_to_the_photo_frame() -> None:
    model = FixedDetector([[10, 5, 20, 25]], [0.9], [1], max_size=100)
    found = TorchvisionDetector(model, ONE_VIEW)(photo(200, 400))
    assert model.seen[0].shape == (3, 50, 100)
    np.testing.assert_allclose(found.xyxy, [[40, 20, 80, 100]])


def test_other_classes_are_dropped() -> None:
    model = FixedDetector([[10, 5, 20, 25], [50, 5, 60, 25]], [0.9, 0.8], [18, 1])
    assert TorchvisionDetector(model, ONE_VIEW)(photo(50, 100)).xyxy[:, 0].tolist() == [50]


def test_a_lit_pixel_is_seen_in_its_place() -> None:
    image = photo(40, 60)
    image[7, 31] = 255
    model = FixedDetector([], [], [])
    TorchvisionDetector(model, ONE_VIEW)(image)
    assert (model.seen[0] > 0).nonzero()[:, 1:].unique(dim=0).tolist() == [[7, 31]]
    assert float(model.seen[0].max()) == 1.0


class LitBox(nn.Module):
    """A torchvision detection model that finds the lit pixels, with a score for every size it sees them at."""

    def __init__(self, scores: dict[int, float]) -> None:
        super().__init__()
        self.transform = GeneralizedRCNNTransform(80, 80, [0.0] * 3, [1.0] * 3)
        self.scores = scores
        self.seen: list[int] = []

    def forward(self, images: list[Tensor]) -> list[dict[str, Tensor]]:
        size = max(self.transform(images)[0].image_sizes[0])
        self.seen.append(size)
        rows, columns = (images[0][0] > 0.5).nonzero(as_tuple=True)
        box = torch.stack([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]).float()
        score = torch.tensor([self.scores[size]])
        return [{"boxes": box[None], "scores": score, "labels": torch.ones(1, dtype=torch.int64)}]


def lit_photo() -> np.ndarray:
    image = photo(60, 80)
    image[10:40, 5:25] = 255  # a person with a side of 24.5 px
    return image


def test_every_view_has_its_size_and_every_second_is_mirrored() -> None:
    model = LitBox({40: 0.9, 80: 0.8, 100: 0.7})
    detector = TorchvisionDetector(model, DetectionConfig(scales=(0.5, 1.0, 1.25)))
    found = detector(lit_photo())
    np.testing.assert_allclose(found.xyxy, [[5, 10, 25, 40]], atol=1)
    np.testing.assert_allclose(found.scores, [0.8], atol=0.01)
    detector(lit_photo())
    TorchvisionDetector(model, ONE_VIEW)(lit_photo())
    assert model.seen == [40, 80, 100] * 2 + [80]  # the model keeps its own size


@pytest.mark.parametrize(("reach", "score"), [(20.0, 0.9), (30.0, 0.75)])
def test_the_smallest_view_alone_judges_large_people(reach: float, score: float) -> None:
    config = DetectionConfig(scales=(0.5, 1.0), view_reach=reach)
    found = TorchvisionDetector(LitBox({40: 0.9, 80: 0.6}), config)(lit_photo())
    np.testing.assert_allclose(found.scores, [score], rtol=1e-6)


def view(*rows: tuple[float, float, float, float, float], reach: float = 1e6) -> View:
    """Rows of x0, y0, x1, y1, score."""
    table = torch.tensor(rows, dtype=torch.float32).reshape(-1, 5)
    return View(table[:, :4], table[:, 4], reach)


def test_views_agree_on_a_mean_box() -> None:
    boxes, scores = fuse_views([view((0, 0, 10, 20, 0.9)), view((0, 0, 10, 24, 0.3), (40, 0, 50, 20, 0.5))])
    np.testing.assert_allclose(boxes, [[0, 0, 10, 21], [40, 0, 50, 20]])
    np.testing.assert_allclose(scores, [0.6, 0.25])  # the second is seen by one of two


def test_a_view_gives_each_person_one_box() -> None:
    boxes, scores = fuse_views([view((0, 0, 10, 20, 0.9)), view((0, 0, 10, 19, 0.8), (0, 0, 10, 18, 0.6))])
    np.testing.assert_allclose(scores, [0.85, 0.3])
    assert boxes[1].tolist() == [0, 0, 10, 18]


def test_a_view_has_no_say_about_who_is_beyond_its_reach() -> None:
    large = (0.0, 0.0, 100.0, 100.0)
    boxes, scores = fuse_views([view((*large, 0.9)), view((*large, 0.2), (0, 0, 10, 10, 0.4), reach=50)])
    np.testing.assert_allclose(boxes, [large, (0, 0, 10, 10)])
    np.testing.assert_allclose(scores, [0.9, 0.2])


def test_views_without_people() -> None:
    boxes, scores = fuse_views([view(), view()])
    assert boxes.shape == (0, 4) and scores.shape == (0,)


def test_scales_are_above_zero() -> None:
    with pytest.raises(ValueError, match=r"detection.scales is .* at least one scale above 0"):
        DetectionConfig(scales=(1.0, 0.0))


def test_a_network_brings_its_own_scales() -> None:
    module = person_detector(width=0.35, channels=16, hidden=16, input_size=64, view_scales=[0.5, 1.5])
    assert TorchvisionDetector(module).scales == (0.5, 1.5)
    assert TorchvisionDetector(module, ONE_VIEW).scales == (1.0,)
    assert TorchvisionDetector(FixedDetector([], [], [])).scales == (1.0,)


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
    arguments = {"width": 0.25, "channels": 16, "hidden": 8, "input_size": 64}
    path = tmp_path / "detector.safetensors"
    save_weights(path, person_detector(**arguments), {"builder": "person_detector", "arguments": arguments})
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
    load_checkpoint(linear, path)
    with pytest.raises(ValueError, match="do not fit"):
        load_checkpoint(nn.Linear(4, 3), path)
    torch.save(nn.Linear(2, 3), path)  # a whole pickled module is refused
    with pytest.raises(ValueError, match="not a state dict of plain tensors"):
        load_checkpoint(linear, path)
    path.write_bytes(b"no weights")
    with pytest.raises(ValueError, match="not a state dict of plain tensors"):
        load_checkpoint(linear, path)


class StandInPredictor:
    """detectron2's DefaultPredictor: BGR in, Instances out."""

    def __init__(self, settings: Any) -> None:
        self.settings = settings
        self.seen: np.ndarray | None = None

    def __call__(self, image: np.ndarray) -> dict[str, Any]:
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
    def merge_from_file(self, path: str) -> None:
        self.merged = path


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
    modules["detectron2.model_zoo"].get_checkpoint_url = lambda name: f"url of {name}"  # type: ignore[attr-defined]
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
    zoo = Detectron2Detector(
        "COCO-Detection/x.yaml", config=DetectionConfig(score_threshold=0.3, nms_iou=0.7)
    )
    settings = zoo.predict.settings  # type: ignore[attr-defined]
    assert settings.merged == "zoo/COCO-Detection/x.yaml"
    assert settings.MODEL.WEIGHTS == "url of COCO-Detection/x.yaml"
    assert settings.MODEL.DEVICE == "cpu"
    assert settings.MODEL.ROI_HEADS.SCORE_THRESH_TEST == 0.3
    assert settings.MODEL.ROI_HEADS.NMS_THRESH_TEST == 0.7
    local = tmp_path / "mine.yaml"
    local.write_text("MODEL: {}")
    assert build_detector(f"detectron2:{local}:w.pth").predict.settings.MODEL.WEIGHTS == "w.pth"  # type: ignore
    with pytest.raises(ValueError, match="neither a file nor a name"):
        Detectron2Detector("absent.yaml")


@pytest.mark.usefixtures("detectron2")
def test_detectron2_boxes_of_a_large_photo_return_to_its_frame() -> None:
    detector = Detectron2Detector("COCO-Detection/x.yaml")
    found = detector(photo(50, 2666))
    assert found.xyxy[0].tolist() == [80, 4, 100, 64]


def test_detectron2_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "detectron2", None)
    monkeypatch.setitem(sys.modules, "detectron2.config", None)
    with pytest.raises(ValueError, match="build it from source"):
        build_detector("detectron2:COCO-Detection/faster_rcnn_R_50_FPN_3x.yaml")


SHIPPED = INSTALLED / "posepart-s" / "detector.safetensors"


@pytest.mark.skipif(not SHIPPED.exists(), reason="the model posepart-s is not installed")
class TestShippedDetector:
    @pytest.fixture(scope="class")
    def detector(self) -> PersonDetector:
        return build_detector("default", default=SHIPPED)

    def test_finds_the_astronaut(self, detector: PersonDetector) -> None:
        image = data.astronaut()
        found = detector(image)
        assert found.scores[0] > 0.9
        assert (found.scores[1:] < 0.8).all()  # a flag and a helmet in the corners may be taken for people
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
        np.testing.assert_allclose(detector(large).xyxy[0] / 6, detector(small).xyxy[0], atol=3)
