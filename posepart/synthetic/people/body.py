"""The human body: a mean surface, shape components, a skeleton and skinning weights, read from body.npz."""

import hashlib
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .rotations import Array, unit

BODY_FILE = Path(__file__).parent / "body.npz"
BODY_SHA256 = "78e6f0becd51ad854dced1c603c9e0705b9eac77d79ca0e580e91d015f7b8b9b"

# The values of `Surface.group`: what a vertex belongs to.
SKIN, EYES, SKIRT, LONG_HAIR = range(4)


@dataclass(frozen=True)
class Surface:
    """Attributes of N points of the body in its rest pose: of its vertices or, interpolated, of pixels."""

    rest: Array  # (N, 3) float32, metres, body frame with the origin at the pelvis
    scores: Array  # (N, 6) float32, skinning weights: head, torso, upper and lower arm, upper and lower leg
    along_arm: Array  # (N,) float32, 0 at the shoulder, 1 at the elbow, 2 at the wrist
    along_leg: Array  # (N,) float32, 0 at the hip, 1 at the knee, 2 at the ankle
    arm_weight: Array  # (N,) float32, the arm bones' share of the skinning weights
    masks: Array  # (N, 3) float32, lips, eyelids, ears
    group: NDArray[np.integer]  # (N,) int8, one of SKIN, EYES, SKIRT, LONG_HAIR

    def __len__(self) -> int:
        return len(self.rest)

    def pack(self) -> Array:
        """All float attributes side by side: (N, 15) float32."""
        columns = (self.along_arm[:, None], self.along_leg[:, None], self.arm_weight[:, None])
        return np.concatenate([self.rest, self.scores, *columns, self.masks], 1).astype(np.float32)

    @staticmethod
    def unpack(packed: Array, group: NDArray[np.integer]) -> "Surface":
        """The inverse of `pack`: packed (N, 15) float32 and group (N,) int8 -> Surface."""
        return Surface(
            packed[:, :3], packed[:, 3:9], packed[:, 9], packed[:, 10], packed[:, 11], packed[:, 12:15], group
        )


@dataclass(frozen=True)
class BodyShape:
    """One person's body in the rest pose."""

    vertices: Array  # (V, 3) float64, metres, body frame
    bone_heads: Array  # (J, 3) float64, metres, body frame
    smoothing: Array  # (n, 3) float32, metres, shift that smooths `BodyModel.smooth_vertices` to cloth
    age: float  # years
    femininity: float  # 0 to 1
    ancestry: Array  # (3,) float32, shares of the African, Asian and Caucasian extremes of MakeHuman

    @property
    def scale(self) -> float:
        """The size relative to a typical adult skeleton."""
        return float(np.ptp(self.bone_heads[:, 2])) / 1.5


def vertex_normals(vertices: Array, faces: NDArray[np.integer]) -> Array:
    """Area-weighted unit normals (V, 3) float32 of vertices (V, 3) under triangles (F, 3)."""
    edge_1 = vertices[faces[:, 1]] - vertices[faces[:, 0]]
    edge_2 = vertices[faces[:, 2]] - vertices[faces[:, 0]]
    face_normals = np.cross(edge_1, edge_2)
    index = faces.ravel()
    normals = np.empty_like(vertices)
    for axis in range(3):
        normals[:, axis] = np.bincount(index, np.repeat(face_normals[:, axis], 3), len(vertices))
    return unit(normals).astype(np.float32)


class BodyModel:
    """The precomputed body: mean, shape components, skeleton, skinning weights and surface attributes.

    Parameters
    ----------
    data : dict of str to ndarray
        The content of body.npz.
    """

    def __init__(self, data: dict[str, NDArray]) -> None:
        self._mean = data["mu"].astype(np.float64)
        self._basis = data["B"].astype(np.float32) / 32767 * data["sc"][:, None]
        self._coefficients, self._ages = data["coef"], data["age"]
        self._femininity, self._ancestry = data["gen"], data["rc"]
        self._smooth_mean = data["dmu"].astype(np.float32)
        self._smooth_basis = data["dB"].astype(np.float32) / 32767 * data["ds"][:, None, None]
        self.smooth_vertices = data["free"].astype(np.int64)
        self.faces = data["F"].astype(np.int64)
        self.face_group = data["G"]
        self.parents = data["parents"].astype(int)
        self.bones = {str(name): i for i, name in enumerate(data["bones"])}
        self.head_top = int(data["top"])
        self._weight_bones = data["wi"].astype(np.int64)
        weights = np.where(data["ww"] > 1e-3, data["ww"], 0)
        self._weights = (weights / weights.sum(1, keepdims=True)).astype(np.float32)
        self._vertex_count = len(data["gV"])
        rest, _ = self._split(self._mean)
        self.surface = Surface(
            rest.astype(np.float32),
            data["scores"],
            data["ua"],
            data["ul"],
            data["armw"],
            data["masks"],
            data["gV"],
        )
        self.skin_normals = vertex_normals(rest, self.faces[self.face_group < SKIRT])
        self.skirt_normals = vertex_normals(rest, self.faces[self.face_group == SKIRT])

    def _split(self, flat: Array) -> tuple[Array, Array]:
        """Flat coordinates -> vertices (V, 3) and bone heads (J, 3)."""
        cut = self._vertex_count * 3
        return flat[:cut].reshape(-1, 3), flat[cut:].reshape(-1, 3)

    def sample_shape(self, rng: np.random.Generator, adults_only: bool = False) -> BodyShape:
        """Draw a body: a mixture of two similar people of the stored population.

        Parameters
        ----------
        rng : numpy Generator
        adults_only : bool
            Draw nobody under 20.

        Returns
        -------
        BodyShape
            Its age is that of the younger of the two, who differ by less than 6 years.
        """
        allowed = self._ages >= 20 if adults_only else np.ones(len(self._ages), bool)
        first = int(rng.choice(np.nonzero(allowed)[0]))
        near = allowed & (np.abs(self._ages - self._ages[first]) < 6)
        near &= np.abs(self._femininity - self._femininity[first]) < 0.3
        second, share = int(rng.choice(np.nonzero(near)[0])), rng.uniform(0, 0.5)
        coefficients = (1 - share) * self._coefficients[first] + share * self._coefficients[second]
        # einsum instead of BLAS: the sum must not depend on the number of threads.
        vertices, heads = self._split(self._mean + np.einsum("k,kn->n", coefficients, self._basis))
        used = coefficients[: len(self._smooth_basis)]
        smoothing = self._smooth_mean + np.einsum("k,knc->nc", used, self._smooth_basis)
        age = float(min(self._ages[first], self._ages[second]))
        return BodyShape(
            vertices, heads, smoothing, age, float(self._femininity[first]), self._ancestry[first]
        )

    def forward_kinematics(self, bone_heads: Array, rotations: Array) -> Array:
        """Rest bone heads (J, 3) and global rotations (J, 3, 3) -> posed bone heads (J, 3); the root stays at 0."""
        posed = np.zeros((len(bone_heads), 3))
        for bone in range(1, len(bone_heads)):
            parent = self.parents[bone]
            posed[bone] = posed[parent] + rotations[parent] @ (bone_heads[bone] - bone_heads[parent])
        return posed

    def skin(self, vertices: Array, bone_heads: Array, rotations: Array) -> tuple[Array, Array]:
        """Linear blend skinning with up to four bones per vertex.

        Parameters
        ----------
        vertices : (V, 3) float64
            Rest pose, body frame, metres.
        bone_heads : (J, 3) float64
            Rest pose, body frame, metres.
        rotations : (J, 3, 3) float64
            Global rotation of each bone; the identity is the rest pose.

        Returns
        -------
        vertices : (V, 3) float32
            Body frame, metres.
        bone_heads : (J, 3) float64
            Body frame, metres.
        """
        posed = self.forward_kinematics(bone_heads, rotations)
        shifts = posed - np.einsum("jab,jb->ja", rotations, bone_heads)
        transforms = np.concatenate([rotations, shifts[:, :, None]], 2).reshape(-1, 12).astype(np.float32)
        blend = transforms[self._weight_bones[:, 0]] * self._weights[:, :1]
        for k in (1, 2, 3):
            some = np.nonzero(self._weights[:, k] > 1e-3)[0]
            blend[some] += transforms[self._weight_bones[some, k]] * self._weights[some, k : k + 1]
        blend = blend.reshape(-1, 3, 4)
        v = vertices.astype(np.float32)
        moved = blend[:, :, 0] * v[:, :1] + blend[:, :, 1] * v[:, 1:2] + blend[:, :, 2] * v[:, 2:]
        return moved + blend[:, :, 3], posed


@cache
def load_body(path: Path = BODY_FILE) -> BodyModel:
    """Read the body file, once per process, and check that it is the one that the labels were made for.

    Raises
    ------
    ValueError
        If the file has another SHA-256 than `BODY_SHA256`.
    """
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if digest != BODY_SHA256:
        raise ValueError(
            f"{path.name} has SHA-256 {digest[:12]}..., expected {BODY_SHA256[:12]}...: "
            "the file is damaged or was rebuilt; reinstall posepart or update BODY_SHA256"
        )
    with np.load(BytesIO(content)) as data:
        return BodyModel({name: data[name] for name in data.files})
