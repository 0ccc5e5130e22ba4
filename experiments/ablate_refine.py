"""The second stages of `ablate.py`: one small network per choice of pose maps, trained alike."""

from pathlib import Path
from typing import Any

from tqdm import tqdm
from train_refine import cached, predict, weights_of

from posepart.config import CropConfig
from posepart.data.person_crops import CropBatchConfig
from posepart.data.sample import Sample
from posepart.models.builders import build
from posepart.models.refine import RefineFCN
from posepart.models.weights import save_weights
from posepart.stages.crop_networks import load_second_stage
from posepart.training.loop import LoopConfig, train
from posepart.training.part import PartLossConfig
from posepart.training.refine import PoseEncoder, RefineBatches, RefineLoss

BATCH = 8  # crops, of the predictions

# Builder, and which of (joint maps, skeleton maps) each of the second stages sees, in training as in use.
POSE_MAPS: dict[str, tuple[str, bool, bool]] = {
    "zero maps": ("refine_distances", False, False),
    "joint maps": ("refine_distances", True, False),
    "skeleton maps": ("refine_distances", False, True),
    "both maps": ("refine_distances", True, True),
    "both as the paper's label maps": ("refine_labels", True, True),
}


def retrain(
    samples: list[Sample], model: Path, folder: Path, crops: int, steps: int, seed: int
) -> dict[str, RefineFCN]:
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
    by_pose = {model / "pose.safetensors": samples}
    examples = cached(
        folder / "train.npz", weights_of(by_pose, model), lambda: predict(by_pose, config, crops, model)
    )
    networks = {}
    for name, (builder, *maps) in tqdm(POSE_MAPS.items(), unit="second stage", desc="retraining"):
        run = folder / f"{name.replace(' ', '_')}_{steps}"
        weights = run / "refine.safetensors"
        if not weights.exists():
            loop = LoopConfig(
                steps=steps, lr=3e-3, ema=0.99, bf16=False, checkpoint_every=200, threads=1, seed=seed
            )
            second_stage: Any = build(builder)
            encode = PoseEncoder(
                second_stage.encoding, config.crop.size, joint_map=maps[0], skeleton_map=maps[1]
            )
            network = train(
                second_stage,
                RefineBatches(examples, encode, 4, seed),
                RefineLoss(PartLossConfig().class_weights),
                run,
                loop,
                resume=True,
            )
            card = {"stage": "refine", "builder": builder, "arguments": {}, "pose_maps": name, "steps": steps}
            save_weights(weights, network, card)
        networks[name] = load_second_stage(weights)
    return networks
