"""From the crops back to the photo: people and averaged part scores (Sec. 3), and the owners of pixels."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from posepart.arrays import Float32, Ids
from posepart.config import MergeConfig, PipelineConfig
from posepart.geometry.frames import Affine
from posepart.geometry.pose_boxes import pose_extent
from posepart.geometry.windows import Window, crop_window, strips, within
from posepart.schema import NUM_PARTS
from posepart.stages.ownership import pixel_owners
from posepart.stages.pose_nms import Rank, pose_nms, rank_of
from posepart.structures import Certificate, Choice, Crop, Evidence, Grouping, PartMaps, Person, Pose


@dataclass(frozen=True)
class Source:
    """Where a person of the result comes from."""

    crop: int  # index of the crop
    pose: Pose  # in the frame of that crop


@dataclass(frozen=True)
class Found:
    """A person of one crop, before pose NMS."""

    person: Person  # photo frame
    source: Source
    rank: Rank  # decides between two poses of one person


@dataclass(frozen=True)
class Merged:
    """The crops of a photo as one result."""

    people: tuple[Person, ...]  # best rank first
    sources: tuple[Source, ...]  # of each of the people
    part_map: Ids  # (H, W), `schema.Part` ids
    person_map: Ids  # (H, W), 0 = nobody, k = people[k - 1]


def merge(
    evidence: Sequence[Evidence],
    groupings: Sequence[Grouping],
    choices: Sequence[Choice],
    parts: Sequence[PartMaps],
    photo_shape: tuple[int, int],
    config: PipelineConfig,
) -> Merged:
    """Pose NMS, then the part scores of all crops, then the owner of every body pixel.

    Parameters
    ----------
    evidence, groupings, choices, parts : sequences
        One item per crop: what the networks said, the assembled poses, the people chosen from them, and the part
        maps, refined or not. The part scores of a crop without people count with `merge.vote_without_pose` only.
    photo_shape : (H, W)
    config : PipelineConfig

    Returns
    -------
    Merged
    """
    kept = merge_people(evidence, groupings, choices, photo_shape, config)
    people = tuple(item.person for item in kept)
    votes = [k for k, choice in enumerate(choices) if choice.drawn or config.merge.vote_without_pose]
    size, affines = config.crop.size, [item.crop.affine for item in evidence]
    part_map = merge_parts(
        [parts[k] for k in votes], [affines[k] for k in votes], size, photo_shape, config.merge
    )
    own = [affines[item.source.crop] for item in kept]
    person_map = pixel_owners(part_map, people, own, size, config.merge)
    return Merged(people, tuple(item.source for item in kept), part_map, person_map)


def merge_people(
    evidence: Sequence[Evidence],
    groupings: Sequence[Grouping],
    choices: Sequence[Choice],
    photo_shape: tuple[int, int],
    config: PipelineConfig,
) -> list[Found]:
    """Pose NMS over all crops: the people of `merge`, best rank first, without their parts."""
    found = list(_found(evidence, groupings, choices, photo_shape, config))
    return [found[k] for k in pose_nms([f.person for f in found], [f.rank for f in found], config.merge)]


def _found(
    evidence: Sequence[Evidence],
    groupings: Sequence[Grouping],
    choices: Sequence[Choice],
    photo_shape: tuple[int, int],
    config: PipelineConfig,
) -> Iterator[Found]:
    """The people of all crops: first the owners of the boxes, then the people without a box."""
    crops = list(zip([item.crop for item in evidence], groupings, choices, strict=True))
    margin = config.choice.margin
    for k, (crop, grouping, choice) in enumerate(crops):
        if choice.own is not None:
            person = person_of_box(choice.own, crop, grouping.certificate)
            yield Found(person, Source(k, choice.own), rank_of(person, False, margin, config.merge))
    for k, (crop, grouping, choice) in enumerate(crops):
        for pose in choice.extra:
            person = person_of_pose(pose, crop, grouping.certificate, photo_shape, margin)
            yield Found(person, Source(k, pose), rank_of(person, True, margin, config.merge))


def person_of_box(pose: Pose, crop: Crop, certificate: Certificate) -> Person:
    """The person of a detector's box, whose pose is given in the crop frame."""
    xy = np.where(pose.present[:, None], crop.affine.inverse(pose.xy), 0).astype(np.float32)
    return Person(replace(pose, xy=xy), crop.box, crop.score, certificate)


def person_of_pose(
    pose: Pose, crop: Crop, certificate: Certificate, photo_shape: tuple[int, int], margin: float
) -> Person:
    """A person of a crop for whom the detector has no box.

    The box is the extent of the pose, its score that of the crop times the mean score of the joints.

    Parameters
    ----------
    pose : Pose
        In the crop frame.
    crop : Crop
    certificate : Certificate
    photo_shape : (H, W)
    margin : float
        How far a body reaches beyond its joints, see `pose_extent`.
    """
    extent = pose_extent(crop.affine.inverse(pose.xy[pose.present]), margin)
    box = np.clip(extent, 0, [photo_shape[1], photo_shape[0]] * 2).astype(np.float32)
    score = crop.score * float(pose.joint_scores[pose.present].mean())
    return replace(person_of_box(pose, crop, certificate), box=box, box_score=score)


def merge_parts(
    part_maps: Sequence[PartMaps],
    affines: Sequence[Affine],
    crop_size: int,
    photo_shape: tuple[int, int],
    config: MergeConfig,
) -> Ids:
    """The part map of the photo: scores averaged over the crops that cover a pixel, then the best part (Sec. 3).

    The scores are softened first (`softened_scores`). The mean of scores near 0 and 1 is a vote, in which every crop
    counts the same; when they are softened, a more confident crop counts more.

    Parameters
    ----------
    part_maps : sequence of PartMaps
        One per crop.
    affines : sequence of Affine
        One per crop, photo -> crop, without rotation (`crops.box_affine`).
    crop_size : int
        Side of the crops, px.
    photo_shape : (H, W)
    config : MergeConfig

    Returns
    -------
    (H, W) uint8
        `schema.Part` ids; background outside every crop. Computed in strips, so that memory does not grow with
        the photo.
    """
    labels = np.zeros(photo_shape, np.uint8)
    softened = [softened_scores(maps, config.part_power) for maps in part_maps]
    readers = [_ScoreReader(maps, affine) for maps, affine in zip(softened, affines, strict=True)]
    windows = [crop_window(affine, crop_size, photo_shape) for affine in affines]
    planes = total = np.empty((0, 0, 0), np.float32)
    for strip, inside in strips(windows, photo_shape):
        x0, y0, x1, y1 = strip
        if planes.shape[1:] != (
            y1 - y0,
            x1 - x0,
        ):  # most strips have one shape, and new memory takes its time
            planes = np.empty((8, y1 - y0, x1 - x0), np.float32)
            total = np.empty((2, y1 - y0, x1 - x0, 4), np.float32)
        total.fill(0)
        for i, part in inside:
            rows, columns = within(part, strip)
            for layer, scores in zip(total, readers[i].read(part), strict=True):
                cv2.add(layer[rows, columns], scores, dst=layer[rows, columns])  # in a third of numpy's time
        # the best mean is the best sum; outside every crop all sums are 0, and background, the first, wins
        labels[y0:y1, x0:x1] = _first_best(total, planes)
    return labels


def softened_scores(maps: PartMaps, power: float) -> PartMaps:
    """The part scores to a power, normalised again: a softmax at temperature 1 / power, of logits times power."""
    powered = maps.scores**power
    return PartMaps(powered / powered.sum(axis=0), maps.stride)


def _first_best(total: Float32, planes: Float32) -> Ids:
    """(h, w) index of the largest of 7 scores, laid out as `_ScoreReader` does; of equal ones the first.

    `planes`, (8, h, w) float32, is overwritten.
    """
    for layer, own in zip(total, (planes[:4], planes[4:]), strict=True):
        cv2.split(layer, list(own))
    best, index = planes[0], np.zeros(planes.shape[1:], np.uint8)
    for k in range(1, NUM_PARTS):
        cv2.max(index, cv2.compare(planes[k], best, cv2.CMP_GT) & np.uint8(k), dst=index)
        cv2.max(best, planes[k], dst=best)
    return index


class _ScoreReader:
    """The part scores of one crop, to be read at photo pixels.

    They are kept as two images of four channels, which OpenCV warps fastest; the eighth channel is unused.
    """

    def __init__(self, maps: PartMaps, affine: Affine) -> None:
        scores = maps.scores
        matrix = affine.matrix / maps.stride
        matrix[:, 2] += 0.5 / maps.stride - 0.5
        height, width = scores.shape[1:]
        cells_per_pixel = affine.scale / maps.stride
        if cells_per_pixel > 1.5:  # a small person: average cells first, or some would never be read
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
        """Two (h, w, 4) images at the pixels of a window, bilinear; the outermost cells continue outwards."""
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
