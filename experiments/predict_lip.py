"""Predict LIP, or a data set of its family, and write what the benchmarks take: PNGs of labels and a csv of joints.

    python experiments/predict_lip.py --model runs/jppnet/jppnet.safetensors --data LIP --split val -o OUT
    python experiments/evaluate_lip.py --data LIP --split val --pose OUT/pose.csv --parsing OUT/parsing

A JPPNet that was trained with `--schema lip` gives both, a parsing network such as SS-JPPNet (`--crop.size 321`)
labels only, a pose network joints only. OUT receives parsing/NAME.png (grey, label ids) and pose.csv (file, then
x, y of every joint, in the order of the split's list), which are LIP's two submissions.

DATA may also be a folder of ATR, MPII (`--split single`: the pictures of one person) or CIHP. In CIHP's pictures the
people are those of the label maps (`--boxes labels`) or of a detector (`--boxes posepart-s`, a model set); OUT then
has CIHP's layout, Category_ids/ and Human_ids/, and people.csv with the score of every person. An interrupted
run is continued by the same command.
"""

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from jsonargparse import Namespace
from numpy.typing import NDArray

from posepart.arrays import Rgb, in_batches
from posepart.config import CropConfig, JPPNetInferenceConfig
from posepart.data.cihp import write_cihp_submission
from posepart.data.lip import read_lip
from posepart.data.lip_files import write_parsing_submission, write_pose_submission
from posepart.data.mpii import read_mpii
from posepart.data.readers import find_layout, read_samples
from posepart.data.sample import Sample
from posepart.io.files import read_json, sha256, write_json
from posepart.io.photos import read_photo
from posepart.io.terminal import progress_bar
from posepart.jppnet.pictures import BodyParser, PictureParts, read_parser
from posepart.loading import check_device, load
from posepart.structures import PersonBoxes
from posepart.training.scripts import run_script, script_parser

SETTINGS = "settings.json"
UNFINISHED = (
    "unfinished.jsonl"  # a line for every picture that is done: file, then joints or scores of its people
)
DIGITS = 2  # after the point, of coordinates in px


@dataclass(frozen=True)
class Picture:
    """A picture to predict."""

    name: str  # of the file
    path: Path
    boxes: NDArray[np.float32] | None  # (N, 4) xyxy of its people; None: the picture


def main() -> None:
    """Run the command line."""
    parser = script_parser(__doc__)
    parser.add_argument("--model", type=Path, required=True, help="weight file of train.py, with its card")
    parser.add_argument("--data", type=Path, required=True, help="folder of LIP, ATR, MPII or CIHP")
    parser.add_argument("--split", default="val")
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder of the predictions")
    parser.add_argument(
        "--boxes", default="labels", help="of CIHP's people: labels, or the model set of a detector"
    )
    parser.add_argument("--device", default="cpu", help="of the network, as torch names it")
    parser.add_argument("--crop", type=CropConfig, default=CropConfig(size=384, margin=1.0))
    parser.add_argument("--views", type=JPPNetInferenceConfig, default=JPPNetInferenceConfig())
    parser.add_argument(
        "--batch_size", type=int, default=8, help="pictures at once, and crops per forward pass"
    )
    parser.add_argument("--limit", type=int, help="only the first pictures of the split")
    arguments = parser.parse_args()
    predict(parser.instantiate(arguments))


def predict(chosen: Namespace) -> None:
    """Predict all pictures that are not predicted yet, then write the csv files."""
    check_device(chosen.device)
    pictures, several = pictures_of(chosen.data, chosen.split)
    pictures = pictures[: chosen.limit]
    parser = read_parser(chosen.model, chosen.crop, chosen.views, chosen.device, chosen.batch_size)
    detector = None if chosen.boxes == "labels" else load(chosen.boxes, device=chosen.device).detector
    keep_settings(chosen.out, chosen)
    done = finished(chosen.out / UNFINISHED)
    with (chosen.out / UNFINISHED).open("a", encoding="utf-8") as file:
        todo = [picture for picture in pictures if picture.name not in done]
        bar = progress_bar(len(pictures), unit="picture", done=len(pictures) - len(todo))
        for batch in in_batches(todo, chosen.batch_size):
            with ThreadPoolExecutor() as pool:
                images = list(pool.map(read_photo, [picture.path for picture in batch]))
            boxes = [boxes_of(*pair, detector) for pair in zip(batch, images, strict=True)]
            for picture, found in zip(batch, parser.parse(images, boxes), strict=True):
                write_maps(chosen.out, picture.name, found, several)
                done[picture.name] = row_of(found, several)
                file.write(json.dumps([picture.name, *done[picture.name]]) + "\n")
                file.flush()
            bar.update(len(batch))
        bar.close()
    write_tables(chosen.out, [(p.name, done[p.name]) for p in pictures], parser, several)


def pictures_of(folder: Path, split: str) -> tuple[list[Picture], bool]:
    """The pictures of a split, and whether they show several people each.

    Raises
    ------
    ValueError
        The data set is none of LIP's family, or the split is absent.
    """
    layout = find_layout(folder).name
    if layout == "LIP":  # its test split has no labels
        return [Picture(p.name, p.image_path, None) for p in read_lip(folder, split)], False
    if layout not in ("ATR", "MPII", "CIHP"):
        raise ValueError(f"{folder}: expected a folder of LIP, ATR, MPII or CIHP, got one of {layout}")
    samples = read_mpii(folder, split) if layout == "MPII" else read_samples(folder, split)
    if layout == "MPII" and any(len(sample.people) != 1 for sample in samples):
        raise ValueError(f"{folder}: split {split} has pictures of several people; take --split single")
    several = layout == "CIHP"
    return [
        Picture(s.name, s.image_path, sample_boxes(s) if layout != "ATR" else None) for s in samples
    ], several


def sample_boxes(sample: Sample) -> NDArray[np.float32]:
    """The boxes (N, 4) of a sample's people."""
    return np.array([person.box for person in sample.people], np.float32).reshape(-1, 4)


def boxes_of(picture: Picture, image: Rgb, detector: Callable[[Rgb], PersonBoxes] | None) -> PersonBoxes:
    """The boxes of the people to parse."""
    if picture.boxes is None:
        height, width = image.shape[:2]
        return PersonBoxes(np.array([[0, 0, width - 1, height - 1]], np.float32), np.ones(1, np.float32))
    if detector is not None:
        return detector(image)
    return PersonBoxes(picture.boxes, np.ones(len(picture.boxes), np.float32))


def keep_settings(out: Path, chosen: Namespace) -> None:
    """Write the settings into the folder, or compare them with those of the interrupted run.

    Raises
    ------
    ValueError
        The folder holds predictions of other settings.
    """
    record = {
        "model": sha256(chosen.model),
        "data": str(chosen.data.resolve()),
        "split": chosen.split,
        "boxes": chosen.boxes,
        "crop": asdict(chosen.crop),
        "views": {**asdict(chosen.views), "scales": list(chosen.views.scales)},
    }
    path = out / SETTINGS
    if path.exists() and read_json(path) != record:
        raise ValueError(
            f"{out}: holds predictions of another model or other settings; choose another folder with -o"
        )
    out.mkdir(parents=True, exist_ok=True)
    write_json(path, record)


def finished(path: Path) -> dict[str, list[float]]:
    """The pictures that are done, and their numbers; a line that was cut short does not count."""
    if not path.exists():
        return {}
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    whole = [line for line in lines if line.endswith("\n")]
    if len(whole) < len(lines):
        path.write_text("".join(whole), encoding="utf-8")
    return {name: numbers for name, *numbers in map(json.loads, whole)}


def write_maps(out: Path, name: str, found: PictureParts, several: bool) -> None:
    """Write the label maps of a picture, if the network predicts labels."""
    if found.labels is None:
        return
    if several:
        write_cihp_submission(out, name, found.labels, found.people)
    else:
        write_parsing_submission(out / "parsing", name, found.labels)


def row_of(found: PictureParts, several: bool) -> list[float]:
    """The numbers that the tables need of a picture: scores of its people, or x, y of the joints of the only one."""
    if several:
        return [float(score) for score in found.scores]
    return [] if found.joints is None else [round(float(v), DIGITS) for v in found.joints[0].ravel()]


def write_tables(
    out: Path, rows: Sequence[tuple[str, list[float]]], parser: BodyParser, several: bool
) -> None:
    """Write people.csv or pose.csv, in the order of the split."""
    if several:
        lines = [
            f"{name},{k},{score!r}\n" for name, scores in rows for k, score in enumerate(scores, start=1)
        ]
        (out / "people.csv").write_text("".join(lines), encoding="utf-8")
        print(f"wrote {out}/Category_ids, Human_ids and people.csv")
        return
    posed = [(name, np.array(numbers).reshape(-1, 2)) for name, numbers in rows if numbers]
    if parser.schema.joints and len(posed) == len(rows):
        write_pose_submission(out / "pose.csv", posed)
        print(f"wrote {out / 'pose.csv'}")
    if (out / "parsing").is_dir():
        print(f"wrote {out / 'parsing'}")


if __name__ == "__main__":
    run_script(main)
