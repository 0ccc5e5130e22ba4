"""The paper's numbers, once, as the defaults of frozen dataclasses, each with its section."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class DetectionConfig:
    """Person boxes (Sec. 4.1)."""

    score_threshold: float = 0.6  # Sec. 4.1: detection score threshold
    nms_iou: float = 0.6  # Sec. 4.1: box IoU overlap threshold
    max_people: int = 60  # bound on memory and time in a crowd; the best scored are kept
    min_size: float = 8.0  # px in the photo; smaller boxes hold no readable person


@dataclass(frozen=True)
class CropConfig:
    """Box rescaling (Sec. 3): small people are enlarged, large ones shrunk to one size."""

    size: int = 256  # px, side of the square crop; every pixel number below is in this frame
    margin: float = 1.1  # side of the cropped square / longer side of the box; FCNs trained with 1.25


@dataclass(frozen=True)
class CandidateConfig:
    """Joint proposals from the joint score maps (Sec. 4.1)."""

    max_per_joint: int = 6  # Sec. 4.1: 6 proposals per joint type
    score_threshold: float = 0.1  # Sec. 4.1: 0.2, at which a third of the joints have no candidate
    min_distance: float = 16.0  # Sec. 4.1: proposal distance threshold, px in the crop


@dataclass(frozen=True)
class FeatureConfig:
    """Pairwise features f(Pn), f(Ps) (Sec. 3.1 and supplement)."""

    segment_term: bool = True  # False: "w/o seg" of Table 1, the first 4 columns only
    boundary_distance: float = 10.0  # supplement: "within 10 pixels from the boundary"
    rectangle_aspect: float = 2.5  # supplement: oriented rectangle, aspect ratio 2.5 : 1


@dataclass(frozen=True)
class CrfConfig:
    """The fully-connected CRF, solved as an ILP (Sec. 3.1)."""

    multi_label: bool = False  # False (variant A): a candidate keeps its map's type; True (B): any type
    unique_joints: bool = True  # at most one joint of a type per person, hard
    time_limit: float = 1.0  # s per box; Sec. 3.1: "within 1 sec."
    probability_clip: float = 1e-7  # P and Pij are clipped to [clip, 1 - clip] before the logarithm
    pairwise_scale: float = 0.05  # psi_ij is taken times this: the up to 91 pairs of a person do not err
    pairwise_prior: float = 0.4  # independently, as Eq. (1) has it; less this. (1, 0) is Eq. (1) as printed
    missing_joint_score: float = 0.1  # Sec. 4.1: 0.2, the threshold of joint scores, as here
    min_joints: int = 2  # a smaller cluster is no pose: it never wins the box
    pose_choice: str = "overlap"  # which pose a box keeps; "centre": nearest the box centre, as in Sec. 3.1
    further_joints: int = 12  # another pose of a box with as many is a person too; Sec. 3.1 keeps one: 15
    pose_margin: float = 0.08  # of a pose's longer side, how far the person reaches beyond the joints
    label_threshold: float = 0.2  # variant B: a candidate may take every type of at least this score
    same_spot_distance: float = 4.0  # px in the crop; variant B: two joints of a pose this near are one
    same_label_distance: float = 16.0  # px in the crop; variant B: as the proposal distance of Sec. 4.1
    duplicate_slope: float = 0.2  # without unique_joints: P of two joints of one type at a distance of d px
    duplicate_bias: float = 7.5  # is 1 / (1 + exp(slope * d - bias)), as in DeeperCut's released code
    engine: str = "glop"


@dataclass(frozen=True)
class SkeletonMapConfig:
    """The pose as the second stage sees it (Sec. 3.2): the paper's label maps, or distance maps."""

    joint_radius: int = 3  # Sec. 3.2, px in the crop
    stick_width: int = 7  # Sec. 3.2, px in the crop
    decays: tuple[float, float] = (2.0, 8.0)  # of the distance maps, per median limb length of the pose
    least_limb: float = 12.0  # px in the crop, the least such length


POSE_RANKS = ("box", "pose")


@dataclass(frozen=True)
class MergeConfig:
    """Pose NMS over boxes (Sec. 4.1), averaging of part scores (Sec. 3), and whose a pixel of a part is."""

    part_power: float = 0.25  # of the part scores that are averaged over crops; Sec. 3: 1, as they are
    rank: str = "box"  # which of two poses of one person stays, see `pose_nms.keep_order`; Sec. 4.1: "pose"
    head_iou: float = 0.65  # IoU above which the pose of lower rank is dropped
    upper_body_iou: float = 0.5
    lower_body_iou: float = 0.5
    whole_body_iou: float = 0.4
    min_box_aspect: float = 0.5  # shorter / longer side at least: forehead and neck alone span a mere line
    reach: float = 24.0  # px in the crop; how far a person extends beyond its box, measured from its bones
    other_part_penalty: float = 24.0  # px in the crop, added to the distance to a bone of another part

    def __post_init__(self) -> None:
        if self.rank not in POSE_RANKS:
            raise ValueError(f"unknown merge.rank {self.rank!r}: choose one of {', '.join(POSE_RANKS)}")
        if not 0 < self.part_power <= 1:
            raise ValueError(f"merge.part_power: expected a number in (0, 1], got {self.part_power}")


JPPNET_AVERAGES = ("probabilities", "scores")


@dataclass(frozen=True)
class JPPNetInferenceConfig:
    """What a JPPNet sees (Liang et al.); the released code's scales are 0.75, 1 and 1.25, and it averages scores."""

    scales: tuple[float, ...] = (0.75, 0.5, 1.25)  # Sec. 6.1, as printed
    merged: bool = False  # True: the network's own scales, merged as in its training, in place of `scales`
    mirror: bool = True  # Sec. 6.1: "and also left-right flipped images"
    average: str = "probabilities"  # Sec. 6.1: "average probabilities"; code: "scores"

    def __post_init__(self) -> None:
        if self.average not in JPPNET_AVERAGES:
            raise ValueError(f"unknown average {self.average!r}: choose one of {', '.join(JPPNET_AVERAGES)}")
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
    skeleton: SkeletonMapConfig = field(default_factory=SkeletonMapConfig)
    merge: MergeConfig = field(default_factory=MergeConfig)
    jppnet: JPPNetInferenceConfig = field(default_factory=JPPNetInferenceConfig)  # of a JPPNet alone
    mirror_pose: bool = True  # average the pose maps with those of the mirrored crop, at twice the time
    upright_pose: bool = True  # and with those of the crop turned until the trunk stands, if no less sure
    part_scales: tuple[float, ...] = (0.75, 1.0, 1.25)  # part maps of crops in these sizes are averaged
    refine: bool = True  # False: the first-stage part scores are the result
    batch_size: int = 8  # crops per forward pass

    def __post_init__(self) -> None:
        if not self.part_scales or min(self.part_scales) <= 0:
            raise ValueError(
                f"part_scales is {self.part_scales}: give at least one scale above 0, e.g. (1.0,)"
            )
