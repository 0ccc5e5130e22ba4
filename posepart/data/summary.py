"""Counts of what a data set holds, as a table with a column per split."""

from collections.abc import Mapping, Sequence

import numpy as np

from posepart.arrays import Index
from posepart.data.sample import LabelledPerson, Sample, schema_of
from posepart.data.visibility import derived_visibilities
from posepart.schema import IGNORE, POSEPART, BodySchema
from posepart.schema.lip import LIP

Counts = dict[str, int | str]


def summarise(samples: Sequence[Sample], pixels: Index, photos: Index) -> dict[str, Counts]:
    """Count what one split holds.

    Parameters
    ----------
    samples : sequence of Sample
    pixels : (256,) int64
        How many pixels of their part maps have each id.
    photos : (256,) int64
        How many part maps have pixels of each id.

    Returns
    -------
    dict
        Section -> row -> count or share, in the order of the table.
    """
    schema = schema_of(samples)
    people = [(sample, person) for sample in samples for person in sample.people]
    joints = [person.joints[:, 2] for _, person in people if person.joints is not None]
    return {
        "photos": {
            "all": len(samples),
            "without people": sum(not sample.people for sample in samples),
            "other people may be unlabelled": sum(not sample.boxes_complete for sample in samples),
        },
        "people": {
            "all": len(people),
            **_by(
                "joints",
                [person.joints_from if person.joints is not None else "none" for _, person in people],
            ),
            "with a mask": sum(person.instance > 0 for _, person in people),
            "neither joints nor parts": sum(_unlabelled(*pair) for pair in people),
            "ignore regions": sum(len(sample.ignore_boxes) for sample in samples),
        },
        "joints": {
            "labelled": sum(int((visible > 0).sum()) for visible in joints),
            "of these occluded": sum(int((visible == 1).sum()) for visible in joints),
        },
        "part maps": _by("", [sample.parts_from for sample in samples]),
        "pixels of part maps": _shares(pixels, schema.labels),
        "photos by label": _photos_by_label(photos, schema),
        "people by visibility": _by_visibility([person for _, person in people], schema),
        "photos by source": _by("", [sample.source or "unnamed" for sample in samples]),
        "people by source": _by("", [sample.source or "unnamed" for sample, _ in people]),
    }


def _unlabelled(sample: Sample, person: LabelledPerson) -> bool:
    return person.joints is None and sample.part_path is None


def _by(what: str, values: Sequence[str]) -> Counts:
    names, counts = np.unique(np.array(values, str), return_counts=True)
    return {f"{what} {name}".strip(): int(count) for name, count in zip(names, counts, strict=True)}


def _photos_by_label(photos: Index, schema: BodySchema) -> Counts:
    """How many photos show each label, as in Fig. 3 of Liang et al.; not for our parts, which nearly all show."""
    if schema == POSEPART or not photos.any():
        return {}
    return {name: int(photos[i]) for i, name in enumerate(schema.labels) if i}


def _by_visibility(people: Sequence[LabelledPerson], schema: BodySchema) -> Counts:
    """How many people show what of themselves, as in Fig. 4 of Liang et al. (without back views); of LIP only."""
    labelled = [person.joints for person in people if person.joints is not None]
    if schema != LIP or not labelled:
        return {}
    return {name: int(shown.sum()) for name, shown in derived_visibilities(np.stack(labelled)).items()}


def _shares(pixels: Index, names: Sequence[str]) -> Counts:
    """Each label's share of the labelled pixels, and the shares of all pixels that are ignored or of unknown ids."""
    labelled, total = int(pixels[: len(names)].sum()), int(pixels.sum())
    if total == 0:
        return {}
    rows = {name: _percent(int(pixels[i]), labelled) for i, name in enumerate(names)}
    unknown = total - labelled - int(pixels[IGNORE])
    return {
        **rows,
        "(ignored, of all)": _percent(int(pixels[IGNORE]), total),
        "(unknown, of all)": _percent(unknown, total),
    }


def _percent(count: int, of: int) -> str:
    return f"{100 * count / max(of, 1):.2f} %"


def format_summary(summaries: Mapping[str, Mapping[str, Counts]]) -> str:
    """Make a text table of the summaries of several splits, one column each."""
    splits = list(summaries)
    lines: list[tuple[str, list[str]]] = [("", splits)]
    for section in next(iter(summaries.values()), {}):
        rows = list(dict.fromkeys(row for split in splits for row in summaries[split][section]))
        if rows:
            lines.append((section, [""] * len(splits)))
        for row in rows:
            values = [summaries[split][section].get(row, 0) for split in splits]
            lines.append((f"  {row}", [v if isinstance(v, str) else f"{v:,}" for v in values]))
    first = max(len(name) for name, _ in lines)
    width = max(len(cell) for _, cells in lines for cell in cells) + 2 if splits else 0
    return "\n".join(
        f"{name:<{first}}{''.join(f'{cell:>{width}}' for cell in cells)}".rstrip() for name, cells in lines
    )
