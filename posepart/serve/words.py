"""An explanation of one joint, and the people of a photo, in Markdown."""

from posepart.explanation.records import JointExplanation, PairExplanation, PoseExplanation
from posepart.explanation.table import margin_text, moved_px
from posepart.geometry.frames import Affine
from posepart.pipeline import Trace
from posepart.schema import JOINT_NAMES, NUM_JOINTS, Joint
from posepart.stages.crf import SolvedCrf
from posepart.structures import Candidates

_PAIRS_SHOWN = 3


def joint_words(
    explanation: PoseExplanation, joint: JointExplanation, number: int, crf: SolvedCrf, affine: Affine
) -> str:
    """Why a candidate is a joint of person `number` (from 1): its terms, its margin, what would replace it.

    `affine` maps the photo to the crop of the CRF.
    """
    candidates, segment_term = crf.candidates, crf.geometry is not None
    terms = joint.pairwise
    pairs = [pair for pair in explanation.pairs if joint.candidate in pair.candidates]
    rows = [
        ("its own score", joint.unary, f"the Pose FCN gives it {joint.score:.2f}"),
        ("base", terms.base, f"{len(pairs)} pairs with other joints, if all fitted"),
        ("offsets", terms.offsets, "the misfit of where the joints expect each other"),
        (
            "segments",
            terms.segments,
            "what the part maps say: the segment term" if segment_term else "switched off",
        ),
    ]
    if abs(terms.clipped) >= 0.005:
        rows.append(("clipped", terms.clipped, "limits of the probabilities"))
    rows.append(("**sum**", joint.total, "negative: the joint pays"))
    lines = [
        f"### {_name(joint.joint)} of person {number}",
        "| term | nats | |",
        "|:--|--:|:--|",
        *(f"| {name} | {value + 0.0:+.2f} | {meaning} |" for name, value, meaning in rows),
        "",
        _without(joint, candidates, affine),
        _runner_up(joint, candidates, affine),
        _pair_words(pairs, joint.joint),
    ]
    return "\n".join(line for line in lines if line is not None)


def _without(joint: JointExplanation, candidates: Candidates, affine: Affine) -> str:
    """What the best pose without the candidate is."""
    if joint.successor is None:
        change = "the joint would be missing"
    else:
        change = f"the joint would move {moved_px(joint, joint.successor, candidates, affine):.0f} px"
    if joint.leaving:
        change += f", and the person would lose {', '.join(_name(k).lower() for k in joint.leaving)}"
    return f"**Margin {margin_text(joint.margin)} nats.** Without this candidate {change}.\n"


def _runner_up(joint: JointExplanation, candidates: Candidates, affine: Affine) -> str:
    if joint.runner_up is None:
        return "There is no other candidate for it.\n"
    apart = moved_px(joint, joint.runner_up.candidate, candidates, affine)
    return (
        f"**Runner-up:** the next candidate, {apart:.0f} px away, would cost {joint.runner_up.price:.2f} nats "
        "more, all else kept.\n"
    )


def _pair_words(pairs: list[PairExplanation], joint: Joint) -> str:
    """The pairs that speak most for and against the joint."""
    ordered = sorted(pairs, key=lambda pair: pair.cost)
    parts = []
    for verb, chosen in (
        ("speak for it", [pair for pair in ordered[:_PAIRS_SHOWN] if pair.cost < 0]),
        ("speak against it", [pair for pair in ordered[::-1][:_PAIRS_SHOWN] if pair.cost > 0]),
    ):
        if chosen:
            listed = ", ".join(f"{_other(pair, joint)} {pair.cost:+.1f}" for pair in chosen)
            parts.append(f"Pairs that {verb} most: {listed}.")
    return "\n\n".join(parts)


def _other(pair: PairExplanation, joint: Joint) -> str:
    return _name(pair.joints[1] if pair.joints[0] == joint else pair.joints[0]).lower()


def _name(joint: int) -> str:
    return JOINT_NAMES[joint].replace("_", " ").capitalize()


def people_words(trace: Trace) -> str:
    """A table of the people of a photo."""
    people = trace.scene.people
    if not people:
        return "Nobody was found in this photo."
    lines = ["| person | box | confidence | joints | search |", "|--:|--:|--:|--:|:--|"]
    for number, person in enumerate(people, start=1):
        sure = "" if person.confidence is None else f"{person.confidence:.2f}"
        joints = f"{int(person.pose.present.sum())} of {NUM_JOINTS}"
        proof = person.certificate.status.replace("_", " ")
        lines.append(f"| {number} | {person.box_score:.2f} | {sure} | {joints} | {proof} |")
    if trace.left_out:
        lines.append(f"\n{trace.left_out} more people were found than are shown.")
    return "\n".join(lines)
