"""Hand-made people and scenes, for tests of the stages after the networks."""

import numpy as np

from posepart.schema import NUM_JOINTS, Joint, Part
from posepart.structures import Certificate, Person, Pose, Scene

# A standing person in a frame of 100 x 200 px.
STANDING = {
    Joint.FOREHEAD: (50, 15),
    Joint.NECK: (50, 45),
    Joint.LEFT_SHOULDER: (68, 50),
    Joint.RIGHT_SHOULDER: (32, 50),
    Joint.LEFT_ELBOW: (80, 75),
    Joint.RIGHT_ELBOW: (20, 75),
    Joint.LEFT_WRIST: (86, 100),
    Joint.RIGHT_WRIST: (14, 100),
    Joint.LEFT_HIP: (62, 105),
    Joint.RIGHT_HIP: (38, 105),
    Joint.LEFT_KNEE: (63, 145),
    Joint.RIGHT_KNEE: (37, 145),
    Joint.LEFT_ANKLE: (64, 185),
    Joint.RIGHT_ANKLE: (36, 185),
}


def make_pose(
    offset: tuple[float, float] = (0, 0), scale: float = 1.0, absent: tuple[Joint, ...] = ()
) -> Pose:
    """The standing person, scaled and moved, with some joints absent."""
    xy = np.zeros((NUM_JOINTS, 2), np.float32)
    scores = np.zeros(NUM_JOINTS, np.float32)
    for joint, place in STANDING.items():
        if joint not in absent:
            xy[joint] = np.array(place) * scale + offset
            scores[joint] = 0.9 - 0.03 * joint
    return Pose(xy, scores, float(np.log(np.where(scores > 0, scores, 0.2)).sum()))


def make_person(
    offset: tuple[float, float] = (0, 0),
    scale: float = 1.0,
    absent: tuple[Joint, ...] = (),
    box_score: float = 0.9,
) -> Person:
    """The standing person of `make_pose`, in a box."""
    x, y = offset
    box = np.array([x, y, x + 100 * scale, y + 200 * scale], np.float32)
    certificate = Certificate(energy=-12.5, bound=-12.5, gap=0.0, status="optimal", seconds=0.0123)
    return Person(make_pose(offset, scale, absent), box, box_score, certificate)


def person_of(
    joints: dict[Joint, tuple[float, float]], score: float = -1.0, box: tuple[float, ...] = (0, 0, 64, 64)
) -> Person:
    """A person with some joints, all of score 0.9."""
    xy, scores = np.zeros((NUM_JOINTS, 2), np.float32), np.zeros(NUM_JOINTS, np.float32)
    for joint, place in joints.items():
        xy[joint], scores[joint] = place, 0.9
    return Person(Pose(xy, scores, score), np.array(box, np.float32), 0.9, Certificate.none("made up"))


def empty_scene(width: int = 40, height: int = 30) -> Scene:
    """A photo without people."""
    nothing = np.zeros((height, width), np.uint8)
    return Scene((), nothing, nothing.copy(), "posepart-test")


def two_people(width: int = 320, height: int = 240) -> Scene:
    """Two people side by side, the second without a left arm; blocks of parts under them."""
    people = (
        make_person((20, 20), box_score=0.98),
        make_person((170, 30), absent=(Joint.LEFT_ELBOW, Joint.LEFT_WRIST), box_score=0.71),
    )
    part_map = np.zeros((height, width), np.uint8)
    person_map = np.zeros((height, width), np.uint8)
    bands = {
        Part.HEAD: (0, 40),
        Part.TORSO: (40, 105),
        Part.UPPER_LEG: (105, 145),
        Part.LOWER_LEG: (145, 190),
    }
    for number, person in enumerate(people, start=1):
        x, y = (int(value) for value in person.box[:2])
        for part, (top, bottom) in bands.items():
            part_map[y + top : y + bottom, x + 30 : x + 70] = part
        person_map[y : y + 190, x + 30 : x + 70] = number
    return Scene(people, part_map, person_map, "posepart-test", {"detection": 0.25, "crf": 0.0471})
