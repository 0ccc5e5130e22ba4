"""The questions of `experiments/ablate.py`: every ablation of the paper as variants that differ in one thing."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from posepart.ablation.deepercut import deepercut_config
from posepart.ablation.trees import TREES
from posepart.ablation.variants import PHOTO, SCALED, Question, Variant
from posepart.config import PipelineConfig
from posepart.schema import NUM_JOINTS


@dataclass(frozen=True)
class TrainedStage:
    """A second stage that is trained for the ablation."""

    builder: str  # of `models.builders`
    joint_map: bool  # whether it sees the maps of joints, in training and in use
    skeleton_map: bool  # whether it sees the maps of limbs


SECOND_STAGES: dict[str, TrainedStage] = {
    "zero maps": TrainedStage("refine_distances", joint_map=False, skeleton_map=False),
    "joint maps": TrainedStage("refine_distances", joint_map=True, skeleton_map=False),
    "skeleton maps": TrainedStage("refine_distances", joint_map=False, skeleton_map=True),
    "both maps": TrainedStage("refine_distances", joint_map=True, skeleton_map=True),
    "both as the paper's label maps": TrainedStage("refine_labels", joint_map=True, skeleton_map=True),
}

NOT_RETRAINED = (
    "The first row with a second stage is the shipped one, trained with both maps, with its maps set to zero: it "
    "tells how much it relies on them, not what a network without them could do. `--refine_steps 400` trains one "
    "network per choice of maps."
)


NOT_FITTED = (
    "The two trees read the regressions of the CRF on neighbouring joints, f(Pn) and, with segments, f(Ps), as "
    "printed in Eq. (1). `--fit_photos 60` fits the AOGs and Chen & Yuille's tree, each with potentials of its own."
)


def questions(
    base: PipelineConfig, retrained: Collection[str] = (), fitted: bool = False
) -> tuple[Question, ...]:
    """Every question, in the order of the report.

    Parameters
    ----------
    base : PipelineConfig
        What all variants share, but for what a question changes.
    retrained : collection of str
        The names in `SECOND_STAGES` of those that were trained.
    fitted : bool
        Whether the trees of `trees.TREES` were fitted.
    """
    return (
        _systems(base, fitted),
        _segment_term(base),
        _pairs(base),
        _assemblers(base),
        _second_stage(base, retrained),
        _rounds(base),
        _part_average(base),
        _several_poses(base),
        _boxes(base),
        _multi_label(base),
    )


def _with_segments(base: PipelineConfig, on: bool) -> PipelineConfig:
    return replace(base, features=replace(base.features, segment_term=on))


def _segment_term(base: PipelineConfig) -> Question:
    without = Variant("without", _with_segments(base, False))
    return Question(
        "segment_term",
        "Segment-joint term, with pairwise weights fitted for each",
        (without, Variant("with", _with_segments(base, True))),
        tables=("table_1", "table_2"),
    )


def _pairs(base: PipelineConfig) -> Question:
    """Eq. (1) as printed, and with the scale and prior of the configuration."""
    own, printed = base.crf.potentials, _as_printed(base)
    tempered = f"scale {own.pairwise_scale:g}, prior {own.pairwise_prior:g}"
    return Question(
        "pairs",
        "Pairwise potentials as printed in Eq. (1), and tempered",
        (
            Variant("as printed, without segments", _with_segments(printed, False)),
            Variant("as printed, with segments", _with_segments(printed, True)),
            Variant(f"{tempered}, with segments", _with_segments(base, True)),
        ),
    )


def _as_printed(base: PipelineConfig) -> PipelineConfig:
    eq_1 = replace(base.crf.potentials, pairwise_scale=1.0, pairwise_prior=0.0)
    return replace(base, crf=replace(base.crf, potentials=eq_1))


def _systems(base: PipelineConfig, fitted: bool) -> Question:
    """The rows of Tables 1 and 2."""
    without, segments = _with_segments(base, False), _with_segments(base, True)
    if fitted:
        trees = [Variant(kind.title, segments, name) for name, kind in TREES.items()]
    else:
        trees = [
            Variant("tree on the CRF's regressions", _as_printed(without), "tree"),
            Variant("the same with segments", _as_printed(segments), "tree"),
        ]
    deepercut = deepercut_config(base)
    tempered = replace(deepercut, crf=replace(deepercut.crf, potentials=base.crf.potentials))
    return Question(
        "systems",
        "Systems of Tables 1 and 2, on the same networks",
        (
            Variant("our model (w/o seg)", without),
            Variant("our model (final)", segments),
            *trees,
            Variant("DeeperCut", deepercut, "local_search", view=SCALED),
            Variant("DeeperCut, tempered as ours", tempered, "local_search", view=SCALED),
        ),
        "" if fitted else NOT_FITTED,
        ("table_1", "table_2"),
    )


def _assemblers(base: PipelineConfig) -> Question:
    without, segments = _with_segments(base, False), _with_segments(base, True)
    return Question(
        "assemblers",
        "Assembler, on the same candidates",
        (
            Variant("per-joint maximum", without, "per_joint_maximum"),
            Variant("tree, potentials as printed, without segments", _as_printed(without), "tree"),
            Variant("tree, potentials as printed", _as_printed(segments), "tree"),
            Variant("local search, without segments", without, "local_search"),
            Variant("local search", segments, "local_search"),
            Variant("exact, without segments", without),
            Variant("exact", segments),
        ),
    )


def _second_stage(base: PipelineConfig, retrained: Collection[str]) -> Question:
    """The first stage alone, then every second stage there is."""
    refined = replace(base, refine=True)
    variants = [Variant("first stage only", replace(base, refine=False))]
    for name in retrained:
        stage = SECOND_STAGES[name]
        own = Variant(f"retrained, {name}", refined, "exact", name, stage.joint_map, stage.skeleton_map)
        variants.append(own)
    if not retrained:
        zero = Variant("shipped, maps set to zero", refined, joint_map=False, skeleton_map=False)
        variants.append(zero)
    variants.append(Variant("shipped, both maps", refined))
    note = "" if retrained else NOT_RETRAINED
    tables = ("table_3", "table_4")
    return Question("second_stage", "Pose maps of the second stage", tuple(variants), note, tables)


def _rounds(base: PipelineConfig) -> Question:
    """Sec. 3.2: inference "iteratively" is possible, and "the performance improvement is marginal"."""
    refined = replace(base, refine=True)
    names = {1: "one round", 2: "two rounds", 3: "three rounds"}
    variants = tuple(Variant(name, replace(refined, rounds=rounds)) for rounds, name in names.items())
    return Question("rounds", "Rounds of CRF and second stage", variants, tables=("table_2", "table_3"))


def _part_average(base: PipelineConfig) -> Question:
    plain = replace(base, merge=replace(base.merge, part_power=1.0))
    softened = Variant(f"softened, power {base.merge.part_power:g}", base)
    return Question(
        "part_average",
        "Part scores that are averaged over crops",
        (Variant("as they are", plain), softened),
    )


def _several_poses(base: PipelineConfig) -> Question:
    """Other poses of a box are people from so many joints on: more than there are, the configured number, any."""
    usual = base.choice.extra_joints
    names = {"one": NUM_JOINTS + 1, f"others of {usual} joints": usual, "every": 0}
    variants = (
        Variant(name, replace(base, choice=replace(base.choice, extra_joints=joints)))
        for name, joints in names.items()
    )
    return Question("several_poses", "Poses per box", tuple(variants))


def _boxes(base: PipelineConfig) -> Question:
    whole = replace(base, choice=replace(base.choice, rule="all"))
    again = Variant("whole photo as one box", whole, view=PHOTO)
    return Question(
        "boxes",
        "Boxes or the whole photo",
        (Variant("boxes", base), again),
    )


def _multi_label(base: PipelineConfig) -> Question:
    single, several = (
        replace(base, crf=replace(base.crf, labels=replace(base.crf.labels, multi_label=on)))
        for on in (False, True)
    )
    return Question(
        "multi_label",
        "Joint types of a candidate",
        (Variant("A: the proposing map's", single), Variant("B: any", several)),
    )


KEYS = tuple(question.key for question in questions(PipelineConfig()))
