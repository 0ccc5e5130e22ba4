"""Deferred shading: the colour of each pixel on a figure or a solid."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posepart.arrays import Mask

from ..clothes.albedo import albedo
from ..clothes.garments import Cloth
from ..clothes.materials import Material, materials
from ..clothes.textures import look_up
from ..people.body import SKIRT, BodyModel, Surface, vertex_normals
from ..people.figures import Figure
from ..people.rotations import Array, unit
from .camera import Camera
from .lighting import Light, ShadowMap, dot
from .mesh import SceneMesh, Solid, View
from .raster import barycentric


@dataclass(frozen=True)
class Lighting:
    """The light, its shadows and the point from which they are seen."""

    light: Light
    shadows: ShadowMap
    eye: Array  # (3,) float32, world frame, metres


def _weights(view: View, mesh: SceneMesh, pixels: NDArray[np.integer]) -> tuple[NDArray[np.integer], Array]:
    """The corners of the faces seen at flat pixel indices (n,): vertex numbers (n, 3) and their weights (n, 3)."""
    seen = view.face.ravel()[pixels]
    width = view.face.shape[1]
    return mesh.faces[seen], barycentric(view.xy, view.inverse_depth, mesh.faces, pixels, seen, width)


def blend(values: Array, corners: NDArray[np.integer], weights: Array) -> Array:
    """The values (V, C) at corners (n, 3), averaged with weights (n, 3): (n, C)."""
    total = values[corners[:, 0]] * weights[:, :1]
    total += values[corners[:, 1]] * weights[:, 1:2]
    total += values[corners[:, 2]] * weights[:, 2:]
    return total


def inner(a: Array, b: Array) -> Array:
    """The scalar products (n,) of the rows of a and b, both (n, 3)."""
    return a[:, 0] * b[:, 0] + a[:, 1] * b[:, 1] + a[:, 2] * b[:, 2]


def surface_at(
    body: BodyModel, view: View, mesh: SceneMesh, owner: int, extra: Array | None = None
) -> tuple[NDArray[np.integer], Surface, Array]:
    """The body surface seen at the pixels of a figure.

    Parameters
    ----------
    body : BodyModel
    view : View
        Of `mesh`.
    mesh : SceneMesh
    owner : int
        Number of the figure in the mesh.
    extra : (V, C), optional
        More values of the figure's vertices, to be interpolated.

    Returns
    -------
    pixels : (n,) int64
        Flat pixel indices.
    surface : Surface
        Of n points.
    extra : (n, C) float32
        The interpolated values.
    """
    pixels = np.nonzero(view.owner.ravel() == owner)[0]
    corners, weights = _weights(view, mesh, pixels)
    corners = corners - mesh.first_vertex[owner]
    packed = body.surface.pack()
    columns = packed.shape[1]
    if extra is not None:
        packed = np.concatenate([packed, extra], 1, dtype=np.float32)
    values = blend(packed, corners, weights)
    surface = Surface.unpack(values[:, :columns], body.surface.group[corners[:, 0]])
    return pixels, surface, values[:, columns:]


def _cloth_normals(cloth: Cloth, surface: Surface, material: NDArray[np.int8], normals: Array) -> None:
    """Bend the normals of cloth by folds (stronger at knees and elbows) and of hair by strands, in place."""
    where = np.isin(material, (Material.TOP, Material.BOTTOM, Material.SKIRT))
    rest = surface.rest[where]
    knee = np.exp(-((surface.along_leg[where] - 1) ** 2) / 0.03) * (material[where] == Material.BOTTOM)
    elbow = np.exp(-((surface.along_arm[where] - 1) ** 2) / 0.05) * (surface.arm_weight[where] > 0.5)
    strength = cloth.fold_strength * (0.6 + 0.9 * np.clip(cloth.coarse(rest) + 0.3, 0, 1))
    strength *= 1 + 0.8 * knee + 0.8 * elbow
    stretched = rest * cloth.fold_stretch
    crease = np.sign(cloth.creases(stretched))[:, None] * cloth.creases.gradient(stretched)
    bend = cloth.folds.gradient(stretched) * 0.03 - crease * 0.022
    normals[where] = unit(normals[where] - strength[:, None] * bend)
    hair = material == Material.HAIR
    rest = surface.rest[hair]
    around = np.arctan2(rest[:, 0], rest[:, 1] + 0.05)
    strands = 0.3 * np.sin(around * 45 + cloth.middle(rest) * 4)
    sideways = np.stack([np.cos(around), -np.sin(around), np.zeros_like(around)], 1)
    normals[hair] = unit(normals[hair] + strands[:, None] * sideways)


def _illuminate(
    colour: Array, points: Array, normals: Array, gloss: Array, skin: Mask, scene: Lighting
) -> Array:
    """Add sunlight with shadow, light from above and below, fill light, a highlight, and red in shadowed skin."""
    light, towards_eye = scene.light, unit(scene.eye - points)
    shadow = scene.shadows.lit(points + normals * 0.012)
    cosine = dot(normals, light.direction)
    direct = np.clip(cosine, 0, 1) * shadow
    up = (normals[:, 2:3] + 1) / 2
    ambient = light.sky * up + light.bounce * (1 - up)
    near_ground = np.clip(0.55 + 0.45 * np.clip(points[:, 2:3] / 0.25, 0, 1), 0, 1)
    frontal = np.clip(inner(normals, towards_eye)[:, None], 0, 1)
    ambient = ambient * near_ground * (0.75 + 0.25 * frontal)
    fill = light.fill * np.clip(dot(normals, light.fill_direction) * 0.6 + 0.4, 0, 1)[:, None]
    result = colour * (light.sun * direct[:, None] + ambient + fill)
    half = unit(light.direction + towards_eye)
    highlight = np.clip(inner(normals, half), 0, 1) ** 24 * shadow * gloss
    result += highlight[:, None] * light.sun
    scatter = np.clip(0.3 - np.abs(cosine[skin]), 0, 1)[:, None]
    result[skin] += colour[skin] * np.array([0.08, 0.02, 0.01]) * scatter
    return result


def shade_figure(
    body: BodyModel, figure: Figure, owner: int, view: View, mesh: SceneMesh, scene: Lighting
) -> tuple[NDArray[np.integer], Array]:
    """The flat pixel indices (n,) of a figure and their colours (n, 3) before exposure."""
    normals = vertex_normals(figure.vertices, figure.faces)
    pixels, surface, extra = surface_at(
        body, view, mesh, owner, np.concatenate([normals, figure.vertices], 1)
    )
    normal, point = unit(extra[:, :3]), extra[:, 3:]
    material = materials(figure.outfit, surface)
    colour = albedo(figure.outfit, surface, material)
    inside = (inner(normal, scene.eye - point) < 0) & (surface.group >= SKIRT)
    normal[inside] *= -1
    _cloth_normals(figure.outfit.cloth, surface, material, normal)
    skin = material == Material.SKIN
    gloss = np.where(skin, 0.10, np.where(material == Material.HAIR, 0.12, figure.outfit.cloth.gloss * 0.4))
    return pixels, _illuminate(colour, point, normal, gloss, skin, scene)


def shade_solid(
    solid: Solid, owner: int, view: View, mesh: SceneMesh, scene: Lighting
) -> tuple[NDArray[np.integer], Array]:
    """The flat pixel indices (n,) of a solid and their colours (n, 3) before exposure."""
    light = scene.light
    pixels = np.nonzero(view.owner.ravel() == owner)[0]
    corners, weights = _weights(view, mesh, pixels)
    corners = corners - mesh.first_vertex[owner]
    uv, point = blend(solid.uv, corners, weights), blend(solid.vertices, corners, weights)
    a, b, c = (solid.vertices[corners[:, k]] for k in range(3))
    normal = unit(np.cross(b - a, c - a))
    normal *= np.where(inner(normal, scene.eye - point) < 0, -1, 1)[:, None]
    direct = np.clip(dot(normal, light.direction), 0, 1) * scene.shadows.lit(point + normal * 0.03)
    fill = light.fill * np.clip(dot(normal, light.fill_direction), 0, 1)[:, None]
    total = light.sun * direct[:, None] + light.sky * (normal[:, 2:] + 1) / 2 + light.bounce + fill
    return pixels, look_up(solid.texture, uv[:, 0], uv[:, 1]) * total


def shade(
    body: BodyModel,
    figures: Sequence[Figure],
    solids: Sequence[Solid],
    view: View,
    mesh: SceneMesh,
    background: Array,
    lighting: Lighting,
) -> Array:
    """The whole picture before exposure.

    Parameters
    ----------
    body : BodyModel
    figures : sequence of Figure
    solids : sequence of Solid
    view : View
        Of `mesh`.
    mesh : SceneMesh
        Made of these figures and solids.
    background : (H, W, 3) float32
    lighting : Lighting

    Returns
    -------
    (H, W, 3) float32
    """
    image = background.reshape(-1, 3).astype(np.float32)
    for k, figure in enumerate(figures):
        pixels, colour = shade_figure(body, figure, k, view, mesh, lighting)
        image[pixels] = colour
    for k, solid in enumerate(solids, len(figures)):
        pixels, colour = shade_solid(solid, k, view, mesh, lighting)
        image[pixels] = colour
    return image.reshape(background.shape)


def look_from(camera: Camera, light: Light, shadows: ShadowMap) -> Lighting:
    """The lighting as a camera sees it."""
    return Lighting(light, shadows, camera.centre.astype(np.float32))
