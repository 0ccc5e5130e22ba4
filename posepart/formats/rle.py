"""Run lengths of masks: COCO's, column by column and as its compressed text, and CVAT's, row by row."""

import numpy as np

from posepart.arrays import Ids, Mask
from posepart.formats.records import Cutout, cut_out

_DIGIT, _MORE, _SIGN, _FIRST = 0x1F, 0x20, 0x10, 48  # of the compressed text: five bits a letter, from "0" on


def run_lengths(flat: Mask) -> list[int]:
    """The lengths of alternating runs of a flat mask; the first is of False and may be 0."""
    ends = np.concatenate([[0], np.flatnonzero(flat[1:] != flat[:-1]) + 1, [len(flat)]])
    lengths = np.diff(ends).tolist()
    return [0, *lengths] if len(flat) and flat[0] else lengths


def from_run_lengths(lengths: list[int], size: int) -> Mask:
    """The flat mask of `size` values with these runs.

    Raises
    ------
    ValueError
        The runs have another total, or are no whole numbers.
    """
    if not all(isinstance(n, int) and not isinstance(n, bool) and 0 <= n <= size for n in lengths):
        raise ValueError("run lengths must be whole numbers within the mask")
    if sum(lengths) != size:
        raise ValueError(f"expected run lengths of {size} pixels together, got {sum(lengths)}")
    return np.repeat(np.arange(len(lengths)) % 2 == 1, lengths)


def coco_rle(cutout: Cutout, width: int, height: int) -> dict[str, object]:
    """A mask as large as the photo in COCO's compressed form, as pycocotools encodes it."""
    rows, columns = cutout.parts.shape
    strip = np.zeros((height, columns), bool)
    strip[cutout.top : cutout.top + rows] = cutout.mask()
    counts = run_lengths(strip.ravel(order="F"))
    counts[0] += cutout.left * height
    after = (width - cutout.left - columns) * height
    if len(counts) % 2:
        counts[-1] += after
    elif after:
        counts.append(after)
    return {"size": [height, width], "counts": compressed(counts)}


def compressed(counts: list[int]) -> str:
    """Run lengths as COCO's text: from the fourth on as the difference to the last but one, 5 bits a letter."""
    letters = []
    for place, count in enumerate(counts):
        value = count - counts[place - 2] if place > 2 else count
        while True:
            digit, value = value & _DIGIT, value >> 5
            done = value == (-1 if digit & _SIGN else 0)
            letters.append(chr(_FIRST + (digit if done else digit | _MORE)))
            if done:
                break
    return "".join(letters)


def decompressed(text: str) -> list[int]:
    """Run lengths of COCO's text.

    Raises
    ------
    ValueError
        The text is none.
    """
    counts: list[int] = []
    value = shift = 0
    for letter in text:
        digit = ord(letter) - _FIRST
        if not 0 <= digit < 2 * _MORE or shift > 60:
            raise ValueError("counts are no run lengths in COCO's compressed form")
        value |= (digit & _DIGIT) << shift
        shift += 5
        if not digit & _MORE:
            if digit & _SIGN:
                value -= 1 << shift
            counts.append(value + counts[-2] if len(counts) > 2 else value)
            value = shift = 0
    if shift:
        raise ValueError("counts are cut short")
    return counts


def mask_of_rle(rle: object, width: int, height: int) -> Mask:
    """(H, W) bool of a COCO mask, compressed or not.

    Raises
    ------
    ValueError
        It is no such mask, or one of another size.
    """
    size, counts = (rle.get("size"), rle.get("counts")) if isinstance(rle, dict) else (None, None)
    if size != [height, width]:
        raise ValueError(f"expected a mask of size [{height}, {width}], got {size}")
    if isinstance(counts, str):
        counts = decompressed(counts)
    if not isinstance(counts, list):
        raise ValueError("a mask lacks its counts")
    return from_run_lengths(counts, width * height).reshape((height, width), order="F")


def cutout_of(mask: Mask, part: int, left: int = 0, top: int = 0) -> Cutout | None:
    """A mask as the pixels of one part."""
    return cut_out(mask.astype(np.uint8) * np.uint8(part), left, top)


def merged(cutouts: list[Cutout], width: int, height: int) -> Cutout | None:
    """Several cutouts of one person as one; where they overlap, the later."""
    if len(cutouts) < 2:
        return cutouts[0] if cutouts else None
    ids: Ids = np.zeros((height, width), np.uint8)
    for cutout in cutouts:
        cutout.paste(ids)
    return cut_out(ids)
