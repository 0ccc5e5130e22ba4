"""The questions of the ablations."""

import pytest

from posepart.ablation.questions import KEYS, SECOND_STAGES, questions
from posepart.ablation.trees import TREES
from posepart.ablation.variants import BOXES, PHOTO, SCALED
from posepart.config import PipelineConfig


@pytest.mark.parametrize("retrained", [(), tuple(SECOND_STAGES)[:4]])
def test_the_variants_of_a_question_differ(retrained: tuple[str, ...]) -> None:
    asked = questions(PipelineConfig(), retrained)
    assert tuple(question.key for question in asked) == KEYS
    for question in asked:
        assert len(set(question.variants)) == len(question.variants) >= 2
        assert len({variant.name for variant in question.variants}) == len(question.variants)
    second_stage = asked[KEYS.index("second_stage")]
    assert bool(second_stage.note) is not bool(retrained)
    assert {variant.second_stage for variant in second_stage.variants} == {"shipped", *retrained}


def test_only_one_variant_takes_the_whole_photo_for_a_box() -> None:
    variants = [variant for question in questions(PipelineConfig()) for variant in question.variants]
    assert [variant.name for variant in variants if variant.view == PHOTO] == ["whole photo as one box"]
    assert {variant.view for variant in variants} == {BOXES, PHOTO, SCALED}
    assert all((variant.config.choice.rule == "all") == (variant.view != BOXES) for variant in variants)


def test_trees_are_those_of_their_own_fit_or_as_printed() -> None:
    """Never with the tempering of the CRF, which is tuned for 91 pairs of a person."""
    unfitted, fitted = (questions(PipelineConfig(), fitted=fit)[0] for fit in (False, True))
    assert unfitted.key == fitted.key == "systems"
    assert "--fit_photos" in unfitted.note and not fitted.note
    assert [v.assembler for v in fitted.variants[2:5]] == list(TREES)
    for question in questions(PipelineConfig()):
        for variant in question.variants:
            potentials = variant.config.crf.potentials
            if variant.assembler == "tree":
                assert (potentials.pairwise_scale, potentials.pairwise_prior) == (1, 0)
