"""How often the sources of a data set are drawn in training."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from posepart.arrays import Float64


def source_weights(sources: NDArray[np.str_], shares: Mapping[str, float]) -> Float64:
    """Probabilities with which items are drawn, so that named sources get their shares and the others the rest.

    Parameters
    ----------
    sources : (N,) str
        The source of each item.
    shares : mapping of str to float
        The share of the draws of each source. Shares of sources that do not occur go to those that do: to the
        sources without a share, each of whose items is drawn equally often, or else to all in proportion.

    Returns
    -------
    (N,) float64
        They sum to 1. Where every source that occurs has a share of 0, all items are drawn equally often.
    """
    names, inverse, counts = np.unique(sources, return_inverse=True, return_counts=True)
    rest = max(0.0, 1.0 - sum(shares.get(n, 0.0) for n in names))
    unnamed = sum(c for n, c in zip(names, counts, strict=True) if n not in shares)
    share = np.array([shares.get(n, rest * c / max(unnamed, 1)) for n, c in zip(names, counts, strict=True)])
    if share.sum() <= 0:
        share = counts / max(len(sources), 1)
    weights = share[inverse] / counts[inverse]
    return weights / weights.sum()


def note_on_shares(sources: NDArray[np.str_], shares: Mapping[str, float]) -> str:
    """One sentence on shares that do not fit the sources of a data set.

    Parameters
    ----------
    sources : (N,) str
        The source of each item.
    shares : mapping of str to float
        As for `source_weights`.

    Returns
    -------
    str
        Empty if there are no shares, or one for each source that occurs and for no other.
    """
    names = sorted(set(sources.tolist()))
    if not shares or set(names) == {source for source, share in shares.items() if share > 0}:
        return ""
    weights = source_weights(sources, shares)
    drawn = ", ".join(f"{weights[sources == name].sum():.0%} {name or 'without a source'}" for name in names)
    absent = [source for source, share in shares.items() if share > 0 and source not in names]
    reasons = [f"the data holds nothing of {', '.join(absent)}"] if absent else []
    without = [name or "photos without a source" for name in names if not shares.get(name)]
    reasons += [f"no share is given to {', '.join(without)}"] if without else []
    return f"source_shares: {', and '.join(reasons)}; training draws {drawn}"
