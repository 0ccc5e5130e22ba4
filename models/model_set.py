"""Model sets: folders of weight files, each with a JSON card that says what it is.

A model set is a folder with the stages `detector`, `pose`, `part`, `refine` and `crf`, and perhaps `calibration`;
each is a `.safetensors` file with a `.json` card. A set with a `jppnet` needs no `part`; a set of a `jppnet` and a
`detector` alone is a model without a CRF, as is one of a `parsing` network, a `joints` network or both with a
`detector`; without a detector, a `parsing` network reads photos as a whole. The sets in `weights/` ship with the
package.

Nothing here imports torch: models are listed at once.
"""

import json
import reprlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

STAGES = ("detector", "pose", "part", "refine", "crf")
JPPNET_STAGES = ("detector", "jppnet")
CRF_ON_JPPNET_STAGES = ("detector", "pose", "jppnet", "refine", "crf")
SINGLE_TASKS = ("parsing", "joints")
OPTIONAL_STAGES = ("calibration",)
INSTALLED = Path(__file__).parent / "weights"


@dataclass(frozen=True)
class Card:
    """What a weight file is, where it comes from, and how good it is.

    A field keeps its default where the file says nothing about it.

    Attributes
    ----------
    name : str
        The model set, or the run that made the weights.
    stage : str
        The file's name in a model set: one of `STAGES` or `SINGLE_TASKS`, "jppnet" or "calibration".
    builder : str, optional
        A function in `builders.py`; None for weights that are no network.
    arguments : dict
        The builder's arguments.
    schema : dict
        "joints" and "parts": their names, in the order of the network's outputs.
    licence_code, licence_weights, licence_data : str
        One licence each for the code, the weights and the data they were trained on.
    recipe, recipe_stage : str, optional
        A file in `experiments/recipes` and the stage of it that made the weights.
    deviations : str
        How the training differed from the recipe.
    started_from : str
        The weights that the training began with.
    photos : dict
        Photos trained on, by source.
    metrics : dict
        A few numbers, by name.
    measured : str
        What the metrics were measured on, and how.
    limits : list of str
        Known weaknesses.
    average_of : list of dict
        "name", "sha256" and "share" of each file that an average was made of.
    fold : str, optional
        "K/N" if the photos of fold K of N were left out of the training.
    pose_sha256 : str, optional
        The pose weights that a calibration was fitted for.
    skeleton : dict
        How the label maps of a second stage were drawn: settings `skeleton` of the pipeline.
    sha256 : str, optional
        SHA-256 of the weight file, in hexadecimal digits.
    """

    name: str = ""
    stage: str = ""
    builder: str | None = None
    arguments: dict[str, Any] = field(default_factory=dict)
    schema: dict[str, list[str]] = field(default_factory=dict)
    licence_code: str = ""
    licence_weights: str = ""
    licence_data: str = ""
    recipe: str | None = None
    recipe_stage: str | None = None
    deviations: str = ""
    started_from: str = ""
    photos: dict[str, int] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    measured: str = ""
    limits: list[str] = field(default_factory=list)
    average_of: list[dict[str, Any]] = field(default_factory=list)
    fold: str | None = None
    pose_sha256: str | None = None
    skeleton: dict[str, Any] = field(default_factory=dict)
    sha256: str | None = None

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "Card":
        """The card that a JSON object describes; keys of other versions and nulls are ignored."""
        known = {one.name for one in fields(cls)}
        return cls(**{key: value for key, value in record.items() if key in known and value is not None})

    def to_record(self) -> dict[str, Any]:
        """The fields that say something, for JSON."""
        empty = Card()
        return {key: value for key, value in asdict(self).items() if value != getattr(empty, key)}


@dataclass(frozen=True)
class ModelSet:
    """A folder of weights."""

    name: str
    folder: Path
    cards: dict[str, Card]  # by stage

    def path(self, stage: str) -> Path:
        """The weight file of a stage."""
        return self.folder / f"{stage}.safetensors"


def installed_models() -> list[ModelSet]:
    """The model sets that ship with the package, in the order of their names."""
    return [find_model(name) for name in _installed_names()]


def _installed_names() -> list[str]:
    folders = INSTALLED.iterdir() if INSTALLED.is_dir() else ()
    return sorted(folder.name for folder in folders if (folder / "detector.json").exists())


def find_model(name_or_folder: str | Path) -> ModelSet:
    """The installed set of that name, or else the set in that folder.

    Raises
    ------
    ValueError
        There is neither, the file or card of a stage is missing, or a card is damaged or of another stage.
    """
    folder = INSTALLED / str(name_or_folder)
    if not (folder / "detector.json").exists():
        folder = Path(name_or_folder)
    if not folder.is_dir():
        names = ", ".join(_installed_names()) or "none"
        raise ValueError(
            f"{name_or_folder}: no installed model (there are: {names}) and no folder of weights"
        )
    stages = _stages_of(folder)
    cards = {}
    for stage in (*stages, *OPTIONAL_STAGES):
        path = folder / f"{stage}.safetensors"
        if path.exists():
            cards[stage] = _card_of_stage(path, stage)
        elif stage in stages:
            raise ValueError(
                f"{folder}: lacks {path.name}; a model folder holds {', '.join(stages)}, each with its card"
            )
    return ModelSet(folder.name, folder, cards)


def _stages_of(folder: Path) -> tuple[str, ...]:
    """The stages that a folder has to have; they depend on which networks it has."""

    def has(stage: str) -> bool:
        return (folder / f"{stage}.safetensors").exists()

    if has("jppnet"):
        return CRF_ON_JPPNET_STAGES if has("pose") else JPPNET_STAGES
    tasks = tuple(stage for stage in SINGLE_TASKS if has(stage))
    if not tasks or has("pose") or has("part"):
        return STAGES
    return tasks if tasks == ("parsing",) and not has("detector") else ("detector", *tasks)


def _card_of_stage(path: Path, stage: str) -> Card:
    card = read_card(path)
    if card.stage not in ("", stage):
        named = " ".join(card.stage.split())[:40]
        raise ValueError(f"{path}: its card says that it holds weights of the stage {named}, not {stage}")
    return card


def read_card(weights: Path) -> Card:
    """The JSON card beside a weight file.

    Raises
    ------
    ValueError
        The card is missing or damaged.
    """
    path = weights.with_suffix(".json")
    try:
        record = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise ValueError(
            f"{path}: the weight file's card is missing; copy it beside {weights.name}"
        ) from error
    except OSError as error:
        raise ValueError(f"{path}: the card cannot be read ({error.strerror}); check the file") from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: the card is no valid JSON ({error})") from error
    if not isinstance(record, dict):
        raise ValueError(f"{path}: the card is not a JSON object")
    _check_types(path, record)
    return Card.from_record(record)


def _check_types(path: Path, record: Mapping[str, Any]) -> None:
    """Refuse a card in which a value has another type than the field's default; where that is None, a text."""
    for one in fields(Card):
        value, default = record.get(one.name), getattr(Card(), one.name)
        expected = str if default is None else type(default)
        if value is not None and not isinstance(value, expected):
            raise ValueError(
                f"{path}: the card's {one.name}: expected {_TYPE_NAMES[expected]}, got {reprlib.repr(value)}"
            )


_TYPE_NAMES: dict[type, str] = {str: "a text", dict: "names with values", list: "a list"}
