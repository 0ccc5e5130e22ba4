"""posepart as a function of CVAT's automatic annotation: `cvat-cli task auto-annotate`, or an agent of it.

    cvat-cli task auto-annotate TASK --function-module posepart.cli.cvat_function -p model=str:posepart-s

The labels are those that `posepart export --to cvat` writes: the skeleton `person`, the rectangle `person_box`, and
a mask for each part. A task needs those of them that are wanted; `--allow-unmatched-labels` leaves out the others.
Needs the packages cvat-sdk and cvat-cli.
"""

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from PIL import Image

from posepart.formats.cvat import BOX
from posepart.formats.records import Cutout, PersonRecord
from posepart.formats.results import photo_of_scene
from posepart.formats.rle import run_lengths
from posepart.formats.shapes import PERSON
from posepart.loading import load
from posepart.pipeline import Pipeline
from posepart.schema import PART_NAMES
from posepart.schema.skeletons import POSEPART14

try:
    import cvat_sdk.auto_annotation as cvat
except ImportError as error:
    raise ValueError(
        f"annotating in CVAT needs the package cvat-sdk ({error}): run `pip install cvat-sdk`"
    ) from None

_SKELETON_ID, _BOX_ID, _FIRST_PART_ID = 0, 1, 2


class CvatFunction:
    """A detection function as CVAT defines it.

    Parameters
    ----------
    pipeline : Pipeline
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline

    @cached_property
    def spec(self) -> Any:
        """The labels."""
        joints = [cvat.keypoint_spec(name, number) for number, name in enumerate(POSEPART14.joints)]
        parts = enumerate(PART_NAMES[1:], start=_FIRST_PART_ID)
        return cvat.DetectionFunctionSpec(
            labels=[
                cvat.skeleton_label_spec(PERSON, _SKELETON_ID, joints),
                cvat.label_spec(BOX, _BOX_ID, type="rectangle"),
                *(cvat.label_spec(name, number, type="mask") for number, name in parts),
            ]
        )

    def detect(self, context: Any, image: Image.Image) -> list[Any]:
        """The shapes of an image; those of a person are a group.

        Parameters
        ----------
        context : cvat_sdk.auto_annotation.DetectionFunctionContext
            Its threshold is one of the score of people; masks become polygons if it asks for that.
        image : Pillow image
        """
        photo = photo_of_scene(
            self.pipeline.trace(np.asarray(image.convert("RGB"))).scene, context.frame_name
        )
        shapes: list[Any] = []
        for group, person in enumerate(photo.people, start=1):
            if (person.score or 0.0) >= (context.conf_threshold or 0.0):
                shapes += _shapes(person, group, polygons=context.conv_mask_to_poly)
        return shapes


def _shapes(person: PersonRecord, group: int, polygons: bool) -> Iterator[Any]:
    yield cvat.rectangle(_BOX_ID, [float(value) for value in person.box], group=group)
    if person.present.any():
        joints = [
            cvat.keypoint(number, [float(x), float(y)], outside=not visibility)
            for number, (x, y, visibility, _) in enumerate(person.joints)
        ]
        yield cvat.skeleton(_SKELETON_ID, joints, group=group)
    for part in range(1, len(PART_NAMES)):
        cutout = None if person.cutout is None else person.cutout.of(part)
        if cutout is not None:
            label = _FIRST_PART_ID + part - 1
            if polygons:
                yield from (cvat.polygon(label, points, group=group) for points in _outlines(cutout))
            else:
                yield cvat.mask(label, _run_lengths(cutout), group=group)


def _run_lengths(cutout: Cutout) -> list[float]:
    """A mask as CVAT has it: runs of the window, row by row, and its first and last column and row."""
    rows, columns = cutout.parts.shape
    window = cutout.left, cutout.top, cutout.left + columns - 1, cutout.top + rows - 1
    return [float(number) for number in (*run_lengths(cutout.mask().ravel()), *window)]


def _outlines(cutout: Cutout) -> Iterator[list[float]]:
    """x0, y0, x1, y1, ... of the outline of every piece that has at least three corners."""
    mask = cutout.mask().astype(np.uint8)
    for outline in cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0]:
        if len(outline) >= 3:
            yield (
                (outline.reshape(-1, 2) + np.array([cutout.left, cutout.top])).astype(float).ravel().tolist()
            )


def create(model: str = "posepart-s", speed: str = "accurate") -> CvatFunction:
    """The function, as `cvat-cli -p model=str:NAME -p speed=str:fast` makes it; errors as in `posepart.load`."""
    return CvatFunction(load(model, speed=speed))
