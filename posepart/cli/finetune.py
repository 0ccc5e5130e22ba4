"""`posepart finetune`: a model trained further on labelled photos of one's own."""

from pathlib import Path

from jsonargparse import ArgumentParser, Namespace

from posepart.cli import options

SUMMARY = "Train a model further on labelled photos of your own."
STRAY_HINT = "name the labels with --data and the new model with -o"
USAGE = "posepart finetune --data FILE [--images DIR] -o MODEL [options]"
DESCRIPTION = """\
Train a model further on labelled photos of your own: a COCO file in any joints, or a folder
in any layout that posepart data check knows. Every fifth photo is kept back, unless a folder
has a val part. Synthetic scenes are mixed in, the old Pose FCN is a teacher, and the new
weights are averaged with the old ones, so that the model forgets little; its calibration is
fitted anew. At the end a table compares both models on the photos that were kept back, and
on synthetic scenes, and a sentence says whether the new one is better.

A run that was stopped goes on when the command is repeated: a training from its last 50th
step, the fit of the CRF and the comparison from their beginnings. Needs pip install
"posepart[train]"."""
EPILOG = """\
examples:
  posepart finetune --data labels.json --images photos/ -o my_model
  posepart finetune --data people/ --stages pose part crf --steps 1000 -o my_model
  posepart predict holiday/ --model my_model -o out

exit codes:
  0  the model is written
  2  nothing could be done
  130  interrupted"""


def parser() -> ArgumentParser:
    """The options of the command."""
    parser = options.new_parser(USAGE, DESCRIPTION, EPILOG)
    parser.add_argument("--data", type=str, metavar="FILE", help="COCO file, or folder, of labelled photos.")
    options.add_coco_options(parser)
    parser.add_argument(
        "-o", "--out", type=str, metavar="MODEL", help="New folder of weights, for --model of other commands."
    )
    parser.add_argument(
        "--from",
        dest="base",
        type=str,
        default=options.DEFAULT_MODEL,
        metavar="MODEL",
        help=f"The model to start from, by name or folder. Default: {options.DEFAULT_MODEL}.",
    )
    parser.add_argument(
        "--stages",
        type=str,
        nargs="+",
        default=["pose"],
        metavar="STAGE",
        help="What to train: pose (joints), part (needs part maps), crf (how joints become people). Default: pose.",
    )
    for name, default, told in (
        (
            "steps",
            400,
            "Steps of each training, of 16 crops; about 1.5 s each on two processor cores. Default: 400.",
        ),
        ("scenes", 120, "Synthetic scenes to mix in. Default: 120."),
        ("threads", None, "Processor cores to use. Default: all."),
        ("seed", 0, "The same seed and photos give the same model. Default: 0."),
    ):
        parser.add_argument(f"--{name}", type=int, default=default, metavar="N", help=told)
    parser.add_argument(
        "--share",
        type=float,
        default=0.5,
        metavar="X",
        help="Share of the new weights in the average with the old ones; 1 keeps the new ones alone. Default: 0.5.",
    )
    return parser


def run(chosen: Namespace) -> int:
    """Train; the exit code."""
    if chosen.data is None:
        raise ValueError("what to train on? Name a COCO file or a folder of labelled photos with --data")
    if chosen.out is None:
        raise ValueError("where does the model go? Name a new folder with -o MODEL")
    options.check_threads(chosen)
    source = options.data_source(chosen.data, chosen)
    try:
        import sklearn  # noqa: F401 - an extra, whose absence must not show after minutes of training
    except ImportError:
        raise ValueError('training needs the extra "train": run `pip install "posepart[train]"`') from None
    from posepart.data.readers import read_samples, splits_of
    from posepart.metrics.tables import format_comparisons
    from posepart.models.model_set import find_model
    from posepart.training.finetune import FinetuneConfig, OwnData, finetune, refuse_existing, split_samples

    config = FinetuneConfig(
        stages=tuple(chosen.stages),
        steps=chosen.steps,
        share=chosen.share,
        scenes=chosen.scenes,
        threads=chosen.threads or 0,
        seed=chosen.seed,
    )
    base = find_model(chosen.base)
    refuse_existing(Path(chosen.out))  # now, rather than after all photos are looked at
    samples = read_samples(source, "train")
    data = (
        OwnData(samples, read_samples(source, "val"))
        if "val" in splits_of(source)
        else split_samples(samples)
    )
    for sample in (*data.train, *data.val):  # now, rather than after minutes of training
        sample.check_photo()
    print(f"{len(data.train)} photos to train on, {len(data.val)} kept back")
    result = finetune(data, base, Path(chosen.out), config)
    for name, rows in (("photos that were kept back", result.own), ("synthetic scenes", result.old)):
        print(f"\n{name}: before and after\n{format_comparisons(rows, ('before', 'after'))}")
    print(f"\n{result.verdict}")
    print(f"\nwrote {chosen.out}; use it with --model {chosen.out}")
    return 0
