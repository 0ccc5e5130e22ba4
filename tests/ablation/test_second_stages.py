"""Training of the second stages of an ablation, one step each."""

from pathlib import Path

import numpy as np
import pytest

from posepart.ablation.questions import SECOND_STAGES
from posepart.ablation.second_stages import train_second_stages
from posepart.config import PipelineConfig
from posepart.models.refine import RefineFCN
from posepart.training.refine import RefineExamples


@pytest.fixture
def examples() -> RefineExamples:
    """Three crops without a pose."""
    generator = np.random.default_rng(0)
    return RefineExamples.stack(
        [
            (
                generator.dirichlet(np.ones(7), (12, 12)).transpose(2, 0, 1),
                None,
                generator.integers(0, 7, (12, 12)).astype(np.uint8),
            )
            for _ in range(3)
        ]
    )


def test_second_stages_are_trained_alike_and_once(examples: RefineExamples, tmp_path: Path) -> None:
    networks = train_second_stages(examples, tmp_path, steps=1, seed=0, config=PipelineConfig())
    assert list(networks) == list(SECOND_STAGES)
    assert all(isinstance(network, RefineFCN) for network in networks.values())
    written = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/refine.safetensors")}
    assert len(written) == 5
    train_second_stages(examples, tmp_path, steps=1, seed=0, config=PipelineConfig())
    assert {path: path.stat().st_mtime_ns for path in written} == written
