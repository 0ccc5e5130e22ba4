"""All triangles of a scene as one mesh, what a camera sees of it, and simple solids."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from posepart.arrays import Mask

from ..people.body import SKIRT
from ..people.figures import Figure
from ..people.rotations import Array, euler
from .camera import NEAR, Camera
from .faces import FaceIds, Rasteriser


@dataclass(frozen=True)
class Solid:
    """A textured object."""

    vertices: Array  # (V, 3) float32, world frame, metres
    faces: NDArray[np.integer]  # (F, 3)
    uv: Array  # (V, 2) float32, place of each vertex in the texture
    texture: Array  # (h, w, 3)


@dataclass(frozen=True)
class SceneMesh:
    """Everything that is rasterised."""

    vertices: Array  # (V, 3) float32, world frame, metres
    faces: NDArray[np.integer]  # (F, 3) int64
    one_sided: Mask  # (F,), faces that are drawn only when their front is seen
    owner: NDArray[np.int16]  # (F,), number of the figure or solid; figures come first
    first_vertex: tuple[int, ...]  # of each owner


@dataclass(frozen=True)
class View:
    """What a camera sees of a mesh."""

    xy: Array  # (V, 2) float64, pixels
    inverse_depth: Array  # (V,) float64, 1 / metres
    depth: Array  # (H, W) float64, metres, infinite where nothing is
    face: FaceIds  # (H, W), -1 where nothing is
    owner: NDArray[np.int16]  # (H, W), -1 where nothing is


def assemble(figures: Sequence[Figure], solids: Sequence[Solid]) -> SceneMesh:
    """Join figures and solids to one mesh; an empty scene has no faces."""
    vertices: list[Array] = [np.zeros((0, 3))]
    faces: list[NDArray[np.integer]] = [np.zeros((0, 3), np.int64)]
    sides, owners = [], []
    first, total = [], 0
    items: list[Figure | Solid] = [*figures, *solids]
    for k, item in enumerate(items):
        first.append(total)
        vertices.append(item.vertices)
        faces.append(item.faces + total)
        double = np.zeros(len(item.faces), np.bool_)
        one_sided = item.face_group < SKIRT if isinstance(item, Figure) else double
        sides.append(one_sided)
        owners.append(np.full(len(item.faces), k, np.int16))
        total += len(item.vertices)
    return SceneMesh(
        np.concatenate(vertices).astype(np.float32),
        np.concatenate(faces),
        np.concatenate([np.zeros(0, bool), *sides]),
        np.concatenate([np.zeros(0, np.int16), *owners]),
        tuple(first),
    )


def render_ids(mesh: SceneMesh, camera: Camera, rasterise: Rasteriser) -> View:
    """Rasterise a mesh: the face and the owner seen at each pixel of a camera."""
    xy, z = camera.project(mesh.vertices)
    inverse = np.where(z > NEAR, 1 / np.maximum(z, NEAR), -1.0)
    buffer, face = rasterise(xy, inverse, mesh.faces, mesh.one_sided, camera.width, camera.height)
    depth = np.where(face >= 0, 1 / np.maximum(buffer, 1e-9), np.inf)
    owner = np.full(face.shape, -1, np.int16)
    owner[face >= 0] = mesh.owner[face[face >= 0]]
    return View(xy, inverse, depth, face, owner)


_CORNERS = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (0, 1)])
_SIDES = ((0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3))


def box(centre: ArrayLike, size: ArrayLike, yaw: float, texture: Array) -> Solid:
    """A box of a given size (3,), metres, that stands on `centre` (3,), turned by `yaw` degrees."""
    corners = (_CORNERS * np.asarray(size)) @ euler(z=yaw).T + np.asarray(centre)
    vertices = np.concatenate([corners[list(side)] for side in _SIDES]).astype(np.float32)
    uv = np.tile(np.array([[0, 0], [0, 1], [1, 1], [1, 0]], np.float32), (6, 1))
    faces = np.concatenate([np.array([[0, 1, 2], [0, 2, 3]]) + 4 * k for k in range(6)])
    return Solid(vertices, faces, uv, texture)


def tube(
    centre: ArrayLike, radii: ArrayLike, heights: ArrayLike, texture: Array, segments: int = 16
) -> Solid:
    """A solid of revolution about a vertical axis.

    Parameters
    ----------
    centre : (3,)
        Middle of its base, world frame, metres.
    radii, heights : (n,)
        From bottom to top, metres.
    texture : (h, w, 3)
        Wrapped once around the axis.
    segments : int
        Around the axis.

    Returns
    -------
    Solid
    """
    r, h = np.asarray(radii, float), np.asarray(heights, float)
    angle = np.linspace(0, 2 * np.pi, segments + 1)
    around = np.stack([np.cos(angle), np.sin(angle)], 1)
    rings = [
        np.column_stack([radius * around, np.full(len(angle), z)]) for radius, z in zip(r, h, strict=True)
    ]
    uv = [
        np.column_stack([angle / (2 * np.pi), np.full(len(angle), k / (len(r) - 1))]) for k in range(len(r))
    ]
    m = segments + 1
    start = (np.arange(len(r) - 1)[:, None] * m + np.arange(segments)).ravel()
    lower = np.stack([start, start + 1, start + m + 1], 1)
    upper = np.stack([start, start + m + 1, start + m], 1)
    vertices = (np.concatenate(rings) + np.asarray(centre)).astype(np.float32)
    return Solid(vertices, np.concatenate([lower, upper]), np.concatenate(uv).astype(np.float32), texture)


def post(centre: ArrayLike, radius: float, height: float, texture: Array) -> Solid:
    """An upright cylinder on `centre`; metres."""
    return tube(centre, [0, radius, radius, 0], [0, 0, height, height], texture)


def ball(centre: ArrayLike, radius: float, texture: Array) -> Solid:
    """A sphere that lies on `centre`; metres."""
    a = np.linspace(0, np.pi, 9)
    return tube(centre, radius * np.sin(a) + 1e-4, radius * (1 - np.cos(a)), texture)
