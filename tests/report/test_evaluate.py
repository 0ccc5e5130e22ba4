"""`posepart evaluate` end to end on a small data set."""

import dataclasses
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import people_data
from helpers.fixtures import Data, Report, Store
from jsonargparse import Namespace
from numpy.typing import NDArray
from PIL import Image

from posepart.cli import main as cli
from posepart.cli import options
from posepart.config import PipelineConfig
from posepart.data.sample import Sample
from posepart.io.predictions import coco_results, write_predictions
from posepart.io.results import read_record
from posepart.report.evaluate import choose_samples
from posepart.report.predictions import ImageParser
from posepart.schema import JOINT_NAMES, PART_NAMES
from posepart.structures import Scene

LOWER_IS_BETTER = {"false_people_per_photo", "joint_calibration_error", "adk"}


def cells_of(table: dict[str, Any]) -> dict[tuple[str, str], float | None]:
    return {(row, column): cell["value"] for row, cells in table.items() for column, cell in cells.items()}


def test_a_perfect_prediction_scores_100(report: Report, store: Store, tmp_path: Path) -> None:
    """The only one of these tests that draws the figures."""
    record, page = report("--predictions", store("perfect", people_data.perfect_scene), replicates=5)
    assert record["model"] == "perfect"
    assert (record["data"], record["split"], record["photos"], record["people"]) == ("people", "val", 5, 7)
    for name, measure in record["measures"].items():
        if measure["samples"]:
            assert measure["value"] == (0 if name in LOWER_IS_BETTER else 1), name
    for name, table in record["tables"].items():
        for (_, column), value in cells_of(table).items():
            if (name, column) in {("table_4", "Size M"), ("table_4", "Size L"), ("table_4", "Size XS")}:
                continue  # all people are of one size
            assert value == (0 if name == "table_2" and column != "Compared" else 1), (name, column)
    assert list(record["tables"]["table_1"]) == ["matched by PCKh", "matched by pose box"]
    assert np.array(record["confusion"]).trace() == np.sum(record["confusion"])
    assert record["worst_by_pose"] == {f"photo_{n}.jpg": 1 for n in (1, 2, 3, 4)}
    assert page.count("<svg") == 5, "all figures but the times, which these results do not tell"
    assert "do not say how long they took" in page
    markdown = (tmp_path / "report" / "tables.md").read_text()
    assert "100.0 (100.0 .. 100.0)" in markdown and "### Table 4" in markdown


def test_an_empty_prediction_scores_0(report: Report, store: Store, undrawn: None) -> None:
    record, _ = report("--predictions", store("empty", people_data.empty_scene))
    zero = ["box_ap50", "box_recall", "pck_lsp_extended", "oks_ap", "pose_map_pckh", "pose_map_pose_box"]
    zero += ["parsing_ap_r", "parsing_ap_p", "parsing_pcp_50"]
    zero += [f"part_iou_derived_{name}" for name in PART_NAMES[1:]]
    assert {record["measures"][name]["value"] for name in zero} == {0}
    assert set(cells_of(record["tables"]["table_1"]).values()) == {0}
    assert record["tables"]["table_2"]["distance"]["Compared"]["value"] == 0
    assert record["tables"]["table_2"]["distance"]["Ave."]["value"] is None
    assert set(cells_of(record["tables"]["instances"]).values()) == {0}
    assert record["worst_by_pose"] == {f"photo_{n}.jpg": 0 for n in (1, 2, 3, 4)}


def test_shuffled_people_change_nothing(report: Report, store: Store, undrawn: None) -> None:
    def shuffled(sample: Sample) -> Scene:
        scene = people_data.poor_scene(sample)
        numbers = np.where(scene.person_map > 0, len(scene.people) + 1 - scene.person_map, 0)
        return dataclasses.replace(scene, people=scene.people[::-1], person_map=numbers.astype(np.uint8))

    first, _ = report("--predictions", store("results", people_data.poor_scene), replicates=5)
    other, _ = report("--predictions", store("shuffled", shuffled), replicates=5)
    assert first["measures"]["pose_map_pckh"]["value"] < 1
    changed = {key for key in first if first[key] != other[key]}
    assert changed == {"predictions"}


def test_tables_by_hand(report: Report, store: Store, undrawn: None) -> None:
    """Left wrists are 30 px off (1.5 head lengths), heads are taken for torsos of the same size."""
    record, page = report("--predictions", store("poor", people_data.poor_scene), "--worst", "1")
    for row in record["tables"]["table_1"].values():
        assert (row["Wrist"]["value"], row["U-Body"]["value"]) == (0.5, 0.875)
        assert row["Total (mAP)"]["value"] == round(6.5 / 7, 6)
    assert record["tables"]["table_2"]["distance"]["Wrist"]["value"] == 1.5
    (row,) = record["tables"]["table_3"].values()
    assert (row["Head"]["value"], row["Torso"]["value"], row["Background"]["value"]) == (0, 0.5, 1)
    assert row["Ave. (mIoU)"]["value"] == round(5.5 / 7, 6)
    assert len(record["worst_by_pose"]) == len(record["worst_by_parts"]) == 1
    assert page.count("<img") == 4


def test_edges_of_table_4_can_be_chosen(report: Report, store: Store, undrawn: None) -> None:
    record, page = report(
        "--predictions", store("p", people_data.perfect_scene), "--size-edges", "10", "20", "30"
    )
    (row,) = record["tables"]["table_4"].values()
    assert {name: cell["value"] for name, cell in row.items()} == {
        "Size XS": None, "Size S": None, "Size M": None, "Size L": 1,
    }  # fmt: skip
    assert record["about"]["size_edges"] == [10, 20, 30] if "about" in record else record["size_edges"]
    assert "up to 10, 20, 30 px" in page


def test_a_model(report: Report, data: Data, monkeypatch: pytest.MonkeyPatch, undrawn: None) -> None:
    def blind(image: NDArray[np.uint8]) -> Scene:
        nothing = np.zeros(image.shape[:2], np.uint8)
        return Scene((), nothing, nothing.copy(), "blind", {"detection": 0.5})

    seen: dict[str, Any] = {}

    def load(chosen: Namespace, config: PipelineConfig) -> tuple[ImageParser, dict[str, Any]]:
        seen.update(chosen=chosen, config=config)
        return blind, {"weights": {"pose": "0123"}}

    monkeypatch.setattr(options, "load_pipeline", load)
    record, page = report("--no-segment-term", "--threads", "2", "--subset", "coco", "--limit", "2")
    assert (record["model"], record["photos"], record["subset"]) == ("blind", 2, ["coco"])
    assert record["seconds_per_photo"] == {"detection": 0.5}
    assert record["pipeline"]["features"]["segment_term"] is False
    assert record["weights"] == {"pose": "0123"}
    assert seen["chosen"].threads == 2
    assert "do not say how long they took" not in page


@pytest.mark.parametrize("by", ["file_name", "image_id"])
def test_predictions_of_another_system(
    by: str, report: Report, store: Store, tmp_path: Path, undrawn: None
) -> None:
    folder = store("perfect", people_data.perfect_scene)
    entries = []
    for number in range(1, 6):
        for entry in coco_results(read_record(folder / f"photo_{number}.json"), number):
            entries.append({key: value for key, value in entry.items() if key in (by, "keypoints", "score")})
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    path = write_predictions(entries, theirs)
    record, page = report("--predictions", path if by == "file_name" else theirs, "--name", "theirs")
    assert record["model"] == "theirs"
    assert set(cells_of(record["tables"]["table_1"]).values()) == {1}
    assert record["measures"]["pck_lsp_extended"]["value"] == 1
    assert record["measures"]["box_ap50"]["value"] == 1, "the extent of the joints stands in for a box"
    assert [record["tables"][name] for name in ("table_3", "table_4", "instances")] == [{}] * 3
    assert record["measures"]["part_miou_derived"]["value"] is None
    assert page.count("these predictions have no part maps") == 4
    assert record["worst_by_parts"] == {}


def test_everything_from_files_is_escaped(tmp_path: Path, undrawn: None, report: Report, data: Data) -> None:
    """A photo and a system whose names are HTML."""
    folder, _ = data
    name = '<b>"&amp;.png'
    Image.new("RGB", (40, 30)).save(folder / "images" / name)
    joints = [v for n in range(14) for v in (n + 1, n + 2, 2)]
    content = {
        "images": [{"id": 1, "file_name": name, "width": 40, "height": 30, "source": "<i>"}],
        "annotations": [{"id": 1, "image_id": 1, "bbox": [0, 0, 20, 20], "keypoints": joints}],
        "categories": [{"id": 1, "name": "person", "keypoints": list(JOINT_NAMES)}],
    }
    (folder / "person_keypoints_val.json").write_text(json.dumps(content))
    (tmp_path / "none.json").write_text("[]")
    _, page = report("--predictions", tmp_path / "none.json", "--name", "<script>alert(1)</script>")
    assert "&lt;b&gt;&quot;&amp;amp;.png" in page
    assert "<title>&lt;script&gt;alert(1)&lt;/script&gt; on people</title>" in page
    assert not re.search(r"<b>|<i>|<script", page)
    markdown = (tmp_path / "report" / "tables.md").read_text()
    assert "<script" not in markdown


def test_the_page_needs_no_network(report: Report, store: Store) -> None:
    _, page = report("--predictions", store("empty", people_data.empty_scene))
    targets = re.findall(r'(?:src|href)="([^"]*)"', page) + re.findall(r"url\(([^)]*)\)", page)
    assert targets
    assert all(target.startswith(("#", "worst/", "data:")) for target in targets)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--subset", "lip"], "--subset: no photos from lip; there are coco, lsp_extended, pelota"),
        (["--people-per-photo", "9"], "no photo is left to measure on"),
        (["--split", "test"], "has no split 'test'; there are val"),
        (["--data", "absent"], "absent: no such folder"),
        (["--predictions", "absent.json"], "absent.json: cannot be read (No such file or directory)"),
        (["--limit", "0"], "--limit: expected at least 1, got 0"),
        (["--replicates", "-1"], "--replicates: expected at least 0, got -1"),
        (["--size-edges", "80", "70", "220"], "edges between sizes of people: expected three rising numbers"),
        (["--threads", "0"], "--threads: expected at least 1, got 0"),
        (["--subst", "coco"], "unknown option --subst; did you mean --subset?"),
    ],
)
def test_mistakes_are_one_sentence(
    options: list[str], message: str, data: Data, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "report"
    assert cli.main(["evaluate", "--data", str(data[0]), "-o", str(out), *options]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not out.exists()


@pytest.mark.parametrize("option", ["--data", "-o"])
def test_what_must_be_named(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["evaluate", option, "somewhere"]) == 2
    assert "Name a folder" in capsys.readouterr().err


def test_missing_files_leave_nothing_behind(
    data: Data, store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = store("perfect", people_data.perfect_scene)
    command = [
        "evaluate",
        "--data",
        str(data[0]),
        "--predictions",
        str(folder),
        "-o",
        str(tmp_path / "report"),
    ]
    (data[0] / "images" / "photo_4.jpg").unlink()
    assert cli.main(command) == 2
    assert "photo_4.jpg" in capsys.readouterr().err
    (folder / "photo_3.json").unlink()
    assert cli.main(command) == 2
    assert "perfect: has no result of photo_3.jpg (photo_3.json)" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["people", "perfect"]


def test_only_an_earlier_report_is_replaced(
    report: Report,
    store: Store,
    data: Data,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    undrawn: None,
) -> None:
    report("--predictions", store("perfect", people_data.perfect_scene))
    record, _ = report("--predictions", store("empty", people_data.empty_scene), "--worst", "0")
    assert record["model"] == "empty"
    assert list((tmp_path / "report" / "worst").iterdir()) == []
    assert cli.main(["evaluate", "--data", str(data[0]), "-o", str(data[0])]) == 2
    assert "people: holds files that are not part of a report (images, instances," in capsys.readouterr().err
    assert (data[0] / "images" / "photo_1.jpg").exists()


def test_without_matplotlib(
    data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert cli.main(["evaluate", "--data", str(data[0]), "-o", str(tmp_path / "report")]) == 2
    error = capsys.readouterr().err
    assert "pip install matplotlib" in error
    assert error.count("\n") == 1


def test_choice_of_samples(data: Data) -> None:
    samples = data[1]
    assert choose_samples(samples, None) == samples
    assert [len(s.people) for s in choose_samples(samples, None, people_per_photo=2)] == [3, 2]
    assert choose_samples(samples, ["pelota"], limit=3) == [samples[3]]
    with pytest.raises(ValueError, match="no photo is left"):
        choose_samples([], None)


def labelled_as(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Rewrite the labels of a folder."""
    path = folder / "person_keypoints_val.json"
    labels = json.loads(path.read_text())
    change(labels)
    path.write_text(json.dumps(labels))


def test_nothing_to_measure_is_no_success(
    data: Data, store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A tool that writes iscrowd 1 wherever a mask is an RLE."""
    folder = store("perfect", people_data.perfect_scene)
    for path in (data[0] / "parts").iterdir():
        path.unlink()

    def crowds(labels: dict[str, Any]) -> None:
        for annotation in labels["annotations"]:
            annotation["iscrowd"] = 1
        labels["images"] = [image for image in labels["images"] if image["id"] == 1]
        labels["annotations"] = [a for a in labels["annotations"] if a["image_id"] == 1]

    labelled_as(data[0], crowds)
    command = ["evaluate", "--data", data[0], "--predictions", folder, "-o", tmp_path / "report"]
    assert cli.main([str(word) for word in command]) == 2
    assert "nothing to measure: none of the 1 photos has a labelled person" in capsys.readouterr().err
    assert not (tmp_path / "report").exists()


def test_what_is_left_out_is_said(
    report: Report, store: Store, data: Data, capsys: pytest.CaptureFixture[str]
) -> None:
    def dog(labels: dict[str, Any]) -> None:
        labels["categories"].append({"id": 18, "name": "dog"})
        labels["annotations"].append({**labels["annotations"][0], "id": 999, "category_id": 18})

    labelled_as(data[0], dog)
    report("--predictions", store("perfect", people_data.perfect_scene))
    said = capsys.readouterr().out
    assert "1 annotations are left out, of other categories than that of people (category_id 1)" in said
    assert "1 of 5 photos are left out of the measures of boxes and of pose AP" in said


def test_names_that_are_not_utf_8_are_escaped(report: Report, store: Store, data: Data) -> None:
    name = b"caf\xe9.jpg".decode("utf-8", "surrogateescape")
    (data[0] / "images" / "photo_1.jpg").rename(data[0] / "images" / name)

    def rename(labels: dict[str, Any]) -> None:
        labels["images"][0]["file_name"] = name

    labelled_as(data[0], rename)
    theirs = data[0].parent / "theirs.json"
    theirs.write_text("[]")
    _, html = report("--predictions", theirs)
    assert "caf\\udce9.jpg" in html
