"""The check of a data set, on data sets that the tests write and damage."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers.labelled_folders import HEIGHT, WIDTH, grey, write_folder
from helpers.lip_layout import write_atr, write_cihp, write_lip, write_mpii
from numpy.typing import NDArray
from PIL import Image

from posepart.data.check import check_data, format_findings
from posepart.data.check_sample import Finding, check_sample
from posepart.data.contact_sheet import IGNORED, choose_samples, contact_sheet, draw_sample
from posepart.data.sample import LabelledPerson, Sample
from posepart.data.summary import format_summary, summarise
from posepart.schema import IGNORE, NUM_JOINTS, Joint, Part

SampleOf = Callable[..., Sample]


def person(
    box: tuple[float, ...] = (5, 5, 20, 25), instance: int = 0, **joints: tuple[float, ...]
) -> LabelledPerson:
    table = np.zeros((NUM_JOINTS, 3), np.float32)
    for name, joint in joints.items():
        table[Joint[name.upper()]] = joint
    labelled = table if joints else None
    return LabelledPerson(np.array(box, np.float32), labelled, "human" if joints else "none", instance)


def labels(**ids: int) -> NDArray[np.uint8]:
    """A part map with one pixel of each id, the rest background."""
    pixels = np.zeros((HEIGHT, WIDTH), np.uint8)
    pixels.flat[: len(ids)] = list(ids.values())
    return pixels


def kinds(sample: Sample, decode: bool = False) -> list[str]:
    return [finding.kind for finding in check_sample(sample, decode).findings]


def test_nothing_is_wrong_with_an_empty_photo(sample_of: SampleOf) -> None:
    findings = check_sample(sample_of(grey(), []))
    assert findings.findings == ()
    assert findings.pixels.sum() == 0


def test_nothing_is_wrong_at_the_borders(sample_of: SampleOf) -> None:
    fits = person((-1, -1, WIDTH + 1, HEIGHT + 1), neck=(-1, 0, 2), left_wrist=(WIDTH, HEIGHT, 1))
    sample = sample_of(grey(), [fits], labels(head=1, ignore=IGNORE), ignored=[(0, 0, WIDTH, HEIGHT)])
    findings = check_sample(sample, decode=True)
    assert findings.findings == ()
    assert findings.pixels[[0, 1, IGNORE]].tolist() == [WIDTH * HEIGHT - 2, 1, 1]


def test_joints_outside(sample_of: SampleOf) -> None:
    wrong = person(
        neck=(WIDTH + 1.5, 3, 2), left_knee=(3, -1.5, 1), right_knee=(-50, 3, 0), left_hip=(np.nan, 3, 2)
    )
    (finding,) = check_sample(sample_of(grey(), [person(), wrong])).findings
    assert finding.kind == "joint outside"
    assert "neck of person 2 at (41.5, 3), left_hip of person 2 at (nan, 3), left_knee of" in finding.sentence
    assert finding.sentence.endswith(
        "not in the photo of 40 x 30 px; correct the coordinates, or set the visibility to 0"
    )
    assert "right_knee" not in finding.sentence  # not labelled


def test_boxes(sample_of: SampleOf) -> None:
    people = [person((5, 5, 5, 9)), person((0, 0, 42, 9)), person((0, 0, np.nan, 9)), person((0, -2, 3, 9))]
    empty, outside = check_sample(sample_of(grey(), people, ignored=[(0, 0, 5, 99)])).findings
    assert empty.kind == "empty box"
    assert "person 1 [5, 5, 5, 9], person 3 [0, 0, nan, 9]: the box is under a pixel" in empty.sentence
    assert outside.kind == "box outside"
    assert "person 2 [0, 0, 42, 9], person 4 [0, -2, 3, 9], ignore region 1 [0, 0, 5, 99]" in outside.sentence


def test_unknown_parts(sample_of: SampleOf) -> None:
    sample = sample_of(grey(), [], labels(leg=6, seven=7, other=200, ignore=IGNORE))
    (finding,) = check_sample(sample).findings
    assert finding.sentence.endswith(
        "2 pixels have the unknown part ids 7, 200; change them to 0..6 or 255 (ignore)"
    )


def test_instances(sample_of: SampleOf) -> None:
    people = [person(instance=value) for value in (0, 1, 1, 3)]
    lost, shared = check_sample(sample_of(grey(), people, instances=labels(first=1))).findings
    assert "no pixel has the instance value 3 of a person" in lost.sentence
    assert "several people have the instance value 1" in shared.sentence


def test_sizes(sample_of: SampleOf) -> None:
    sample = sample_of(grey(), [], np.zeros((WIDTH, HEIGHT), np.uint8))
    (finding,) = check_sample(sample).findings
    assert "photo_parts.png: is 30 x 40 px, but its labels are for 40 x 30 px" in finding.sentence
    Image.new("L", (41, 30)).save(sample.image_path)
    assert kinds(sample) == ["size mismatch", "size mismatch"]


def test_files(sample_of: SampleOf) -> None:
    sample = sample_of(grey(), [], labels(), labels())
    assert sample.part_path is not None
    assert sample.instance_path is not None
    sample.image_path.unlink()
    sample.part_path.write_bytes(b"none")
    Image.new("RGB", (WIDTH, HEIGHT)).save(sample.instance_path)
    assert kinds(sample) == ["missing file", "unreadable map", "unreadable map"]
    sample.image_path.write_bytes(b"none")
    assert kinds(sample)[0] == "unreadable photo"


def test_damage_behind_the_header_is_seen_by_decoding(sample_of: SampleOf) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    sample = sample_of(noise, [])
    content = sample.image_path.read_bytes()
    sample.image_path.write_bytes(content[:-900])  # cut short
    assert kinds(sample) == kinds(sample, decode=True) == ["unreadable photo"]
    sample.image_path.write_bytes(content[:-900] + b"\0" * 880 + content[-20:])
    assert kinds(sample) == []
    assert kinds(sample, decode=True) == ["unreadable photo"]


@pytest.mark.parametrize("decode", [False, True])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
def test_labels_are_of_the_upright_photo(sample_of: SampleOf, kind: str, decode: bool) -> None:
    sample = sample_of(grey(), [])
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = Image.fromarray(grey())
    stored.rotate(90, expand=True).save(sample.image_path, kind, exif=exif)
    assert kinds(sample, decode) == []
    stored.save(sample.image_path, kind, exif=exif)
    (finding,) = check_sample(sample, decode).findings
    assert "is 30 x 40 px, but its labels are for 40 x 30 px (those of the stored pixels" in finding.sentence
    with pytest.raises(ValueError, match="those of the stored pixels"):
        sample.read_image()


def test_summary(sample_of: SampleOf) -> None:
    people = [person(neck=(3, 3, 2), left_hip=(4, 4, 1)), person(instance=2), person(instance=0)]
    samples = [
        sample_of(grey(), people, labels(head=1), ignored=[(0, 0, 3, 3)], name="a", source="lab"),
        sample_of(grey(), [person()], name="b"),
        sample_of(grey(), [], name="c"),
    ]
    pixels = np.zeros(256, np.int64)
    pixels[[Part.BACKGROUND, Part.HEAD, IGNORE, 9]] = 75, 25, 60, 40
    found = summarise(samples, pixels, np.minimum(pixels, 1))
    assert found["photos"] == {"all": 3, "without people": 1, "other people may be unlabelled": 0}
    assert found["people"] == {
        "all": 4, "joints human": 1, "joints none": 3, "with a mask": 1, "neither joints nor parts": 1,
        "ignore regions": 1,
    }  # fmt: skip
    assert found["joints"] == {"labelled": 2, "of these occluded": 1}
    assert found["part maps"] == {"human": 1, "none": 2}
    shares = found["pixels of part maps"]
    assert (shares["background"], shares["head"], shares["torso"]) == ("75.00 %", "25.00 %", "0.00 %")
    assert (shares["(ignored, of all)"], shares["(unknown, of all)"]) == ("30.00 %", "20.00 %")
    assert found["photos by source"] == {"lab": 1, "unnamed": 2}


def test_the_table_has_a_column_per_split() -> None:
    empty = np.zeros(256, np.int64)
    assert format_summary({}) == ""
    table = format_summary({"train": {"photos": {"all": 12345}}, "val": {"photos": {"all": 1, "new": 2}}})
    assert table.splitlines() == [
        "         train     val",
        "photos",
        "  all   12,345       1",
        "  new        0       2",
    ]
    assert summarise([], empty, empty)["photos"]["all"] == 0


def test_the_terminal_shows_some_of_each_kind() -> None:
    findings = [Finding("a", f"a{i}") for i in range(3)] + [Finding("b", "b0")]
    assert format_findings(findings, 2) == "a: 3\n  a0\n  a1\n  ... and 1 more\nb: 1\n  b0"
    assert format_findings(findings, None).count("\n") == 5
    assert format_findings([]) == ""


def test_photos_that_occur_twice(tmp_path: Path) -> None:
    write_folder(tmp_path, "train", ["a.jpg", "b.jpg", "b.jpg"])
    write_folder(tmp_path, "val", ["a.jpg"])
    first, second = check_data(tmp_path).findings
    assert (first.kind, second.kind) == ("photo in two splits", "repeated photo")
    assert "a.jpg: is in train and val, which makes measures look too good" in first.sentence
    assert "b.jpg: occurs 2 times in train" in second.sentence


def test_an_unknown_split(tmp_path: Path) -> None:
    write_folder(tmp_path, "train", ["a.jpg"])
    with pytest.raises(ValueError, match="has no split 'val'; there are train"):
        check_data(tmp_path, ["val"])


def test_the_sources_take_turns(sample_of: SampleOf) -> None:
    samples = [sample_of(grey(), [], name=f"{k}", source="many" if k else "one") for k in range(9)]
    chosen = choose_samples(samples, 4)
    assert sorted(s.source for s in chosen) == ["many", "many", "many", "one"]
    assert len({s.image_path for s in chosen}) == 4
    assert choose_samples(samples, 4) == chosen
    assert len(choose_samples(samples, 99)) == 9
    assert choose_samples([], 4) == []


def test_the_picture_shows_all_labels(sample_of: SampleOf) -> None:
    parts = np.zeros((HEIGHT, WIDTH), np.uint8)
    parts[:4, :4] = Part.HEAD
    parts[-4:, -4:] = IGNORE
    people = [person((10, 10, 25, 25), neck=(16, 16, 2), left_hip=(16, 22, 1))]
    drawn = draw_sample(sample_of(grey(), people, parts), 256)
    assert drawn.shape == (HEIGHT, WIDTH, 3)
    assert drawn[1, 1, 0] > drawn[1, 1, 2]  # the head is red
    assert drawn[-2, -2].tolist() == [90 // 2 + c // 2 for c in IGNORED]
    assert drawn[10, 18].tolist() != [90, 90, 90]
    assert drawn[16, 16].mean() > 150
    assert drawn[22, 16].tolist() == [0, 0, 0]
    assert drawn[2, 20].tolist() == [90, 90, 90]
    assert draw_sample(sample_of(grey(), people, parts), 20).shape == (15, 20, 3)


def test_a_sheet_of_nothing_and_of_broken_files(sample_of: SampleOf) -> None:
    assert contact_sheet([])[1] == []
    sample = sample_of(grey(), [])
    sample.image_path.write_bytes(b"none")
    sheet, failures = contact_sheet([sample])
    assert sheet.width > 0
    assert len(failures) == 1
    assert "photo_image.png: cannot be drawn" in failures[0]


def test_lip_is_checked_in_its_own_labels(tmp_path: Path) -> None:
    """Figures 3 and 4 of Liang et al.: photos by label and people by visibility."""
    folder = write_lip(tmp_path, {"train": 4, "val": 1})
    report = check_data(folder, ["train"])
    assert report.findings == ()
    found = report.summaries["train"]
    samples = report.samples["train"]
    assert samples[0].schema.name == "lip"
    assert found["photos by label"]["left_shoe"] == 4
    assert found["photos by label"]["skirt"] == 0
    assert len(found["photos by label"]) == 19
    occluded = sum(bool((s.people[0].joints[:, 2] == 1).any()) for s in samples)  # type: ignore[index]
    assert found["people by visibility"]["occlusion"] == occluded > 0
    assert found["people by visibility"]["full_body"] == 4
    assert "left_arm" in found["pixels of part maps"]
    sheet, failures = contact_sheet(samples, columns=2, tile=96)
    assert failures == []
    assert np.asarray(sheet).std() > 20
    path = samples[0].part_path
    assert path is not None
    Image.fromarray(np.full((90, 60), 20, np.uint8)).save(path)
    (finding,) = check_data(folder, ["train"]).findings
    assert "unknown part ids 20; change them to 0..19 or 255" in finding.sentence


@pytest.mark.parametrize("write", [write_cihp, write_atr, write_mpii])
def test_nothing_is_wrong_with_the_family_of_lip(tmp_path: Path, write: Callable[[Path], Path]) -> None:
    report = check_data(write(tmp_path))
    assert report.findings == ()
    for samples in report.samples.values():
        assert contact_sheet(samples, tile=96)[1] == []
