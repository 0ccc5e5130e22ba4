"""Which person each body pixel belongs to: the one with the nearest bone.

Ours: the paper labels the parts of pixels, but does not assign the pixels to people.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from posepart.arrays import Float32, Ids, Mask
from posepart.config import MergeConfig
from posepart.geometry.frames import Affine, map_to_crop
from posepart.geometry.segments import segment_distance
from posepart.geometry.windows import Window, box_window, crop_window, strips, within
from posepart.schema import JOINT_PARTS, NUM_PARTS, SKELETON, Joint, Part
from posepart.structures import Person, Pose

STEPS = 16  # distances are kept as 16-bit integers in sixteenths of a crop pixel
NEVER = 65535  # larger than the distance of any pixel
MAX_PEOPLE = 255  # person ids have 8 bits, and 0 is nobody

Field = NDArray[np.uint16]  # distances in these steps


def pixel_owners(
    part_map: Ids,
    people: Sequence[Person],
    affines: Sequence[Affine],
    crop_size: int,
    config: MergeConfig,
) -> Ids:
    """The owner of each body pixel: the person with the nearest bone.

    Distances are measured in each person's own crop frame, in which all people have one size, to the bones of the
    pixel's part; a bone of another part counts as `other_part_penalty` farther, so that a leg without joints still
    gets an owner. A person can own the pixels of its crop in its box or within `reach` of its bones.

    Parameters
    ----------
    part_map : (H, W) uint8
        `schema.Part` ids.
    people : sequence of Person
    affines : sequence of Affine
        One per person, photo -> crop, without rotation.
    crop_size : int
        Side of the crops, px.
    config : MergeConfig

    Returns
    -------
    (H, W) uint8
        0 = nobody, k = `people[k - 1]`; of equally near people the first.

    Raises
    ------
    ValueError
        If there are more than 255 people.
    """
    if len(people) > MAX_PEOPLE:
        raise ValueError(
            f"person map: {len(people)} people, but ids have 8 bits: set detection.max_people to 255 or less"
        )
    shape = part_map.shape[0], part_map.shape[1]
    pairs = list(zip(people, affines, strict=True))
    fields = [_BoneField(bone_distances(p.pose, a, crop_size, config), a, p.box) for p, a in pairs]
    windows = [_reachable(p, a, crop_window(a, crop_size, shape), config.reach) for p, a in pairs]
    owner = np.zeros(shape, np.uint8)
    for strip, inside in strips(windows, shape):
        x0, y0, x1, y1 = strip
        readers = [(i + 1, fields[i], window) for i, window in inside]
        owner[y0:y1, x0:x1] = _owners(part_map[y0:y1, x0:x1], strip, readers, config.reach)
    return owner


def _reachable(person: Person, affine: Affine, window: Window, reach: float) -> Window:
    """The least window of what a person can own in a window: its box, and what is within `reach` of its bones."""
    present = affine.forward(person.pose.xy[person.pose.present])
    if not len(present):
        return box_window(person.box, window)
    around = reach + 4  # crop px; distances are interpolated from every fourth pixel, and rounded down
    corners = affine.inverse(np.stack([present.min(axis=0) - around, present.max(axis=0) + around]))
    low, high = np.minimum(corners[0], person.box[:2]), np.maximum(corners[1], person.box[2:])
    return box_window(np.concatenate([low, high]), window)


def _owners(
    parts: Ids, strip: Window, readers: Sequence[tuple[int, "_BoneField", Window]], reach: float
) -> Ids:
    """The owners of one strip; each reader is the id of a person, its distances, and its window in the strip."""
    nearest = np.full(parts.shape, NEVER, np.uint16)
    owner = np.zeros(parts.shape, np.uint8)
    for person, field, window in readers:
        view = within(window, strip)
        distance = field.read(parts[view], window)
        nearer = field.may_own(distance, window, reach) & (distance < nearest[view])
        np.copyto(nearest[view], distance, where=nearer)
        np.copyto(owner[view], np.uint8(person), where=nearer)
    return owner


def bone_distances(pose: Pose, affine: Affine, crop_size: int, config: MergeConfig) -> Field:
    """Distance of every crop pixel to a person's bones of each part.

    The bones of a part are the sticks between neighbouring joints, and single joints without such a stick.

    Parameters
    ----------
    pose : Pose
        In the photo frame.
    affine : Affine
        Photo -> crop.
    crop_size : int
        Side of the crop, px.
    config : MergeConfig

    Returns
    -------
    (7, S, S) uint16
        Sixteenths of a crop px; 65535 for the background, and everywhere if the pose has no joint. Computed on
        every fourth pixel and interpolated.
    """
    field = np.full((NUM_PARTS, crop_size, crop_size), NEVER, np.uint16)
    bones = _bones(pose)
    if not bones:
        return field
    xy = affine.forward(pose.xy).astype(np.float32)
    start, end, bone_part = (np.array(column) for column in zip(*bones, strict=True))
    cells = max(1, crop_size // 4)
    axis = map_to_crop(np.arange(cells, dtype=np.float32), crop_size / cells)
    to_bone = segment_distance(axis, axis, xy[start], xy[end])
    to_any = to_bone.min(axis=0) + np.float32(config.other_part_penalty)
    for part in Part:
        if part is not Part.BACKGROUND:
            nearest = np.minimum(to_bone[bone_part == part].min(axis=0, initial=np.inf), to_any)
            steps = np.minimum(nearest * STEPS, NEVER - 1)
            field[part] = cv2.resize(steps, (crop_size, crop_size), interpolation=cv2.INTER_LINEAR)
    return field


def _bones(pose: Pose) -> list[tuple[Joint, Joint, Part]]:
    """The ends and part of each bone; a joint of a part in which no bone ends at it is a bone of length 0."""
    present = pose.present
    bones = [bone for bone in SKELETON if present[bone[0]] and present[bone[1]]]
    tips = {(joint, part) for a, b, part in bones for joint in (a, b)}
    for joint in Joint:
        for part in dict.fromkeys(JOINT_PARTS[joint]):
            if present[joint] and (joint, part) not in tips:
                bones.append((joint, joint, part))
    return bones


@dataclass(frozen=True)
class _BoneField:
    """The distances to one person's bones, to be read at photo pixels."""

    distances: Field
    affine: Affine  # photo -> crop
    box: Float32  # (4,) xyxy, photo frame

    def read(self, parts: Ids, window: Window) -> Field:
        """The distance of each photo pixel of a window to the bones of its part, given in `parts`: (h, w) each."""
        x0, y0, x1, y1 = window
        size = self.distances.shape[1]
        corner = np.rint(self.affine.forward(np.stack([np.arange(x0, x1)] * 2, axis=1))[:, 0])
        column = np.clip(corner, 0, size - 1).astype(np.intp)
        corner = np.rint(self.affine.forward(np.stack([np.arange(y0, y1)] * 2, axis=1))[:, 1])
        row = np.clip(corner, 0, size - 1).astype(np.intp)
        index = parts.astype(np.intp) * (size * size)
        index += row[:, None] * size
        index += column
        return self.distances.ravel().take(index)

    def may_own(self, distance: Field, window: Window, reach: float) -> Mask:
        """(h, w) which pixels of a window lie in the box, or at most `reach` crop px from a bone."""
        possible = distance <= reach * STEPS
        possible[within(box_window(self.box, window), window)] = True
        return possible
