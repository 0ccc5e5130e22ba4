"""Train the second-stage Part FCN on predicted part scores and poses.

    python experiments/train_refine.py --config experiments/configs/refine.yaml --data PEOPLE --run runs/refine \
        --model runs/model

`--model` is a folder with the trained pose, part and crf weights; `--folds` as for train_crf.py. The predictions are
made once and kept in the run's folder. `--resume` continues an interrupted run.
"""

from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from pathlib import Path

import numpy as np
from _common import (
    by_pose_weights,
    final_figures,
    finish,
    folds_option,
    prepare,
    read_people,
    recorded,
    run_script,
    training_parser,
)
from tqdm import tqdm

from posepart.config import CropConfig, PipelineConfig
from posepart.data.augment import NO_AUGMENTATION
from posepart.data.person_crops import CropBatchConfig, PersonCrops
from posepart.data.sample import Sample
from posepart.loading import load_pairwise
from posepart.models.model_set import read_card
from posepart.models.weight_files import load_network
from posepart.stages.crf import CrfAssembler
from posepart.stages.networks import FcnNetworks
from posepart.stages.poses import choose_poses
from posepart.stages.skeleton_maps import PoseEncoder
from posepart.training.evidence_batches import labelled_evidence
from posepart.training.loop import LoopConfig, train
from posepart.training.part import PartLossConfig
from posepart.training.refine import (
    RefineBatches,
    RefineEvaluation,
    RefineExamples,
    RefineLoss,
    labelled_share,
)


def predict(
    by_pose: Mapping[Path, list[Sample]], batches: CropBatchConfig, crops: int, model: Path
) -> RefineExamples:
    """Part scores, poses and labels of crops; each pose weights' own samples give as many of them."""
    config = PipelineConfig(crop=batches.crop)
    part = load_network(model / "part.safetensors")
    assemble = CrfAssembler(load_pairwise(model / "crf.safetensors"), config)
    count = -(-crops // (len(by_pose) * batches.batch_size))
    streams = (
        labelled_evidence(PersonCrops(samples, batches), count, FcnNetworks(load_network(pose), part, config))
        for pose, samples in by_pose.items()
    )
    rows = []
    total = count * batches.batch_size * len(by_pose)
    for crop in tqdm(chain.from_iterable(streams), total=total, unit="crop", desc="predicting"):
        if labelled_share(crop.labels) > 0.2:
            seen = crop.evidence
            choice = choose_poses(assemble(seen), seen.crop, config.choice)
            rows.append((seen.parts.scores, choice.own, crop.labels))
    return RefineExamples.stack(rows)


def weights_of(poses: Iterable[Path], model: Path) -> str:
    """What predictions depend on: the checksums in the cards of the pose weights and of the model's others."""
    files = [*poses, model / "part.safetensors", model / "crf.safetensors"]
    return " ".join(str(read_card(file)["sha256"]) for file in files)


def cached(path: Path, weights: str, make: Callable[[], RefineExamples]) -> RefineExamples:
    """The examples kept in an .npz file, made first where it does not exist.

    Raises
    ------
    ValueError: when the file was made by other weights.
    """
    if not path.exists():
        examples = make()
        temporary = path.with_suffix(".tmp.npz")
        arrays = {"parts": examples.parts, "poses": examples.poses, "labels": examples.labels}
        np.savez(temporary, weights=np.array(weights), **arrays)
        temporary.replace(path)
    with np.load(path, allow_pickle=False) as file:
        if str(file.get("weights")) != weights:
            raise ValueError(f"{path}: predicted by other weights; remove it, or choose another folder")
        return RefineExamples(file["parts"], file["poses"], file["labels"])


def main() -> None:
    parser = training_parser(__doc__)
    parser.add_argument("--model", type=Path, required=True, help="folder with pose, part and crf weights")
    folds_option(parser)
    parser.add_argument("--builder", default="refine_distances")
    parser.add_argument("--crops", type=int, default=3000, help="training crops to predict")
    parser.add_argument("--joint_map", type=bool, default=True, help="use the joint maps (ablation)")
    parser.add_argument("--skeleton_map", type=bool, default=True, help="use the skeleton maps (ablation)")
    parser.add_argument("--batch_size", type=int, default=16)
    parser.add_argument("--loop", type=LoopConfig, default=LoopConfig())
    parser.add_argument(
        "--batches", type=CropBatchConfig, default=CropBatchConfig(crop=CropConfig(), need="parts")
    )
    parser.add_argument("--loss", type=PartLossConfig, default=PartLossConfig())
    arguments = parser.parse_args()
    settings = parser.instantiate(arguments)
    settings.run.mkdir(parents=True, exist_ok=True)

    samples = read_people(settings.data, "train")
    batches = settings.batches
    plain = CropBatchConfig(
        batch_size=batches.batch_size, need="parts", crop=batches.crop, augment=NO_AUGMENTATION, seed=9
    )
    held_out = read_people(settings.data, "val")
    by_pose = by_pose_weights(settings, samples)
    examples = cached(
        settings.run / "train.npz",
        weights_of(by_pose, settings.model),
        lambda: predict(by_pose, batches, settings.crops, settings.model),
    )
    unseen = {settings.model / "pose.safetensors": held_out}
    val = cached(
        settings.run / "val.npz",
        weights_of(unseen, settings.model),
        lambda: predict(unseen, plain, 300, settings.model),
    )
    network = prepare(settings, lambda net, path: None)
    encode = PoseEncoder(
        network.encoding,
        batches.crop.size,
        joint_map=settings.joint_map,
        skeleton_map=settings.skeleton_map,
    )
    evaluate = RefineEvaluation(val, encode)
    model = train(
        network,
        RefineBatches(examples, encode, settings.batch_size, settings.loop.seed),
        RefineLoss(settings.loss.class_weights),
        settings.run,
        settings.loop,
        resume=settings.resume,
        evaluate=evaluate,
        settings=recorded(parser, arguments),
    )
    finish(settings, "refine", model, samples, final_figures(settings, evaluate, model))


if __name__ == "__main__":
    run_script(main)
