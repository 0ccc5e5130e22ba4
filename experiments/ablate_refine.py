"""The second stages of `ablate.py`: one small network per choice of pose maps, trained alike."""

from pathlib import Path

from torch import nn
from tqdm import tqdm
from train_refine import cached, predict

from posepart.config import CropConfig
from posepart.data.person_crops import CropBatchConfig
from posepart.data.sample import Sample
from posepart.models.builders import build
from posepart.models.weights import load_network, save_weights
from posepart.training.loop import LoopConfig, train
from posepart.training.part import PartLossConfig
from posepart.training.refine import RefineBatches, RefineLoss

BUILDER = "refine_separable"
BATCH = 8  # crops, of the predictions

# Which of (joint map, skeleton map) each of the second stages sees, in training as in use.
POSE_MAPS: dict[str, tuple[bool, bool]] = {
    "zero maps": (False, False),
    "joint map": (True, False),
    "skeleton map": (False, True),
    "both maps": (True, True),
}


def retrain(
    samples: list[Sample], model: Path, folder: Path, crops: int, steps: int, seed: int
) -> dict[str, nn.Module]:
    """Train the second stages of `POSE_MAPS` on the same predictions, in the same order of batches.

    Parameters
    ----------
    samples : of the training split
    model : folder of the weights whose predictions they learn to correct
    folder : where predictions, runs and weights stay; what is there is used again
    crops : training crops to predict
    steps : of each training
    seed : of crops and batches

    Returns
    -------
    dict
        Network by its name in `POSE_MAPS`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config = CropBatchConfig(batch_size=BATCH, need="parts", crop=CropConfig(), seed=seed)
    examples = cached(folder / "train.npz", lambda: predict(samples, config, -(-crops // BATCH), model))
    networks = {}
    for name, (joint_map, skeleton_map) in tqdm(POSE_MAPS.items(), unit="second stage", desc="retraining"):
        run = folder / f"{name.replace(' ', '_')}_{steps}"
        weights = run / "refine.safetensors"
        if not weights.exists():
            loop = LoopConfig(steps=steps, lr=2e-3, ema=0.99, checkpoint_every=200, threads=1, seed=seed)
            network = train(
                build(BUILDER),
                RefineBatches(examples.keeping(joint_map, skeleton_map), 16, seed),
                RefineLoss(PartLossConfig().class_weights),
                run,
                loop,
                resume=True,
            )
            card = {"stage": "refine", "builder": BUILDER, "arguments": {}, "pose_maps": name, "steps": steps}
            save_weights(weights, network, card)
        networks[name] = load_network(weights)
    return networks
