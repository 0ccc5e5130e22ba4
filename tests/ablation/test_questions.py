"""The questions of the ablations."""

import pytest

from posepart.ablation.questions import KEYS, SECOND_STAGES, questions
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
    assert [variant.name for variant in variants if variant.whole_photo] == ["whole photo as one box"]
