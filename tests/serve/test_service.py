"""`POST /v1/scenes` and what stands before it."""

import io
import json
import struct
import threading
import zlib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("starlette")
pytest.importorskip("httpx")
pytest.importorskip("uvicorn")

from helpers.stand_ins import FIGURES, boxes_of, draw, pipeline_of
from starlette.testclient import TestClient

from posepart.serve.app import application
from posepart.serve.settings import ServeConfig

CONFIG = ServeConfig(max_bytes=200_000, max_pixels=100_000, waiting=3, body_seconds=0.3)
PIPELINE = pipeline_of(boxes_of(FIGURES))
BASE = "http://127.0.0.1:7860"


@pytest.fixture(scope="module")
def client() -> TestClient:
    return TestClient(application(PIPELINE, CONFIG, page=False), base_url=BASE)


def png(image: np.ndarray | None = None) -> bytes:
    file = io.BytesIO()
    Image.fromarray(draw(FIGURES) if image is None else image).save(file, "PNG")
    return file.getvalue()


def bomb(side: int) -> bytes:
    """A PNG of a few hundred bytes whose header promises side x side pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(200_000), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def test_people_as_json(client: TestClient) -> None:
    answer = client.post("/v1/scenes", content=png(), params={"name": "beach.png"})
    assert answer.status_code == 200
    record = answer.json()
    assert record["photo"]["file_name"] == "beach.png"
    assert (record["photo"]["width"], record["photo"]["height"]) == (330, 190)
    assert len(record["people"]) == len(FIGURES)
    found = np.array(record["people"][0]["keypoints"])[:, :2]
    assert np.abs(found - FIGURES[0]).max() < 3


def test_people_as_coco_with_masks(client: TestClient) -> None:
    mask = pytest.importorskip("pycocotools.mask")
    record = client.post("/v1/scenes?format=coco", content=png()).json()
    scene = PIPELINE(draw(FIGURES))
    assert len(record["annotations"]) == len(scene.people)
    for number, annotation in enumerate(record["annotations"], start=1):
        assert (mask.decode(annotation["segmentation"]) == (scene.person_map == number)).all()


def test_nobody_is_an_ordinary_answer() -> None:
    empty = TestClient(application(pipeline_of(boxes_of([])), CONFIG, page=False), base_url=BASE)
    answer = empty.post("/v1/scenes", content=png())
    assert (answer.status_code, answer.json()["people"]) == (200, [])


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (b"", 400, "empty"),
        (b"/etc/passwd", 400, "not a picture"),
        (b"http://example.com/photo.jpg", 400, "not a picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 400, "not a picture"),
        (png()[:300], 400, "damaged or cut short"),
        (bomb(60_000), 400, "60000 x 60000 pixels"),
        (bomb(400), 413, "megapixels"),
        (bytes(200_001), 413, "MB"),
    ],
)
def test_what_is_no_photo_gets_a_sentence(client: TestClient, body: bytes, status: int, says: str) -> None:
    answer = client.post("/v1/scenes", content=body)
    assert answer.status_code == status
    sentence = answer.json()["error"]
    assert says in sentence
    assert "/tmp" not in sentence
    assert "posepart_" not in sentence


def test_too_many_bytes_without_a_length(client: TestClient) -> None:
    """A client that does not say how much will come is cut off where the limit is."""
    sent = []

    def chunks() -> Iterator[bytes]:
        for _ in range(40):
            sent.append(1)
            yield bytes(10_000)

    assert client.post("/v1/scenes", content=chunks()).status_code == 413


@pytest.mark.parametrize(
    ("headers", "query", "status"),
    [
        ({"content-type": "application/json"}, "", 415),
        ({"content-type": "multipart/form-data; boundary=x"}, "", 415),
        ({}, "?url=http://example.com/a.jpg", 400),
        ({}, "?path=/etc/passwd", 400),
        ({}, "?format=xml", 400),
        ({"host": "evil.example"}, "", 403),
        ({"origin": "http://evil.example"}, "", 403),
        ({"content-length": "999999999"}, "", 413),
    ],
)
def test_what_is_refused_by_its_head(
    client: TestClient, headers: dict[str, str], query: str, status: int
) -> None:
    answer = client.post(f"/v1/scenes{query}", content=png(), headers=headers)
    assert answer.status_code == status
    assert answer.json()["error"]


def test_nothing_of_an_upload_stays(
    client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    client.post("/v1/scenes", content=png())
    client.post("/v1/scenes", content=png()[:300])
    assert not list(tmp_path.iterdir())


def test_bursts_are_answered_or_told_to_come_back() -> None:
    """One photo in work, three wait, the other six get 503; then all is as before."""
    started, go_on = threading.Event(), threading.Event()

    def held(image: np.ndarray) -> object:
        started.set()
        assert go_on.wait(20)
        return boxes_of(FIGURES[:1])

    slow = pipeline_of(boxes_of([]))
    object.__setattr__(slow, "detector", held)
    client = TestClient(application(slow, CONFIG, page=False), base_url=BASE)
    with ThreadPoolExecutor(10) as pool:
        burst = [pool.submit(client.post, "/v1/scenes", content=png()) for _ in range(10)]
        refused: list[Future[Any]] = []
        while len(refused) < 6:
            refused = [one for one in burst if one.done()]
        go_on.set()
        statuses = sorted(one.result().status_code for one in burst)
    assert statuses == [200] * 4 + [503] * 6
    assert all(one.result().headers["retry-after"] for one in refused)
    assert client.post("/v1/scenes", content=png()).status_code == 200


def test_browsers_are_told_to_stay_here(client: TestClient) -> None:
    headers = client.get("/v1/health").headers
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "http" not in headers["content-security-policy"]


def test_gradio_is_sent_no_addresses(client: TestClient) -> None:
    event = {"data": [{"path": "https://example.com/a.jpg", "meta": {"_type": "gradio.FileData"}}]}
    answer = client.post(
        "/gradio_api/queue/join", content=json.dumps(event), headers={"content-type": "application/json"}
    )
    assert answer.status_code == 400
    assert "not followed" in answer.json()["error"]


@pytest.mark.parametrize("wrong", [{"port": 70_000}, {"max_bytes": 0}, {"max_pixels": 0}, {"waiting": -1}])
def test_limits_that_are_none(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        ServeConfig(**wrong)  # type: ignore[arg-type]
