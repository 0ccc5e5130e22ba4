"""Damaged settings: files for --config, and recipes of trainings."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from helpers.fake_pipeline import FakePipeline, write_photo
from helpers.fuzzing import fresh_folder, fuzz, in_time, posepart, readable_or_refused
from helpers.mutations import DEEP, damaged, mutated
from hypothesis import given
from hypothesis import strategies as st

from posepart.cli import options
from posepart.config import PipelineConfig
from posepart.training.recipe import read_recipe, scene_folders

TOKENS = (
    "2001-02-03", "2001-99-99", "1:2:3", "0x1F", "0o17", "1_000", "!!int a", "!!float x", "!!binary a",
    "!!set {a}", "!!timestamp x", "!!python/object/apply:os.getcwd []", "*a", "&a [*a]", "? [a]", "{[a]: b}",
    "<<: 3", "%YAML 9.9",
    "\t", "---", "...", "|", ">-", "'", '"', "@", "`", "- -", "{}: {}", "~", "yes", ".inf", ".nan", "[", "}", "\x07",
)  # fmt: skip
BOMB = "\n".join(["a: &a [x, x, x, x, x, x, x, x, x]"] + [
    f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
])  # fmt: skip


@st.composite
def yaml_files(draw: st.DrawFn, seed: Any) -> bytes:
    """A YAML file with changed values and keys, unusual tokens, anchors that double, or changed bytes."""
    text = yaml.safe_dump(draw(mutated(seed)), allow_unicode=draw(st.booleans()), sort_keys=False)
    text = text.replace(DEEP, "[" * 3000 + "]" * 3000)
    kind = draw(st.sampled_from(("plain", "plain", "token", "token", "bomb", "bytes")))
    if kind == "token":
        lines = text.split("\n")
        at = draw(st.integers(0, len(lines) - 1))
        token = draw(st.sampled_from(TOKENS))
        lines[at] = draw(
            st.sampled_from((token, lines[at] + " " + token, lines[at].partition(":")[0] + ": " + token))
        )
        text = "\n".join(lines)
    elif kind == "bomb":
        key = draw(st.sampled_from(list(seed)))
        text = f"{BOMB}\n{key}: *{draw(st.sampled_from('abi'))}\n"
    encoding = draw(st.sampled_from(("utf-8",) * 6 + ("utf-8-sig", "utf-16", "cp1252")))
    data = text.encode(encoding, "surrogatepass" if encoding.startswith("utf") else "replace")
    return draw(damaged([data], most=2)) if kind == "bytes" else data


RECIPE = {
    "scenes": {"a": {"photos": 900, "seed": 5000}},
    "defaults": {"builder": "x", "loop": {"steps": 5}, "source_shares": {"a": 0.5}},
    "stages": [
        {"name": "first", "init": "start.npz", "scenes": ["a"], "loop": {"steps": 1000}},
        {"name": "second", "loop": {"lr": 0.1}, "source_shares": {"b": 1}},
        {"name": "mean", "average": {"first": 1, "second": 2}, "score_shift": [0, 1], "eight_bit": ["head"]},
    ],
}


@fuzz(150)
@given(yaml_files(RECIPE))
def test_recipe(content: bytes) -> None:
    with fresh_folder() as folder:
        path = folder / "mine.yaml"
        path.write_bytes(content)
        with readable_or_refused(path):
            recipe = read_recipe(path)
            for stage in recipe.stages:
                assert recipe.stage(stage.name) is stage
                with readable_or_refused(path, folder / "scenes"):
                    scene_folders(recipe, stage, folder / "scenes")


@pytest.fixture(scope="module", autouse=True)
def fake_networks() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(options, "load_pipeline", lambda chosen, config: (FakePipeline(), {}))
        yield


SETTINGS = {
    "threads": 1,
    "preset": "default",
    "no_refine": True,
    "pipeline": dataclasses.asdict(PipelineConfig()),
}


@fuzz(25)
@given(yaml_files(SETTINGS))
def test_config(content: bytes) -> None:
    with fresh_folder() as folder, in_time():
        path, out = folder / "mine.yaml", folder / "out"
        photo = write_photo(folder / "photo.png", people=0)
        path.write_bytes(content)
        code = posepart("predict", photo, "-o", out, "--config", path)
        assert code in (0, 2)
        assert (out / "photo.json").exists() == (code == 0)
