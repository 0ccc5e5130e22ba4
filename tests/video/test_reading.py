"""Frames, times and directions of video files."""

import sys
from pathlib import Path

import numpy as np
import pytest
from helpers.clips import write_clip

from posepart.video.reading import Frame, VideoFile
from posepart.video.settings import is_video
from posepart.video.writing import write_video


def pictures(count: int, width: int = 64, height: int = 48) -> list[np.ndarray]:
    """Grey pictures, brighter and brighter, whose upper left corner is red."""
    images = []
    for k in range(count):
        image = np.full((height, width, 3), 20 + 10 * k, np.uint8)
        image[:8, :8] = 255, 0, 0
        images.append(image)
    return images


def noise(count: int) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 255, (48, 64, 3)).astype(np.uint8) for _ in range(count)]


def read(path: Path) -> list[Frame]:
    return list(VideoFile(path))


def test_is_video() -> None:
    assert is_video("a/clip.MP4") and is_video(Path("x.webm"))
    assert not is_video("photo.jpg") and not is_video("mp4")


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov"])
def test_all_frames_come_with_their_pixels_and_times(tmp_path: Path, suffix: str) -> None:
    images, seconds = pictures(12), [0, 0.04, 0.08, 0.2, 0.21, 0.5, 0.55, 1.0, 1.1, 1.2, 1.3, 2.0]
    frames = read(write_clip(tmp_path / f"clip{suffix}", images, seconds))
    assert [frame.index for frame in frames] == list(range(12))
    np.testing.assert_allclose([frame.seconds for frame in frames], seconds, atol=1e-3)
    for frame, image in zip(frames, images, strict=True):
        np.testing.assert_array_equal(frame.image, image)


@pytest.mark.parametrize(
    ("rotation", "corner"), [(0, (0, 0)), (-90, (0, -1)), (90, (-1, 0)), (180, (-1, -1))]
)
def test_turned_videos_are_upright(tmp_path: Path, rotation: int, corner: tuple[int, int]) -> None:
    """FFmpeg turns against the clock: at -90, a phone held upright, the upper left goes to the upper right."""
    (frame,) = read(write_clip(tmp_path / "clip.mp4", pictures(1), rotation=rotation))
    assert frame.image.shape == ((64, 48, 3) if rotation in (90, -90) else (48, 64, 3))
    assert frame.image[corner].tolist() == [255, 0, 0]


def test_what_is_no_video_is_refused_in_a_sentence(tmp_path: Path) -> None:
    pytest.importorskip("av")
    (tmp_path / "text.mp4").write_text("no video")
    (tmp_path / "empty.mp4").write_bytes(b"")
    whole = write_clip(tmp_path / "whole.mp4", pictures(12)).read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    for name in ("text.mp4", "empty.mp4", "cut.mp4", "absent.mp4"):
        with pytest.raises(ValueError, match=rf"{name}: cannot be read as a video \(.+\)$"):
            read(tmp_path / name)


def test_without_av_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ValueError, match=r"not installed: pip install 'posepart\[video\]'"):
        read(tmp_path / "clip.mp4")


def test_written_videos_have_all_frames_and_times(tmp_path: Path) -> None:
    seconds = [0.0, 0.04, 0.3, 0.31, 1.0, 1.04]
    images = pictures(6, width=63, height=47)
    assert write_video(tmp_path / "out.mp4", zip(seconds, images, strict=True)) == 6
    frames = read(tmp_path / "out.mp4")
    np.testing.assert_allclose([frame.seconds for frame in frames], seconds, atol=1e-3)
    for frame, image in zip(frames, images, strict=True):
        assert frame.image.shape == (48, 64, 3)
        assert np.abs(frame.image[20:47, 20:63].astype(int) - image[20:, 20:]).mean() < 4
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


def test_a_video_that_cannot_be_finished_is_not_there(tmp_path: Path) -> None:
    def frames():  # type: ignore[no-untyped-def]
        yield 0.0, pictures(1)[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_video(tmp_path / "out.mp4", frames())
    assert list(tmp_path.iterdir()) == []


def test_damaged_frames_are_counted_and_the_others_are_read(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mkv", noise(30))
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 400] = bytes(400)
    path.write_bytes(bytes(content))
    clip = VideoFile(path)
    frames = list(clip)
    assert 20 <= len(frames) <= 30 and len(frames) + clip.damaged >= 28
    seconds = [frame.seconds for frame in frames]
    assert seconds == sorted(set(seconds))
