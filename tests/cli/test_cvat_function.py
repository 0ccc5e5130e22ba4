"""posepart as a function of CVAT's automatic annotation, checked by CVAT's own package."""

from types import SimpleNamespace

import numpy as np
import pytest
from helpers.stand_ins import FIGURES, boxes_of, draw, pipeline_of
from PIL import Image

from posepart.schema import PART_NAMES
from posepart.structures import PersonBoxes

cvat = pytest.importorskip("cvat_sdk.auto_annotation")
masks = pytest.importorskip("cvat_sdk.masks")
pytest.importorskip("cvat_sdk.auto_annotation.driver")

from posepart.cli.cvat_function import CvatFunction  # noqa: E402 - which needs the package


def context(threshold: float | None = None, polygons: bool = False) -> SimpleNamespace:
    return SimpleNamespace(frame_name="a.png", conf_threshold=threshold, conv_mask_to_poly=polygons)


@pytest.mark.parametrize("people", [0, 1, 3])
def test_shapes_are_the_scene(people: int) -> None:
    figures = FIGURES[:people]
    pipeline = pipeline_of(boxes_of(figures) if people else PersonBoxes.empty())
    photo = draw(figures)
    scene, function = pipeline(photo), CvatFunction(pipeline)
    labels = {label.id: label for label in function.spec.labels}  # which CVAT has checked
    shapes = function.detect(context(), Image.fromarray(photo))
    assert len(scene.people) == people
    for group, person in enumerate(scene.people, start=1):
        own = [shape for shape in shapes if shape.group == group]
        found = np.zeros_like(scene.part_map)
        for shape in own:
            label, kind = labels[shape.label_id], str(shape.type)
            assert kind == str(label.type)
            if kind == "mask":
                size = {"image_width": scene.size[0], "image_height": scene.size[1]}
                found[masks.decode_mask(shape.points, **size)] = PART_NAMES.index(label.name)
            elif kind == "skeleton":
                names = [sublabel.name for sublabel in label.sublabels]
                assert [names[element.label_id] for element in shape.elements] == names
                xy = [element.points for element in shape.elements]
                np.testing.assert_allclose(xy, person.pose.xy, atol=1e-4)
            else:
                np.testing.assert_allclose(shape.points, person.box, atol=1e-4)
        assert sorted({str(shape.type) for shape in own}) == ["mask", "rectangle", "skeleton"]
        np.testing.assert_array_equal(found, scene.person_parts(group - 1))
    assert {shape.group for shape in shapes} == {*range(1, people + 1)}
    assert all(shape.frame == 0 for shape in shapes)


def test_threshold_and_polygons() -> None:
    pipeline = pipeline_of(boxes_of(FIGURES))
    image = Image.fromarray(draw(FIGURES))
    function, scores = CvatFunction(pipeline), [0.95, 0.85, 0.75]  # of the boxes
    shapes = function.detect(context(threshold=0.8, polygons=True), image)
    assert len({shape.group for shape in shapes}) == sum(score >= 0.8 for score in scores)
    kinds = {str(shape.type) for shape in shapes}
    assert kinds == {"rectangle", "skeleton", "polygon"}
    polygons = [shape.points for shape in shapes if str(shape.type) == "polygon"]
    assert all(len(points) >= 6 and len(points) % 2 == 0 for points in polygons)
