"""Made-up people as candidates, and a pairwise model that uses distances alone."""

import numpy as np

from posepart.arrays import Float32
from posepart.config import CrfConfig, FeatureConfig, PipelineConfig, SolverConfig
from posepart.geometry.frames import Affine
from posepart.schema import NUM_JOINTS, NUM_PARTS, Joint, Part
from posepart.stages.crf import CrfAssembler, SolvedCrf
from posepart.stages.features import OFFSET_FEATURES
from posepart.stages.pairwise import PAIR_CLASS_NAMES, LogisticWeights, PairwiseModel, term_names
from posepart.structures import Candidates, Crop, Evidence, PartMaps

# without the segment term, and with time enough to prove every optimum
CONFIG = PipelineConfig(
    features=FeatureConfig(segment_term=False), crf=CrfConfig(solver=SolverConfig(time_limit=20.0))
)
CROP = 256


def distance_model() -> PairwiseModel:
    """Pij = 1 / (1 + exp((d_vu + d_uv) / 8 - 3)): it falls with the distance from the predicted places."""
    classes, features = len(PAIR_CLASS_NAMES), len(OFFSET_FEATURES)
    weights = np.zeros((classes, len(term_names(OFFSET_FEATURES))))
    weights[:, :2] = -1 / 8
    return PairwiseModel(
        None,
        LogisticWeights(
            OFFSET_FEATURES,
            np.zeros(features),
            np.ones(features),
            np.ones(features),
            weights,
            np.full(classes, 3.0),
        ),
    )


def skeleton(x: float, y: float, size: float = 100.0) -> Float32:
    """A standing person, (14, 2): neck at (x, y), ankles `size` below it."""
    side = {"LEFT": 0.15, "RIGHT": -0.15}
    height = {
        "FOREHEAD": -0.2,
        "NECK": 0.0,
        "SHOULDER": 0.05,
        "ELBOW": 0.25,
        "WRIST": 0.45,
        "HIP": 0.45,
        "KNEE": 0.7,
        "ANKLE": 1.0,
    }
    width = {"HIP": 0.6, "KNEE": 0.6, "ANKLE": 0.6, "ELBOW": 1.3, "WRIST": 1.5}
    rows = []
    for joint in Joint:
        half, _, name = joint.name.rpartition("_")
        rows.append([x + size * side.get(half, 0) * width.get(name, 1), y + size * height[name]])
    return np.array(rows, np.float32)


def candidates_of(people: list[Float32], score: float = 0.8) -> Candidates:
    """Every joint of every person, with offsets that lead exactly to its other joints."""
    if not people:
        return Candidates.empty()
    xy = np.concatenate(people)
    joint = np.tile(np.arange(NUM_JOINTS), len(people))
    scores = np.zeros((len(xy), NUM_JOINTS), np.float32)
    scores[np.arange(len(xy)), joint] = score
    offsets = np.zeros((len(xy), NUM_JOINTS, NUM_JOINTS, 2), np.float32)
    for p, person in enumerate(people):
        offsets[p * NUM_JOINTS : (p + 1) * NUM_JOINTS] = person[None, None, :] - person[None, :, None]
    return Candidates(xy, joint.astype(np.int64), scores, offsets)


def evidence_of(
    candidates: Candidates, box: tuple[float, float, float, float] = (0, 0, 255, 255)
) -> Evidence:
    """Evidence without parts, whose crop is the photo itself."""
    crop = Crop(np.zeros((CROP, CROP, 3), np.uint8), Affine.identity(), np.array(box, np.float32))
    parts = np.zeros((NUM_PARTS, 64, 64), np.float32)
    parts[Part.BACKGROUND] = 1
    return Evidence(crop, candidates, PartMaps(parts, 4.0))


def assemble(candidates: Candidates, config: PipelineConfig = CONFIG) -> SolvedCrf:
    """The poses of the candidates, by the CRF with `distance_model`."""
    return CrfAssembler(distance_model(), config)(evidence_of(candidates))
