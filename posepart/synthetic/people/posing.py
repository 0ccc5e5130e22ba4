"""Turns a pose (angles and reaches) into one global rotation per bone."""

import math
from collections.abc import Sequence

import numpy as np

from .body import BodyModel
from .poses import SIDES, Arm, Leg, Pose, Reach
from .rotations import Array, between, euler, from_vector, partial, unit

SPINE = ("spine05", "spine04", "spine03", "spine02", "spine01")
NECK = ("neck01", "neck02", "neck03", "head")
MAX_ELBOW, MAX_KNEE = 148.0, 150.0


class _Skeleton:
    """Bone rotations while they are being set, and rest positions by name."""

    def __init__(self, body: BodyModel, bone_heads: Array) -> None:
        self.body, self.heads = body, bone_heads
        self.rotations = np.repeat(np.eye(3)[None], len(bone_heads), 0)
        self._set = np.zeros(len(bone_heads), bool)

    def rest(self, bone: str) -> Array:
        return self.heads[self.body.bones[bone]]

    def bone_direction(self, start: str, end: str) -> Array:
        return unit(self.rest(end) - self.rest(start))

    def put(self, bone: str, rotation: Array) -> None:
        index = self.body.bones[bone]
        self.rotations[index], self._set[index] = rotation, True

    def filled(self) -> Array:
        """All rotations (J, 3, 3); a bone that was not set follows its parent."""
        done = self.rotations.copy()
        for bone in range(1, len(done)):
            if not self._set[bone]:
                done[bone] = done[self.body.parents[bone]]
        return done

    def posed(self) -> Array:
        return self.body.forward_kinematics(self.heads, self.filled())


def _arm_directions(arm: Arm, sign: int) -> tuple[Array, Array]:
    """Directions (3,) of the upper arm and the forearm in the chest frame."""
    elevation, azimuth = math.radians(arm.elevation), math.radians(arm.azimuth)
    sideways, forwards = math.cos(azimuth), math.sin(azimuth)
    upper: Array = np.array(
        [sign * math.sin(elevation) * sideways, -math.sin(elevation) * forwards, -math.cos(elevation)]
    )
    wanted: Array = np.asarray(arm.plane, float) * [sign, 1, 1]
    plane: Array = unit(wanted - upper * (wanted @ upper) + 1e-3 * np.array([0, -1, 0]))
    flexion = math.radians(min(max(arm.flexion, 0), MAX_ELBOW))
    return upper, math.cos(flexion) * upper + math.sin(flexion) * plane


def _reach_directions(skeleton: _Skeleton, chest: Array, reach: Reach, side: int) -> tuple[Array, Array]:
    """Two-bone inverse kinematics: the directions of `_arm_directions` that bring the wrist to the target.

    Towards a target out of reach the arm is stretched.
    """
    s, sign = SIDES[side], (1, -1)[side]
    shoulder, elbow, wrist = (
        skeleton.body.bones[f"{name}.{s}"] for name in ("upperarm01", "lowerarm01", "wrist")
    )
    posed, heads = skeleton.posed(), skeleton.heads
    if reach.bone is None:
        target = np.asarray(reach.offset, float)
    else:
        other = SIDES[1 - side]
        name = reach.bone + s if reach.bone.endswith(".") and not reach.bone.endswith("..") else reach.bone
        name = name[:-1] + other if name.endswith("..") else name
        bone = skeleton.body.bones[name]
        mirror = -sign if reach.bone.endswith("..") else sign
        offset = np.asarray(reach.offset, float) * [mirror, 1, 1] * (np.ptp(heads[:, 2]) / 1.5)
        target = posed[bone] + skeleton.filled()[bone] @ offset
    a = float(np.linalg.norm(heads[elbow] - heads[shoulder]))
    b = float(np.linalg.norm(heads[wrist] - heads[elbow]))
    goal = chest.T @ (target - posed[shoulder])
    distance = float(np.clip(np.linalg.norm(goal), abs(a - b) + 0.02 + 0.08 * a, 0.995 * (a + b)))
    axis = unit(goal)
    wanted: Array = np.asarray(reach.pole, float) * [sign, 1, 1]
    pole = unit(wanted - axis * (wanted @ axis))
    cosine = (a * a + distance * distance - b * b) / (2 * a * distance)
    upper = axis * cosine + pole * math.sqrt(max(0.0, 1 - cosine * cosine))
    return upper, unit(axis * distance - upper * a)


def _place_arm(skeleton: _Skeleton, chest: Array, upper: Array, fore: Array, side: int, pose: Pose) -> None:
    """Set clavicle, arm, hand and fingers, given the two directions in the chest frame."""
    s = SIDES[side]
    rest_upper = skeleton.bone_direction(f"upperarm01.{s}", f"lowerarm01.{s}")
    rest_fore = skeleton.bone_direction(f"lowerarm01.{s}", f"wrist.{s}")
    arm: Array = between(rest_upper, upper)
    # Turn the elbow's hinge towards the wanted bending plane, but only by 70 %: a full turn twists the skin.
    now: Array = arm @ rest_fore - upper * (arm @ rest_fore @ upper)
    wanted: Array = fore - upper * (fore @ upper)
    if np.linalg.norm(now) > 0.05 and np.linalg.norm(wanted) > 0.15:
        now, wanted = unit(now), unit(wanted)
        twist = math.atan2(float(np.cross(now, wanted) @ upper), float(now @ wanted))
        arm = from_vector(upper * np.clip(twist, -2.2, 2.2) * 0.7) @ arm
    forearm = between(arm @ rest_fore, fore) @ arm
    raised = -upper[2] < math.cos(math.radians(75))
    shoulder = partial(arm, 0.26 if raised else 0.18)
    skeleton.put(f"clavicle.{s}", chest @ partial(shoulder, 0.5))
    skeleton.put(f"shoulder01.{s}", chest @ shoulder)
    for bone, rotation in (("upperarm", arm), ("lowerarm", forearm)):
        skeleton.put(f"{bone}01.{s}", chest @ rotation)
        skeleton.put(f"{bone}02.{s}", chest @ rotation)
    _place_hand(skeleton, chest @ forearm, side, pose)


def _place_hand(skeleton: _Skeleton, forearm: Array, side: int, pose: Pose) -> None:
    s, sign = SIDES[side], (1, -1)[side]
    along = skeleton.bone_direction(f"wrist.{s}", f"finger3-1.{s}")
    across: Array = skeleton.rest(f"finger2-1.{s}") - skeleton.rest(f"finger5-1.{s}")
    across = unit(unit(across) - along * (unit(across) @ along))
    bend, deviation, twist = (math.radians(angle) for angle in pose.wrists[side])
    hand: Array = forearm @ from_vector(along * twist) @ from_vector(across * bend)
    hand = hand @ from_vector(np.cross(along, across) * deviation)
    skeleton.put(f"wrist.{s}", hand)
    for finger in range(1, 6):
        curl = pose.curl[side] * (0.4 if finger == 1 else 1)
        for k in (1, 2, 3):
            turn = from_vector(across * sign * math.radians(curl * k * 0.75))
            skeleton.put(f"finger{finger}-{k}.{s}", hand @ turn)


def _place_leg(skeleton: _Skeleton, root: Array, yaw: float, side: int, pose: Pose) -> None:
    s, sign = SIDES[side], (1, -1)[side]
    leg: Leg = pose.legs[side]
    rest_upper = skeleton.bone_direction(f"upperleg01.{s}", f"lowerleg01.{s}")
    rest_lower = skeleton.bone_direction(f"lowerleg01.{s}", f"foot.{s}")
    flexion, abduction = math.radians(leg.flexion), math.radians(leg.abduction)
    knee = math.radians(min(max(leg.knee, 0), MAX_KNEE))
    down = np.array([0, 0, -1.0])
    direction = np.array(
        [
            sign * math.sin(abduction),
            -math.sin(flexion) * math.cos(abduction),
            -math.cos(flexion) * math.cos(abduction),
        ]
    )
    lateral = euler(z=sign * leg.twist) @ np.array([1.0, 0, 0])
    lateral = unit(lateral - direction * (lateral @ direction))
    back = np.cross(lateral, direction)
    straight = np.stack([np.array([1.0, 0, 0]), down, np.cross([1.0, 0, 0], down)], 1)
    thigh = np.stack([lateral, direction, back], 1) @ straight.T @ between(rest_upper, down)
    shin = between(thigh @ rest_lower, math.cos(knee) * direction + math.sin(knee) * back) @ thigh
    skeleton.put(f"pelvis.{s}", root @ partial(thigh, 0.08))
    skeleton.put(f"upperleg01.{s}", root @ (partial(thigh, 0.85) if leg.flexion > 50 else thigh))
    skeleton.put(f"upperleg02.{s}", root @ thigh)
    skeleton.put(f"lowerleg01.{s}", root @ shin)
    skeleton.put(f"lowerleg02.{s}", root @ shin)
    if pose.flat_feet and not pose.seated:
        skeleton.put(f"foot.{s}", euler(z=yaw + sign * leg.twist))
    else:
        skeleton.put(f"foot.{s}", root @ shin @ euler(x=15 * math.sin(flexion)))


def _place_chain(skeleton: _Skeleton, bones: Sequence[str], base: Array, turn: Array) -> Array:
    for i, bone in enumerate(bones):
        skeleton.put(bone, base @ partial(turn, (i + 1) / len(bones)))
    return base @ turn


def bone_rotations(body: BodyModel, bone_heads: Array, pose: Pose, yaw: float) -> Array:
    """The global rotation of each bone.

    Parameters
    ----------
    body : BodyModel
    bone_heads : (J, 3) float64
        Rest pose, metres.
    pose : Pose
    yaw : float
        Turn of the person about the vertical, degrees; 0 looks at the camera.

    Returns
    -------
    (J, 3, 3) float64
        The identity is the rest pose.
    """
    skeleton = _Skeleton(body, bone_heads)
    root = euler(z=yaw) @ pose.root
    skeleton.put("root", root)
    chest = _place_chain(skeleton, SPINE, root, euler(*pose.lean))
    _place_chain(skeleton, NECK, chest, euler(*pose.neck))
    for side in (0, 1):
        _place_leg(skeleton, root, yaw, side, pose)
    for side, arm in enumerate(pose.arms):
        if arm.reach is None:
            _place_arm(skeleton, chest, *_arm_directions(arm, (1, -1)[side]), side, pose)
    # Reaching arms come last, as they may reach for the other arm, and twice, as the shoulder moves with the arm.
    for _ in range(2):
        for side, arm in enumerate(pose.arms):
            if arm.reach is not None:
                _place_arm(skeleton, chest, *_reach_directions(skeleton, chest, arm.reach, side), side, pose)
    return skeleton.filled()


def _distance(point: Array, start: Array, end: Array) -> float:
    """Distance of a point from a segment, both (3,), metres."""
    axis = end - start
    t = float(np.clip((point - start) @ axis / (axis @ axis), 0, 1))
    return float(np.linalg.norm(point - start - t * axis))


def limbs_are_clear(body: BodyModel, bone_heads: Array, rotations: Array) -> bool:
    """Whether no elbow, wrist or hand is inside the trunk, the head or a thigh, and no leg inside the other."""
    posed = body.forward_kinematics(bone_heads, rotations)
    scale = float(np.ptp(bone_heads[:, 2])) / 1.5

    def at(name: str) -> Array:
        return posed[body.bones[name]]

    trunk, head = (at("root"), at("spine01")), (at("spine01"), at("head"))
    skull = at("head") + rotations[body.bones["head"]] @ [0, 0, 0.05 * scale]
    for s in SIDES:
        hand = (at(f"wrist.{s}"), at(f"finger3-1.{s}"))
        if min(_distance(p, *trunk) for p in hand) < 0.125 * scale:
            return False
        if _distance(at(f"lowerarm01.{s}"), *trunk) < 0.13 * scale:
            return False
        if min(_distance(p, *head) for p in hand) < 0.085 * scale:
            return False
        if np.linalg.norm(hand[0] - skull) < 0.1 * scale:
            return False
        for other in SIDES:
            thigh = (at(f"upperleg01.{other}"), at(f"lowerleg01.{other}"))
            if min(_distance(p, *thigh) for p in hand) < 0.075 * scale:
                return False
    shins = [(at(f"lowerleg01.{s}"), at(f"foot.{s}")) for s in SIDES]
    gaps = [_distance(p, *shins[1 - k]) for k in (0, 1) for p in shins[k]]
    return min(gaps) > 0.05 * scale
