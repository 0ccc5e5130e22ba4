"""The evidence of photos, kept in files, so that many variants of the later stages can share it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import sha256 as digest
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from posepart.ablation.boxes import labelled_boxes, whole_photo
from posepart.ablation.deepercut import DeeperCut, deepercut_config
from posepart.ablation.variants import BOXES, PHOTO, SCALED
from posepart.arrays import Rgb
from posepart.config import PipelineConfig
from posepart.data.sample import Sample
from posepart.geometry.frames import Affine
from posepart.io.files import read_json, sha256, write_atomically, write_json
from posepart.io.photos import read_photo
from posepart.models.model_set import find_model
from posepart.pipeline import Pipeline
from posepart.stages.crf import CrfAssembler
from posepart.stages.crops import crop_boxes
from posepart.stages.networks import FcnNetworks
from posepart.structures import Candidates, Crop, Evidence, PartMaps

_CANDIDATE_ARRAYS = ("xy", "joint", "scores", "offsets")


@dataclass(frozen=True)
class EvidenceCache:
    """The evidence of labelled photos: detector and networks see each photo once."""

    pipeline: Pipeline  # its detector and networks are used, and its configuration of crops
    folder: Path  # of the files
    labelled: bool = False  # True: the labelled boxes in place of the detector's

    @classmethod
    def open(
        cls, folder: Path, settings: Mapping[str, Any], pipeline: Pipeline, labelled: bool
    ) -> "EvidenceCache":
        """A cache in a new folder, or in one that holds evidence of the same settings.

        Raises
        ------
        ValueError
            If the folder holds evidence of other settings.
        """
        path = folder / "settings.json"
        wanted = json.loads(json.dumps(settings))
        if path.exists():
            found = read_json(path)
            if found != wanted:
                names = ", ".join(sorted(k for k in {*found, *wanted} if found.get(k) != wanted.get(k)))
                raise ValueError(f"{folder} was made with another {names}: choose another output folder")
        else:
            folder.mkdir(parents=True, exist_ok=True)
            write_json(path, wanted)
        return cls(pipeline, folder, labelled)

    def __call__(self, sample: Sample, view: str = BOXES) -> tuple[Evidence, ...]:
        """The evidence of the person boxes of a photo, or of the whole photo as one box (`variants.VIEWS`).

        It is read back from the file even where it was just written: part scores are kept at half precision, and
        every run is to see the same numbers.
        """
        kind = view if view != BOXES else "given" if self.labelled else "detected"
        name = digest(str(sample.image_path).encode()).hexdigest()[:12]
        path = self.folder / kind / f"{sample.image_path.stem}_{name}.npz"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            save_evidence(path, self._see(sample, read_photo(sample.image_path), view))
        return load_evidence(path)

    def _see(self, sample: Sample, image: Rgb, view: str) -> Sequence[Evidence]:
        networks = self.pipeline.networks
        if view == SCALED:
            assert isinstance(networks, FcnNetworks) and isinstance(self.pipeline.assembler, CrfAssembler)
            config = deepercut_config(self.pipeline.config)
            own = replace(networks, config=config)
            return [DeeperCut(own, self.pipeline.assembler.pairwise, config).see(image)]
        if view == PHOTO:
            boxes = whole_photo(sample.width, sample.height)
        else:
            boxes = labelled_boxes(sample) if self.labelled else self.pipeline.detector(image)
        return networks(crop_boxes(image, boxes, self.pipeline.config.crop))


def evidence_settings(model: str, detector: str, config: PipelineConfig) -> dict[str, Any]:
    """Everything that the evidence of a photo depends on: weights, detector and configuration.

    Parameters
    ----------
    model, detector : str
        As for `posepart.load`.
    config : PipelineConfig
    """
    files = find_model(model)
    weights = {stage: sha256(files.path(stage)) for stage in ("detector", "pose", "part")}
    stages = {name: asdict(getattr(config, name)) for name in ("detection", "crop", "candidates")}
    views = {name: getattr(config, name) for name in ("mirror_pose", "upright_pose", "part_scales")}
    return {**weights, **stages, **views, "detector_spec": detector}


def save_evidence(path: Path, evidence: Sequence[Evidence]) -> None:
    """Write the evidence of one photo, without the crops' pixels, to an .npz file without pickled objects.

    The file is written atomically. Part scores are rounded to half precision.
    """
    arrays = {
        "boxes": np.array([item.crop.box for item in evidence], np.float32).reshape(-1, 4),
        "box_scores": np.array([item.crop.score for item in evidence], np.float64),
        "affines": np.array([item.crop.affine.matrix for item in evidence], np.float64).reshape(-1, 2, 3),
        "counts": np.array([len(item.candidates) for item in evidence], np.int64),
        "parts": np.array([item.parts.scores for item in evidence], np.float16),
        "strides": np.array([item.parts.stride for item in evidence], np.float64),
    }
    for name in _CANDIDATE_ARRAYS:
        rows = [getattr(Candidates.empty(), name), *(getattr(item.candidates, name) for item in evidence)]
        arrays[name] = np.concatenate(rows)
    write_atomically(path, lambda file: np.savez(file, **arrays))  # type: ignore[arg-type]


def load_evidence(path: Path) -> tuple[Evidence, ...]:
    """The inverse of `save_evidence`; the images of the crops are empty, (0, 0, 3).

    Raises
    ------
    ValueError
        If the file is damaged or holds something else.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            return tuple(_evidence({name: file[name] for name in file.files}))
    except (KeyError, OSError, EOFError, ValueError, BadZipFile) as error:
        raise ValueError(f"{path}: not the evidence of a photo ({error}): delete it and run again") from error


def _evidence(arrays: dict[str, NDArray]) -> Iterator[Evidence]:
    no_image = np.zeros((0, 0, 3), np.uint8)
    ends = np.cumsum(arrays["counts"])
    for i, (count, end) in enumerate(zip(arrays["counts"], ends, strict=True)):
        score, affine = float(arrays["box_scores"][i]), Affine(arrays["affines"][i])
        crop = Crop(no_image, affine, arrays["boxes"][i], score)
        candidates = Candidates(*(arrays[name][end - count : end] for name in _CANDIDATE_ARRAYS))
        parts = PartMaps(arrays["parts"][i].astype(np.float32), float(arrays["strides"][i]))
        yield Evidence(crop, candidates, parts)
