"""Damaged model folders: weight files and their cards."""

import io
import json
import struct
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from helpers.fuzz_folders import model_files
from helpers.fuzzing import fresh_folder, fuzz, readable_or_refused
from helpers.mutations import ALIEN, damaged, json_files, mutated
from hypothesis import given
from hypothesis import strategies as st
from jsonargparse import Namespace

from posepart.cli import models
from posepart.loading import load_pairwise
from posepart.models.model_set import find_model
from posepart.models.weight_files import load_network, read_tensors
from posepart.stages.calibration import load_calibration

READERS: dict[str, Callable[[Path], object]] = {
    "refine": load_network,
    "eight_bit": load_network,
    "crf": load_pairwise,
    "calibration": lambda path: load_calibration(find_model(path.parent)),
}


def write_model(folder: Path, **changed: bytes | None) -> None:
    """The model folder with other files; None leaves one out."""
    folder.mkdir()
    files = {**model_files(), **{name.replace("__", "."): content for name, content in changed.items()}}
    for name, content in files.items():
        if content is not None:
            (folder / name).write_bytes(content)


def header_of(weights: bytes) -> dict[str, Any]:
    """The header of a safetensors file."""
    length = struct.unpack("<Q", weights[:8])[0]
    header: dict[str, Any] = json.loads(weights[8 : 8 + length])
    return header


@st.composite
def weight_files(draw: st.DrawFn, stage: str) -> bytes:
    """A weight file with other bytes, or with another header over the same numbers."""
    content = model_files()[f"{stage}.safetensors"]
    if draw(st.booleans()):
        return draw(damaged([content]))
    length = struct.unpack("<Q", content[:8])[0]
    types = ("F64", "F16", "BF16", "I8", "U8", "I64", "BOOL", "F8_E4M3", "U16", "C64")
    header = draw(mutated(header_of(content), (*ALIEN, *types)))
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + content[8 + length :]


@fuzz(60)
@given(st.data(), st.sampled_from(sorted(READERS)), st.booleans())
def test_weights(data: st.DataObject, stage: str, with_checksum: bool) -> None:
    """The checksum of the card finds any damage; without it, the reader has to."""
    content = data.draw(weight_files(stage))
    card = json.loads(model_files()[f"{stage}.json"])
    if not with_checksum:
        del card["sha256"]
    with fresh_folder() as parent:
        folder = parent / "mine"
        files = {f"{stage}__safetensors": content, f"{stage}__json": json.dumps(card).encode()}
        write_model(folder, **files)
        path = folder / f"{stage}.safetensors"
        with readable_or_refused(path):
            read_tensors(path)
        with readable_or_refused(path):
            READERS[stage](path)


BUILDERS = ("refine_labels", "refine_distances", "part_mobilenet_v2", "person_detector", "build", "__init__")
CARD = json.loads(model_files()["refine.json"]) | {
    "limits": ["none"],
    "average_of": [{"name": "a", "share": 1}],
}


@fuzz(60)
@given(json_files(CARD, (*ALIEN, *BUILDERS, {"width": 10**9}, {"width": -1}, {"width": "a"}, {"depth": 1})))
def test_card(content: bytes) -> None:
    with fresh_folder() as parent:
        folder = parent / "mine"
        write_model(folder, refine__json=content)
        card, weights = folder / "refine.json", folder / "refine.safetensors"
        with readable_or_refused(card, weights):
            with redirect_stdout(io.StringIO()):
                models.run(Namespace(model=str(folder), export=None))
            load_network(weights)


@fuzz(30)
@given(json_files(json.loads(model_files()["calibration.json"]) | {"pose_sha256": "0" * 64}))
def test_card_of_a_calibration(content: bytes) -> None:
    with fresh_folder() as parent:
        folder = parent / "mine"
        write_model(folder, calibration__json=content)
        card, weights = folder / "calibration.json", folder / "calibration.safetensors"
        with readable_or_refused(card, weights):
            load_calibration(find_model(folder))
