"""What detector and networks make of a photo, kept so that many variants of the later stages can share it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from posepart.arrays import Float32
from posepart.config import PipelineConfig
from posepart.geometry.frames import Affine
from posepart.io.files import write_atomically
from posepart.pipeline import FcnNetworks
from posepart.stages.candidates import propose
from posepart.stages.crops import crop_boxes
from posepart.stages.networks import part_maps, pose_maps, to_batch
from posepart.structures import Candidates, PartMaps, PersonBoxes


@dataclass(frozen=True)
class SeenCrop:
    """One box of a photo after the networks, before the CRF.

    box: (4,) float32 xyxy, photo frame. box_score: in [0, 1]. affine: photo -> crop. candidates: crop frame.
    parts: first-stage part scores.
    """

    box: Float32
    box_score: float
    affine: Affine
    candidates: Candidates
    parts: PartMaps


def see(
    image: NDArray[np.uint8],
    boxes: PersonBoxes,
    networks: FcnNetworks,
    config: PipelineConfig,
    device: str = "cpu",
) -> tuple[SeenCrop, ...]:
    """The crops of a photo through both networks (Sec. 3), in the order of the boxes.

    Part scores are rounded to half precision, as `save_seen` keeps them, so that what is computed and what is
    read again are the same numbers.

    Parameters
    ----------
    image : (H, W, 3) uint8 RGB
    boxes : PersonBoxes, photo frame
    networks : FcnNetworks; only those of the first stages are used
    config : PipelineConfig; `crop`, `candidates`, the views of the crops (`mirror_pose`, `upright_pose`,
        `part_scales`) and `batch_size` are used
    device : of the networks
    """
    seen: list[SeenCrop] = []
    for start in range(0, len(boxes), config.batch_size):
        rows = slice(start, start + config.batch_size)
        crops = crop_boxes(image, PersonBoxes(boxes.xyxy[rows], boxes.scores[rows]), config.crop)
        batch = to_batch(crops, device)
        joint_maps = pose_maps(networks.pose, batch, config.mirror_pose, config.upright_pose)
        maps = zip(joint_maps, part_maps(networks.part, batch, config.part_scales), strict=True)
        for crop, score, (joints, parts) in zip(crops, boxes.scores[rows], maps, strict=True):
            rounded = PartMaps(parts.scores.astype(np.float16).astype(np.float32), parts.stride)
            candidates = propose(joints, config.candidates)
            seen.append(SeenCrop(crop.box, float(score), crop.affine, candidates, rounded))
    return tuple(seen)


def save_seen(path: Path, crops: Sequence[SeenCrop]) -> None:
    """Write what was seen in one photo as an .npz file without pickled objects, at once or not at all."""
    counts = np.array([len(crop.candidates) for crop in crops], np.int64)
    arrays = {
        "boxes": np.array([crop.box for crop in crops], np.float32).reshape(-1, 4),
        "box_scores": np.array([crop.box_score for crop in crops], np.float64),
        "affines": np.array([crop.affine.matrix for crop in crops], np.float64).reshape(-1, 2, 3),
        "counts": counts,
        "parts": np.array([crop.parts.scores for crop in crops], np.float16),
        "strides": np.array([crop.parts.stride for crop in crops], np.float64),
    }
    for name in _CANDIDATE_ARRAYS:
        rows = [getattr(Candidates.empty(), name), *(getattr(crop.candidates, name) for crop in crops)]
        arrays[name] = np.concatenate(rows)
    write_atomically(path, lambda file: np.savez(file, **arrays))  # type: ignore[arg-type]


_CANDIDATE_ARRAYS = ("xy", "joint", "scores", "offsets")


def load_seen(path: Path) -> tuple[SeenCrop, ...]:
    """The inverse of `save_seen`.

    Raises
    ------
    ValueError: when the file is damaged or is no such file.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            return tuple(_crops({name: file[name] for name in file.files}))
    except (KeyError, OSError, EOFError, ValueError, BadZipFile) as error:
        raise ValueError(
            f"{path}: not the predictions of a photo ({error}): delete it and run again"
        ) from error


def _crops(arrays: dict[str, NDArray]) -> Iterator[SeenCrop]:
    ends = np.cumsum(arrays["counts"])
    for i, (count, end) in enumerate(zip(arrays["counts"], ends, strict=True)):
        candidates = Candidates(*(arrays[name][end - count : end] for name in _CANDIDATE_ARRAYS))
        parts = PartMaps(arrays["parts"][i].astype(np.float32), float(arrays["strides"][i]))
        affine = Affine(arrays["affines"][i])
        yield SeenCrop(arrays["boxes"][i], float(arrays["box_scores"][i]), affine, candidates, parts)
