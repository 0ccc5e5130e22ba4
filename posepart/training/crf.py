"""Fits the pairwise terms of the CRF: one logistic regression per class of pairs (Sec. 3.1)."""

from dataclasses import asdict, dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score

from posepart.arrays import Float64, Mask
from posepart.metrics.calibration import expected_calibration_error
from posepart.schema import PAIR_PART
from posepart.stages.features import FEATURE_NAMES, OFFSET_FEATURES
from posepart.stages.pairwise import (
    PAIR_CLASS,
    PAIR_CLASS_NAMES,
    SYMMETRIC,
    LogisticWeights,
    PairwiseModel,
    canonical_order,
    swap_ends,
    term_names,
)
from posepart.training.pairs import LabelledPairs, PairFitConfig

# _NEIGHBOURING[k]: whether class k joins neighbours of the skeleton.
_NEIGHBOURING: Mask = np.zeros(len(PAIR_CLASS_NAMES), bool)
_NEIGHBOURING[PAIR_CLASS[PAIR_PART >= 0]] = True


def fit(pairs: LabelledPairs, config: PairFitConfig, extended: bool = True) -> PairwiseModel:
    """Fit both variants of Table 1 on the same pairs, each on its own columns.

    From pairs with only the 4 offset columns, the model has no variant with the segment term. `extended` is as for
    `fit_weights`.
    """
    whole = pairs.features.shape[1] == len(FEATURE_NAMES)
    with_segments = fit_weights(pairs, True, config, extended) if whole else None
    return PairwiseModel(with_segments, fit_weights(pairs, False, config, extended))


def fit_weights(
    pairs: LabelledPairs, segment_term: bool, config: PairFitConfig, extended: bool = True
) -> LogisticWeights:
    """One logistic regression per class of joint-type pair.

    A class that joins a joint with its mirror image, such as both shoulders, is fitted to the pairs in both orders,
    so that left and right weigh the same. A class with too few positives takes the weights of a regression over all
    neighbouring or all other pairs.

    Parameters
    ----------
    pairs : LabelledPairs
    segment_term : bool
        Whether to fit to all 14 columns, instead of the first 4.
    config : PairFitConfig
    extended : bool
        Whether the regression has terms exp(-f) of the first four features beside the features (`term_names`).

    Raises
    ------
    ValueError
        There are no positive or no negative pairs, or columns are missing.
    """
    columns = FEATURE_NAMES if segment_term else OFFSET_FEATURES
    if pairs.features.shape[1] < len(columns):
        raise ValueError(
            f"fitting pairwise weights: the pairs have {pairs.features.shape[1]} columns, the segment term needs "
            f"{len(columns)}: collect them with segment_term on"
        )
    if not 0 < np.count_nonzero(pairs.positive) < len(pairs):
        raise ValueError(
            f"fitting pairwise weights: {np.count_nonzero(pairs.positive)} of {len(pairs)} pairs are positive, "
            "a regression needs both kinds: give it more crops, or a better pose network"
        )
    ordered = canonical_order(pairs.features[:, : len(columns)], pairs.label_u, pairs.label_v)
    scaling = _scaling(ordered.astype(np.float64), pairs.positive, columns, extended)
    weights, bias = _fit_classes(scaling, ordered.astype(np.float64), pairs, config)
    return LogisticWeights(columns, scaling.mean, scaling.deviation, scaling.decay, weights, bias)


def _scaling(features: Float64, positive: Mask, columns: tuple[str, ...], extended: bool) -> LogisticWeights:
    """Weights of zero with the scaling of the features, which is the same for both ends of a pair."""
    both_ways = np.concatenate([features, swap_ends(features)])
    deviation = both_ways.std(axis=0)
    typical = np.median(both_ways[np.tile(positive, 2), : len(OFFSET_FEATURES)], axis=0)
    shape = len(PAIR_CLASS_NAMES), len(term_names(columns, extended))
    return LogisticWeights(
        columns,
        both_ways.mean(axis=0),
        np.where(deviation > 1e-9, deviation, 1.0),
        np.maximum(typical, 1e-3) if extended else np.zeros(0),
        np.zeros(shape),
        np.zeros(shape[0]),
    )


def _fit_classes(
    scaling: LogisticWeights, features: Float64, pairs: LabelledPairs, config: PairFitConfig
) -> tuple[Float64, Float64]:
    """Weights (C, T) and bias (C,) of every class."""
    weights, bias = scaling.weights.copy(), scaling.bias.copy()
    pair_class = pairs.pair_class
    scarce: dict[bool, list[int]] = {False: [], True: []}
    for k in range(len(PAIR_CLASS_NAMES)):
        rows = pair_class == k
        own, positive = features[rows], pairs.positive[rows]
        if np.count_nonzero(positive) < config.min_positives or positive.all():
            scarce[bool(_NEIGHBOURING[k])].append(k)
            continue
        weights[k], bias[k] = _regress(scaling, own, positive, bool(SYMMETRIC[k]), config)
    for neighbouring, classes in scarce.items():
        if classes:
            rows = _NEIGHBOURING[pair_class] == neighbouring
            rows = rows if _both_kinds(pairs.positive[rows]) else np.ones(len(pairs), bool)
            weights[classes], bias[classes] = _regress(
                scaling, features[rows], pairs.positive[rows], True, config
            )
    return weights, bias


def _both_kinds(positive: Mask) -> bool:
    return bool(positive.any() and not positive.all())


def _regress(
    scaling: LogisticWeights,
    features: Float64,
    positive: Mask,
    both_ways: bool,
    config: PairFitConfig,
) -> tuple[Float64, float]:
    if both_ways:
        features, positive = np.concatenate([features, swap_ends(features)]), np.tile(positive, 2)
    regression = LogisticRegression(
        C=config.inverse_penalty,
        class_weight="balanced" if config.balanced else None,
        max_iter=2000,
        tol=1e-6,
    )
    regression.fit(scaling.terms(features), positive)
    return regression.coef_[0], float(regression.intercept_[0])


@dataclass(frozen=True)
class PairReport:
    """How good the probabilities of one class of pairs are; nan where a measure is undefined."""

    pairs: int  # how many
    positives: int  # how many of these
    auc: float  # area under the receiver operating characteristic
    log_loss: float  # mean of -log of the probability of the true label
    calibration_error: float  # expected calibration error, 15 bins


def evaluate(weights: LogisticWeights, pairs: LabelledPairs) -> dict[str, PairReport]:
    """Measure a variant on pairs to which it was not fitted.

    Returns
    -------
    dict of str to PairReport
        "all", "neighbouring", "other", and every class that occurs, by its name in `pairwise.PAIR_CLASS_NAMES`.
    """
    probability = weights.probability(pairs.features[:, : len(weights.columns)], pairs.label_u, pairs.label_v)
    neighbouring = _NEIGHBOURING[pairs.pair_class]
    groups = {"all": np.ones(len(pairs), bool), "neighbouring": neighbouring, "other": ~neighbouring}
    groups |= {name: pairs.pair_class == k for k, name in enumerate(PAIR_CLASS_NAMES)}
    return {
        name: _measure(probability[rows], pairs.positive[rows])
        for name, rows in groups.items()
        if rows.any() or name == "all"
    }


def _measure(probability: Float64, positive: Mask) -> PairReport:
    both = _both_kinds(positive)
    clipped = np.clip(probability, 1e-7, 1 - 1e-7)
    return PairReport(
        len(positive),
        int(np.count_nonzero(positive)),
        float(roc_auc_score(positive, probability)) if both else float("nan"),
        float(log_loss(positive, clipped, labels=[False, True])) if len(positive) else float("nan"),
        expected_calibration_error(probability, positive),
    )


def compare_variants(model: PairwiseModel, pairs: LabelledPairs) -> dict[str, dict[str, dict[str, float]]]:
    """Measure each variant that the model has, with plain numbers for JSON.

    Returns
    -------
    dict
        {"with_segments" or "without_segments": {class: {measure: number}}}
    """
    variants = {"with_segments": model.with_segments, "without_segments": model.without_segments}
    return {
        name: {group: asdict(report) for group, report in evaluate(weights, pairs).items()}
        for name, weights in variants.items()
        if weights is not None
    }
