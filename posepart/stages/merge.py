"""From crops back to the photo: part score averaging, and whose pixel is whose (Sec. 3)."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from posepart.arrays import Float32
from posepart.config import MergeConfig
from posepart.geometry.frames import Affine, map_to_crop
from posepart.geometry.segments import segment_distance
from posepart.geometry.windows import Window, box_window, crop_window, strips, within
from posepart.schema import JOINT_PARTS, NUM_PARTS, SKELETON, Joint, Part
from posepart.stages.pose_nms import pose_nms
from posepart.structures import PartMaps, Person, Pose

_STEPS = 16  # distances are kept in sixteenths of a crop pixel, 16 bit
_NEVER = 65535  # a distance that no pixel has
_MAX_IDS = 255  # person ids are 8 bit, 0 is nobody


@dataclass(frozen=True)
class Merged:
    """The crops of a photo as one result.

    kept: which of the people stay, best rank first. part_map, person_map: (H, W) uint8, see `merge_parts` and
    `pixel_owners`.
    """

    kept: list[int]
    part_map: NDArray[np.uint8]
    person_map: NDArray[np.uint8]


def merge_crops(
    people: Sequence[Person],
    ranks: Sequence[float],
    own_crops: Sequence[int],
    part_maps: Sequence[PartMaps],
    affines: Sequence[Affine],
    crop_size: int,
    photo_shape: tuple[int, int],
    config: MergeConfig,
) -> Merged:
    """Pose NMS, then the part scores of all crops, then whose pixel is whose.

    Parameters
    ----------
    people, ranks : everybody found in a crop, photo frame, and their ranks (see `pose_nms.keep_order`)
    own_crops : the crop of each of them, a row of the next two
    part_maps, affines : of every crop with a pose; a crop in which the CRF found none is no person, and its part
        scores do not vote
    crop_size, photo_shape, config : as for `pixel_owners`
    """
    kept = pose_nms(people, ranks, config)
    part_map = merge_parts(part_maps, affines, crop_size, photo_shape, config)
    own = [affines[own_crops[k]] for k in kept]
    return Merged(kept, part_map, pixel_owners(part_map, [people[k] for k in kept], own, crop_size, config))


def merge_parts(
    part_maps: Sequence[PartMaps],
    affines: Sequence[Affine],
    crop_size: int,
    photo_shape: tuple[int, int],
    config: MergeConfig,
) -> NDArray[np.uint8]:
    """The part map of the photo: scores averaged over the crops that cover a pixel, then the best (Sec. 3).

    Averaged are softened scores, whose logits are `part_power` times as large. The mean of scores that are near 0
    or 1 is a vote; of softened ones the surer crop, and of neighbouring cells the surer cell, counts more.

    Parameters
    ----------
    part_maps : one PartMaps per crop
    affines : one Affine per crop, photo -> crop, without rotation (`crops.box_affine`)
    crop_size : int
        Side of the crops, px.
    photo_shape : (H, W)
    config : MergeConfig

    Returns
    -------
    (H, W) uint8
        `schema.Part` ids; background outside every crop. The photo is worked through in strips, so that
        memory does not grow with it.
    """
    labels = np.zeros(photo_shape, np.uint8)
    softened = [softened_scores(maps, config.part_power) for maps in part_maps]
    readers = [_ScoreReader(maps, affine) for maps, affine in zip(softened, affines, strict=True)]
    windows = [crop_window(affine, crop_size, photo_shape) for affine in affines]
    for strip, inside in strips(windows, photo_shape):
        x0, y0, x1, y1 = strip
        total = np.zeros((2, y1 - y0, x1 - x0, 4), np.float32)
        for i, part in inside:
            rows, columns = within(part, strip)
            for layer, scores in zip(total, readers[i].read(part), strict=True):
                layer[rows, columns] += scores
        # the best mean is the best sum; where no crop lies all sums are 0 and background, the first, wins
        labels[y0:y1, x0:x1] = _first_best(total)
    return labels


def softened_scores(maps: PartMaps, power: float) -> PartMaps:
    """The part scores to a power, normalised again: a softmax at temperature 1 / power."""
    powered = maps.scores**power
    return PartMaps(powered / powered.sum(axis=0), maps.stride)


def pixel_owners(
    part_map: NDArray[np.uint8],
    people: Sequence[Person],
    affines: Sequence[Affine],
    crop_size: int,
    config: MergeConfig,
) -> NDArray[np.uint8]:
    """Whose each body pixel is: the person of the nearest bone.

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


def _first_best(total: Float32) -> NDArray[np.uint8]:
    """Index of the largest of the 7 scores of every pixel; of equal ones the first.

    total: (2, h, w, 4) float32, the scores as `_ScoreReader` lays them out.
    """
    best = cv2.extractChannel(total[0], 0)
    index = np.zeros(best.shape, np.uint8)
    for k in range(1, NUM_PARTS):
        scores = cv2.extractChannel(total[k // 4], k % 4)
        index = cv2.max(index, cv2.compare(scores, best, cv2.CMP_GT) & np.uint8(k))
        best = cv2.max(best, scores)
    return index


class _ScoreReader:
    """The part scores of one crop, ready to be read at photo pixels.

    They are kept as two images of four channels, the fastest kind for OpenCV's warp; the eighth is spare.
    """

    def __init__(self, maps: PartMaps, affine: Affine) -> None:
        scores = maps.scores
        matrix = affine.matrix / maps.stride
        matrix[:, 2] += 0.5 / maps.stride - 0.5
        height, width = scores.shape[1:]
        cells_per_pixel = affine.scale / maps.stride
        if cells_per_pixel > 1.5:  # a small person: average cells first, or some are never read
            size = max(1, round(width / cells_per_pixel)), max(1, round(height / cells_per_pixel))
            ratio = np.array([size[0] / width, size[1] / height])
            scores = np.stack([cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in scores])
            matrix *= ratio[:, None]
            matrix[:, 2] += 0.5 * ratio - 0.5
        spare = np.zeros((1, *scores.shape[1:]), np.float32)
        stacked = np.concatenate([scores, spare]).transpose(1, 2, 0)
        self._matrix = matrix
        self._images = [np.ascontiguousarray(stacked[:, :, :4]), np.ascontiguousarray(stacked[:, :, 4:])]

    def read(self, window: Window) -> list[Float32]:
        """Two (h, w, 4) images, bilinear, at the pixels of a window; the outermost cells continue outwards."""
        x0, y0, x1, y1 = window
        matrix = self._matrix.copy()
        matrix[:, 2] += matrix[:, :2] @ [x0, y0]
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        size = x1 - x0, y1 - y0
        return [
            np.asarray(
                cv2.warpAffine(image, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE), np.float32
            )
            for image in self._images
        ]
