"""The figures of Liang et al."""

import numpy as np
import pytest

from posepart.reproduction.lip import draw_labels, draw_region_joints
from posepart.schema.lip import LipLabel


def test_joints_of_figure_11_are_the_centres_of_regions() -> None:
    """Sec. 5.3: shoes and arms have a joint of their own, gloves none."""
    image = np.full((60, 60, 3), 90, np.uint8)
    labels = np.zeros((60, 60), np.uint8)
    labels[10:15, 5:16] = LipLabel.LEFT_ARM
    labels[40:51, 30:41] = LipLabel.GLOVE
    drawn, plain = draw_region_joints(image, labels), draw_labels(image, labels)
    y, x = np.nonzero((drawn != plain).any(2))
    assert (x.mean(), y.mean()) == pytest.approx((10, 12), abs=0.5)
    assert max(np.ptp(x), np.ptp(y)) <= 6
