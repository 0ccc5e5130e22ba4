"""Variants of the stages after the networks, run on evidence that was kept: a variant is data, not a branch."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from posepart.ablation.assemblers import ASSEMBLERS
from posepart.ablation.trees import TREES, TreeAssembler, TreeModel
from posepart.config import PipelineConfig
from posepart.models.refine import SecondStage
from posepart.pipeline import Assembler, Pipeline
from posepart.stages.pairwise import PairwiseModel
from posepart.stages.refinement import Refiner
from posepart.structures import Evidence, Grouping

SHIPPED = "shipped"  # the second stage that comes with the model
BOXES, PHOTO, SCALED = "boxes", "photo", "scaled"
VIEWS = (BOXES, PHOTO, SCALED)  # person boxes; the photo as one crop; the photo as DeeperCut sees it


@dataclass(frozen=True)
class Variant:
    """How the stages after the networks are run. Variants that differ in their names only are equal."""

    name: str = field(compare=False)  # in the tables
    config: PipelineConfig = field(default_factory=PipelineConfig)  # of all stages after the networks
    assembler: str = "exact"  # a key of `assemblers.ASSEMBLERS`, or of `trees.TREES` where these are fitted
    second_stage: str = SHIPPED  # whose weights; read only if `config.refine` is set
    joint_map: bool = True  # False: the second stage sees no joints
    skeleton_map: bool = True  # False: the second stage sees no limbs
    view: str = BOXES  # of the photo, one of `VIEWS`

    def __post_init__(self) -> None:
        known = (*ASSEMBLERS, *TREES)
        if self.assembler not in known:
            raise ValueError(f"assembler {self.assembler!r}: choose one of {', '.join(known)}")
        if self.view not in VIEWS:
            raise ValueError(f"view {self.view!r}: choose one of {', '.join(VIEWS)}")


@dataclass(frozen=True)
class Question:
    """One ablation: variants that differ in one thing. All others are compared with the first."""

    key: str  # for the command line
    asks: str  # heading of the table
    variants: tuple[Variant, ...]
    note: str = ""  # what a reader has to know
    tables: tuple[str, ...] = ()  # of the paper's, to be shown besides: keys of `table.PAPER_TABLES`


@dataclass(frozen=True)
class Fitted:
    """What variants name and was trained."""

    second_stages: Mapping[str, SecondStage]  # by the names that variants use
    trees: Mapping[str, TreeModel] = field(default_factory=dict)  # by the keys of `trees.TREES`


class SharedGroupings:
    """What assemblers made of the crops of one photo; variants that differ in later stages only share it."""

    def __init__(self, pairwise: PairwiseModel, trees: Mapping[str, TreeModel] | None = None) -> None:
        self.pairwise, self.trees = pairwise, trees or {}
        self._known: dict[tuple[object, ...], tuple[Evidence, Grouping]] = {}

    def assembler(self, variant: Variant) -> Assembler:
        """The variant's assembler, which solves each crop once."""
        config, choice = variant.config, variant.config.choice
        assemble: Assembler
        if variant.assembler in ASSEMBLERS:
            assemble = ASSEMBLERS[variant.assembler](self.pairwise, config)
        else:
            assemble = TreeAssembler(self.trees[variant.assembler], config)
        # the settings that an assembler reads
        settings = (config.features, config.crf, choice.min_joints, choice.missing_joint_score)

        def assemble_once(evidence: Evidence) -> Grouping:
            # the evidence is kept, so nothing else can get the ids of its records
            key = variant.assembler, settings, id(evidence.candidates), id(evidence.parts)
            if key not in self._known:
                self._known[key] = evidence, assemble(evidence)
            return self._known[key][1]

        return assemble_once


def variant_pipeline(
    pipeline: Pipeline,
    variant: Variant,
    groupings: SharedGroupings,
    second_stages: Mapping[str, SecondStage],
    device: str = "cpu",
) -> Pipeline:
    """A pipeline whose `conclude` runs the variant; scores are not calibrated.

    Parameters
    ----------
    pipeline : Pipeline
        Detector and networks are taken from it.
    variant : Variant
    groupings : SharedGroupings
        Of one photo.
    second_stages : mapping of str to SecondStage
        By the names that variants use.
    device : str
        Of the second stages.
    """
    refiner = None
    if variant.config.refine:
        network = second_stages[variant.second_stage]
        refiner = Refiner(network, variant.config, variant.joint_map, variant.skeleton_map, device)
    return replace(
        pipeline,
        assembler=groupings.assembler(variant),
        refiner=refiner,
        config=variant.config,
        calibration=None,
    )
