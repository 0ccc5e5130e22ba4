"""Pose networks of others, run by OpenVINO, each as a process of `bench_peers.py` (see there for what they are).

A peer is made from a path, takes a photo, (H, W, 3) uint8 RGB, and returns (N, 17, 3) float32: x and y in pixels of
the photo, and the score, of COCO's 17 joints of N people.
"""

import importlib
import json
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from contestant import Predict, serve
from numpy.typing import NDArray
from tensorflow_js import frozen_graph

from posepart.arrays import Float32, Rgb

JOINTS = 17  # COCO's
OPENVINO_NAMES = {"float32": "f32", "bfloat16": "bf16"}
BGR_MEAN = np.array(
    [103.53, 116.28, 123.675], np.float32
)  # of ImageNet's photos, as both networks of TinyPose expect
BGR_DEVIATION = np.array([57.375, 57.12, 58.395], np.float32)

Run = Callable[[NDArray[Any]], list[NDArray[Any]]]  # a compiled network


class Engine:
    """Compiles networks with OpenVINO for the CPU.

    Parameters
    ----------
    threads : int, optional
        All CPUs of the process by default.
    precision : str, optional
        float32 or bfloat16; by default bfloat16 where the CPU has it.

    Raises
    ------
    ValueError
        OpenVINO is not installed.
    """

    def __init__(self, threads: int | None = None, precision: str | None = None) -> None:
        try:
            self.openvino: Any = importlib.import_module("openvino")
        except ImportError as error:
            raise ValueError("the peers run on OpenVINO: run `pip install openvino`") from error
        self.settings: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY", "ENABLE_CPU_PINNING": False}
        if threads is not None:
            self.settings["INFERENCE_NUM_THREADS"] = threads
        if precision is not None:
            self.settings["INFERENCE_PRECISION_HINT"] = OPENVINO_NAMES[precision]

    def convert(self, path: Path) -> Any:
        """OpenVINO's model of an ONNX file or of a frozen TensorFlow graph.

        Raises
        ------
        ValueError
            The file is missing or damaged.
        """
        if not path.is_file():
            raise ValueError(f"{path}: is not there")
        try:
            return self.openvino.convert_model(path)
        except Exception as error:  # OpenVINO has many
            raise ValueError(f"{path}: OpenVINO cannot read it ({str(error).splitlines()[0]})") from error

    def compile(self, model: Any, shape: tuple[int, ...]) -> Run:
        """The network for inputs of one shape; it returns all outputs."""
        model = model.clone()
        model.reshape({model.input(0): list(shape)})
        request = self.openvino.Core().compile_model(model, "CPU", self.settings).create_infer_request()
        return lambda images: [np.array(found) for found in request.infer([images]).values()]


def letterbox(photo: Rgb, longer: int, multiple: int, grey: int) -> tuple[Rgb, float]:
    """Resize a photo and fill up on the right and at the bottom.

    Parameters
    ----------
    photo : (H, W, 3) uint8
    longer : int
        The longer side afterwards, pixels.
    multiple : int
        Both sides become multiples of this many pixels.
    grey : int
        What it is filled up with.

    Returns
    -------
    (h, w, 3) uint8
    float
        How many pixels of it are one of the photo.
    """
    scale = longer / max(photo.shape[:2])
    height, width = (max(1, round(side * scale)) for side in photo.shape[:2])
    small = cv2.resize(photo, (width, height), interpolation=cv2.INTER_LINEAR)
    filled = np.full((-(-height // multiple) * multiple, -(-width // multiple) * multiple, 3), grey, np.uint8)
    filled[:height, :width] = small
    return filled, scale


# MoveNet MultiPose


class MoveNet:
    """MoveNet MultiPose Lightning, from its TensorFlow.js graph; it finds 6 people at most.

    Parameters
    ----------
    path : Path
        `movenet-multipose.json`, with `movenet-multipose.bin` beside it.
    engine : Engine

    Raises
    ------
    ValueError
        `path` is no such graph, or tensorboard, which knows TensorFlow's format, is not installed.
    """

    longer_side = 512  # pixels
    least_score = 0.25  # of a person, as in the package @tensorflow-models/pose-detection

    def __init__(self, path: Path, engine: Engine) -> None:
        self.engine = engine
        with tempfile.TemporaryDirectory() as folder:
            frozen = Path(folder) / "frozen.pb"
            frozen.write_bytes(frozen_graph(path))
            self.model = engine.convert(frozen)
        self.compiled: dict[tuple[int, ...], Run] = {}

    def __call__(self, photo: Rgb) -> Float32:
        """The people of a photo."""
        image, scale = letterbox(photo, self.longer_side, 32, 0)
        shape = (1, *image.shape)
        if shape not in self.compiled:
            self.compiled[shape] = self.engine.compile(self.model, shape)
        (found,) = self.compiled[shape](image[None].astype(np.int32))
        return multipose(found[0], image.shape[1] / scale, image.shape[0] / scale, self.least_score)


def multipose(found: Float32, width: float, height: float, least: float) -> Float32:
    """The people whom MoveNet MultiPose has found.

    Parameters
    ----------
    found : (6, 56) float32
        A person a row: y, x and score of every joint, the box, and at the end the score of the person; places in
        shares of the image.
    width, height : float
        Of the image, in pixels of the photo.
    least : float
        Smallest score of a person.

    Returns
    -------
    (N, 17, 3) float32
    """
    joints = found[found[:, -1] >= least, : 3 * JOINTS].reshape(-1, JOINTS, 3)
    return joints[..., [1, 0, 2]] * np.array([width, height, 1], np.float32)


# RTMDet-nano and PP-TinyPose


class TinyPose:
    """RTMDet-nano finds people, PP-TinyPose their joints, one look at one person after the other.

    Parameters
    ----------
    path : Path
        Folder with `rtmdet_nano_person.onnx` (with its NMS) and `pp_tinypose_256x192.onnx`.
    engine : Engine

    Raises
    ------
    ValueError
        A file is missing or damaged.
    """

    longer_side = 480  # pixels, of the photo for the detector
    least_score = 0.3  # of a box

    def __init__(self, path: Path, engine: Engine) -> None:
        side = self.longer_side
        self.boxes = engine.compile(engine.convert(path / "rtmdet_nano_person.onnx"), (1, 3, side, side))
        self.joints = engine.compile(engine.convert(path / "pp_tinypose_256x192.onnx"), (1, 3, 256, 192))

    def __call__(self, photo: Rgb) -> Float32:
        """The people of a photo."""
        image, scale = letterbox(photo, self.longer_side, self.longer_side, 114)
        boxes = self.boxes(planes(image[..., ::-1], BGR_MEAN, BGR_DEVIATION))[0][0]
        people = [self._joints(photo, box) for box in boxes[boxes[:, 4] >= self.least_score, :4] / scale]
        return np.array(people, np.float32).reshape(-1, JOINTS, 3)

    def _joints(self, photo: Rgb, box: Float32) -> Float32:
        there = crop_map(box)
        crop = np.asarray(cv2.warpAffine(photo, there, (192, 256), flags=cv2.INTER_LINEAR), np.uint8)
        (maps,) = self.joints(planes(crop, BGR_MEAN[::-1], BGR_DEVIATION[::-1]))
        joints = peaks(maps[0])
        joints[:, :2] = (joints[:, :2] * 4 + 1.5 - there[:, 2]) / there[0, 0]
        return joints


def planes(image: Rgb, mean: Float32, deviation: Float32) -> Float32:
    """(H, W, 3) uint8 -> (1, 3, H, W) float32, with the mean and deviation of each channel taken off."""
    scaled = (image.astype(np.float32) - mean) / deviation
    return np.ascontiguousarray(scaled.transpose(2, 0, 1)[None])


def crop_map(box: Sequence[float] | Float32) -> NDArray[np.float64]:
    """The (2, 3) affine map from the photo to a crop of 192 x 256 pixels around 1.25 times a box x0, y0, x1, y1."""
    x0, y0, x1, y1 = (float(value) for value in box)
    width = 1.25 * max(x1 - x0, (y1 - y0) * 0.75)
    scale = 192 / width
    return np.array([[scale, 0, 96 - scale * (x0 + x1) / 2], [0, scale, 128 - scale * (y0 + y1) / 2]])


def peaks(maps: Float32) -> Float32:
    """The highest cell of every map, moved by a quarter towards the higher neighbour.

    Parameters
    ----------
    maps : (K, h, w) float32

    Returns
    -------
    (K, 3) float32
        x and y in cells, and the score.
    """
    found = np.zeros((len(maps), 3), np.float32)
    for row, scores in zip(found, maps, strict=True):
        y, x = np.unravel_index(scores.argmax(), scores.shape)
        around = np.pad(scores, 1, mode="edge")[y : y + 3, x : x + 3]
        row[:] = x, y, scores[y, x]
        row[:2] += 0.25 * np.sign((around[1, 2] - around[1, 0], around[2, 1] - around[0, 1]))
    return found


PEERS: Mapping[str, Callable[[Path, Engine], Callable[[Rgb], Float32]]] = {
    "movenet": MoveNet,
    "tinypose": TinyPose,
}


def prepare(name: str, path: Path, threads: int | None, precision: str | None) -> tuple[Predict, None]:
    """A peer for `contestant.serve`."""
    peer = PEERS[name](path, Engine(threads, precision))
    return lambda photo: {"people": float(len(peer(photo)))}, None


if __name__ == "__main__":
    chosen = json.loads(sys.argv[1])
    serve(lambda: prepare(chosen["name"], Path(chosen["path"]), chosen["threads"], chosen["precision"]))
