"""A doubt about one person of a photo."""

from dataclasses import dataclass

from posepart.arrays import Float32
from posepart.data.sample import Sample

KINDS = {
    "sides": "Left and right seem exchanged",
    "joints": "Joints are elsewhere",
    "parts": "Labelled pose and parts disagree",
    "missing": "Somebody has no label",
    "prediction": "Predicted pose and parts disagree",
}


@dataclass(frozen=True)
class Finding:
    """Something that may be wrong, and by how much.

    Prices are energies in nats: how much less the alternative costs than the label, or how much less likely
    the parts under the bones are than those that the part map shows.
    """

    kind: str  # one of `KINDS`
    price: float  # nats, larger is more suspicious
    sample: Sample
    person: int  # number of the label, from 1; 0 where there is none
    box: Float32  # (4,) xyxy, photo frame
    words: str  # which joints or bones
    shown: Float32 | None  # (14, 3) the pose in doubt, x, y, visibility; None: there is no label
    instead: Float32 | None  # (14, 3) the alternative; None: there is none
