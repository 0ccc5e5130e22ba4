"""What `ablate.py` asks: every ablation of the paper as rows that differ in one thing."""

from dataclasses import replace

from ablate_refine import POSE_MAPS

from posepart.ablation.variants import Question, Row, Variant
from posepart.config import PipelineConfig
from posepart.schema import NUM_JOINTS

KEYS = (
    "segment_term",
    "pairs",
    "assemblers",
    "second_stage",
    "part_average",
    "several_poses",
    "boxes",
    "multi_label",
)

NOT_RETRAINED = (
    "The first row with a second stage is the shipped one, trained with both maps, with its maps set to zero: it "
    "tells how much it relies on them, not what a network without them could do. `--refine_steps 400` trains one "
    "network per choice of maps."
)


def questions(base: PipelineConfig, retrained: tuple[str, ...]) -> tuple[Question, ...]:
    """The questions of `KEYS`, in that order.

    Parameters
    ----------
    base : the pipeline that all variants share but for what a question changes
    retrained : names of the second stages that were trained for this ablation
    """
    whole = Variant(base)
    without_segments = _segment_term(base, False)
    printed = replace(base, crf=replace(base.crf, pairwise_scale=1.0, pairwise_prior=0.0))
    tempered = f"scale {base.crf.potentials.pairwise_scale:g}, prior {base.crf.potentials.pairwise_prior:g}"
    single = Variant(replace(base, crf=replace(base.crf, multi_label=False)))
    several = Variant(replace(base, crf=replace(base.crf, multi_label=True)))
    return (
        Question(
            "segment_term",
            "Segment-joint term, with pairwise weights fitted for each",
            (
                Row("without", Variant(without_segments)),
                Row("with", Variant(_segment_term(base, True))),
            ),
        ),
        Question(
            "pairs",
            "Pairwise potentials as printed in Eq. (1), and tempered",
            (
                Row("as printed, without segments", Variant(_segment_term(printed, False))),
                Row("as printed, with segments", Variant(_segment_term(printed, True))),
                Row(f"{tempered}, with segments", Variant(_segment_term(base, True))),
            ),
        ),
        Question("assemblers", "Assembler, on the same candidates and potentials", _assemblers(base)),
        _second_stage(base, retrained),
        Question("part_average", "Part scores that are averaged over crops", _part_average(base)),
        Question(
            "several_poses",
            "Poses per box",
            _poses_per_box(base),
        ),
        Question(
            "boxes",
            "Boxes or the whole photo",
            (Row("boxes", whole), Row("whole photo as one box", replace(whole, whole_photo=True))),
        ),
        Question(
            "multi_label",
            "Joint types of a candidate",
            (Row("A: the proposing map's", single), Row("B: any", several)),
        ),
    )


def _part_average(base: PipelineConfig) -> tuple[Row, ...]:
    plain = Variant(replace(base, merge=replace(base.merge, part_power=1.0)))
    return Row("as they are", plain), Row(f"softened, power {base.merge.part_power:g}", Variant(base))


def _poses_per_box(base: PipelineConfig) -> tuple[Row, ...]:
    """Other poses of a box are people from so many joints on: more than there are, the pipeline's number, any."""
    usual = base.choice.extra_joints
    names = {"one": NUM_JOINTS + 1, f"others of {usual} joints": usual, "every": 0}
    return tuple(
        Row(name, Variant(replace(base, crf=replace(base.crf, further_joints=joints))))
        for name, joints in names.items()
    )


def _segment_term(base: PipelineConfig, on: bool) -> PipelineConfig:
    return replace(base, features=replace(base.features, segment_term=on))


def _assemblers(base: PipelineConfig) -> tuple[Row, ...]:
    without, with_segments = Variant(_segment_term(base, False)), Variant(_segment_term(base, True))
    return (
        Row("per-joint maximum", replace(without, assembler="per_joint_maximum")),
        Row("tree (AOG-Simple)", replace(without, assembler="tree")),
        Row("tree with segments (AOG-Seg)", replace(with_segments, assembler="tree")),
        Row("local search, without segments", replace(without, assembler="local_search")),
        Row("local search", replace(with_segments, assembler="local_search")),
        Row("exact, without segments", without),
        Row("exact", with_segments),
    )


def _second_stage(base: PipelineConfig, retrained: tuple[str, ...]) -> Question:
    """First stage alone, then every second stage there is."""
    second = replace(base, refine=True)
    rows = [Row("first stage only", Variant(replace(base, refine=False)))]
    for name in retrained:
        _, joint_map, skeleton_map = POSE_MAPS[name]
        variant = Variant(second, second_stage=name, joint_map=joint_map, skeleton_map=skeleton_map)
        rows.append(Row(f"retrained, {name}", variant))
    if not retrained:
        rows.append(Row("shipped, maps set to zero", Variant(second, joint_map=False, skeleton_map=False)))
    rows.append(Row("shipped, both maps", Variant(second)))
    note = "" if retrained else NOT_RETRAINED
    return Question("second_stage", "Pose maps of the second stage", tuple(rows), note)
