"""The frozen dataclasses of an explanation; `posepart.explain` says what the numbers mean."""

from dataclasses import dataclass

from posepart.schema import Joint

# Features that measure the same thing at either end of a pair, or of either part, are one family.
OFFSET_FAMILIES = ("distance", "angle")
SEGMENT_FAMILIES = ("inside", "near", "line", "rectangle")
FAMILIES = OFFSET_FAMILIES + SEGMENT_FAMILIES


@dataclass(frozen=True)
class Terms:
    """A sum of pairwise costs, nats: `base`, what each of `FAMILIES` adds, and what clipping adds."""

    base: float
    families: tuple[float, ...]
    clipped: float

    @property
    def offsets(self) -> float:
        """What the misfit of the offsets adds: f(Pn)."""
        return sum(self.families[: len(OFFSET_FAMILIES)])

    @property
    def segments(self) -> float:
        """What the part maps add: f(Ps), the segment-joint term."""
        return sum(self.families[len(OFFSET_FAMILIES) :])

    @property
    def cost(self) -> float:
        """All of it."""
        return self.base + sum(self.families) + self.clipped


@dataclass(frozen=True)
class PairExplanation:
    """psi_ij of two joints of a pose.

    joints: their types, the lower first. candidates: their candidates. by_feature: nats that each of
    `PoseExplanation.columns` adds, u being the first joint; zeros for two joints of one type, whose cost is all
    `base`. terms: the same by family.
    """

    joints: tuple[Joint, Joint]
    candidates: tuple[int, int]
    by_feature: tuple[float, ...]
    terms: Terms

    @property
    def cost(self) -> float:
        """psi_ij, nats."""
        return self.terms.cost


@dataclass(frozen=True)
class Margin:
    """The price of a candidate, nats; it lies in [low, high], which are equal where the optimum was proven."""

    low: float
    high: float


@dataclass(frozen=True)
class RunnerUp:
    """Another candidate for a joint, and what the energy would rise by if all else stayed, nats."""

    candidate: int
    price: float


@dataclass(frozen=True)
class JointExplanation:
    """Why a candidate is a joint of a person.

    joint: its type. candidate: its index. score: P of its type. in_pose: False where the pose shows another
    candidate of the person for this type. unary: psi_i, nats. pairwise: sum over its pairs with all other
    joints of the person. margin, runner_up: see `posepart.explain`. successor: the candidate that takes its
    place when it is forbidden; None if the joint goes missing. leaving: other joints that the person then loses.
    """

    joint: Joint
    candidate: int
    score: float
    in_pose: bool
    unary: float
    pairwise: Terms
    margin: Margin
    successor: int | None
    leaving: tuple[Joint, ...]
    runner_up: RunnerUp | None

    @property
    def total(self) -> float:
        """Unary and pairwise costs, nats."""
        return self.unary + self.pairwise.cost

    @property
    def removal(self) -> float:
        """What the energy would rise by if the joint were left out and all else stayed, nats."""
        return -self.total


@dataclass(frozen=True)
class PoseExplanation:
    """Why a pose is what it is.

    joints: by type. pairs: every two of them. columns: the features. energy: of the person, nats: the unaries
    and the costs of the pairs. crop_energy, crop_bound: of all people in the crop; the optimum lies between.
    """

    joints: tuple[JointExplanation, ...]
    pairs: tuple[PairExplanation, ...]
    columns: tuple[str, ...]
    energy: float
    crop_energy: float
    crop_bound: float
