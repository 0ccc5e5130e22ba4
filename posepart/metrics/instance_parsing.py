"""Instance part scores: AP^r of parts (CIHP), AP^p and PCP of people (MHP).

There are two rules. Under `strict`, the default, every ground truth is matched at most once, every photo counts, an
IoU equal to the threshold is a match, and AP^p averages the IoU of the parts without the background, which is near 1
for any small person. `official` reproduces the reference scripts: in AP^r a ground truth may be matched several
times, and photos without a prediction are left out; in AP^p the background is one of the averaged classes, and a
prediction whose most similar person is taken is false; in all of them an IoU must exceed the threshold.

The reference scripts do not handle ignored pixels. Here, under both rules, such pixels count in no area, and an
unmatched prediction of which the greater part lies on them counts neither way.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from posepart.arrays import Float64, Index, check_shape
from posepart.metrics.average_precision import Detections, average_precision, merge_detections
from posepart.metrics.bootstrap import weights_or_ones
from posepart.metrics.coco_matching import match_detections
from posepart.metrics.people import mean_defined
from posepart.schema import IGNORE, NUM_PARTS, Part

Rule = Literal["strict", "official"]

PARSING_THRESHOLDS: Float64 = np.arange(1, 10) / 10
PCP_THRESHOLD = 0.5
_AT_HALF = int(np.flatnonzero(PARSING_THRESHOLDS == PCP_THRESHOLD)[0])


@dataclass(frozen=True)
class PeopleParts:
    """The parts of the N people of one photo."""

    parts: NDArray  # (H, W) part ids; in a ground truth `schema.IGNORE` where unknown
    people: NDArray  # (H, W) person numbers 1..N, 0 for nobody
    scores: Float64  # (N,) of the people; ones for a ground truth

    def __post_init__(self) -> None:
        check_shape("PeopleParts.people", self.people, self.parts.shape)
        if self.people.size and int(self.people.max()) > len(self.scores):
            raise ValueError(
                f"PeopleParts: people has person {int(self.people.max())}, but there are "
                f"{len(self.scores)} scores: number the people 1..N in the order of the scores"
            )


@dataclass(frozen=True)
class ParsingRecords:
    """Judged instance parts of I photos, at `PARSING_THRESHOLDS`."""

    part_detections: Detections  # kinds are the parts; background never occurs
    person_detections: Detections  # one kind
    pcp: Float64  # (I,), the share of right parts, summed over the people
    people: Index  # (I,), number of people with parts


def _pair_counts(truth: PeopleParts, predicted: PeopleParts, labels: int) -> Index:
    """(N + 1, C, M + 1, C) number of labelled pixels by true person and part and predicted person and part."""
    check_shape("predicted part map", predicted.parts, truth.parts.shape)
    shape = (len(truth.scores) + 1, labels, len(predicted.scores) + 1, labels)
    counted = truth.parts != IGNORE
    values = [
        m[counted].astype(np.int64) for m in (truth.people, truth.parts, predicted.people, predicted.parts)
    ]
    flat = np.ravel_multi_index(tuple(values), shape)
    return np.bincount(flat, minlength=int(np.prod(shape))).reshape(shape)


def _ratio(shared: NDArray, union: NDArray) -> Float64:
    return np.divide(shared, union, out=np.full(union.shape, np.nan), where=union > 0)


def _part_iou(counts: NDArray) -> Float64:
    """(M, N, C) IoU of each part of each pair, nan where neither has it; background is all but the person."""
    true_area = counts[1:].sum(axis=(2, 3))
    predicted_area = counts[:, :, 1:].sum(axis=(0, 1))
    shared = np.einsum("ncmc->mnc", counts[1:, :, 1:]).astype(np.float64)
    union = true_area[None] + predicted_area[:, None] - shared
    true_body, predicted_body = true_area[:, 1:].sum(axis=1), predicted_area[:, 1:].sum(axis=1)
    both = counts[1:, 1:, 1:, 1:].sum(axis=(1, 3)).T
    either = true_body[None] + predicted_body[:, None] - both
    shared[..., Part.BACKGROUND] = counts.sum() - either
    union[..., Part.BACKGROUND] = counts.sum() - both
    return _ratio(shared, union)


def _hidden_area(truth: PeopleParts, predicted: PeopleParts, labels: int) -> Index:
    """(M, C) number of pixels of each predicted part of each person that are ignored."""
    shape = (len(predicted.scores) + 1, labels)
    hidden = truth.parts == IGNORE
    flat = predicted.people[hidden].astype(np.int64) * labels + predicted.parts[hidden]
    return np.bincount(flat, minlength=shape[0] * shape[1]).reshape(shape)[1:]


def _judge_part(
    part: int, iou: Float64, counts: NDArray, hidden: NDArray, scores: NDArray, rule: Rule
) -> Detections:
    true = np.flatnonzero(counts[1:, part].sum(axis=(1, 2)))
    seen = counts[:, :, 1:, part].sum(axis=(0, 1))
    found = np.flatnonzero(seen)
    unjudged = (hidden[:, part] > seen)[found]
    overlap = np.nan_to_num(iou[np.ix_(found, true)][..., part])
    if rule == "strict":
        hits = _match_once(overlap, scores[found]) >= 0
    else:
        best = overlap.max(axis=1, initial=0.0)
        hits = best[None] > PARSING_THRESHOLDS[:, None]
    positives = np.zeros((1, counts.shape[1]), dtype=np.int64)
    positives[0, part] = 0 if rule == "official" and not len(scores) else len(true)
    kinds = np.full(len(found), part, dtype=np.int64)
    return Detections(scores[found], kinds, np.zeros_like(kinds), hits, unjudged & ~hits, positives)


def _match_once(similarity: Float64, scores: NDArray) -> Index:
    counted = np.zeros(similarity.shape[1], dtype=bool)
    return match_detections(similarity, scores, counted, counted, PARSING_THRESHOLDS)


def _match_official(similarity: Float64, scores: NDArray) -> Index:
    """Give each prediction, best first, its most similar person, or none if that person is taken."""
    matches = np.full((len(PARSING_THRESHOLDS), len(scores)), -1, dtype=np.int64)
    if not similarity.size:
        return matches
    for row, threshold in zip(matches, PARSING_THRESHOLDS, strict=True):
        for detection in np.argsort(-scores, kind="stable"):
            best = int(similarity[detection].argmax())
            if similarity[detection, best] > threshold and best not in row:
                row[detection] = best
    return matches


def _right_parts(iou: Float64, matches: Index, true_parts: NDArray, rule: Rule) -> float:
    """Sum over the matched people of the share of their parts with enough overlap."""
    total = 0.0
    for detection in np.flatnonzero(matches >= 0):
        person = matches[detection]
        overlap = np.nan_to_num(iou[detection, person, 1:])
        right = overlap >= PCP_THRESHOLD if rule == "strict" else overlap > PCP_THRESHOLD
        total += float(right.sum() / true_parts[person].sum())
    return total


def judge_parsing(
    predicted: PeopleParts, truth: PeopleParts, rule: Rule = "strict", labels: int = NUM_PARTS
) -> ParsingRecords:
    """Judge the instance parts of one photo at IoU 0.1, 0.2, ... 0.9 (`PARSING_THRESHOLDS`).

    People of the ground truth without a labelled part pixel do not count.

    Parameters
    ----------
    predicted, truth : PeopleParts
    rule : {"strict", "official"}
        See the module's docstring.
    labels : int
        Number of labels with the background, 0: 7 parts, or the 20 of CIHP.

    Raises
    ------
    ValueError
        The maps differ in size.
    """
    counts = _pair_counts(truth, predicted, labels)
    scores = np.asarray(predicted.scores, dtype=np.float64)
    iou = _part_iou(counts)
    hidden = _hidden_area(truth, predicted, labels)
    judged = [_judge_part(part, iou, counts, hidden, scores, rule) for part in range(1, labels)]
    true_parts = counts[1:, 1:].sum(axis=(2, 3)) > 0
    visible = true_parts.any(axis=1)
    unjudged = hidden.sum(axis=1) > counts[:, :, 1:].sum(axis=(0, 1, 3))
    people, matches = _judge_people(iou[:, visible], unjudged, scores, rule)
    pcp = _right_parts(iou[:, visible], matches[_AT_HALF], true_parts[visible], rule)
    return ParsingRecords(_one_photo(judged), people, np.array([pcp]), np.array([visible.sum()]))


def _judge_people(iou: Float64, unjudged: NDArray, scores: NDArray, rule: Rule) -> tuple[Detections, Index]:
    if rule == "strict":
        matches = _match_once(_mean_over_parts(iou[..., 1:]), scores)
    else:
        matches = _match_official(_mean_over_parts(iou), scores)
    zeros = np.zeros(len(scores), dtype=np.int64)
    hits = matches >= 0
    return Detections(scores, zeros, zeros, hits, unjudged & ~hits, np.array([[iou.shape[1]]])), matches


def _one_photo(judged: Sequence[Detections]) -> Detections:
    merged = merge_detections(judged)
    return Detections(
        merged.scores,
        merged.kinds,
        np.zeros_like(merged.images),
        merged.hits,
        merged.ignored,
        merged.positives.sum(axis=0, keepdims=True),
    )


def _mean_over_parts(iou: Float64) -> Float64:
    defined = ~np.isnan(iou)
    number = defined.sum(axis=-1)
    return np.where(defined, iou, 0.0).sum(axis=-1) / np.maximum(number, 1)


def merge_parsing(photos: Sequence[ParsingRecords], labels: int = NUM_PARTS) -> ParsingRecords:
    """Join the records of several sets of photos, which were judged with this number of labels."""
    thresholds = len(PARSING_THRESHOLDS)
    return ParsingRecords(
        merge_detections([Detections.empty(labels, thresholds), *(p.part_detections for p in photos)]),
        merge_detections([Detections.empty(1, thresholds), *(p.person_detections for p in photos)]),
        np.concatenate([np.zeros(0), *(p.pcp for p in photos)]),
        np.concatenate([np.zeros(0, np.int64), *(p.people for p in photos)]),
    )


@dataclass(frozen=True)
class ParsingScores:
    """Scores in [0, 1]; nan without ground truth."""

    ap_r: float  # AP of parts, mean over the labelled parts and over the thresholds
    ap_r_50: float  # the same at IoU 0.5
    ap_p: float  # AP of people by mean part IoU, mean over the thresholds
    ap_p_50: float  # the same at IoU 0.5
    pcp_50: float  # mean share of a person's parts that are found, 0 for unmatched people


def part_average_precision(records: ParsingRecords, weights: NDArray | None = None) -> Float64:
    """(T,) AP^r, the mean over the labelled parts, at each of `PARSING_THRESHOLDS`; nan without ground truth."""
    by_part = average_precision(records.part_detections, weights)
    return np.array([mean_defined(row) for row in by_part])


def person_average_precision(records: ParsingRecords, weights: NDArray | None = None) -> Float64:
    """(T,) AP^p at each of `PARSING_THRESHOLDS`; nan without ground truth."""
    return average_precision(records.person_detections, weights)[:, 0]


def correctly_parsed_parts(records: ParsingRecords, weights: NDArray | None = None) -> float:
    """PCP at IoU 0.5: the mean over people of the share of their parts that are found; nan without ground truth."""
    photo_weights = weights_or_ones(weights, len(records.pcp))
    people = float(photo_weights @ records.people)
    return float(photo_weights @ records.pcp) / people if people else float("nan")


def parsing_scores(records: ParsingRecords, weights: NDArray | None = None) -> ParsingScores:
    """Score the judged instance parts of I photos, each counted `weights` (I,) times, once by default."""
    by_part = part_average_precision(records, weights)
    by_person = person_average_precision(records, weights)
    return ParsingScores(
        float(by_part.mean()),
        float(by_part[_AT_HALF]),
        float(by_person.mean()),
        float(by_person[_AT_HALF]),
        correctly_parsed_parts(records, weights),
    )
