"""Training of second stages for an ablation: one small network per choice of pose maps, all trained alike."""

from dataclasses import replace
from pathlib import Path

from posepart.ablation.questions import SECOND_STAGES, TrainedStage
from posepart.config import PipelineConfig
from posepart.io.terminal import progress
from posepart.loading import load_second_stage
from posepart.models.builders import build
from posepart.models.model_set import Card
from posepart.models.refine import SecondStage
from posepart.models.weight_files import save_weights
from posepart.stages.skeleton_maps import PoseEncoder
from posepart.training.loop import LoopConfig, train
from posepart.training.part import PartLossConfig
from posepart.training.refine import RefineBatches, RefineExamples, RefineLoss

BATCH = 4  # crops per training step


def train_second_stages(
    examples: RefineExamples,
    folder: Path,
    steps: int,
    seed: int,
    config: PipelineConfig,
    device: str = "cpu",
) -> dict[str, SecondStage]:
    """Train the networks of `SECOND_STAGES` on the same predictions, in the same order of batches.

    Parameters
    ----------
    examples : RefineExamples
    folder : Path
        Receives runs and weights; weights that are there already are used again.
    steps : int
        Of each training.
    seed : int
        Of the batches.
    config : PipelineConfig
        Its size of crops and `skeleton` are read.
    device : str
        On which they are trained and returned.

    Returns
    -------
    dict
        Network by its name in `SECOND_STAGES`.
    """
    networks = {}
    for name, stage in progress(SECOND_STAGES.items(), "training", unit="second stage"):
        run = folder / f"{name.replace(' ', '_')}_{steps}"
        weights = run / "refine.safetensors"
        if not weights.exists():
            loop = LoopConfig(steps=steps, seed=seed, device=device)
            network = _trained(stage, examples, run, loop, config)
            card = Card(f"pose as {name}, {steps} steps", "refine", stage.builder)
            save_weights(weights, network, card)
        networks[name] = load_second_stage(weights).to(device)
    return networks


def _trained(
    stage: TrainedStage, examples: RefineExamples, run: Path, loop: LoopConfig, config: PipelineConfig
) -> SecondStage:
    network = build(stage.builder)
    assert isinstance(network, SecondStage)
    size, maps = config.crop.size, (stage.joint_map, stage.skeleton_map)
    encode = PoseEncoder(network.encoding, size, config.skeleton, *maps)
    batches = RefineBatches(examples, encode, BATCH, loop.seed)
    loop = replace(loop, lr=3e-3, ema=0.99, bf16=False, checkpoint_every=200, threads=1)
    loss = RefineLoss(PartLossConfig().class_weights)
    averaged = train(network, batches, loss, run, loop, resume=True)
    assert isinstance(averaged, SecondStage)
    return averaged
