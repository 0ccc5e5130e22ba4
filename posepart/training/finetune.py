"""Fine-tune a model on labelled photos of one's own: train, average with the old weights, calibrate, compare.

Few photos teach a network their own kind and let it forget others. Three things stand against that: synthetic scenes
are mixed into the training, the old Pose FCN is a teacher (Li & Hoiem, "Learning without forgetting", 2016), and
the result is an average of the new weights and those that it started from (Wortsman et al., "Robust fine-tuning of
zero-shot models", 2022). What both models find is compared on photos that were kept back, and on scenes that were
not trained on.
"""

import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any
from zlib import crc32

from posepart.data.readers import read_samples
from posepart.data.sample import Sample
from posepart.io.files import read_json, write_json
from posepart.io.photos import read_photo
from posepart.io.terminal import progress
from posepart.loading import load
from posepart.metrics.judged import judge
from posepart.metrics.measure import Comparison, compare_scenes
from posepart.models.model_set import OPTIONAL_STAGES, Card, ModelSet, find_model
from posepart.models.weight_files import save_tensors
from posepart.stages.calibration import to_arrays
from posepart.structures import Scene
from posepart.synthetic.config import SynthConfig
from posepart.synthetic.folder import write_scenes
from posepart.training import run as runs
from posepart.training.calibration import fit_calibration
from posepart.training.finetune_stages import OLD, OWN, STAGES, TRAIN, FinetuneConfig, StageJob

REPORT = "finetune.json"
_LEAST_PHOTOS = 5
_FEWEST_JUDGED = 20  # photos, for a verdict
_JUDGES = ("pck_human", "pck_exact", "pck_teacher")  # measures of the verdict, the first that has joints
_SEEDS = {"train": 7001, "val": 7002}  # of the scenes: none that a recipe names

Scenes = list[tuple[Sample, Scene]]


@dataclass(frozen=True)
class OwnData:
    """The user's labelled photos."""

    train: list[Sample]
    val: list[Sample]  # kept back


@dataclass(frozen=True)
class Finetuned:
    """What came of it: the second system of each comparison is the new model."""

    own: tuple[Comparison, ...]  # on the photos that were kept back
    old: tuple[Comparison, ...]  # on synthetic scenes
    calibration: dict[str, Any] = field(
        default_factory=dict
    )  # errors before and after, see `fit_calibration`

    @property
    def verdict(self) -> str:
        """Whether more joints are found in the photos that were kept back, in a sentence."""
        judge = next((row for row in self.own if row.name in _JUDGES and row.photos), None)
        photos = judge.photos if judge else 0
        if judge is None or photos < _FEWEST_JUDGED:
            return f"Photos with joints that were kept back: {photos}, too few to tell which is better. Label more."
        d = judge.paired.difference
        value, low, high = (100 * v for v in (d.value, d.low, d.high))
        change = (
            f"{judge.name} on photos that were kept back: {value:+.1f} points ({low:+.1f} .. {high:+.1f})"
        )
        if low > 0:
            return f"{change}: the new model is better there."
        if high < 0:
            return f"{change}: the new model is worse there. Keep the old one, and look for wrong labels."
        return f"{change}, which may be chance. Label more photos, or keep the old model."


def split_samples(samples: Sequence[Sample]) -> OwnData:
    """Keep every fifth photo back, in the order of a digest of the names, so that the split stays.

    Raises
    ------
    ValueError
        Fewer than five photos have people with joints.
    """
    useful = [sample for sample in samples if _has_joints(sample)]
    if len(useful) < _LEAST_PHOTOS:
        raise ValueError(
            f"expected at least {_LEAST_PHOTOS} photos with labelled joints, of which every fifth is kept back, got "
            f"{len(useful)}; label more"
        )
    ordered = sorted(useful, key=lambda sample: (crc32(sample.name.encode()), sample.name))
    return OwnData([s for k, s in enumerate(ordered) if k % 5], ordered[::5])


def finetune(data: OwnData, base: ModelSet, out: Path, config: FinetuneConfig) -> Finetuned:
    """Fine-tune a model and write the new one; a run that was stopped goes on.

    Parameters
    ----------
    data : OwnData
    base : ModelSet
        The model to start from, with a Pose FCN.
    out : Path
        The new folder of weights. Until it is complete, everything is in `OUT.unfinished` beside it.
    config : FinetuneConfig

    Raises
    ------
    ValueError
        `out` exists, the unfinished run had other settings, the data lacks labels for a stage, or the model has no
        such stage.
    """
    _check(data, base, out, config)
    out = out.absolute()
    work = out.with_name(f"{out.name}.unfinished")
    _prepare(work, data, base, config)
    old = {split: _scenes(work, split, config) for split in _SEEDS}
    labelled = (_named(data.train, OWN) + old["train"], _named(data.val, OWN))
    model = work / "model"
    shutil.rmtree(model, ignore_errors=True)  # it is put together anew, from the finished stages
    shutil.copytree(base.folder, model)
    for stage in OPTIONAL_STAGES:  # the old calibration is of the old pose weights
        for suffix in (".safetensors", ".json"):
            (model / f"{stage}{suffix}").unlink(missing_ok=True)
    for stage in (stage for stage in STAGES if stage in config.stages):
        runs.say(f"{stage}:")
        TRAIN[stage](StageJob(work, model, out.name, base, config), labelled)
    result = _compare({OWN: data.val, OLD: old["val"]}, base, model, out.name)
    write_json(model / REPORT, _record(result, data, base, config))
    model.rename(out)
    shutil.rmtree(work)
    return result


def refuse_existing(out: Path) -> None:
    """Raise ValueError if there is something at the place of the new model."""
    if out.exists():
        raise ValueError(f"{out}: is there already; choose a new folder with -o")


def _check(data: OwnData, base: ModelSet, out: Path, config: FinetuneConfig) -> None:
    refuse_existing(out)
    for stage in ("pose", *config.stages):
        if stage not in base.cards:
            raise ValueError(
                f"{base.name}: has no stage {stage} to fine-tune; choose another --from or --stages"
            )
    if {"pose", "crf"} & {*config.stages} and not any(map(_has_joints, data.train)):
        raise ValueError("nobody in the photos to train on has labelled joints")
    if not any(_has_joints(sample) or sample.part_path is not None for sample in data.val):
        raise ValueError("no photo that is kept back has labels: nothing could tell which model is better")
    if "part" in config.stages and not any(sample.part_path is not None for sample in data.train):
        raise ValueError("the data has no part maps: leave part out of --stages")


def _has_joints(sample: Sample) -> bool:
    return any(person.joints is not None for person in sample.people)


def _prepare(work: Path, data: OwnData, base: ModelSet, config: FinetuneConfig) -> None:
    """Make the folder of the run, or check that it can go on."""
    settings = {
        **asdict(replace(config, threads=0)),  # threads decide nothing but the time
        "stages": list(config.stages),
        "photos": [[sample.name for sample in samples] for samples in (data.train, data.val)],
        "from": {stage: card.sha256 for stage, card in base.cards.items()},
    }
    path = work / "settings.json"
    try:
        if path.exists() and read_json(path) != settings:
            raise ValueError(
                f"{work}: holds an unfinished run with other photos or settings; remove it, or choose another -o"
            )
        work.mkdir(parents=True, exist_ok=True)
        write_json(path, settings)
    except OSError as error:
        raise ValueError(f"{work}: cannot be written ({error.strerror}); choose another -o") from None


def _scenes(work: Path, split: str, config: FinetuneConfig) -> list[Sample]:
    folder = work / f"scenes_{split}"
    count = config.scenes if split == "train" else config.held_out_scenes
    write_scenes(folder, count, SynthConfig(), seed=_SEEDS[split] + config.seed, contact_sheet=False)
    return _named(read_samples(folder, "train"), OLD)


def _named(samples: Sequence[Sample], source: str) -> list[Sample]:
    return [replace(sample, source=source) for sample in samples]


def _compare(samples: dict[str, list[Sample]], base: ModelSet, model: Path, name: str) -> Finetuned:
    """Compare both models, and calibrate the new one on what it finds in photos that it was not trained on."""
    before = {kind: _predicted(base.folder, chosen, f"before, {kind}") for kind, chosen in samples.items()}
    after = {kind: _predicted(model, chosen, f"after, {kind}") for kind, chosen in samples.items()}
    photos = [judge(sample, scene, parts=False) for pairs in after.values() for sample, scene in pairs]
    calibration, errors = fit_calibration(photos)
    card = Card(
        name=name,
        stage="calibration",
        photos=dict(Counter(photo.source for photo in photos)),
        metrics={
            f"{kind}_{when}": row[when] for kind, row in errors.items() for when in ("error_raw", "error")
        },
        measured="expected calibration error on photos and scenes that were kept back, cross-fitted",
        pose_sha256=find_model(model).cards["pose"].sha256,
        **runs.LICENCES,
    )
    save_tensors(model / "calibration.safetensors", to_arrays(calibration), card)
    own_rows, old_rows = (compare_scenes(before[kind], after[kind]) for kind in (OWN, OLD))
    return Finetuned(own_rows, old_rows, errors)


def _predicted(model: Path, samples: Sequence[Sample], name: str) -> Scenes:
    """What a model finds, without calibration, which changes scores only."""
    pipeline = replace(load(model), calibration=None)
    return [
        (s, pipeline.trace(read_photo(s.image_path)).scene) for s in progress(samples, name, unit="photo")
    ]


def _record(result: Finetuned, data: OwnData, base: ModelSet, config: FinetuneConfig) -> dict[str, Any]:
    rows = {
        name: [_row(one) for one in comparisons]
        for name, comparisons in ((OWN, result.own), (OLD, result.old))
    }
    return {
        "from": base.name,
        "settings": {**asdict(config), "stages": list(config.stages)},
        "train": [sample.name for sample in data.train],
        "val": [sample.name for sample in data.val],
        "verdict": result.verdict,
        "comparisons": rows,
        "calibration": result.calibration,
    }


def _row(one: Comparison) -> dict[str, Any]:
    """A comparison for JSON, which has no nan."""
    difference = one.paired.difference
    numbers = {
        "before": one.first, "after": one.second,
        "difference": difference.value, "low": difference.low, "high": difference.high,
    }  # fmt: skip
    return {
        "measure": one.name,
        "photos": one.photos,
        **{k: None if v != v else round(v, 4) for k, v in numbers.items()},
    }
