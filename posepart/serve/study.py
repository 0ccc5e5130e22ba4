"""A photo that the page shows: its evidence once, and what the stages after it make of it with other settings."""

import secrets
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from threading import Lock

import cv2

from posepart.arrays import Float32, Rgb
from posepart.explanation.explain import explain
from posepart.explanation.records import PoseExplanation
from posepart.pipeline import Pipeline, Trace
from posepart.stages.crf import CrfAssembler
from posepart.stages.networks import FcnNetworks, pose_maps, to_batch

LONGEST = 1600  # px; larger photos are shrunk before the page looks at them


@dataclass(frozen=True)
class Variant:
    """With which settings the stages after the networks run."""

    segment_term: bool = True  # the part maps vote on which joints belong together
    second_stage: bool = True  # the parts are those of the second stage


@dataclass
class Study:
    """A photo and what is known of it so far."""

    photo: Rgb  # (H, W, 3), at most `LONGEST` px
    pipeline: Pipeline
    traces: dict[Variant, Trace] = field(default_factory=dict)
    explanations: dict[tuple[Variant, int], PoseExplanation] = field(default_factory=dict)
    maps: list[Float32] | None = None  # (14, h, w) of each crop; None until asked for

    def trace(self, variant: Variant) -> Trace:
        """The result with these settings, from the same evidence."""
        if variant not in self.traces:
            stages = stages_of(self.pipeline, variant)
            known = next(iter(self.traces.values()), None)
            if known is None:
                self.traces[variant] = stages.trace(self.photo)
            else:
                seen = stages.conclude(known.evidence, (self.photo.shape[0], self.photo.shape[1]))
                self.traces[variant] = replace(seen, left_out=known.left_out)
        return self.traces[variant]

    def joint_maps(self) -> list[Float32]:
        """The score maps of the joints, (14, h, w) in [0, 1] for each crop; empty if the model has no Pose FCN."""
        networks = self.pipeline.networks
        if self.maps is None:
            self.maps = []
            evidence = next(iter(self.traces.values())).evidence if self.traces else ()
            if isinstance(networks, FcnNetworks):
                config = networks.config
                with self.pipeline.turn:
                    for seen in evidence:
                        batch = to_batch([seen.crop], networks.device)
                        found = pose_maps(networks.pose, batch, config.mirror_pose, config.upright_pose)
                        self.maps.append(found[0].joints)
        return self.maps

    def explanation(self, variant: Variant, person: int) -> PoseExplanation:
        """Why a person, from 0, has its joints; errors as of `explanation.explain`."""
        if (variant, person) not in self.explanations:
            self.explanations[variant, person] = explain(self.trace(variant), person)
        return self.explanations[variant, person]


def stages_of(pipeline: Pipeline, variant: Variant) -> Pipeline:
    """The pipeline with the settings of a variant; a model without a CRF has no segment term to switch."""
    assembler, config = pipeline.assembler, pipeline.config
    if isinstance(assembler, CrfAssembler):
        features = replace(config.features, segment_term=variant.segment_term)
        config = replace(config, features=features)
        assembler = replace(assembler, config=config)
    refiner = pipeline.refiner if variant.second_stage else None
    return replace(pipeline, assembler=assembler, config=config, refiner=refiner)


def shrunken(photo: Rgb) -> Rgb:
    """The photo, or a copy whose longer side has `LONGEST` px."""
    height, width = photo.shape[:2]
    scale = LONGEST / max(height, width)
    if scale >= 1:
        return photo
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(photo, size, interpolation=cv2.INTER_AREA).astype(photo.dtype, copy=False)


class Studies:
    """The photos last looked at, by keys that nobody can guess; older ones are forgotten.

    Parameters
    ----------
    most : int
        How many are kept in memory.
    """

    def __init__(self, most: int = 16) -> None:
        self._most, self._kept, self._lock = most, OrderedDict[str, Study](), Lock()

    def add(self, study: Study) -> str:
        """Keep a photo; its key."""
        key = secrets.token_urlsafe(16)
        with self._lock:
            self._kept[key] = study
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return key

    def get(self, key: str) -> Study:
        """A photo that is kept.

        Raises
        ------
        ValueError
            It was forgotten.
        """
        with self._lock:
            if key not in self._kept:
                raise ValueError("this photo is no longer in memory; drop it again")
            self._kept.move_to_end(key)
            return self._kept[key]

    def forget(self, key: str) -> None:
        """Forget a photo, if it is kept."""
        with self._lock:
            self._kept.pop(key, None)
