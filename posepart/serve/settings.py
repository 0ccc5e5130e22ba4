"""The limits of the service."""

from dataclasses import dataclass

MEGA = 1_000_000


@dataclass(frozen=True)
class ServeConfig:
    """Where the service listens, and what it refuses."""

    host: str = "127.0.0.1"  # loopback: only programs on this machine reach it
    port: int = 7860
    max_bytes: int = 20 * MEGA  # of an uploaded photo
    max_pixels: int = 50 * MEGA  # of a photo; its header tells, before anything is decoded
    waiting: int = 8  # photos that wait while one is in work; more get 503
    body_seconds: float = 30.0  # how long a client may take to send its photo

    def __post_init__(self) -> None:
        if not 0 <= self.port < 1 << 16:
            raise ValueError(f"port: expected a number from 0 to 65535, got {self.port}")
        for name in ("max_bytes", "max_pixels"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: expected at least 1, got {getattr(self, name)}")
        if self.waiting < 0:
            raise ValueError(f"waiting: expected at least 0, got {self.waiting}")

    @property
    def on_loopback(self) -> bool:
        """Whether only programs on this machine can connect."""
        return self.host in LOOPBACK


LOOPBACK = ("127.0.0.1", "localhost", "::1")
