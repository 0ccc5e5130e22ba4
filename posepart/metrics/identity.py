"""IDF1: how well people keep their identity through a clip (Ristani et al., 2016)."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

from posepart.arrays import Float64, Index

Frame = tuple[Index, Index, Float64]  # identities of M found and N true people, and their (M, N) similarities


def identity_f1(frames: Sequence[Frame], least: float = 0.5) -> float:
    """IDF1 = 2 IDTP / (found + true): people in frames that the best pairing of identities gets right.

    Every found identity is paired with at most one true one, for the whole clip, so that IDTP, the number of people
    in frames with paired identities and a similarity of at least `least`, is largest.

    Parameters
    ----------
    frames : sequence of (M,) int, (N,) int, (M, N) float
        Per frame the found and the true identities, none twice, and how alike each found and true person are.
    least : float
        Similarity of one and the same person.

    Returns
    -------
    float
        In [0, 1]; 1 if nobody is there and nobody is found.
    """
    together: Counter[tuple[int, int]] = Counter()
    found, true = (sorted({int(k) for frame in frames for k in frame[side]}) for side in (0, 1))
    for ours, theirs, similarity in frames:
        for row, column in np.argwhere(np.asarray(similarity) >= least):
            together[int(ours[row]), int(theirs[column])] += 1
    table = np.array([[together[a, b] for b in true] for a in found], np.float64).reshape(
        len(found), len(true)
    )
    rows, columns = linear_sum_assignment(-table)
    people = sum(len(frame[0]) + len(frame[1]) for frame in frames)
    return 2 * float(table[rows, columns].sum()) / people if people else 1.0
