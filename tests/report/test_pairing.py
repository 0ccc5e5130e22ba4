from pathlib import Path

import numpy as np
import pytest

from posepart.data.sample import Sample
from posepart.report.pairing import Pairing


def sample(name: str, image_id: int | str | None = None) -> Sample:
    nothing = np.zeros((0, 4), np.float32)
    return Sample(Path("photos") / name, 8, 8, (), nothing, True, name=name, image_id=image_id)


def test_no_photos_no_pairs() -> None:
    assert Pairing([]).name_of({"image_id": 1}) is None
    assert Pairing([]).name_of({"file_name": "a.jpg"}) is None


def test_the_id_of_the_labels_overrides_the_number_in_a_name() -> None:
    pairing = Pairing([sample("0002.jpg", 1), sample("0001.jpg", 2)])
    assert pairing.name_of({"image_id": 1}) == "0002.jpg"
    assert pairing.name_of({"image_id": 2.0}) == "0001.jpg"
    assert pairing.name_of({"image_id": 3}) is None


def test_numbers_in_names_count_only_where_the_labels_have_no_ids() -> None:
    assert Pairing([sample("000139.jpg")]).name_of({"image_id": 139}) == "000139.jpg"
    assert Pairing([sample("000139.jpg", 7)]).name_of({"image_id": 139}) is None


def test_the_file_name_overrides_the_id() -> None:
    """`posepart predict` numbers the photos of its run itself."""
    pairing = Pairing([sample("a.jpg", 1), sample("b.jpg", 2)])
    assert pairing.name_of({"image_id": 1, "file_name": "b.jpg"}) == "b.jpg"
    assert pairing.name_of({"image_id": 1, "file_name": "c.jpg"}) is None


def test_a_text_is_an_id_else_a_file_name() -> None:
    pairing = Pairing([sample("a.jpg", "first"), sample("b.jpg", "second")])
    assert pairing.name_of({"image_id": "second"}) == "b.jpg"
    assert pairing.name_of({"image_id": "a.jpg"}) == "a.jpg"
    assert pairing.name_of({"image_id": "third"}) is None


@pytest.mark.parametrize(("known", "given"), [(1, "1"), ("1", 1)])
def test_an_id_that_is_a_text_in_one_place_only_is_refused(known: int | str, given: int | str) -> None:
    with pytest.raises(ValueError, match="write both the same way"):
        Pairing([sample("a.jpg", known)]).name_of({"image_id": given})


def test_photos_of_one_name_are_told_apart_by_their_path() -> None:
    pairing = Pairing([sample("cam0/0001.jpg", 1), sample("cam1/0001.jpg", 2), sample("cam1/0002.jpg", 3)])
    assert pairing.name_of({"file_name": "cam1/0001.jpg"}) == "cam1/0001.jpg"
    assert pairing.name_of({"file_name": "data/val/cam0/0001.jpg"}) == "cam0/0001.jpg"
    assert pairing.name_of({"file_name": "D:\\data\\cam0\\0001.jpg"}) == "cam0/0001.jpg"
    assert pairing.name_of({"file_name": "0002.jpg"}) == "cam1/0002.jpg"
    assert pairing.name_of({"file_name": "cam2/0001.jpg"}) is None
    with pytest.raises(ValueError, match=r"2 photos are called 0001\.jpg .*path below the folder of photos"):
        pairing.name_of({"file_name": "0001.jpg"})


@pytest.mark.parametrize("number", [None, 1.5, True, [1]])
def test_other_ids_are_refused(number: object) -> None:
    with pytest.raises(ValueError, match="expected a number or a text as image_id"):
        Pairing([sample("a.jpg", 1)]).name_of({"image_id": number})


def test_an_entry_about_no_photo_at_all() -> None:
    with pytest.raises(KeyError, match="image_id"):
        Pairing([sample("a.jpg", 1)]).name_of({"score": 1})
