"""What the page knows of a photo, draws on it and says about it."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.stand_ins import FIGURES, boxes_of, draw, pipeline_of

from posepart.explanation.explain import crf_of
from posepart.schema import Joint
from posepart.serve.layers import Layers, draw_choice, draw_layers, joint_at, on_view, view_scale
from posepart.serve.study import LONGEST, Studies, Study, Variant, shrunken
from posepart.serve.words import joint_words, people_words

PHOTO = draw(FIGURES)
FIRST = Variant(second_stage=False)
NO_TERM = Variant(segment_term=False)
NONE = Layers(boxes=False, skeletons=False, parts=False)


@pytest.fixture(scope="module")
def study() -> Study:
    looked = Study(PHOTO, pipeline_of(boxes_of(FIGURES)))
    looked.trace(Variant())
    return looked


def test_variants_share_the_evidence(study: Study) -> None:
    full, first = study.trace(Variant()), study.trace(FIRST)
    assert all(a.candidates is b.candidates for a, b in zip(full.evidence, first.evidence, strict=True))
    assert first.scene.seconds["refinement"] == 0 < full.scene.seconds["refinement"]


def test_a_variant_is_the_pipeline_with_these_settings(study: Study) -> None:
    pipeline = study.pipeline
    config = replace(pipeline.config, features=replace(pipeline.config.features, segment_term=False))
    alone = pipeline_of(boxes_of(FIGURES), config)(PHOTO)
    energies = [person.certificate.energy for person in study.trace(NO_TERM).scene.people]
    assert energies == [person.certificate.energy for person in alone.people]
    assert energies != [person.certificate.energy for person in study.trace(Variant()).scene.people]


def test_joint_maps_are_high_where_the_joints_are(study: Study) -> None:
    maps = study.joint_maps()
    assert len(maps) == len(study.trace(Variant()).evidence)
    glowing = draw_layers(
        PHOTO * 0, study.trace(Variant()), maps, Layers(False, False, False, joint_maps=True)
    )
    x, y = np.rint(on_view(FIGURES[0][Joint.NECK], view_scale(PHOTO))).astype(int)
    assert glowing[y, x].sum() > 400
    assert glowing[2, 2].sum() == 0


def test_a_layer_that_is_off_draws_nothing(study: Study) -> None:
    trace = study.trace(Variant())
    bare = draw_layers(PHOTO, trace, (), NONE)
    assert max(bare.shape) == 1200
    for on in (Layers(True, False, False), Layers(False, True, False), Layers(False, False, True)):
        assert (draw_layers(PHOTO, trace, (), on) != bare).any()
    one, every = (
        draw_layers(PHOTO, trace, (), Layers(False, False, False, True, joint=joint))
        for joint in (int(Joint.NECK), None)
    )
    assert 0 < (one != bare).sum() < (every != bare).sum()


def test_a_click_finds_the_joint_below_it(study: Study) -> None:
    trace, scale = study.trace(Variant()), view_scale(PHOTO)
    for person in range(len(trace.scene.people)):
        x, y = on_view(trace.scene.people[person].pose.xy[Joint.LEFT_KNEE], scale)
        assert joint_at(trace, (x + 2, y - 2), scale) == (person, Joint.LEFT_KNEE)
    assert joint_at(trace, (1190.0, 5.0), scale) is None
    nobody = Study(PHOTO, pipeline_of(boxes_of([]))).trace(Variant())
    assert joint_at(nobody, (10.0, 10.0), scale) is None
    assert people_words(nobody) == "Nobody was found in this photo."


def test_words_have_the_terms_and_their_sum(study: Study) -> None:
    trace = study.trace(Variant())
    explanation = study.explanation(Variant(), 0)
    joint = explanation.joints[2]
    crf, crop = crf_of(trace, 0), trace.evidence[trace.sources[0].crop].crop
    words = joint_words(explanation, joint, 1, crf, crop.affine)
    assert words.startswith("### Left shoulder of person 1\n")
    assert f"| **sum** | {joint.total:+.2f} |" in words
    assert "segment term" in words
    view = draw_layers(PHOTO, trace, (), NONE)
    marked = view.copy()
    draw_choice(marked, trace, 0, joint, view_scale(PHOTO))
    assert (marked != view).any()
    assert "| 1 | 0.95 |" in people_words(trace)


def test_large_photos_are_shrunk_and_small_ones_kept() -> None:
    assert shrunken(np.zeros((40, 2 * LONGEST, 3), np.uint8)).shape == (20, LONGEST, 3)
    assert shrunken(PHOTO) is PHOTO


def test_old_photos_are_forgotten(study: Study) -> None:
    studies = Studies(most=2)
    keys = [studies.add(study) for _ in range(2)]
    studies.get(keys[0])
    newest = studies.add(study)
    assert studies.get(keys[0]) is studies.get(newest) is study
    with pytest.raises(ValueError, match="drop it again"):
        studies.get(keys[1])
    studies.forget(newest)
    with pytest.raises(ValueError, match="drop it again"):
        studies.get(newest)
