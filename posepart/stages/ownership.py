"""Which person each body pixel belongs to: the one with the nearest bone (Sec. 3)."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from posepart.config import MergeConfig
from posepart.geometry.frames import Affine, map_to_crop
from posepart.geometry.segments import segment_distance
from posepart.geometry.windows import Window, box_window, crop_window, strips, within
from posepart.schema import JOINT_PARTS, NUM_PARTS, SKELETON, Joint, Part
from posepart.structures import Person, Pose

_STEPS = 16  # distances are kept in sixteenths of a crop pixel, 16 bit
_NEVER = 65535  # a distance that no pixel has
_MAX_IDS = 255  # person ids are 8 bit, 0 is nobody


def pixel_owners(
    part_map: NDArray[np.uint8],
    people: Sequence[Person],
    affines: Sequence[Affine],
    crop_size: int,
    config: MergeConfig,
) -> NDArray[np.uint8]:
    """The owner of each body pixel: the person with the nearest bone.

    Distances are measured in each person's own crop frame, in which all people have one size, to the person's
    bones of the pixel's part (sticks between neighbouring joints, and single joints of that part). A bone of
    another part counts as `other_part_penalty` farther, so that a leg without joints still finds its person.
    A person claims the pixels of its crop inside its box, and those outside it that are within `reach`; a
    pixel that nobody claims stays nobody's.

    Parameters
    ----------
    part_map : (H, W) uint8, `schema.Part` ids
    people : the people kept, photo frame
    affines : one Affine per person, photo -> crop, without rotation
    crop_size : int
        Side of the crops, px.
    config : MergeConfig

    Returns
    -------
    (H, W) uint8
        0 = nobody, k = `people[k - 1]`; of equally near people the first wins.

    Raises
    ------
    ValueError
        If there are more than 255 people.
    """
    if len(people) > _MAX_IDS:
        raise ValueError(
            f"person map: {len(people)} people, but ids have 8 bits: set detection.max_people to 255 or less"
        )
    shape = part_map.shape[0], part_map.shape[1]
    owner = np.zeros(shape, np.uint8)
    fields = [
        bone_distances(person.pose, affine, crop_size, config)
        for person, affine in zip(people, affines, strict=True)
    ]
    windows = [crop_window(affine, crop_size, shape) for affine in affines]
    for strip, inside in strips(windows, shape):
        x0, y0, x1, y1 = strip
        nearest = np.full((y1 - y0, x1 - x0), _NEVER, np.uint16)
        for i, window in inside:
            view = within(window, strip)
            parts = part_map[y0:y1, x0:x1][view]
            distance = _read_field(fields[i], affines[i], parts, window)
            claimed = distance <= config.reach * _STEPS
            claimed[within(box_window(people[i].box, window), window)] = True
            claimed &= distance < nearest[view]
            np.copyto(nearest[view], distance, where=claimed)
            np.copyto(owner[y0:y1, x0:x1][view], np.uint8(i + 1), where=claimed)
    return owner


def bone_distances(pose: Pose, affine: Affine, crop_size: int, config: MergeConfig) -> NDArray[np.uint16]:
    """Distance of every crop pixel to a person's bones of each part.

    Parameters
    ----------
    pose : Pose in the photo frame
    affine : Affine, photo -> crop
    crop_size : int
    config : MergeConfig

    Returns
    -------
    (7, S, S) uint16, sixteenths of a crop px
        65535 for the background, and everywhere if the pose has no joint. Computed on every fourth pixel and
        interpolated.
    """
    field = np.full((NUM_PARTS, crop_size, crop_size), _NEVER, np.uint16)
    xy, present = affine.forward(pose.xy).astype(np.float32), pose.present
    bones = [bone for bone in SKELETON if present[bone[0]] and present[bone[1]]]
    tips = {(joint, part) for a, b, part in bones for joint in (a, b)}
    for joint in Joint:
        for part in dict.fromkeys(JOINT_PARTS[joint]):
            if present[joint] and (joint, part) not in tips:
                bones.append((joint, joint, part))
    if not bones:
        return field
    start, end, bone_part = (np.array(column) for column in zip(*bones, strict=True))
    cells = max(1, crop_size // 4)
    axis = map_to_crop(np.arange(cells, dtype=np.float32), crop_size / cells)
    to_bone = segment_distance(axis, axis, xy[start], xy[end])
    to_any = to_bone.min(axis=0) + np.float32(config.other_part_penalty)
    for part in Part:
        if part is not Part.BACKGROUND:
            nearest = np.minimum(to_bone[bone_part == part].min(axis=0, initial=np.inf), to_any)
            steps = np.minimum(nearest * _STEPS, _NEVER - 1)
            field[part] = cv2.resize(steps, (crop_size, crop_size), interpolation=cv2.INTER_LINEAR)
    return field


def _read_field(
    field: NDArray[np.uint16], affine: Affine, parts: NDArray[np.uint8], window: Window
) -> NDArray[np.uint16]:
    """The distance at each photo pixel of a window to the bones of its part in `parts`."""
    x0, y0, x1, y1 = window
    size = field.shape[1]
    corner = np.rint(affine.forward(np.stack([np.arange(x0, x1)] * 2, axis=1))[:, 0])
    column = np.clip(corner, 0, size - 1).astype(np.intp)
    corner = np.rint(affine.forward(np.stack([np.arange(y0, y1)] * 2, axis=1))[:, 1])
    row = np.clip(corner, 0, size - 1).astype(np.intp)
    index = parts.astype(np.intp) * (size * size)
    index += row[:, None] * size + column
    return field.ravel().take(index)
