"""A figure: one dressed person in one pose, at a place in the world."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from posepart.arrays import Mask

from ..clothes.garments import Outfit
from ..clothes.materials import Material, materials, thickness
from ..clothes.outfits import sample_outfit
from ..layout import Place
from ..streams import Aspect, Streams
from .body import LONG_HAIR, SKIRT, BodyModel, BodyShape
from .families import sample_pose
from .poses import Pose
from .posing import bone_rotations, limbs_are_clear
from .rotations import Array, euler

POSE_ATTEMPTS = 10


@dataclass(frozen=True)
class Figure:
    """One person in the scene."""

    shape: BodyShape  # as drawn
    outfit: Outfit  # as drawn
    pose: Pose  # as drawn, or as an interaction changed it
    dressed: Array  # (V, 3) float64, the rest pose with clothes, body frame, metres
    yaw: float  # degrees, turn about the vertical
    vertices: Array  # (V, 3) float32, world frame, metres
    faces: NDArray[np.integer]  # (F, 3) int64, the drawn faces (a skirt only if it is worn)
    face_group: NDArray[np.integer]  # (F,) int8, see `Surface.group`
    rotations: Array  # (J, 3, 3) float64, global rotation of each bone
    bones: Array  # (J, 3) float64, bone heads, world frame, metres
    origin: Array  # (3,) float64, origin of the body frame in the world frame, metres

    def to_body(self, point: Array) -> tuple[float, float, float]:
        """A world point (3,) in the frame of `Reach`: the world's axes, the body frame's origin; metres."""
        x, y, z = point - self.origin
        return float(x), float(y), float(z)


def dress(body: BodyModel, shape: BodyShape, outfit: Outfit) -> Array:
    """Rest vertices (V, 3) with clothes: loose parts are smoothed, then all is pushed out along the normals."""
    surface = body.surface
    material = materials(outfit, surface)
    offset = thickness(outfit, surface, material)
    vertices = shape.vertices.copy()
    loose = np.isin(material, (Material.TOP, Material.BOTTOM, Material.INNER))[body.smooth_vertices]
    vertices[body.smooth_vertices[loose]] += outfit.cloth.looseness * shape.smoothing[loose]
    normals, group = body.skin_normals.copy(), surface.group
    if outfit.bottom.kind == "skirt":
        hidden = (
            (surface.rest[:, 2] < outfit.bottom.waist + 0.02) & (group < SKIRT) & (surface.arm_weight < 0.5)
        )
        offset[hidden] = 0
        skirt = group == SKIRT
        down = np.clip((outfit.bottom.waist - surface.rest[skirt, 2]) / 0.5, 0, 1)
        uneven = outfit.cloth.coarse(surface.rest[skirt])
        offset[skirt] = 0.012 + 0.01 * uneven + outfit.bottom.skirt_width * down
        normals[skirt] = body.skirt_normals[skirt]
    else:
        offset[group == SKIRT] = 0
    offset[group == LONG_HAIR] = 0
    return vertices + normals * offset[:, None]


def worn_faces(body: BodyModel, outfit: Outfit) -> Mask:
    """Mask (F,) of the drawn faces: the body, the eyes, and as much of the skirt and the long hair as is worn."""
    height = body.surface.rest[body.faces, 2]
    keep = body.face_group < SKIRT
    if outfit.bottom.kind == "skirt":
        inside = (height.min(1) > outfit.bottom.skirt_hem) & (height.max(1) < outfit.bottom.waist + 0.03)
        keep |= (body.face_group == SKIRT) & inside
    if outfit.head.long_from is not None:
        x, y, z = body.surface.rest[body.faces].mean(1).T
        over_face = (y < -0.07) & (z > 0.56) & (z < 0.765) & (np.abs(x) < 0.07)
        keep |= (body.face_group == LONG_HAIR) & (height.min(1) > outfit.head.long_from) & ~over_face
    return keep


def with_pose(
    body: BodyModel, figure: Figure, pose: Pose, rotations: Array, ground: Array | None = None
) -> Figure:
    """The figure in another pose.

    Parameters
    ----------
    body : BodyModel
    figure : Figure
    pose : Pose
    rotations : (J, 3, 3) float64
        Of that pose, from `posing.bone_rotations`.
    ground : (3,) float64, optional
        Where the origin of the body frame goes, world frame, metres. None puts the lowest point `pose.lift`
        above the floor.

    Returns
    -------
    Figure
    """
    vertices, bones = body.skin(figure.dressed, figure.shape.bone_heads, rotations)
    origin = ground
    if origin is None:
        lowest = float(vertices[figure.faces, 2].min())
        origin = np.array([figure.origin[0], figure.origin[1], pose.lift - lowest])
    moved = (vertices + origin).astype(np.float32)
    return replace(
        figure, pose=pose, vertices=moved, rotations=rotations, bones=bones + origin, origin=origin
    )


def sample_figure(
    body: BodyModel, streams: Streams, person: int, place: Place, adults_only: bool = False
) -> Figure:
    """Draw body, outfit and pose, each from its own stream, and put the person in place."""
    shape = body.sample_shape(streams(Aspect.BODY, person), adults_only)
    outfit = sample_outfit(streams(Aspect.OUTFIT, person), shape)
    rng = streams(Aspect.POSE, person)
    pose = sample_pose(rng, place.family)
    rotations = bone_rotations(body, shape.bone_heads, pose, place.yaw)
    for _ in range(POSE_ATTEMPTS):
        # The turn about the vertical does not change the answer.
        if limbs_are_clear(body, shape.bone_heads, rotations):
            break
        pose = sample_pose(rng, pose.family)
        rotations = bone_rotations(body, shape.bone_heads, pose, place.yaw)
    keep = worn_faces(body, outfit)
    figure = Figure(
        shape=shape,
        outfit=outfit,
        pose=pose,
        dressed=dress(body, shape, outfit),
        yaw=place.yaw,
        vertices=np.zeros((0, 3), np.float32),
        faces=body.faces[keep],
        face_group=body.face_group[keep],
        rotations=rotations,
        bones=np.zeros((0, 3)),
        origin=np.array([place.x, place.y, 0.0]),
    )
    return with_pose(body, figure, pose, rotations)


def facing(direction: Array) -> float:
    """The yaw, in degrees, of somebody who looks in the ground direction (x, y)."""
    forward = euler(z=0)[:2, 1] * -1
    return float(np.degrees(np.arctan2(direction[1], direction[0]) - np.arctan2(forward[1], forward[0])))
