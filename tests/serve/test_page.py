"""The page: its desk, and all of it in a real browser, which may ask nobody but this machine."""

import shutil
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from PIL import Image

pytest.importorskip("gradio")

import uvicorn
from helpers.stand_ins import FIGURES, boxes_of, draw, pipeline_of
from starlette.testclient import TestClient

from posepart.schema import Joint
from posepart.serve.app import application
from posepart.serve.gate import Busy, Gate
from posepart.serve.layers import on_view, view_scale
from posepart.serve.page import PARTS, Desk, Wishes
from posepart.serve.settings import ServeConfig
from posepart.serve.study import Studies

PHOTO = draw(FIGURES)
CONFIG = ServeConfig(max_bytes=100_000, max_pixels=100_000)
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


def desk(config: ServeConfig = CONFIG) -> Desk:
    return Desk(pipeline_of(boxes_of(FIGURES)), Gate(config.waiting), config, Studies())


def photo_file(folder: Path) -> Path:
    path = folder / "photo.png"
    Image.fromarray(PHOTO).save(path)
    return path


def test_drop_switch_and_click(tmp_path: Path) -> None:
    at, path = desk(), photo_file(tmp_path)
    key, view, words = at.drop(str(path), Wishes())
    assert not path.exists(), "an upload is deleted when it was read"
    assert "| 3 |" in words
    for wishes in (
        Wishes(("candidates", "joint maps"), PARTS[0]),
        Wishes((), PARTS[0]),
    ):
        assert (at.switch(key, wishes)[0] != view).any()
    found = at.click(key, Wishes(), tuple(on_view(FIGURES[0][Joint.NECK], view_scale(PHOTO))))
    assert found is not None
    marked, about, picture = found
    assert about.startswith("### Neck of person 1")
    assert (marked != view).any()
    assert picture.shape == (768, 1152, 3)
    assert at.click(key, Wishes(), (1190.0, 5.0)) is None


def test_what_is_no_photo_is_deleted_and_refused(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"no photo")
    with pytest.raises(ValueError, match=r"^photo: not a picture"):
        desk().drop(str(path), Wishes())
    assert not path.exists()


def test_a_busy_desk_says_so(tmp_path: Path) -> None:
    config = ServeConfig(waiting=0)
    at, path = desk(config), photo_file(tmp_path)
    with at.gate.enter(), pytest.raises(Busy, match="try again"):
        at.drop(str(path), Wishes())


@pytest.mark.parametrize(
    ("address", "statuses"),
    [
        ("/gradio_api/file=/etc/passwd", (403, 404)),
        ("/gradio_api/file=../../../etc/passwd", (403, 404)),
        ("/gradio_api/file=http://example.com/", (404,)),
        ("/docs", (404,)),
        ("/openapi.json", (404,)),
    ],
)
def test_files_and_addresses_are_not_served(address: str, statuses: tuple[int, ...]) -> None:
    with TestClient(application(desk().pipeline, CONFIG), base_url="http://127.0.0.1") as client:
        answer = client.get(address, follow_redirects=False)
        assert answer.status_code in statuses
        assert b"root:" not in answer.content


def test_too_large_uploads_are_refused() -> None:
    with TestClient(application(desk().pipeline, CONFIG), base_url="http://127.0.0.1") as client:
        answer = client.post("/gradio_api/upload", files={"files": ("a.jpg", bytes(150_000))})
        assert answer.status_code == 413


@dataclass
class Running:
    address: str
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(application(desk().pipeline, CONFIG), log_level="error"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    yield Running(f"http://127.0.0.1:{listening.getsockname()[1]}")
    server.should_exit = server.force_exit = True
    thread.join(10)


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
def test_in_a_browser(running: Running, tmp_path: Path) -> None:
    """Drop, switch, click: what is shown changes, and nobody else is asked."""
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as play:
        arguments = ["--no-sandbox", "--disable-background-networking"]
        browser = play.chromium.launch(executable_path=CHROMIUM, args=arguments)
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.on("request", lambda request: running.asked.append(request.url))
        page.goto(running.address)
        page.set_input_files("#view input[type=file]", photo_file(tmp_path))
        page.wait_for_selector("#people table", timeout=30_000)
        picture = page.locator("#view img").first
        before = picture.get_attribute("src")
        page.get_by_label("candidates", exact=True).check()
        page.wait_for_function(
            "before => document.querySelector('#view img').src != before", arg=before, timeout=30_000
        )
        page.wait_for_timeout(500)
        frame, (x, y) = picture.bounding_box(), FIGURES[0][Joint.NECK]
        shown = frame["width"] / PHOTO.shape[1]  # the picture fills the width, and stands in the middle
        top = frame["y"] + (frame["height"] - shown * PHOTO.shape[0]) / 2
        page.mouse.click(frame["x"] + shown * x, top + shown * y)
        page.wait_for_selector("#words table", timeout=30_000)
        assert page.inner_text("#words h3") == "Neck of person 1"
        browser.close()
    strangers = [url for url in running.asked if not url.startswith((running.address, "data:", "blob:"))]
    assert not strangers
    assert not list((tmp_path / "gradio").rglob("photo.png")), "the upload is deleted"
