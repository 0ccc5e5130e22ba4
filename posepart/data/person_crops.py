"""Training crops around people: image, joints of everyone in the crop, part map, ignored regions."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from posepart.arrays import Float32, Mask
from posepart.config import CropConfig
from posepart.data.augment import (
    AugmentConfig,
    jitter_colours,
    random_affine,
    random_rectangle,
    transform_joints,
    turned,
    warp_labels,
)
from posepart.data.decoded import DecodedPhotos
from posepart.data.sample import LabelledPerson, Sample, schema_of
from posepart.data.source_shares import note_on_shares, source_weights
from posepart.geometry.frames import Affine, crop_to_map
from posepart.schema import IGNORE, BodySchema, Part
from posepart.stages.crops import warp_image

MAX_PEOPLE = 6  # people per crop whose joints are kept, the crop's own person first


@dataclass(frozen=True)
class CropBatchConfig:
    """How training batches are drawn."""

    batch_size: int = 32
    seed: int = 0
    stride: int = 4  # crop pixels per cell of the networks' maps
    need: str = "joints"  # labels that a person or photo must have to be drawn: "joints" or "parts"
    crop: CropConfig = field(default_factory=lambda: CropConfig(size=192))
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    source_shares: dict[str, float] = field(
        default_factory=dict
    )  # source -> share of the crops, see `source_weights`


class PersonCrops(Dataset[dict[str, Tensor]]):
    """An endless, seeded stream of batches; the same seed and index give the same batch on any machine.

    Notes
    -----
    All samples have one schema, whose joints (J) and labels the batches are in. A mirrored crop has its joints and
    labels swapped as the schema says.

    A batch is a dict of tensors. With S the side of a crop and h = S / stride:

    - image: (B, 3, S, S) uint8;
    - joints: (B, MAX_PEOPLE, J, 3) float32, crop frame; the third column is 1 where a joint is labelled and inside
      the crop;
    - box: (B, 4) float32 xyxy, crop frame, of the crop's own person;
    - ignore: (B, h, h) bool, cells where an unlabelled joint may lie;
    - parts: (B, h, h) uint8, `schema.IGNORE` where there is no label.
    """

    def __init__(self, samples: Sequence[Sample], config: CropBatchConfig) -> None:
        self.samples = samples
        self.config = config
        self.decoded = DecodedPhotos()
        self.schema = schema_of(samples)
        needs = {"joints": _has_joints, "parts": _has_parts}
        if config.need not in needs:
            raise ValueError(f"need: expected one of {', '.join(needs)}, got {config.need!r}")
        wanted = needs[config.need]
        self.index = [(s, p) for s, x in enumerate(samples) for p, y in enumerate(x.people) if wanted(x, y)]
        if not self.index:
            raise ValueError(f"the data holds no person with {config.need}: nothing to train on")
        sources = np.array([samples[s].source for s, _ in self.index])
        self.cumulative = np.cumsum(source_weights(sources, config.source_shares))
        self.note = note_on_shares(sources, config.source_shares)
        self.donors = [
            (s, p) for s, p in self.index
            if samples[s].instance_path is not None and samples[s].people[p].instance > 0
        ]  # fmt: skip

    def __len__(self) -> int:
        """The number of batches in an epoch: as many crops are drawn as there are people, though at random."""
        return -(-len(self.index) // self.config.batch_size)

    def __getitem__(self, step: int) -> dict[str, Tensor]:
        self.decoded.next_step()
        rng = np.random.default_rng([self.config.seed, step])
        crops = [self._crop(rng) for _ in range(self.config.batch_size)]
        return {key: torch.from_numpy(np.stack([c[key] for c in crops])) for key in crops[0]}

    def _crop(self, rng: Generator) -> dict[str, NDArray]:
        s, p = self.index[min(int(np.searchsorted(self.cumulative, rng.random())), len(self.index) - 1)]
        sample, config = self.samples[s], self.config
        affine, mirrored = random_affine(rng, sample.people[p].box, config.crop, config.augment)
        view = crop_labels(sample, p, affine, mirrored, config.crop.size, config.stride, self.decoded)
        if self.donors and rng.random() < config.augment.paste:
            self._paste(rng, view)
        if rng.random() < config.augment.rectangle:
            view["image"], mask = random_rectangle(rng, view["image"])
            cells = _at_cells(mask, config.stride)
            view["parts"][cells & (view["parts"] != IGNORE)] = Part.BACKGROUND
        view["image"] = np.ascontiguousarray(
            jitter_colours(rng, view["image"], config.augment).transpose(2, 0, 1)
        )
        return view

    def _paste(self, rng: Generator, view: dict[str, NDArray]) -> None:
        """Paste a donor's pixels, parts and joints in front of the crop's own person."""
        s, p = self.donors[rng.integers(len(self.donors))]
        donor, size, stride = self.samples[s], self.config.crop.size, self.config.stride
        affine, mirrored = random_affine(rng, donor.people[p].box, self.config.crop, self.config.augment)
        angle, distance = rng.uniform(0, 2 * np.pi), rng.uniform(0.35, 0.7) * size
        shift = distance * np.array([np.cos(angle), 0.6 * np.sin(angle)])
        affine = turned(affine, size, 1.0, 0.0, shift, mirrored=False)
        labels = crop_labels(donor, p, affine, mirrored, size, stride, self.decoded)
        instances = self.decoded.instances(donor)
        assert instances is not None
        mask = warp_labels((instances == donor.people[p].instance).astype(np.uint8), affine, size, 1, 0) > 0
        soft = cv2.GaussianBlur(mask.astype(np.float32), (3, 3), 0)[..., None]
        view["image"] = (view["image"] * (1 - soft) + labels["image"] * soft).astype(np.uint8)
        cells = _at_cells(mask, stride)
        view["parts"] = np.where(cells, labels["parts"], view["parts"])
        _hide_covered(view["joints"], mask)
        view["ignore"] = np.where(cells, labels["ignore"], view["ignore"])
        free = int(np.argmin(view["joints"][:, :, 2].any(1))) or MAX_PEOPLE - 1
        view["joints"][free] = labels["joints"][0]


def crop_labels(
    sample: Sample,
    person: int,
    affine: Affine,
    mirrored: bool,
    size: int,
    stride: int,
    decoded: DecodedPhotos | None = None,
) -> dict[str, NDArray]:
    """Crop a sample and its labels around one person, without changes of colour.

    Parameters
    ----------
    sample : Sample
    person : int
        Index of the crop's own person.
    affine : Affine
        From photo to crop.
    mirrored : bool
        Whether the affine mirrors.
    size : int
        Side S of the crop, px.
    stride : int
        Crop pixels per map cell.
    decoded : DecodedPhotos, optional
        Reads the photo and its maps, which are read from their files by default.

    Returns
    -------
    dict of str to ndarray
        One item of the batches of `PersonCrops`, but with image (S, S, 3).
    """
    others = [q for i, q in enumerate(sample.people) if i != person]
    joints, ignore = _joints_of_people(
        [sample.people[person], *others], affine, sample.schema, mirrored, size, stride
    )
    for box in sample.ignore_boxes:
        _mark_box(ignore, box, affine, stride)
    decoded = decoded or DecodedPhotos()
    parts = decoded.parts(sample)
    outside = np.full(ignore.shape, IGNORE, np.uint8)
    part_map = outside if parts is None else warp_labels(parts, affine, size, stride, Part.BACKGROUND)
    part_map = sample.schema.mirrored(part_map) if mirrored else part_map
    corners = _corners(sample.people[person].box, affine)
    own = np.concatenate([corners.min(axis=0), corners.max(axis=0)]).astype(np.float32)
    image = warp_image(decoded.image(sample), affine, size)
    return {"image": image, "joints": joints, "box": own, "ignore": ignore, "parts": part_map}


def _joints_of_people(
    people: Sequence[LabelledPerson],
    affine: Affine,
    schema: BodySchema,
    mirrored: bool,
    size: int,
    stride: int,
) -> tuple[Float32, Mask]:
    """Joints of a crop's people, its own person first, and the cells in which unlabelled joints may lie.

    Returns
    -------
    joints : (MAX_PEOPLE, J, 3) float32
    ignore : (h, h) bool
    """
    joints = np.zeros((MAX_PEOPLE, len(schema.joints), 3), np.float32)
    ignore = np.zeros((size // stride, size // stride), bool)
    row = 0
    for candidate in people:
        complete = candidate.joints is not None and bool((candidate.joints[:, 2] > 0).all())
        if candidate.joints is not None:
            moved = transform_joints(candidate.joints, affine, mirrored, schema.flip_joints)
            visible = _visible_joints(moved, size)
            if row < MAX_PEOPLE and (row == 0 or visible[:, 2].any()):
                joints[row] = visible
                row += 1
            else:
                complete = complete and not visible[:, 2].any()
        elif row == 0:
            row = 1  # the first row remains that of the crop's own person
        if not complete:
            _mark_box(ignore, candidate.box, affine, stride)
    return joints, ignore


def _has_joints(sample: Sample, person: LabelledPerson) -> bool:
    return person.joints is not None and int((person.joints[:, 2] > 0).sum()) >= 3


def _has_parts(sample: Sample, person: LabelledPerson) -> bool:
    return sample.part_path is not None and max(person.box[2:] - person.box[:2]) >= 30


def _visible_joints(joints: Float32, size: int) -> Float32:
    """Set the third column to 1 where a joint is labelled and inside the crop, and all other rows to 0."""
    inside = ((joints[:, :2] >= 0) & (joints[:, :2] <= size - 1)).all(1) & (joints[:, 2] > 0)
    return np.where(inside[:, None], np.column_stack([joints[:, :2], np.ones(len(joints))]), 0).astype(
        np.float32
    )


def _mark_box(ignore: Mask, box: NDArray, affine: Affine, stride: int) -> None:
    """Mark the cells under a box of the photo, which may be rotated in the crop; in place."""
    canvas = np.zeros(ignore.shape, np.uint8)
    corners = crop_to_map(_corners(box, affine), stride)
    cv2.fillConvexPoly(canvas, np.round(corners).astype(np.int32), 1)
    ignore |= canvas > 0


def _corners(box: NDArray, affine: Affine) -> NDArray:
    """The corners of a box of the photo, (4, 2) in the crop frame."""
    x0, y0, x1, y1 = box
    return affine.forward(np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]]))


def _at_cells(mask: Mask, stride: int) -> Mask:
    return mask[stride // 2 :: stride, stride // 2 :: stride]


def _hide_covered(joints: Float32, mask: Mask) -> None:
    """Remove the labels of joints (P, 14, 3) that lie under a mask; in place."""
    x, y = (np.clip(np.round(joints[..., i]).astype(int), 0, mask.shape[0] - 1) for i in range(2))
    joints[mask[y, x] & (joints[..., 2] > 0)] = 0
