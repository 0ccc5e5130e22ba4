"""Types of fixtures of the metric and report tests."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from posepart.data.sample import Sample
from posepart.metrics.instance_parsing import PeopleParts
from posepart.metrics.people import LabelledPeople, PredictedPeople

TruthOf = Callable[..., LabelledPeople]
PredictedOf = Callable[..., PredictedPeople]
Scenes = list[tuple[PredictedPeople, LabelledPeople]]
Parsings = list[tuple[PeopleParts, PeopleParts]]
Data = tuple[Path, list[Sample]]  # a folder in our own layout, and its samples
Report = Callable[..., tuple[dict[str, Any], str]]  # runs `posepart evaluate`; metrics.json and index.html
Store = Callable[..., Path]  # writes results as `posepart predict` does
