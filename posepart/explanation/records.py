"""The records of an explanation; `explanation.explain` says what their numbers mean. All energies are in nats."""

from dataclasses import dataclass

from posepart.schema import Joint

# A family holds the features that measure the same thing, at either end of a pair and of either part.
OFFSET_FAMILIES = ("distance", "angle")
SEGMENT_FAMILIES = ("inside", "near", "line", "rectangle")
FAMILIES = OFFSET_FAMILIES + SEGMENT_FAMILIES


@dataclass(frozen=True)
class Terms:
    """A sum of pairwise costs, split by what they come from."""

    base: float  # the cost if all features were 0
    families: tuple[float, ...]  # what each of `FAMILIES` adds
    clipped: float  # what clipping the probabilities adds

    @property
    def offsets(self) -> float:
        """What the misfit of the predicted offsets adds: f(Pn)."""
        return sum(self.families[: len(OFFSET_FAMILIES)])

    @property
    def segments(self) -> float:
        """What the part maps add: f(Ps), the segment-joint term."""
        return sum(self.families[len(OFFSET_FAMILIES) :])

    @property
    def cost(self) -> float:
        """The sum."""
        return self.base + sum(self.families) + self.clipped


@dataclass(frozen=True)
class PairExplanation:
    """psi_ij of two joints of a person.

    Attributes
    ----------
    joints : (Joint, Joint)
        Their types, the lower one first.
    candidates : (int, int)
        Their candidates.
    by_feature : tuple of float
        What each of `PoseExplanation.columns` adds, where u is the first joint. All zero for two joints of one
        type, whose cost depends on no feature.
    terms : Terms
        The same by family.
    """

    joints: tuple[Joint, Joint]
    candidates: tuple[int, int]
    by_feature: tuple[float, ...]
    terms: Terms

    @property
    def cost(self) -> float:
        """psi_ij."""
        return self.terms.cost


@dataclass(frozen=True)
class Margin:
    """How much the energy of the crop rises without a candidate: a number in [low, high]."""

    low: float
    high: float  # equal to `low` where both optima were proven


@dataclass(frozen=True)
class RunnerUp:
    """The best other candidate for a joint."""

    candidate: int
    price: float  # how much the energy would rise with it, all else being equal


@dataclass(frozen=True)
class JointExplanation:
    """Why a candidate is a joint of a person."""

    joint: Joint  # its type
    candidate: int  # its index
    score: float  # P of its type, in [0, 1]
    in_pose: bool  # False where the pose shows another candidate of the person for this type
    unary: float  # psi_i
    pairwise: Terms  # sum over its pairs with all other joints of the person
    margin: Margin  # see `explanation.explain`
    successor: (
        int | None
    )  # the candidate that replaces it where it is forbidden; None: the joint goes missing
    leaving: tuple[Joint, ...]  # other joints that the person loses where it is forbidden
    runner_up: RunnerUp | None  # see `explanation.explain`; None if no other candidate may take the type

    @property
    def total(self) -> float:
        """The unary and all pairwise costs."""
        return self.unary + self.pairwise.cost

    @property
    def removal(self) -> float:
        """How much the energy would rise if the joint were left out, all else being equal."""
        return -self.total


@dataclass(frozen=True)
class PoseExplanation:
    """Why a pose is as it is."""

    joints: tuple[JointExplanation, ...]  # by type
    pairs: tuple[PairExplanation, ...]  # every two of them
    columns: tuple[str, ...]  # names of the pairwise features
    energy: float  # of the person: its unaries and the costs of its pairs
    crop_energy: float  # of all people in the crop
    crop_bound: float  # a lower bound of the optimum of the crop
