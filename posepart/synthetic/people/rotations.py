"""Rotations of bones: Rodrigues vectors, partial turns and the shortest turn between two directions.

The body frame of the whole generator: x to the person's left, y backward (the person looks along -y), z up; metres.
The world frame: x to the right of the camera, y away from the camera, z up, the ground is z = 0; metres.
"""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.floating]


def unit(vectors: ArrayLike) -> Array:
    """Scale vectors (..., 3) to length one; a zero vector stays (almost) zero."""
    v = np.asarray(vectors)
    x, y, z = v[..., 0], v[..., 1], v[..., 2]
    return v / (np.sqrt(x * x + y * y + z * z)[..., None] + 1e-9)


def from_vector(vector: ArrayLike) -> Array:
    """Rotation matrix (3, 3) of a rotation vector (3,): axis times angle in radians (Rodrigues)."""
    r = np.asarray(vector, float)
    angle = float(np.linalg.norm(r))
    if angle < 1e-8:
        return np.eye(3)
    kx, ky, kz = r / angle
    cross = np.array([[0, -kz, ky], [kz, 0, -kx], [-ky, kx, 0]])
    return np.eye(3) + math.sin(angle) * cross + (1 - math.cos(angle)) * cross @ cross


def to_vector(matrix: Array) -> Array:
    """Rotation vector (3,), radians, of a rotation matrix (3, 3); the inverse of `from_vector`."""
    angle = math.acos(float(np.clip((np.trace(matrix) - 1) / 2, -1, 1)))
    if angle < 1e-6:
        return np.zeros(3)
    if angle > math.pi - 1e-3:
        _, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
        return vectors[:, -1] * angle
    skew = np.array([matrix[2, 1] - matrix[1, 2], matrix[0, 2] - matrix[2, 0], matrix[1, 0] - matrix[0, 1]])
    return angle / (2 * math.sin(angle)) * skew


def partial(matrix: Array, share: float) -> Array:
    """The same rotation (3, 3) by only `share` of its angle."""
    return from_vector(to_vector(matrix) * share)


def between(start: ArrayLike, end: ArrayLike) -> Array:
    """The shortest rotation (3, 3) that turns the direction `start` (3,) into the direction `end` (3,)."""
    a, b = unit(np.asarray(start, float)), unit(np.asarray(end, float))
    axis = np.cross(a, b)
    sine, cosine = float(np.linalg.norm(axis)), float(a @ b)
    if sine < 1e-6:
        if cosine > 0:
            return np.eye(3)
        return from_vector(unit(np.cross(a, [1, 0, 0.1])) * math.pi)
    return from_vector(axis / sine * math.atan2(sine, cosine))


def euler(x: float = 0, y: float = 0, z: float = 0) -> Array:
    """The rotation (3, 3) about the intrinsic axes z, then x, then y; angles in degrees."""
    turn_z = from_vector([0, 0, math.radians(z)])
    turn_x = from_vector([math.radians(x), 0, 0])
    return turn_z @ turn_x @ from_vector([0, math.radians(y), 0])
