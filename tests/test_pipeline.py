"""The stages in order, on drawn people that stand-in networks can see."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.stand_ins import FIGURES, boxes_of, draw, logistic, pipeline_of
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from posepart.batch import predict_photos
from posepart.config import PAPER, ChoiceConfig, CropConfig, FeatureConfig, MergeConfig, PipelineConfig
from posepart.ilp import Problem, solve
from posepart.io.photo_errors import PhotoError
from posepart.io.run_folder import prepare_out
from posepart.schema import SKELETON, Part
from posepart.stages.crf import SolvedCrf
from posepart.stages.features import OFFSET_FEATURES
from posepart.stages.networks import FcnNetworks
from posepart.stages.pairwise import PairwiseModel
from posepart.stages.pose_nms import rank_of
from posepart.stopwatch import STAGES
from posepart.structures import Choice, PartMaps, PersonBoxes, Scene


@pytest.fixture(scope="module")
def scene() -> Scene:
    return pipeline_of(boxes_of(FIGURES))(draw(FIGURES))


def by_place(scene: Scene) -> list[NDArray[np.float32]]:
    """Joints of the people from left to right."""
    return sorted((person.pose.xy for person in scene.people), key=lambda xy: float(xy[:, 0].mean()))


def test_nobody_found_is_an_empty_scene() -> None:
    scene = pipeline_of(PersonBoxes.empty())(np.full((40, 60, 3), 90, np.uint8))
    assert scene.people == ()
    assert scene.size == (60, 40)
    assert not scene.part_map.any()
    assert not scene.person_map.any()
    assert scene.model == "stand-in"
    assert tuple(scene.seconds) == STAGES


def test_a_box_without_a_person_gives_no_pose() -> None:
    boxes = PersonBoxes(np.array([[5, 5, 30, 35]], np.float32), np.array([0.9], np.float32))
    scene = pipeline_of(boxes)(np.zeros((40, 60, 3), np.uint8))
    assert scene.people == ()
    assert not scene.part_map.any()


class SaysTorso(nn.Module):
    """A Part FCN that sees a torso everywhere."""

    def forward(self, batch: Tensor) -> Tensor:
        logits = torch.zeros(len(batch), 7, 64, 64)
        logits[:, Part.TORSO] = 8.0
        return logits


@pytest.mark.parametrize("votes", [False, True])
def test_a_crop_without_a_pose_casts_its_part_votes_in_the_paper(votes: bool) -> None:
    boxes = PersonBoxes(np.array([[5, 5, 30, 35]], np.float32), np.array([0.9], np.float32))
    assert PAPER.merge.vote_without_pose and not PipelineConfig().merge.vote_without_pose
    config = PipelineConfig(merge=MergeConfig(vote_without_pose=votes))
    pipeline = pipeline_of(boxes, config)
    networks = replace(pipeline.networks, part=SaysTorso())  # type: ignore[type-var]
    scene = replace(pipeline, networks=networks)(np.zeros((40, 60, 3), np.uint8))
    assert scene.people == () and not scene.person_map.any()
    assert (scene.part_map[10:30, 10:25] == (Part.TORSO if votes else Part.BACKGROUND)).all()


class Undecided:
    """A second stage that finds legs everywhere and remembers what it was given."""

    def __init__(self) -> None:
        self.seen: list[Sequence[PartMaps]] = []

    def __call__(self, parts: Sequence[PartMaps], choices: Sequence[Choice]) -> list[PartMaps]:
        self.seen.append(parts)
        legs = np.zeros_like(parts[0].scores)
        legs[Part.LOWER_LEG] = 1.0
        return [PartMaps(legs, maps.stride) for maps in parts]


def test_in_a_second_round_the_crf_reads_refined_parts_and_the_second_stage_the_first_ones() -> None:
    """Sec. 3.2: "to do learning and inference iteratively"."""
    once = pipeline_of(boxes_of(FIGURES[:1]), PipelineConfig())
    photo = draw(FIGURES[:1])
    for rounds in (1, 3):
        refiner = Undecided()
        pipeline = replace(once, config=replace(once.config, rounds=rounds), refiner=refiner)  # type: ignore[arg-type]
        trace = pipeline.trace(photo)
        assert len(refiner.seen) == rounds
        for parts in refiner.seen:  # the second stage always refines the first stage's parts
            np.testing.assert_array_equal(parts[0].scores, refiner.seen[0][0].scores)
        read = trace.evidence[0].parts.scores
        assert bool((read[Part.LOWER_LEG] == 1).all()) == (rounds > 1)
        (grouping,) = trace.groupings
        assert isinstance(grouping, SolvedCrf) and grouping.geometry is not None
        assert bool((grouping.geometry.labels == Part.LOWER_LEG).all()) == (rounds > 1)
    with pytest.raises(ValueError, match="rounds: expected a whole number of at least 1, got 0"):
        PipelineConfig(rounds=0)


def test_rounds_without_a_second_stage_change_nothing(scene: Scene) -> None:
    config = PipelineConfig(refine=False)
    one, two = (pipeline_of(boxes_of(FIGURES), replace(config, rounds=k))(draw(FIGURES)) for k in (1, 2))
    np.testing.assert_array_equal(one.part_map, two.part_map)
    np.testing.assert_array_equal(by_place(one), by_place(two))


def test_a_trace_knows_how_many_people_were_left_out() -> None:
    boxes = replace(boxes_of(FIGURES[:1]), left_out=7)
    assert pipeline_of(boxes).trace(draw(FIGURES[:1])).left_out == 7


def test_joints_are_found_in_the_photo_frame(scene: Scene) -> None:
    assert len(scene.people) == 3
    for found, drawn in zip(by_place(scene), FIGURES, strict=True):
        assert np.abs(found - drawn).max() < 1.5
    assert all(person.pose.present.all() for person in scene.people)


def test_people_are_in_the_order_of_their_ranks_with_their_box(scene: Scene) -> None:
    config = PipelineConfig()
    ranks = [rank_of(person, False, config.choice.margin, config.merge) for person in scene.people]
    assert ranks == sorted(ranks, reverse=True)
    assert len(set(ranks)) == len(FIGURES)
    boxes = boxes_of(FIGURES)
    for person in scene.people:
        row = int(np.argmin(np.abs(boxes.xyxy - person.box).sum(1)))
        np.testing.assert_array_equal(person.box, boxes.xyxy[row])
        assert person.box_score == pytest.approx(float(boxes.scores[row]))
        assert (person.pose.xy >= person.box[:2] - 2).all()
        assert (person.pose.xy <= person.box[2:] + 2).all()


def test_every_pose_is_proven_optimal(scene: Scene) -> None:
    for person in scene.people:
        assert person.certificate.status == "optimal"
        assert person.certificate.energy < 0
        assert person.certificate.gap == pytest.approx(0, abs=1e-6)


def test_parts_and_people_of_pixels(scene: Scene) -> None:
    for number, person in enumerate(scene.people, start=1):
        xy = person.pose.xy
        for a, b, part in SKELETON:
            x, y = np.round((xy[a] + xy[b]) / 2).astype(int)
            if part in (Part.UPPER_LEG, Part.LOWER_LEG, Part.LOWER_ARM, Part.UPPER_ARM):
                assert scene.part_map[y, x] == part
                assert scene.person_map[y, x] == number
    assert scene.part_map[2, 2] == scene.person_map[2, 2] == 0
    assert (scene.person_map > 0).sum() > 0.95 * (scene.part_map > 0).sum()


@pytest.mark.parametrize("batch_size", [1, 2])
def test_boxes_one_by_one_equal_boxes_together(scene: Scene, batch_size: int) -> None:
    config = PipelineConfig(batch_size=batch_size)
    alone = pipeline_of(boxes_of(FIGURES), config)(draw(FIGURES))
    np.testing.assert_array_equal(alone.part_map, scene.part_map)
    np.testing.assert_array_equal(alone.person_map, scene.person_map)
    for one, many in zip(alone.people, scene.people, strict=True):
        np.testing.assert_allclose(one.pose.xy, many.pose.xy, atol=1e-4)
        assert one.certificate.energy == pytest.approx(many.certificate.energy, rel=1e-5)


def test_two_boxes_of_one_person_give_one_person() -> None:
    boxes = boxes_of(FIGURES[:1])
    shifted = boxes.xyxy + np.array([[3, -2, 4, 3]], np.float32)
    twice = PersonBoxes(np.concatenate([boxes.xyxy, shifted]), np.array([0.9, 0.8], np.float32))
    scene = pipeline_of(twice)(draw(FIGURES[:1]))
    assert len(scene.people) == 1
    assert scene.person_map.max() == 1


def test_a_second_person_in_a_box_is_found_with_a_box_of_its_own() -> None:
    wide = PersonBoxes(np.array([[5, 10, 185, 170]], np.float32), np.array([0.5], np.float32))
    image = draw(FIGURES[:2])
    trace = pipeline_of(wide).trace(image)
    assert [source.crop for source in trace.sources] == [0, 0]
    own, other = trace.scene.people
    np.testing.assert_array_equal(own.box, wide.xyxy[0])
    joints = other.pose.xy[other.pose.present]
    reach = 0.08 * np.ptp(joints, axis=0).max()
    np.testing.assert_allclose(other.box, [*joints.min(0) - reach, *joints.max(0) + reach], atol=1e-3)
    assert 0 < other.box_score < own.box_score == 0.5
    affine = trace.evidence[0].crop.affine
    np.testing.assert_allclose(other.pose.xy, affine.inverse(trace.sources[1].pose.xy), atol=1e-3)
    assert set(np.unique(trace.scene.person_map)) == {0, 1, 2}
    one = PipelineConfig(choice=ChoiceConfig(extra_joints=15))
    assert len(pipeline_of(wide, one)(image).people) == 1


def test_another_crop_size_finds_the_same_joints(scene: Scene) -> None:
    config = PipelineConfig(crop=CropConfig(size=256, margin=1.6))
    for found, expected in zip(
        by_place(pipeline_of(boxes_of(FIGURES), config)(draw(FIGURES))), by_place(scene), strict=True
    ):
        assert np.abs(found - expected).max() < 2


def without_segments() -> PipelineConfig:
    return PipelineConfig(features=FeatureConfig(segment_term=False))


def test_the_segment_term_can_be_switched_off(scene: Scene) -> None:
    plain = pipeline_of(boxes_of(FIGURES), without_segments())(draw(FIGURES))
    for found, drawn in zip(by_place(plain), FIGURES, strict=True):
        assert np.abs(found - drawn).max() < 1.5
    energies = [sorted(p.certificate.energy for p in s.people) for s in (plain, scene)]
    assert (
        energies[1][0] < energies[0][0] - 0.1
    )  # the segments agree, so the poses are more probable with them


def test_without_segments_the_part_network_cannot_change_a_pose() -> None:
    class Noise(nn.Module):
        def forward(self, batch: Tensor) -> Tensor:
            return torch.randn(len(batch), 7, 64, 64)

    pipeline = pipeline_of(boxes_of(FIGURES), without_segments())
    expected = pipeline(draw(FIGURES))
    assert isinstance(pipeline.networks, FcnNetworks)
    noisy = replace(pipeline, networks=replace(pipeline.networks, part=Noise()))
    for found, other in zip(noisy(draw(FIGURES)).people, expected.people, strict=True):
        np.testing.assert_array_equal(found.pose.xy, other.pose.xy)


def test_a_model_without_the_wanted_variant_says_so() -> None:
    pipeline = pipeline_of(boxes_of(FIGURES), pairwise=PairwiseModel(None, logistic(OFFSET_FEATURES)))
    with pytest.raises(ValueError, match="pass --no-segment-term"):
        pipeline(draw(FIGURES))


def test_refinement_can_be_switched_off(scene: Scene) -> None:
    pipeline = pipeline_of(boxes_of(FIGURES), PipelineConfig(refine=False))
    assert pipeline.refiner is None
    first_stage = pipeline(draw(FIGURES))
    np.testing.assert_array_equal(
        first_stage.part_map, scene.part_map
    )  # an untrained refinement changes nothing


@pytest.mark.parametrize("batch_size", [1, 8])
def test_crfs_are_written_and_solved_again(scene: Scene, tmp_path: Path, batch_size: int) -> None:
    config = PipelineConfig(batch_size=batch_size)
    photo = tmp_path / "photo.png"
    Image.fromarray(draw(FIGURES)).save(photo)
    run = prepare_out(tmp_path / "out", [photo], {}, overwrite=False)
    dumps = tmp_path / "crf"
    dumps.mkdir()
    predict_photos([photo], pipeline_of(boxes_of(FIGURES), config), tmp_path / "out", run=run, dump_crf=dumps)
    files = sorted(dumps.iterdir())
    assert [f.name for f in files] == ["photo_0.npz", "photo_1.npz", "photo_2.npz"]
    solutions = [solve(Problem.load(file)) for file in files]
    for person in scene.people:
        number = int(np.argmin(np.abs(boxes_of(FIGURES).xyxy - person.box).sum(1)))
        assert solutions[number].energy == pytest.approx(person.certificate.energy, rel=1e-5)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((8, 8), np.uint8),
        np.zeros((8, 8, 4), np.uint8),
        np.zeros((8, 8, 3), np.float32),
        np.zeros((0, 8, 3), np.uint8),
    ],
)
def test_other_images_are_refused(image: NDArray) -> None:
    with pytest.raises(ValueError, match=r"expected an \(H, W, 3\) uint8 RGB image, got"):
        pipeline_of(PersonBoxes.empty())(image)


@pytest.mark.parametrize(
    ("photo", "told"),
    [
        (b"beach.jpg", r"path b'beach\.jpg'; posepart\.read_photo reads it"),
        ([np.zeros((8, 8, 3), np.uint8)], "a list; pass one photo after the other"),
        (torch.zeros((8, 8, 3), dtype=torch.uint8), r"a torch\.Tensor; numpy\.asarray"),
        (None, "a builtins.NoneType"),
    ],
)
def test_arguments_that_are_no_images_are_refused(photo: Any, told: str) -> None:
    with pytest.raises(ValueError, match=rf"expected an \(H, W, 3\) uint8 RGB image, got .*{told}"):
        pipeline_of(PersonBoxes.empty())(photo)


def as_array(path: Path) -> NDArray[np.uint8]:
    return draw(FIGURES)


@pytest.mark.parametrize("form", [str, Path, Image.open, as_array])
def test_a_photo_may_be_a_path_a_pillow_image_or_an_array(
    form: Callable[[Path], Any], scene: Scene, tmp_path: Path
) -> None:
    path = tmp_path / "group.png"
    Image.fromarray(draw(FIGURES)).save(path)
    pipeline = pipeline_of(boxes_of(FIGURES))
    found = pipeline(form(path))
    np.testing.assert_array_equal(found.part_map, scene.part_map)
    np.testing.assert_array_equal(found.photo, draw(FIGURES))
    assert found.file_name == ("" if form is as_array else "group.png")
    ((name, streamed),) = pipeline.stream([form(path)])
    assert isinstance(streamed, Scene)
    np.testing.assert_array_equal(streamed.part_map, scene.part_map)
    assert name == (str(path) if form in (str, Path) else "1")
    assert pipeline.trace(form(path)).scene.photo is None


def test_a_pillow_image_is_turned_as_its_file_would_be(tmp_path: Path) -> None:
    turned = Image.fromarray(np.rot90(draw(FIGURES), -1).copy())
    exif = turned.getexif()
    exif[0x0112] = 8
    turned.save(tmp_path / "turned.png", exif=exif)
    with Image.open(tmp_path / "turned.png") as stored:
        found = pipeline_of(boxes_of(FIGURES))(stored)
    np.testing.assert_array_equal(found.photo, draw(FIGURES))
    grey = pipeline_of(PersonBoxes.empty())(Image.new("L", (9, 7), 30))
    np.testing.assert_array_equal(grey.photo, np.full((7, 9, 3), 30, np.uint8))


@pytest.mark.parametrize("address", ["https://example.org/beach.jpg", "HTTP://a/b", "s3://bucket/key.png"])
def test_an_address_is_refused_in_a_sentence(address: str) -> None:
    pipeline = pipeline_of(PersonBoxes.empty())
    with pytest.raises(ValueError, match="is an address; download the photo, and name the file"):
        pipeline(address)
    ((name, error),) = pipeline.stream([address])
    assert name == address and isinstance(error, PhotoError)
    assert str(error).startswith(f"{address}: is an address")


def test_a_damaged_pillow_image_is_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "cut.png"
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:3000])
    with Image.open(path) as stored, pytest.raises(ValueError, match="damaged or cut short"):
        pipeline_of(PersonBoxes.empty())(stored)


def test_the_same_photo_twice_is_the_same_scene(scene: Scene) -> None:
    again = pipeline_of(boxes_of(FIGURES))(draw(FIGURES))
    for one, other in zip(again.people, scene.people, strict=True):
        np.testing.assert_array_equal(one.pose.xy, other.pose.xy)
        assert one.certificate.energy == other.certificate.energy


def test_every_person_knows_the_crop_of_its_pose() -> None:
    boxes = boxes_of(FIGURES)
    shifted = PersonBoxes(
        np.concatenate([boxes.xyxy, boxes.xyxy[:1] + 2]), np.append(boxes.scores, np.float32(0.6))
    )
    trace = pipeline_of(shifted, PipelineConfig(batch_size=2)).trace(draw(FIGURES))
    assert len(trace.evidence) == len(trace.groupings) == 4
    assert len(trace.scene.people) == len({source.crop for source in trace.sources}) == 3
    for person, source in zip(trace.scene.people, trace.sources, strict=True):
        crop, crf = trace.evidence[source.crop].crop, trace.groupings[source.crop]
        np.testing.assert_array_equal(person.box, crop.box)
        np.testing.assert_allclose(person.pose.xy, crop.affine.inverse(source.pose.xy), atol=1e-3)
        assert any(source.pose is pose for pose in crf.poses)
        assert isinstance(crf, SolvedCrf)
        assert crf.solution.energy == crf.certificate.energy == person.certificate.energy
        assert len(crf.candidates) == crf.problem.n_candidates
        assert crf.geometry is not None


def test_without_the_segment_term_no_geometry_is_made() -> None:
    (crf,) = pipeline_of(boxes_of(FIGURES[:1]), without_segments()).trace(draw(FIGURES[:1])).groupings
    assert isinstance(crf, SolvedCrf)
    assert crf.geometry is None


@pytest.mark.parametrize("at_once", [1, 3])
def test_a_stream_is_the_photos_one_by_one(scene: Scene, tmp_path: Path, at_once: int) -> None:
    """Files and arrays in one stream, a bad photo among them; the results of all are in order."""
    photo, text = tmp_path / "photo.png", tmp_path / "text.jpg"
    Image.fromarray(draw(FIGURES)).save(photo)
    text.write_text("no picture")
    pipeline = pipeline_of(boxes_of(FIGURES))
    photos: list[Any] = [photo, draw(FIGURES), str(text), np.zeros((8, 8), np.uint8), str(photo)]
    found = list(pipeline.stream(photos, at_once))
    assert [name for name, _ in found] == [str(photo), "2", str(text), "4", str(photo)]
    for _, result in (found[0], found[1], found[4]):
        assert isinstance(result, Scene)
        np.testing.assert_array_equal(result.part_map, scene.part_map)
        np.testing.assert_array_equal(by_place(result), by_place(scene))
    assert isinstance(found[2][1], PhotoError) and f"{text}: not a picture" in str(found[2][1])
    assert isinstance(found[3][1], PhotoError) and str(found[3][1]).startswith("4: ")


def test_a_stream_of_nothing_and_of_one_path() -> None:
    pipeline = pipeline_of(boxes_of(FIGURES))
    assert list(pipeline.stream([])) == []
    with pytest.raises(
        ValueError, match=r"photos: expected a list of paths, got 'a\.jpg'; write \['a\.jpg'\]"
    ):
        pipeline.stream("a.jpg")
