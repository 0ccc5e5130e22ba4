"""Photo -> person boxes (Sec. 3: Faster R-CNN): torchvision's detectors, and detectron2's if it is installed."""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
import torch
import torchvision
from torch import Tensor, nn

from posepart.arrays import Rgb
from posepart.config import DetectionConfig
from posepart.engines.engine import Engine, run_on
from posepart.models.detector.network import PersonDetectorNetwork
from posepart.models.model_set import find_model
from posepart.models.weight_files import load_any, load_network
from posepart.structures import PersonBoxes

COCO_PERSON = 1  # torchvision's label, after 0 for the background; our own detector's only label
DETECTRON2_PERSON = 0  # detectron2's label; it has none for the background
PLAIN_NMS_IOU = 0.6  # Sec. 4.1; without `detection.nms_iou`, where no network of torchvision has its own
LARGEST_INPUT = 1333  # px, longer side of what a detector sees, unless the detector sets its own
DETECTRON2_MISSING = (
    "the detectron2 detector needs the package detectron2, which cannot be imported ({}): build it from source with "
    '`pip install "setuptools<81"` and '
    "`pip install --no-build-isolation git+https://github.com/facebookresearch/detectron2`"
)


class PersonDetector(Protocol):
    """Whatever finds people in a photo."""

    def __call__(self, image: Rgb) -> PersonBoxes:
        """The people of a photo (H, W, 3) uint8 RGB as boxes in the photo frame, best first."""
        ...


def select_people(xyxy: Tensor, scores: Tensor, config: DetectionConfig) -> PersonBoxes:
    """The boxes that count as people (Sec. 4.1).

    Boxes of low score, small boxes and boxes that are not finite are dropped; then non-maximum suppression, and
    the best `max_people` stay; `left_out` counts the others.

    Parameters
    ----------
    xyxy : (N, 4) float
        Photo frame.
    scores : (N,) float
        In [0, 1].
    config : DetectionConfig

    Returns
    -------
    PersonBoxes
        Best first; of equal scores the first.
    """
    xyxy, scores = xyxy.detach().float().cpu(), scores.detach().float().cpu()
    side = (xyxy[:, 2:] - xyxy[:, :2]).amax(1) if len(xyxy) else scores
    kept = torch.isfinite(xyxy).all(1) & (scores >= config.score_threshold) & (side >= config.min_size)
    xyxy, scores = xyxy[kept], scores[kept]
    order = torch.argsort(scores, descending=True, stable=True)
    xyxy, scores = xyxy[order], scores[order]
    distinct = torchvision.ops.nms(xyxy, scores, nms_iou(config))
    best = distinct[: config.max_people]
    return PersonBoxes(xyxy[best].numpy(), scores[best].numpy(), len(distinct) - len(best))


def nms_iou(config: DetectionConfig) -> float:
    """IoU above which `select_people` drops the box of lower score."""
    return PLAIN_NMS_IOU if config.nms_iou is None else config.nms_iou


def shrink(image: Rgb, longest: int) -> Rgb:
    """The image (H, W, 3), area-averaged to a longer side of `longest` px; a smaller image is returned unchanged."""
    height, width = image.shape[:2]
    scale = longest / max(height, width)
    if scale >= 1:
        return image
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


class TorchvisionDetector:
    """Any torchvision detection model: ours, or one with COCO's classes.

    The photo is shrunk to the longest side that the model sees before it becomes a tensor, so memory is bounded
    whatever the size of the photo.

    Parameters
    ----------
    module : nn.Module
        Lists of (3, H, W) float images in [0, 1] -> lists of dicts with `boxes`, `labels` and `scores`.
    config : DetectionConfig, optional
    device : str or torch.device
    engine : Engine, optional
        Executes the layers of our own detector in place of torch.
    """

    def __init__(
        self,
        module: nn.Module,
        config: DetectionConfig | None = None,
        device: str | torch.device = "cpu",
        engine: Engine | None = None,
    ) -> None:
        self.config = config or DetectionConfig()
        self.device = torch.device(device)
        if engine is not None and isinstance(module, PersonDetectorNetwork):
            run_on(engine, module.backbone, "dense")
            run_on(engine, module.roi_heads.box_head)
        self.module = module.to(self.device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
        self.longest = int(getattr(getattr(module, "transform", None), "max_size", LARGEST_INPUT))
        self._set_thresholds(getattr(module, "roi_heads", module))

    def _set_thresholds(self, head: Any) -> None:
        """Lower the model's score threshold to ours if it is higher; set the IoU of its NMS if we have one."""
        if hasattr(head, "score_thresh"):
            head.score_thresh = min(head.score_thresh, self.config.score_threshold)
        if hasattr(head, "nms_thresh") and self.config.nms_iou is not None:
            head.nms_thresh = self.config.nms_iou

    @torch.inference_mode()
    def __call__(self, image: Rgb) -> PersonBoxes:
        """The people of a photo (H, W, 3) uint8 RGB."""
        small = shrink(image, self.longest)
        pixels = torch.from_numpy(np.require(small, requirements=["C", "W"])).to(self.device)
        tensor = pixels.permute(2, 0, 1).float() / 255
        found = self.module([tensor])[0]
        person = found["labels"] == COCO_PERSON
        zoom = [image.shape[1] / small.shape[1], image.shape[0] / small.shape[0]] * 2
        boxes = found["boxes"][person].cpu() * torch.tensor(zoom)
        return select_people(boxes, found["scores"][person], self.config)


class Detectron2Detector:
    """A predictor of detectron2 behind the same interface; `detectron2_detector` makes one.

    Parameters
    ----------
    predict : callable
        detectron2's `DefaultPredictor`: from a photo (H, W, 3) uint8 BGR to its instances.
    config : DetectionConfig, optional
    """

    def __init__(
        self, predict: Callable[[Rgb], dict[str, Any]], config: DetectionConfig | None = None
    ) -> None:
        self.predict = predict
        self.config = config or DetectionConfig()
        self.longest = LARGEST_INPUT

    def __call__(self, image: Rgb) -> PersonBoxes:
        """The people of a photo (H, W, 3) uint8 RGB."""
        small = shrink(image, self.longest)
        bgr = np.ascontiguousarray(small[:, :, ::-1])  # DefaultPredictor expects BGR
        found = self.predict(bgr)["instances"]
        person = found.pred_classes == DETECTRON2_PERSON
        zoom = [image.shape[1] / small.shape[1], image.shape[0] / small.shape[0]] * 2
        boxes = found.pred_boxes.tensor[person].detach().cpu() * torch.tensor(zoom)
        return select_people(boxes, found.scores[person], self.config)


def detectron2_detector(
    config_file: str, weights: str | None, config: DetectionConfig | None, device: str | torch.device = "cpu"
) -> Detectron2Detector:
    """A model of detectron2, which is imported now.

    Parameters
    ----------
    config_file : str
        A YAML file, or a name in detectron2's model zoo such as "COCO-Detection/faster_rcnn_R_50_FPN_3x.yaml".
    weights : str or None
        A file for `weight_files.load_any`; None for the file that the YAML file names, or the zoo's.
    config : DetectionConfig or None
    device : str or torch.device

    Raises
    ------
    ValueError
        If detectron2 is not installed or does not know the config, or the weights are none or of another network.
    """
    config = config or DetectionConfig()
    try:
        settings = importlib.import_module("detectron2.config").get_cfg()
        engine = importlib.import_module("detectron2.engine")
        zoo = importlib.import_module("detectron2.model_zoo")
    except ImportError as error:
        raise ValueError(DETECTRON2_MISSING.format(error)) from error
    own = Path(config_file).is_file()
    try:
        path = config_file if own else zoo.get_config_file(config_file)
    except RuntimeError as error:
        raise ValueError(f"{config_file}: neither a file nor a name of detectron2's model zoo") from error
    settings.merge_from_file(path, allow_unsafe=False)  # else YAML could run code
    settings.MODEL.DEVICE = str(device)
    settings.MODEL.ROI_HEADS.SCORE_THRESH_TEST = config.score_threshold
    settings.MODEL.ROI_HEADS.NMS_THRESH_TEST = nms_iou(config)
    file = weights or (settings.MODEL.WEIGHTS if own else None)
    if own and (not file or "://" in file):
        raise ValueError(f"{config_file}: names no file of weights; use detectron2:CONFIG:WEIGHTS")
    # detectron2 would unpickle a file, so that it loads the zoo's own alone
    settings.MODEL.WEIGHTS = "" if file else zoo.get_checkpoint_url(config_file)
    predictor = engine.DefaultPredictor(settings)
    if file:
        load_any(predictor.model, Path(file))
    return Detectron2Detector(predictor, config)


def torchvision_detector(
    builder: str, weights: str | None, config: DetectionConfig | None, device: str | torch.device = "cpu"
) -> TorchvisionDetector:
    """One of torchvision's COCO detectors, with weights from a local file.

    Parameters
    ----------
    builder : str
        The name by which torchvision builds it, such as "fasterrcnn_resnet50_fpn_v2".
    weights : str or None
        A .safetensors or .pth file; None is refused with an error that says how to name one.
    config : DetectionConfig or None
    device : str or torch.device

    Raises
    ------
    ValueError
        If the builder is unknown, the weight file is missing, or the weights do not fit.
    """
    names = torchvision.models.list_models(module=torchvision.models.detection)
    if builder not in names:
        raise ValueError(f"unknown torchvision detector {builder!r}: choose one of {', '.join(names)}")
    if weights is None:
        raise ValueError(
            f"torchvision:{builder} needs weights: download its COCO checkpoint and pass "
            f"--detector torchvision:{builder}:FILE"
        )
    module = torchvision.models.get_model(builder, weights=None, weights_backbone=None)
    load_any(module, Path(weights))
    return TorchvisionDetector(module, config, device)


def build_detector(
    spec: str = "default",
    config: DetectionConfig | None = None,
    device: str | torch.device = "cpu",
    default: Path | None = None,
    engine: Engine | None = None,
) -> TorchvisionDetector | Detectron2Detector:
    """The detector that `--detector` names.

    Parameters
    ----------
    spec : str
        "default", "torchvision:BUILDER:WEIGHTS", "detectron2:CONFIG[:WEIGHTS]", a folder with
        detector.safetensors and its card, or such a file.
    config : DetectionConfig, optional
    device : str or torch.device
    default : Path, optional
        The weight file that "default" stands for; by default that of the installed model posepart-s.
    engine : Engine, optional
        See `TorchvisionDetector`.

    Raises
    ------
    ValueError
        If the specification is unknown, or its files are missing, damaged or of another network.
    """
    kind, _, rest = spec.partition(":")
    if kind in ("torchvision", "detectron2"):
        name, _, weights = rest.partition(":")
        if not name:
            raise ValueError(f"--detector {spec}: name what to load after {kind}:, as in {_EXAMPLES[kind]}")
        if kind == "torchvision":
            return torchvision_detector(name, weights or None, config, device)
        return detectron2_detector(name, weights or None, config, device)
    if spec == "default":
        path = default or find_model("posepart-s").path("detector")
    else:
        path = Path(spec) / "detector.safetensors" if Path(spec).is_dir() else Path(spec)
        if not path.is_file():
            raise ValueError(
                f"--detector {spec}: neither default, torchvision:BUILDER:WEIGHTS, detectron2:CONFIG nor a "
                "folder with detector.safetensors"
            )
    return TorchvisionDetector(load_network(path), config, device, engine)


_EXAMPLES = {
    "torchvision": "torchvision:fasterrcnn_resnet50_fpn_v2:weights.pth",
    "detectron2": "detectron2:COCO-Detection/faster_rcnn_R_50_FPN_3x.yaml",
}
