"""Which files are videos, and every number of video as the default of a frozen dataclass."""

from dataclasses import dataclass
from pathlib import Path

VIDEO_SUFFIXES = (".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".wmv", ".3gp")


def is_video(path: str | Path) -> bool:
    """Whether a file is a video, by its name."""
    return Path(path).suffix.lower() in VIDEO_SUFFIXES


@dataclass(frozen=True)
class MotionConfig:
    """How people move, in body sizes: the square root of the area of a person's box (see `motion.body_size`)."""

    joint_noise: float = 0.15  # standard deviation of a joint that was found / (OKS sigma x body size)
    acceleration: float = 2.0  # of joints, body sizes / s^1.5: square root of the density of white noise
    speed: float = 2.0  # standard deviation of the speed of a joint when it is first seen, body sizes / s
    outlier: float = 3.0  # standard deviations; a joint further from its prediction counts less
    memory: float = 0.15  # s, after which the limbs of an unseen person only move with the body


@dataclass(frozen=True)
class LooksConfig:
    """How much the colours of people say about who is who."""

    weight: float = 1.0  # of the likeness of colours, beside the similarity of poses
    spread: float = 15.0  # of a person's own colours from frame to frame, CIELAB
    share: float = 0.1  # of a new sight in what is remembered


@dataclass(frozen=True)
class TrackConfig:
    """Who is who from frame to frame."""

    least_similarity: float = 0.2  # `tracker.similarity` of a pose and the prediction of its track
    longest_gap: float = 1.0  # s; a person unseen for longer comes back as somebody new
    least_frames: int = 3  # a track seen in fewer frames is a mistake of a moment, and left out
    margin: float = 0.08  # how far a body reaches beyond its joints, share of their longer side
    motion: MotionConfig = MotionConfig()
    looks: LooksConfig = LooksConfig()


@dataclass(frozen=True)
class VideoConfig:
    """What is done with a video."""

    every: int = 1  # the networks see every such frame; joints in the frames between are interpolated
    track: bool = False  # follow people; otherwise every frame is a photo of its own
    detect_every: int = (
        5  # with track: seen frames from detection to detection, boxes follow the people between
    )
    hide: tuple[str, ...] = ()  # what the overlay makes unrecognisable: "head"
    tracks: TrackConfig = TrackConfig()

    def __post_init__(self) -> None:
        for name in ("every", "detect_every"):
            if getattr(self, name) < 1:
                raise ValueError(
                    f"--{name.replace('_', '-')}: expected at least 1, got {getattr(self, name)}"
                )
        for what in self.hide:
            if what not in HIDEABLE:
                raise ValueError(f"--hide: unknown {what[:80]!r}: choose one of {', '.join(HIDEABLE)}")


HIDEABLE = ("head",)
