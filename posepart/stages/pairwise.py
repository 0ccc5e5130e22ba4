"""Pij of Eq. (2): one logistic regression per class of joint-type pair, with and without the segment term."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posepart.arrays import Float64, Index, Mask
from posepart.schema import FLIP_JOINTS, JOINT_NAMES, NUM_JOINTS, Joint
from posepart.stages.features import FEATURE_NAMES, OFFSET_FEATURES, SWAP


def _pair_classes() -> tuple[Index, tuple[str, ...]]:
    """Number the unordered pairs of different joint types, a pair and its mirror image alike."""
    table = np.full((NUM_JOINTS, NUM_JOINTS), -1, np.int64)
    names: list[str] = []
    for a in Joint:
        for b in Joint:
            if a < b and table[a, b] < 0:
                for first, second in ((a, b), (FLIP_JOINTS[a], FLIP_JOINTS[b])):
                    table[first, second] = table[second, first] = len(names)
                names.append(f"{JOINT_NAMES[a]} & {JOINT_NAMES[b]}")
    return table, tuple(names)


# PAIR_CLASS[a, b] is the class of joint types a and b in either order, -1 for a = b; PAIR_CLASS_NAMES names each
# class by its first pair.
PAIR_CLASS, PAIR_CLASS_NAMES = _pair_classes()

# SYMMETRIC[k]: class k joins a joint with its own mirror image, so neither of the two comes first.
SYMMETRIC: Mask = np.zeros(len(PAIR_CLASS_NAMES), bool)
for _joint in Joint:
    if FLIP_JOINTS[_joint] != _joint:
        SYMMETRIC[PAIR_CLASS[_joint, FLIP_JOINTS[_joint]]] = True


def term_names(columns: tuple[str, ...], extended: bool = True) -> tuple[str, ...]:
    """The terms of the regression: every feature f (Sec. 3.1), and `extended` also exp(-f) of distances and angles.

    The logarithm of the odds falls steeply over the first pixels of distance and then levels off, which no
    straight line can follow; DeeperCut's released code adds the same terms.
    """
    return columns + (tuple(f"exp(-{name})" for name in OFFSET_FEATURES) if extended else ())


@dataclass(frozen=True)
class LogisticWeights:
    """The regressions of one feature set: C classes of pairs, F features, T terms."""

    columns: tuple[str, ...]  # names of the F features, in order
    mean: Float64  # (F,), subtracted from each feature
    deviation: Float64  # (F,), by which the difference is divided
    decay: Float64  # (4,), unit of each offset feature inside exp(-f / decay); (0,) without such terms
    weights: Float64  # (C, T)
    bias: Float64  # (C,)

    def __post_init__(self) -> None:
        _check_columns(self.columns)
        classes, features, terms = len(PAIR_CLASS_NAMES), len(self.columns), len(self.term_names)
        expected = {
            "mean": (features,),
            "deviation": (features,),
            "decay": (len(OFFSET_FEATURES) if self.extended else 0,),
            "weights": (classes, terms),
            "bias": (classes,),
        }
        for name, shape in expected.items():
            array = np.asarray(getattr(self, name), dtype=np.float64)
            if array.shape != shape or not np.isfinite(array).all():
                raise ValueError(
                    f"pairwise {name}: expected finite numbers of shape {shape}, got shape {array.shape}: "
                    "refit with `experiments/train.py crf`"
                )
            object.__setattr__(self, name, array)

    @property
    def extended(self) -> bool:
        """Whether the regressions have the terms exp(-f / decay) beside the features that the paper prints."""
        return len(self.decay) > 0

    @property
    def term_names(self) -> tuple[str, ...]:
        """The T names of the terms."""
        return term_names(self.columns, self.extended)

    def terms(self, features: NDArray) -> Float64:
        """(M, F) features as the (M, T) float64 terms of the regression."""
        if not self.extended:
            return np.asarray((features - self.mean) / self.deviation, np.float64)
        decaying = np.exp(-features[:, : len(OFFSET_FEATURES)] / self.decay)
        return np.concatenate([(features - self.mean) / self.deviation, decaying], axis=1)

    def probability(self, features: NDArray, label_u: Index, label_v: Index) -> Float64:
        """Pij(li, lj | Pn, Ps) = 1 / (1 + exp(-w . f(ci, cj, li, lj))), Eq. (2).

        Parameters
        ----------
        features : (M, F)
            In the column order of `columns`.
        label_u, label_v : (M,) int64
            Different joint types; the order of a pair does not matter.

        Returns
        -------
        (M,) float64 in [0, 1]
        """
        if features.shape[1] != len(self.columns):
            raise ValueError(
                f"pairwise features: expected {len(self.columns)} columns ({', '.join(self.columns)}), "
                f"got {features.shape[1]}: compute them with the segment_term of the weights"
            )
        pair_class = PAIR_CLASS[label_u, label_v]
        if np.any(pair_class < 0):
            raise ValueError(
                "pairwise probability: a pair has the same joint type twice: "
                "the regressions are for pairs of different types, leave it out"
            )
        ordered = canonical_order(features, label_u, label_v)
        logit = np.einsum("mt,mt->m", self.terms(ordered), self.weights[pair_class]) + self.bias[pair_class]
        return 1 / (1 + np.exp(-np.clip(logit, -500, 500)))


def canonical_order(features: NDArray, label_u: Index, label_v: Index) -> NDArray:
    """The features (M, F) as if the lower joint type of each pair were u.

    A pair and its mirror image then have equal columns, since the schema keeps left before right.
    """
    backward = label_u > label_v
    return np.where(backward[:, None], swap_ends(features), features)


def swap_ends(features: NDArray) -> NDArray:
    """The features (M, F) of (v, u) from those of (u, v)."""
    return features[:, SWAP[: features.shape[1]]]


def _check_columns(columns: tuple[str, ...]) -> None:
    if columns not in (FEATURE_NAMES, OFFSET_FEATURES):
        raise ValueError(
            f"pairwise weights were fitted with the columns {', '.join(columns)}, "
            f"this version computes {', '.join(FEATURE_NAMES)}: refit with `experiments/train.py crf`"
        )


@dataclass(frozen=True)
class PairwiseModel:
    """Both variants of Table 1, each fitted on its own; either may be missing, but not both."""

    with_segments: LogisticWeights | None  # all 14 features
    without_segments: LogisticWeights | None  # "w/o seg": the 4 features of f(Pn)

    def __post_init__(self) -> None:
        if self.with_segments is None and self.without_segments is None:
            raise ValueError("pairwise model: both variants are missing: pass the weights of at least one")
        for weights, columns in (
            (self.with_segments, FEATURE_NAMES),
            (self.without_segments, OFFSET_FEATURES),
        ):
            if weights is not None and weights.columns != columns:
                raise ValueError(
                    f"pairwise weights were fitted with {len(weights.columns)} columns, not "
                    f"{len(columns)}: they belong to the other variant"
                )

    def variant(self, segment_term: bool) -> LogisticWeights:
        """The weights fitted for one setting of `FeatureConfig.segment_term`.

        Raises
        ------
        ValueError
            If the model was fitted for the other setting only.
        """
        weights = self.with_segments if segment_term else self.without_segments
        if weights is not None:
            return weights
        if segment_term:
            raise ValueError(
                f"pairwise weights were fitted with the columns {', '.join(OFFSET_FEATURES)} only: "
                "refit with `experiments/train.py crf` or pass --no-segment-term"
            )
        raise ValueError(
            "pairwise weights were fitted with the segment columns only: "
            "refit with `experiments/train.py crf` or leave out --no-segment-term"
        )

    def to_arrays(self) -> dict[str, NDArray]:
        """The model as plain arrays for a safetensors file; names are UTF-8 bytes, one name a line."""
        arrays: dict[str, NDArray] = {}
        for prefix, weights in (("segments", self.with_segments), ("offsets", self.without_segments)):
            if weights is not None:
                arrays |= {f"{prefix}.{name}": getattr(weights, name) for name in _ARRAYS}
                arrays[f"{prefix}.columns"] = _pack(weights.columns)
                arrays[f"{prefix}.terms"] = _pack(weights.term_names)
                arrays[f"{prefix}.classes"] = _pack(PAIR_CLASS_NAMES)
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray]) -> "PairwiseModel":
        """The inverse of `to_arrays`.

        Raises
        ------
        ValueError
            If an array is missing or has a wrong shape, or if columns, terms or classes are not those that
            this version computes.
        """
        return cls(_read_variant(arrays, "segments"), _read_variant(arrays, "offsets"))


_ARRAYS = ("mean", "deviation", "decay", "weights", "bias")


def _read_variant(arrays: Mapping[str, NDArray], prefix: str) -> LogisticWeights | None:
    if not any(key.startswith(f"{prefix}.") for key in arrays):
        return None
    missing = [name for name in (*_ARRAYS, "columns", "terms", "classes") if f"{prefix}.{name}" not in arrays]
    if missing:
        raise ValueError(
            f"pairwise weights: {prefix}.{missing[0]} is missing: refit with `experiments/train.py crf`"
        )
    columns = _unpack(arrays[f"{prefix}.columns"])
    _check_columns(columns)
    terms = term_names(columns, extended=len(arrays[f"{prefix}.decay"]) > 0)
    for name, expected in (("terms", terms), ("classes", PAIR_CLASS_NAMES)):
        if _unpack(arrays[f"{prefix}.{name}"]) != expected:
            raise ValueError(
                f"pairwise weights were fitted with other {name} than {', '.join(expected)}: "
                "refit with `experiments/train.py crf`"
            )
    return LogisticWeights(columns, *(arrays[f"{prefix}.{name}"] for name in _ARRAYS))


def _pack(names: tuple[str, ...]) -> NDArray[np.uint8]:
    return np.frombuffer("\n".join(names).encode(), np.uint8).copy()


def _unpack(data: NDArray) -> tuple[str, ...]:
    return tuple(np.asarray(data, np.uint8).tobytes().decode(errors="replace").split("\n"))
