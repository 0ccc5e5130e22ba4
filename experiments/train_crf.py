"""Fit the pairwise potentials of the CRF, with and without the segment term, on what the networks predict.

    python experiments/train_crf.py --config experiments/configs/crf.yaml --data PEOPLE --run runs/crf \
        --model runs/model --folds runs/fold0/pose.safetensors runs/fold1/pose.safetensors

`--model` is a folder with the trained pose and part weights. On its own training photos a network is too good: with
`--folds` each photo is predicted by the Pose FCN that was trained without it. Minutes, not hours: there is nothing
to resume.
"""

from dataclasses import asdict
from pathlib import Path

from _common import (
    by_pose_weights,
    common_card,
    folds_option,
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
from posepart.models.weight_files import load_network, save_tensors
from posepart.stages.networks import FcnNetworks
from posepart.training.crf import compare_variants, fit
from posepart.training.evidence_batches import labelled_evidence
from posepart.training.loop import seed_everything, write_json
from posepart.training.pairs import LabelledPairs, PairFitConfig, collect_pairs, join


def pairs_of(
    samples: list[Sample],
    batches: CropBatchConfig,
    crops: int,
    networks: tuple[Path, Path],
    config: PairFitConfig,
) -> LabelledPairs:
    """The labelled pairs of a number of crops, as pose and part weights predict them."""
    pipeline = PipelineConfig(crop=batches.crop)
    pose, part = map(load_network, networks)
    count = -(-crops // batches.batch_size)
    stream = labelled_evidence(PersonCrops(samples, batches), count, FcnNetworks(pose, part, pipeline))
    pairs = [
        collect_pairs(crop, pipeline.features, pipeline.crf.labels, config)
        for crop in tqdm(stream, total=count * batches.batch_size, unit="crop", desc="predicting")
    ]
    return join(pairs)


def main() -> None:
    parser = training_parser(__doc__)
    parser.add_argument("--model", type=Path, required=True, help="folder with pose and part weights")
    folds_option(parser)
    parser.add_argument("--crops", type=int, default=2400, help="training crops to predict")
    parser.add_argument("--threads", type=int, default=0, help="torch threads; 0 leaves torch's choice")
    parser.add_argument("--batches", type=CropBatchConfig, default=CropBatchConfig(crop=CropConfig()))
    parser.add_argument("--fit", type=PairFitConfig, default=PairFitConfig())
    arguments = parser.parse_args()
    settings = parser.instantiate(arguments)
    seed_everything(settings.batches.seed, settings.threads)
    settings.run.mkdir(parents=True, exist_ok=True)
    write_json(settings.run / "config.json", recorded(parser, arguments))

    samples, batches = read_people(settings.data, "train"), settings.batches
    held_out = CropBatchConfig(
        batch_size=batches.batch_size, seed=9, crop=batches.crop, augment=NO_AUGMENTATION
    )
    part = settings.model / "part.safetensors"
    by_pose = by_pose_weights(settings, samples)
    crops = -(-settings.crops // len(by_pose))
    pairs = join([pairs_of(own, batches, crops, (pose, part), settings.fit) for pose, own in by_pose.items()])
    networks = settings.model / "pose.safetensors", part
    val = pairs_of(read_people(settings.data, "val"), held_out, 320, networks, settings.fit)
    model = fit(pairs, settings.fit)
    report = compare_variants(model, val)
    card = {
        **common_card("crf", settings.run.name, samples),
        "seed": batches.seed,
        "crops": settings.crops,
        "pairs": {"train": len(pairs), "positive": int(pairs.positive.sum()), "val": len(val)},
        "fit": asdict(settings.fit),
        "metrics": report,
    }
    save_tensors(settings.run / "crf.safetensors", model.to_arrays(), card)
    print(f"wrote {settings.run / 'crf.safetensors'}")


if __name__ == "__main__":
    run_script(main)
