"""Exact labels from the geometry of the picture: joints with visibility, parts, instances and boxes."""

from collections.abc import Sequence

import numpy as np

from posepart.arrays import Float32, Ids, Mask
from posepart.schema import JOINT_NAMES, NUM_JOINTS, Part

from .people.body import EYES, LONG_HAIR, SKIRT, BodyModel, Surface
from .people.figures import Figure
from .people.rotations import Array
from .render.camera import NEAR, Camera
from .render.mesh import SceneMesh, View
from .render.shading import surface_at
from .scene import SyntheticPerson

# The part of each column of `Surface.scores`.
SCORE_PARTS = np.array(
    [Part.HEAD, Part.TORSO, Part.UPPER_ARM, Part.LOWER_ARM, Part.UPPER_LEG, Part.LOWER_LEG], np.uint8
)
# A skirt belongs to the torso down to the hips; below, it is split at the knees (heights in the rest pose, metres).
SKIRT_HIP, SKIRT_KNEE = 0.03, -0.331
# The bone whose head is the joint; forehead and neck are derived.
JOINT_BONES = {
    "shoulder": "upperarm01", "elbow": "lowerarm01", "wrist": "wrist",
    "hip": "upperleg01", "knee": "lowerleg01", "ankle": "foot",
}  # fmt: skip
# How far a visible joint may be behind the seen surface of its own body, metres for a typical adult.
JOINT_DEPTH = {
    "forehead": 0.13, "neck": 0.15, "shoulder": 0.14, "elbow": 0.10, "wrist": 0.08,
    "hip": 0.20, "knee": 0.12, "ankle": 0.09,
}  # fmt: skip


def joint_positions(body: BodyModel, figure: Figure) -> Array:
    """Joints (14, 3) of a figure in the schema's order, world frame, metres.

    The forehead is at 80 % of the way from the neck bone to the top of the head, the neck half way between the neck
    bone and the middle of the shoulders.
    """

    def bone(name: str) -> Array:
        return figure.bones[body.bones[name]]

    throat = bone("neck01")
    positions = {
        "forehead": 0.8 * figure.vertices[body.head_top] + 0.2 * throat,
        "neck": 0.5 * throat + 0.25 * (bone("upperarm01.L") + bone("upperarm01.R")),
    }
    for side, suffix in (("left", "L"), ("right", "R")):
        for joint, name in JOINT_BONES.items():
            positions[f"{side}_{joint}"] = bone(f"{name}.{suffix}")
    return np.stack([positions[name] for name in JOINT_NAMES])


def joint_labels(body: BodyModel, figure: Figure, owner: int, view: View, camera: Camera) -> Float32:
    """Joints (14, 3) float32 of the figure `owner`: x, y in pixels and COCO visibility.

    A joint is visible when its own body is seen within one pixel of it, and not far in front of it. Another person,
    an object or a limb of the person in front of it makes it occluded.
    """
    xy, depth = camera.project(joint_positions(body, figure))
    height, width = view.depth.shape
    labels = np.zeros((NUM_JOINTS, 3), np.float32)
    for k, name in enumerate(JOINT_NAMES):
        if depth[k] <= NEAR:
            continue
        x, y = (int(v) for v in np.floor(xy[k] + 0.5))
        labels[k, :2] = xy[k]
        if not (0 <= x < width and 0 <= y < height):
            continue
        window = (slice(max(0, y - 1), y + 2), slice(max(0, x - 1), x + 2))
        allowed = JOINT_DEPTH[name.split("_")[-1]] * figure.shape.scale
        seen = (view.owner[window] == owner) & (view.depth[window] > depth[k] - allowed)
        labels[k, 2] = 2 if seen.any() else 1
    return labels


def part_labels(surface: Surface) -> Ids:
    """Part ids (N,) uint8 of points of a surface: by the bones that hold a point, for skirts by its height."""
    parts = SCORE_PARTS[surface.scores.argmax(1)]
    height = surface.rest[:, 2]
    lower = np.where(height > SKIRT_KNEE, Part.UPPER_LEG, Part.LOWER_LEG)
    skirt = np.where(height > SKIRT_HIP, Part.TORSO, lower)
    parts = np.where(surface.group == SKIRT, skirt, parts)
    head = (surface.group == EYES) | (surface.group == LONG_HAIR)
    return np.where(head, Part.HEAD, parts).astype(np.uint8)


def visible_box(mask: Mask) -> Float32:
    """The tight half-open box xyxy (4,) of a mask (H, W) with at least one pixel."""
    columns, rows = np.nonzero(mask.any(0))[0], np.nonzero(mask.any(1))[0]
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], np.float32)


def amodal_box(figure: Figure, camera: Camera) -> Float32:
    """The extent xyxy (4,) of all vertices in front of the camera, in the convention of `visible_box`."""
    drawn = np.zeros(len(figure.vertices), bool)
    drawn[figure.faces] = True
    xy, depth = camera.project(figure.vertices[drawn])
    xy = xy[depth > NEAR]
    return np.concatenate([xy.min(0) + 0.5, xy.max(0) + 0.5]).astype(np.float32)


def label(
    body: BodyModel, figures: Sequence[Figure], view: View, mesh: SceneMesh, camera: Camera
) -> tuple[Ids, Ids, tuple[SyntheticPerson, ...]]:
    """Label a rendered scene.

    Parameters
    ----------
    body : BodyModel
    figures : sequence of Figure
    view : View
        Of `mesh`, at the final resolution.
    mesh : SceneMesh
    camera : Camera

    Returns
    -------
    parts : (H, W) uint8
    instances : (H, W) uint8
        0 for nobody, k for people[k - 1].
    people : tuple of SyntheticPerson
        In the order of the figures, without those of whom no pixel is seen.
    """
    parts, instances = (np.zeros(view.owner.shape, np.uint8) for _ in range(2))
    people: list[SyntheticPerson] = []
    for k, figure in enumerate(figures):
        pixels, surface, _ = surface_at(body, view, mesh, k)
        if len(pixels) == 0:
            continue
        parts.flat[pixels] = part_labels(surface)
        instances.flat[pixels] = len(people) + 1
        people.append(
            SyntheticPerson(
                joints=joint_labels(body, figure, k, view, camera),
                box=visible_box(view.owner == k),
                amodal_box=amodal_box(figure, camera),
                family=figure.pose.family,
                area=len(pixels),
                age=figure.shape.age,
                figure=k,
            )
        )
    return parts, instances, tuple(people)
