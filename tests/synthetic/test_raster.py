"""Rasterisers against hand-computed pixels, and NumPy against numba."""

import subprocess
import sys

import numpy as np
import pytest
from numpy.typing import ArrayLike

from posepart.synthetic.people.rotations import Array
from posepart.synthetic.render.camera import Camera
from posepart.synthetic.render.faces import FaceIds
from posepart.synthetic.render.raster import barycentric, choose_rasteriser, rasterise_numpy

NO_FACES = np.zeros((0, 3), np.int64)


def draw(
    xy: ArrayLike, inverse_depth: ArrayLike, faces: ArrayLike, one_sided: bool = False
) -> tuple[Array, FaceIds]:
    """Depths and face ids of 6 x 8 pixels."""
    triangles = np.asarray(faces, np.int64).reshape(-1, 3)
    sides = np.full(len(triangles), one_sided)
    return rasterise_numpy(
        np.asarray(xy, float).reshape(-1, 2), np.asarray(inverse_depth, float), triangles, sides, 8, 6
    )


def test_nothing_to_draw() -> None:
    depth, face = draw([], [], NO_FACES)
    assert not depth.any() and (face == -1).all() and face.shape == (6, 8)


def test_triangle_covers_the_pixel_centres_inside_it_and_on_its_border() -> None:
    _, face = draw([(1, 1), (4, 1), (1, 4)], [1, 1, 1], [(0, 1, 2)])
    expected = np.full((6, 8), -1)
    for y, columns in ((1, (1, 2, 3, 4)), (2, (1, 2, 3)), (3, (1, 2)), (4, (1,))):
        expected[y, list(columns)] = 0
    np.testing.assert_array_equal(face, expected)


def test_one_lit_pixel() -> None:
    _, face = draw([(4.9, 2.9), (5.1, 2.9), (5, 3.2)], [1, 1, 1], [(0, 1, 2)])
    assert list(zip(*np.nonzero(face == 0), strict=True)) == [(3, 5)]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_nearer_face_wins_and_of_equals_the_first(order: tuple[int, int]) -> None:
    xy = [(0, 0), (5, 0), (0, 5)] * 2
    depth, face = draw(xy, [1, 1, 1, 2, 2, 2], [(0, 1, 2), (3, 4, 5)])
    assert face[1, 1] == 1 and depth[1, 1] == 2
    triangles = np.array([(0, 1, 2), (3, 4, 5)])[list(order)]
    assert draw(xy, [1] * 6, triangles)[1][1, 1] == 0


def test_faces_behind_the_camera_or_turned_away_are_left_out() -> None:
    xy = [(0, 0), (5, 0), (0, 5)]
    assert (draw(xy, [1, 1, -1], [(0, 1, 2)])[1] == -1).all()
    assert (draw(xy, [1, 1, 1], [(0, 1, 2)], one_sided=True)[1] == -1).all()
    assert (draw(xy, [1, 1, 1], [(0, 2, 1)], one_sided=True)[1][1, 1]) == 0


def test_barycentric_is_perspective_correct() -> None:
    xy, inverse = np.array([(0.0, 0.0), (4.0, 0.0), (0.0, 4.0)]), np.array([1.0, 0.5, 0.5])
    weights = barycentric(xy, inverse, np.array([(0, 1, 2)]), np.array([2]), np.array([0]), 8)
    # At the middle of an edge with depths 1 and 2 the nearer end weighs 1 / (1 + 1/2).
    np.testing.assert_allclose(weights, [[2 / 3, 1 / 3, 0]], atol=1e-6)


def test_projection_and_rays_agree_on_pixel_centres() -> None:
    rotation = np.array([[1, 0, 0], [0, 0, 1], [0, 1, 0]], np.float32)
    camera = Camera(7, 5, 10.0, np.array([0.0, -2.0, 1.0]), rotation)
    xy, depth = camera.project(np.array([[0.0, 0.0, 1.0], [0.2, 0.0, 1.2]]))
    np.testing.assert_allclose(xy, [[3, 2], [4, 1]])
    np.testing.assert_allclose(depth, [2, 2])
    np.testing.assert_allclose(camera.rays()[1 * 7 + 4] * 2 + camera.centre, [0.2, 0.0, 1.2], atol=1e-6)


def test_finer_camera_sees_the_same_picture() -> None:
    rotation = np.array([[1, 0, 0], [0, 0, 1], [0, 1, 0]], np.float32)
    camera = Camera(7, 5, 10.0, np.array([0.0, -2.0, 1.0]), rotation)
    points = np.random.default_rng(0).normal(size=(20, 3))
    coarse, fine = camera.project(points)[0], camera.scaled(3).project(points)[0]
    np.testing.assert_allclose((coarse + 0.5) * 3, fine + 0.5)


@pytest.mark.parametrize("seed", range(3))
def test_numba_gives_the_same_bits(seed: int) -> None:
    pytest.importorskip("numba")
    rng = np.random.default_rng(seed)
    xy = rng.uniform(-10, 70, (300, 2))
    xy[:100] = np.rint(xy[:100])  # vertices at pixel centres: many ties
    inverse = np.where(rng.random(300) < 0.05, -1.0, rng.uniform(0.1, 2, 300))
    inverse[:60] = 1.0
    faces, sides = rng.integers(0, 300, (400, 3)), rng.random(400) < 0.5
    a = rasterise_numpy(xy, inverse, faces, sides, 64, 48)
    b = choose_rasteriser("numba")(xy, inverse, faces, sides, 64, 48)
    assert a[0].tobytes() == b[0].tobytes() and a[1].tobytes() == b[1].tobytes()


def test_numba_without_a_place_for_its_cache() -> None:
    """As where neither the installation nor the home of the user can be written."""
    pytest.importorskip("numba")
    code = """
import warnings
warnings.simplefilter("error")
from numba.core import caching
for kind in (caching.CacheImpl, *caching.CacheImpl.__subclasses__()):
    kind._locator_classes = []
import subprocess
import sys

import numpy as np
from posepart.synthetic.render.raster import choose_rasteriser
xy, faces = np.array([(0.0, 0), (5, 0), (0, 5)]), np.array([(0, 1, 2)])
print(choose_rasteriser("numba")(xy, np.ones(3), faces, np.array([False]), 8, 6)[1][1, 1])
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (0, "0\n"), result.stderr
