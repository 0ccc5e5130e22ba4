"""Objects around the people: seats, objects in hands, backpacks, clutter behind, occluders in front."""

from collections.abc import Sequence

import numpy as np

from ..clothes.patterns import pattern
from ..config import SynthConfig
from ..people.body import BodyModel
from ..people.figures import Figure
from ..people.poses import SIDES
from ..people.rotations import Array
from .camera import Camera
from .mesh import Solid, ball, box, post

Rng = np.random.Generator


def _texture(rng: Rng) -> Array:
    return pattern(rng, 64, 64)


def _seat(rng: Rng, body: BodyModel, figure: Figure) -> Solid:
    hips = (figure.bones[body.bones["upperleg01.L"]] + figure.bones[body.bones["upperleg01.R"]]) / 2
    behind = figure.rotations[body.bones["root"]] @ np.array([0, 0.06, 0])
    top = max(0.1, hips[2] - 0.13 * figure.shape.scale)
    x, y = hips[0] + behind[0], hips[1] + behind[1]
    turn = figure.yaw + rng.uniform(-10, 10)
    return box((x, y, 0), (rng.uniform(0.4, 0.8), 0.42 * figure.shape.scale, top), turn, _texture(rng))


def _in_hand(rng: Rng, body: BodyModel, figure: Figure) -> Solid:
    x, y, z = figure.bones[body.bones["finger3-2." + str(rng.choice(SIDES))]]
    u, kind, texture = rng.uniform, rng.random(), _texture(rng)
    if kind < 0.35:
        return ball((x, y, z - 0.1), u(0.05, 0.14), texture)
    if kind < 0.7:
        size = rng.uniform(0.05, 0.4, 3) * [1, 0.5, 1]
        return box((x, y, z - size[2] * rng.choice([0.5, 1])), size, u(0, 180), texture)
    return post((x, y, z - u(0.1, 0.9)), u(0.008, 0.025), u(0.5, 1.4), texture)


def _backpack(rng: Rng, body: BodyModel, figure: Figure) -> Solid:
    size = rng.uniform(0.7, 1.2) * figure.shape.scale * np.array([0.30, 0.14, 0.42])
    solid = box((0, 0.13 * figure.shape.scale + size[1] / 2, -size[2] / 2), size, 0, _texture(rng))
    bone = body.bones["spine02"]
    vertices = solid.vertices @ figure.rotations[bone].T + figure.bones[bone]
    return Solid(vertices.astype(np.float32), solid.faces, solid.uv, solid.texture)


def _clutter(rng: Rng, camera: Camera) -> Solid:
    """Something on the ground behind the people."""
    u, distance = rng.uniform, -float(camera.centre[1])
    y = u(0.5, 3) * distance * 0.5 + 0.5
    x = u(-1, 1) * camera.half_angle * (distance + y) * 1.1
    if rng.random() < 0.7:
        return box((x, y, 0), (u(0.2, 1.6), u(0.2, 0.8), u(0.2, 2.2)), u(0, 180), _texture(rng))
    return post((x, y, 0), u(0.05, 0.4), u(0.4, 2.6), _texture(rng))


def _occluder(rng: Rng, camera: Camera, figure: Figure) -> Solid:
    """Something between the camera and a person."""
    u, distance = rng.uniform, -float(camera.centre[1])
    y, kind, texture = -distance * u(0.15, 0.5), rng.random(), _texture(rng)
    nearer = (distance + y) / (distance + float(figure.origin[1]))
    x = float(figure.origin[0]) * nearer + rng.normal(0, 0.35) * (distance + y) / distance
    if kind < 0.3:
        return box((x, y, 0), (u(0.6, 1.8), u(0.3, 0.7), u(0.35, 0.9)), u(-25, 25), texture)
    if kind < 0.6:
        return post((x, y, 0), u(0.02, 0.09), 3.2, texture)
    if kind < 0.8:
        return box((x, y, u(0, 1.3)), (u(0.08, 0.5), 0.3, u(0.1, 0.5)), u(-45, 45), texture)
    return ball((x, y, u(0.2, 1.4)), u(0.08, 0.25), texture)


def sample_objects(
    rng: Rng, config: SynthConfig, body: BodyModel, figures: Sequence[Figure], camera: Camera
) -> list[Solid]:
    """Draw all objects of a scene; in a plain scene only seats and backpacks."""
    solids: list[Solid] = []
    for figure in figures:
        held, pack = rng.random(2)
        if figure.pose.seated:
            solids.append(_seat(rng, body, figure))
        if held < 0.22 and not config.plain:
            solids.append(_in_hand(rng, body, figure))
        if pack < 0.12 and not figure.pose.seated:
            solids.append(_backpack(rng, body, figure))
    if config.plain:
        return solids
    for _ in range(int(rng.choice([0, 1, 2, 4, 7], p=[0.3, 0.25, 0.2, 0.15, 0.1]))):
        solids.append(_clutter(rng, camera))
    if rng.random() < 0.35 and figures:
        for _ in range(int(rng.integers(1, 3))):
            solids.append(_occluder(rng, camera, figures[int(rng.integers(len(figures)))]))
    return solids
