"""Every number of the pipeline as the default of a frozen dataclass, and `PAPER`, the numbers as printed.

Where a default differs from the paper, its comment gives the paper's number; `docs/deviations.md` lists all of them
with their effect. Sections are those of Xia et al. (CVPR 2017) unless another paper is named.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"unknown {name} {value[:80]!r}: choose one of {', '.join(choices)}")


TILES = ("off", "auto")


@dataclass(frozen=True)
class DetectionConfig:
    """Person boxes (Sec. 4.1)."""

    score_threshold: float = 0.3  # Sec. 4.1: 0.6
    nms_iou: float | None = None  # Sec. 4.1: 0.6; IoU of box NMS, None: the network's own (ours has 0.45)
    max_people: int = 60  # bounds memory and time in a crowd; the best scored boxes are kept
    min_size: float = 8.0  # px in the photo; a smaller box shows no readable person
    tiles: str = "auto"  # not in the paper, "off"; "auto": wide and crowded photos are seen in tiles, too

    def __post_init__(self) -> None:
        _check_choice("detection.tiles", self.tiles, TILES)
        if self.nms_iou is not None and not 0 < self.nms_iou <= 1:
            raise ValueError(f"detection.nms_iou: expected a number in (0, 1] or null, got {self.nms_iou}")


@dataclass(frozen=True)
class CropConfig:
    """Box rescaling (Sec. 3): small people are enlarged and large ones shrunk to one size."""

    size: int = 256  # px, side of the square crop; all pixel numbers below are in its frame
    margin: float = 1.1  # side of the cropped square / longer side of the box; not printed


@dataclass(frozen=True)
class CandidateConfig:
    """Joint proposals from the joint score maps (Sec. 4.1)."""

    max_per_joint: int = 6  # Sec. 4.1: 6 proposals per joint type
    score_threshold: float = 0.1  # Sec. 4.1: 0.2
    min_distance: float = 16.0  # Sec. 4.1: proposal distance threshold, px in the crop


@dataclass(frozen=True)
class FeatureConfig:
    """Pairwise features f(Pn), f(Ps) (Sec. 3.1 and supplement)."""

    segment_term: bool = True  # False: "w/o seg" of Table 1, offset features only
    boundary_distance: float = 10.0  # supplement: "within 10 pixels from the boundary"
    rectangle_aspect: float = 2.5  # supplement: oriented rectangle of aspect ratio 2.5 : 1


@dataclass(frozen=True)
class PotentialConfig:
    """The potentials of Eqs. (1) and (2)."""

    probability_clip: float = 1e-7  # P and Pij are clipped to [clip, 1 - clip] before the logarithm
    pairwise_scale: float = 0.05  # Eq. (1): 1; psi_ij is multiplied by this
    pairwise_prior: float = 0.4  # Eq. (1): 0; nats, subtracted from every scaled psi_ij
    duplicate_slope: float = 0.2  # 1/px, only without unique joints; see `crf.duplicate_probability`
    duplicate_bias: float = 7.5  # as the slope from DeeperCut's released code


@dataclass(frozen=True)
class LabelConfig:
    """Which joint types a candidate may take (Sec. 3.1)."""

    multi_label: bool = False  # Sec. 3.1: True, any type; False: only the type whose map proposed it
    label_threshold: float = 0.2  # with multi_label: the least score of another type
    unique_joints: bool = True  # a person has at most one joint of a type, as a hard constraint
    same_spot_distance: float = 4.0  # px, with multi_label: two joints of a pose this near are one
    same_label_distance: float = 16.0  # px, with multi_label: as the proposal distance of Sec. 4.1


@dataclass(frozen=True)
class SolverConfig:
    """The integer linear programme (Sec. 3.1)."""

    time_limit: float = 1.0  # s per box; Sec. 3.1: "within 1 sec."
    engine: str = "glop"  # linear programmes: OR-Tools' GLOP, or "highs"


@dataclass(frozen=True)
class CrfConfig:
    """The fully-connected CRF (Sec. 3.1)."""

    potentials: PotentialConfig = field(default_factory=PotentialConfig)
    labels: LabelConfig = field(default_factory=LabelConfig)
    solver: SolverConfig = field(default_factory=SolverConfig)


CHOICE_RULES = ("overlap", "centre", "all")


@dataclass(frozen=True)
class ChoiceConfig:
    """From the clusters of a crop to its people (Sec. 3.1)."""

    rule: str = "overlap"  # Sec. 3.1: "centre", nearest the box centre; "all": every pose is a person
    min_joints: int = 2  # a smaller cluster is no pose
    centre_share: float = 0.5  # Sec. 3.1: 0; "centre" passes over poses with a smaller share of joints
    extra_joints: int = 12  # Sec. 3.1: 15, never; a further pose with this many joints is a person, too
    margin: float = 0.08  # how far a body reaches beyond its joints, share of their longer side
    missing_joint_score: float = 0.1  # Sec. 4.1: 0.2; what a missing joint counts in the score of a pose

    def __post_init__(self) -> None:
        _check_choice("choice.rule", self.rule, CHOICE_RULES)


JOINT_VALUES = ("joints", "parts")


@dataclass(frozen=True)
class SkeletonMapConfig:
    """The pose as the second stage sees it (Sec. 3.2): the paper's label maps, or distance maps."""

    joint_radius: int = 3  # Sec. 3.2, px in the crop
    stick_width: int = 7  # Sec. 3.2, px in the crop
    joint_values: str = "parts"  # Sec. 3.2: "joints"; ids of joints or of parts in the joint label map
    sharp: bool = False  # Sec. 3.2: True, cells hold labels; False: means of the labels of their pixels
    decays: tuple[float, float] = (2.0, 8.0)  # of the distance maps, per median limb length of the pose
    least_limb: float = 12.0  # px in the crop, the least such length

    def __post_init__(self) -> None:
        _check_choice("skeleton.joint_values", self.joint_values, JOINT_VALUES)


KEEP_RULES = ("box", "pose")


@dataclass(frozen=True)
class MergeConfig:
    """Pose NMS over boxes (Sec. 4.1), averaging of part scores (Sec. 3) and the owners of body pixels."""

    part_power: float = 0.25  # Sec. 3: 1; power of the part scores before they are averaged over crops
    vote_without_pose: bool = False  # Sec. 3: True; whether the part scores of crops without a pose count
    keep_by: str = "box"  # Sec. 4.1: "pose", the pose score; decides between two poses of one person
    head_iou: float = 0.65  # Sec. 4.1: IoU above which the lower-ranked pose is dropped
    upper_body_iou: float = 0.5  # Sec. 4.1
    lower_body_iou: float = 0.5  # Sec. 4.1
    whole_body_iou: float = 0.4  # Sec. 4.1
    min_box_aspect: float = 0.5  # not printed; body boxes are widened to this shorter / longer side
    reach: float = 24.0  # px in the crop; how far a person may extend beyond its box, from its bones
    other_part_penalty: float = 24.0  # px in the crop, added to the distance to a bone of another part

    def __post_init__(self) -> None:
        _check_choice("merge.keep_by", self.keep_by, KEEP_RULES)
        if not 0 < self.part_power <= 1:
            raise ValueError(f"merge.part_power: expected a number in (0, 1], got {self.part_power}")


JPPNET_AVERAGES = ("probabilities", "scores")


@dataclass(frozen=True)
class JPPNetInferenceConfig:
    """Test-time views of a JPPNet (Liang et al., Sec. 6.1).

    The released code differs from the text: scales 0.75, 1 and 1.25, and scores are averaged.
    """

    scales: tuple[float, ...] = (0.75, 0.5, 1.25)  # Sec. 6.1, as printed
    merged: bool = False  # True: the network's own scales, merged as in training, in place of `scales`
    mirror: bool = True  # Sec. 6.1: "and also left-right flipped images"
    average: str = "probabilities"  # Sec. 6.1: "average probabilities"; released code: "scores"

    def __post_init__(self) -> None:
        _check_choice("average", self.average, JPPNET_AVERAGES)
        if not self.scales:
            raise ValueError("JPPNetInferenceConfig: expected at least one scale, e.g. (1.0,)")


@dataclass(frozen=True)
class PipelineConfig:
    """Every stage of Figure 2."""

    detection: DetectionConfig = field(default_factory=DetectionConfig)
    crop: CropConfig = field(default_factory=CropConfig)
    candidates: CandidateConfig = field(default_factory=CandidateConfig)
    features: FeatureConfig = field(default_factory=FeatureConfig)
    crf: CrfConfig = field(default_factory=CrfConfig)
    choice: ChoiceConfig = field(default_factory=ChoiceConfig)
    skeleton: SkeletonMapConfig = field(default_factory=SkeletonMapConfig)
    merge: MergeConfig = field(default_factory=MergeConfig)
    jppnet: JPPNetInferenceConfig = field(default_factory=JPPNetInferenceConfig)  # of a JPPNet alone
    mirror_pose: bool = True  # not in the paper; pose maps are averaged with those of the mirrored crop
    upright_pose: bool = True  # not in the paper; leaning people are seen again on an upright crop
    part_scales: tuple[float, ...] = (0.75, 1.0, 1.25)  # paper: (1.0,); part maps are averaged over scales
    refine: bool = True  # Sec. 3.2; False: parts come from the first-stage scores
    rounds: int = 1  # Sec. 3.2: 1; in each further round the CRF reads the refined parts
    batch_size: int = 4  # crops per forward pass; larger batches need memory and help on a GPU only

    def __post_init__(self) -> None:
        if not self.part_scales or min(self.part_scales) <= 0:
            raise ValueError(
                f"part_scales is {self.part_scales}: give at least one scale above 0, e.g. (1.0,)"
            )
        if self.rounds < 1:
            raise ValueError(f"rounds: expected a whole number of at least 1, got {self.rounds}")


# What `--speed` sets: how often the networks look at a person. Not in the paper, which looks once.
SPEEDS: Mapping[str, Mapping[str, Any]] = {
    "accurate": {},
    "balanced": {"part_scales": (0.75, 1.25)},
    "fast": {"mirror_pose": False, "part_scales": (1.0,)},
}


def at_speed(speed: str, config: PipelineConfig | None = None) -> PipelineConfig:
    """The settings with those of a speed.

    Parameters
    ----------
    speed : str
        A key of `SPEEDS`.
    config : PipelineConfig, optional
        The other settings; `PipelineConfig()` by default.

    Raises
    ------
    ValueError
        There is no such speed.
    """
    _check_choice("speed", speed, tuple(SPEEDS))
    return replace(config or PipelineConfig(), **SPEEDS[speed])


# Every number as printed by Xia et al.; what they do not print is as in the defaults, or switched off.
PAPER = PipelineConfig(
    detection=DetectionConfig(score_threshold=0.6, nms_iou=0.6, tiles="off"),  # Sec. 4.1
    candidates=CandidateConfig(max_per_joint=6, score_threshold=0.2, min_distance=16.0),  # Sec. 4.1
    features=FeatureConfig(segment_term=True, boundary_distance=10.0, rectangle_aspect=2.5),  # supplement
    crf=CrfConfig(
        potentials=PotentialConfig(pairwise_scale=1.0, pairwise_prior=0.0),  # Eq. (1)
        labels=LabelConfig(multi_label=True),  # Sec. 3.1: a label is one of {0, ..., K}
        solver=SolverConfig(time_limit=1.0),  # Sec. 3.1
    ),
    choice=ChoiceConfig(
        rule="centre", centre_share=0.0, extra_joints=15, missing_joint_score=0.2
    ),  # Secs. 3.1, 4.1
    skeleton=SkeletonMapConfig(joint_radius=3, stick_width=7, joint_values="joints", sharp=True),  # Sec. 3.2
    merge=MergeConfig(
        part_power=1.0,  # Sec. 3: part scores are averaged as they are ...
        vote_without_pose=True,  # ... over all boxes
        keep_by="pose",  # Sec. 4.1: the pose of higher score stays
        head_iou=0.65,  # Sec. 4.1, and the next three
        upper_body_iou=0.5,
        lower_body_iou=0.5,
        whole_body_iou=0.4,
        min_box_aspect=0.0,  # body boxes are as tight as the joints
    ),
    mirror_pose=False,
    upright_pose=False,
    part_scales=(1.0,),
)
