"""experiments/compare_jppnet.py with one step per row on drawn people."""

import json
from pathlib import Path

import compare_jppnet
import pytest
from helpers.people_data import write_people

SMALL = [
    "--arguments", '{"width": 0.35, "channels": 8}', "--attention_arguments", '{"width": 0.35}',
    "--first_steps", "1", "--loop.steps", "1", "--loop.threads", "1", "--batches.batch_size", "2",
    "--batches.crop.size", "64", "--replicates", "5",
]  # fmt: skip


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "people"
    folder.mkdir()
    write_people(folder)
    (folder / "person_keypoints_train.json").write_bytes((folder / "person_keypoints_val.json").read_bytes())
    return folder


def test_rows_are_trained_once_and_compared(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    out = tmp_path / "out"
    command = ["--data", str(data), "-o", str(out), "--seeds", "[3, 4]", *SMALL]
    compare_jppnet.main([*command, "--only", "joint", "joint_msc_s1", "attention", "attention_ss"])
    first = json.loads((out / "jppnet.json").read_text())
    assert (first["images_per_row"], first["images_before"], first["photos"]) == (2, 2, 5)
    rows = first["tables"]["JPPNet (Tables 11 and 12)"]
    assert list(rows) == ["Joint", "Joint + MSC + S1"]
    assert list(rows["Joint"]) == ["part_miou", "pck_human", "pckh_human"]
    assert "against_first" not in rows["Joint"]["part_miou"]
    difference = rows["Joint + MSC + S1"]["part_miou"]["against_first"]["value"]
    values = [row["part_miou"]["value"] for row in rows.values()]
    assert difference == pytest.approx(values[1] - values[0], abs=2e-6)
    assert next(iter(first["tables"]["SS-JPPNet (Eq. 2)"].values())).keys() == {"part_miou"}
    cell = rows["Joint"]["part_miou"]
    assert len(cell["trainings"]) == 2
    assert cell["value"] == pytest.approx(sum(cell["trainings"]) / 2, abs=2e-6)
    cards = [json.loads((out / "joint" / f"seed_{seed}" / "jppnet.json").read_text()) for seed in (3, 4)]
    assert [card["name"] for card in cards] == ["joint/seed_3", "joint/seed_4"]
    assert cards[0]["sha256"] != cards[1]["sha256"]
    card = json.loads((out / "joint_msc_s1" / "seed_3" / "jppnet.json").read_text())
    assert card["arguments"] == {"width": 0.35, "channels": 8, "stages": 1, "scales": [1.0, 0.75, 0.5]}
    assert "| Joint + MSC + S1 |" in (out / "jppnet.md").read_text()

    assert "steps of" in capsys.readouterr().out
    compare_jppnet.main([*command, "--only", "joint"])
    assert "steps of" not in capsys.readouterr().out, "a finished row is not trained again"
    again = json.loads((out / "jppnet.json").read_text())["tables"]["JPPNet (Tables 11 and 12)"]["Joint"]
    assert again == rows["Joint"]


def test_an_unknown_row_is_named() -> None:
    with pytest.raises(ValueError, match="there is no joint_s9; choose from joint, joint_msc"):
        compare_jppnet.main(["--data", "nowhere", "-o", "out", "--only", "joint_s9"])
