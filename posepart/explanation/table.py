"""An explanation as a table for the terminal, and as the content of a JSON file."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from posepart.explanation.records import FAMILIES, JointExplanation, Margin, PoseExplanation, Terms
from posepart.geometry.frames import Affine
from posepart.ilp import TOLERANCE, Solution
from posepart.schema import JOINT_NAMES
from posepart.structures import Candidates

Record = dict[str, Any]

_DIGITS = 6
_SHOWN = 0.005  # nats; anything less is printed as 0.00

_KEY = """\
Energies in nats; negative speaks for a joint. The last line counts every pair once.
  base       its pairs with the other joints, if all offsets fitted and no part were near
  offsets    what the misfit of the offsets adds
  segments   what the part maps add: the segment-joint term
  margin     what the best pose without this candidate costs more; "then" says what becomes of the joint
  runner-up  what the next candidate of the type costs more, all else kept; photo pixels from here to there"""


def explanation_table(explanation: PoseExplanation, candidates: Candidates, affine: Affine) -> str:
    """One line per joint: its score, its terms, its margin, and what would replace it.

    Parameters
    ----------
    explanation : PoseExplanation
    candidates : Candidates
        Of the same crop.
    affine : Affine
        Photo -> crop; distances are printed in photo px.
    """
    joints = explanation.joints
    clipped = any(abs(joint.pairwise.clipped) > _SHOWN for joint in joints)
    header = ["joint", "score", "unary", "base", "offsets", "segments"]
    header += ["clipped"] * clipped + ["total", "margin", "runner-up", "  then"]
    rows = [header]
    for joint in joints:
        name = JOINT_NAMES[joint.joint] + ("" if joint.in_pose else " (not shown)")
        numbers = _term_texts(joint.unary, joint.pairwise, clipped)
        instead = [_runner_up(joint, candidates, affine), f"  {_then(joint, candidates, affine)}"]
        rows.append([name, f"{joint.score:.2f}", *numbers, margin_text(joint.margin), *instead])
    unary = sum(joint.unary for joint in joints)
    every_pair = _halved([joint.pairwise for joint in joints])
    rows.append(["person", "", *_term_texts(unary, every_pair, clipped), "", "", ""])
    return f"{_aligned(rows)}\n{_KEY}"


def margin_text(margin: Margin) -> str:
    """A number, or an interval where an optimum was not proven."""
    if margin.high - margin.low <= _SHOWN:
        return f"{margin.high:.2f}"
    return f"{margin.low:.2f}..{margin.high:.2f}"


def moved_px(joint: JointExplanation, candidate: int, candidates: Candidates, affine: Affine) -> float:
    """How far a joint would move to another candidate, photo px."""
    shift = candidates.xy[candidate] - candidates.xy[joint.candidate]
    return float(np.linalg.norm(shift)) / affine.scale


def explanation_record(
    explanation: PoseExplanation, candidates: Candidates, affine: Affine, solution: Solution
) -> Record:
    """An explanation as the content of a JSON file: energies in nats, coordinates in the photo.

    Parameters
    ----------
    explanation : PoseExplanation
    candidates : Candidates
        Of the same crop.
    affine : Affine
        Photo -> crop.
    solution : ilp.Solution
        Of the same crop.

    Returns
    -------
    dict
        Keys `joints`, `pairs` and `candidates` are lists of objects; a candidate is named by its index in the last.
    """
    return {
        "energy": _rounded(explanation.energy),
        "crop": {
            "energy": _rounded(explanation.crop_energy),
            "bound": _rounded(explanation.crop_bound),
            "status": solution.status,
            "people": len(solution.nodes),
        },
        "families": list(FAMILIES),
        "features": list(explanation.columns),
        "joints": [_joint_record(joint) for joint in explanation.joints],
        "pairs": [
            {
                "joints": [JOINT_NAMES[joint] for joint in pair.joints],
                "candidates": list(pair.candidates),
                **_terms_record(pair.terms),
                "by_feature": {
                    name: _rounded(value)
                    for name, value in zip(explanation.columns, pair.by_feature, strict=True)
                },
            }
            for pair in explanation.pairs
        ],
        "candidates": _candidate_records(candidates, affine, solution),
    }


def _joint_record(joint: JointExplanation) -> Record:
    runner_up = joint.runner_up
    return {
        "joint": JOINT_NAMES[joint.joint],
        "candidate": joint.candidate,
        "in_pose": joint.in_pose,
        "score": _rounded(joint.score),
        "unary": _rounded(joint.unary),
        "pairwise": _terms_record(joint.pairwise),
        "total": _rounded(joint.total),
        "removal": _rounded(joint.removal),
        "margin": [_rounded(joint.margin.low), _rounded(joint.margin.high)],
        "proven": joint.margin.high - joint.margin.low <= TOLERANCE * max(1.0, joint.margin.high),
        "successor": joint.successor,
        "leaving": [JOINT_NAMES[other] for other in joint.leaving],
        "runner_up": None
        if runner_up is None
        else {"candidate": runner_up.candidate, "price": _rounded(runner_up.price)},
    }


def _terms_record(terms: Terms) -> Record:
    families = {name: _rounded(value) for name, value in zip(FAMILIES, terms.families, strict=True)}
    return {
        "cost": _rounded(terms.cost),
        "base": _rounded(terms.base),
        "offsets": _rounded(terms.offsets),
        "segments": _rounded(terms.segments),
        "clipped": _rounded(terms.clipped),
        "by_family": families,
    }


def _candidate_records(candidates: Candidates, affine: Affine, solution: Solution) -> list[Record]:
    """One object per candidate; `person` counts from 0 and is null for background, and so is `label`."""
    xy_photo = affine.inverse(candidates.xy)
    return [
        {
            "index": k,
            "proposed_as": JOINT_NAMES[candidates.joint[k]],
            "score": _rounded(candidates.scores[k, candidates.joint[k]]),
            "xy": [round(float(value), 2) for value in xy_photo[k]],
            "label": JOINT_NAMES[solution.labels[k]] if solution.labels[k] >= 0 else None,
            "person": int(solution.clusters[k]) if solution.clusters[k] >= 0 else None,
        }
        for k in range(len(candidates))
    ]


def _rounded(value: float) -> float:
    return round(float(value), _DIGITS) + 0.0  # adding 0 turns -0 into 0


def _halved(terms: Sequence[Terms]) -> Terms:
    """The sum over pairs, from terms of joints, in which every pair occurs twice."""
    families = tuple(sum(term.families[k] for term in terms) / 2 for k in range(len(FAMILIES)))
    return Terms(sum(t.base for t in terms) / 2, families, sum(t.clipped for t in terms) / 2)


def _term_texts(unary: float, terms: Terms, clipped: bool) -> list[str]:
    values = [unary, terms.base, terms.offsets, terms.segments]
    values += [terms.clipped] * clipped + [unary + terms.cost]
    return [f"{value + 0.0:.2f}" for value in values]


def _then(joint: JointExplanation, candidates: Candidates, affine: Affine) -> str:
    if joint.successor is None:
        text = "missing"
    else:
        text = f"moves {moved_px(joint, joint.successor, candidates, affine):.0f} px"
    return f"{text}; loses {', '.join(JOINT_NAMES[k] for k in joint.leaving)}" if joint.leaving else text


def _runner_up(joint: JointExplanation, candidates: Candidates, affine: Affine) -> str:
    if joint.runner_up is None:
        return "-"
    distance = moved_px(joint, joint.runner_up.candidate, candidates, affine)
    return f"{joint.runner_up.price:.2f} at {distance:.0f} px"


def _aligned(rows: list[list[str]]) -> str:
    """Columns of text: the first, and those whose head begins with a space, flush left; the others flush right."""
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    left = {0, *(k for k, cell in enumerate(rows[0]) if cell.startswith(" "))}
    lines = (
        " ".join(
            cell.ljust(width) if k in left else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)
