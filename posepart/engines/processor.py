"""What the processor offers to this process: how many CPUs, and whether it computes in bfloat16."""

import math
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
OWN_CGROUPS = Path("/proc/self/cgroup")


def usable_cpus(groups: Path = CGROUPS, own: Path = OWN_CGROUPS) -> int:
    """The CPUs that this process may use: those it may run on, or fewer if Linux limits their time.

    Parameters
    ----------
    groups : Path
        Where Linux shows its control groups, of version 1 or 2.
    own : Path
        The file with the groups of this process.

    Returns
    -------
    int
        At least 1; of a limit of 1.5 CPUs, 2.
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([allowed, *(math.ceil(limit) for limit in _limits(groups, own))]))


def _limits(groups: Path, own: Path) -> Iterator[float]:
    """The limits, in CPUs, of the groups of this process and of those that they lie in."""
    try:
        lines = own.read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if controllers and "cpu" not in controllers.split(","):
            continue
        for root in [groups / controllers, groups / "cpu"] if controllers else [groups, groups / "unified"]:
            folder = root / path.lstrip("/")
            # in a container the path is that of the host, and the group itself is what is mounted at the root
            for place in {root, folder, *(above for above in folder.parents if above.is_relative_to(root))}:
                with suppress(OSError, ValueError, IndexError, ZeroDivisionError):
                    yield _limit(place)


def _limit(folder: Path) -> float:
    """The CPUs that one group may use; an error if it has no limit."""
    if (folder / "cpu.max").exists():
        quota, period = (folder / "cpu.max").read_text(encoding="utf-8").split()
    else:
        quota = (folder / "cpu.cfs_quota_us").read_text(encoding="utf-8")
        period = (folder / "cpu.cfs_period_us").read_text(encoding="utf-8")
    if int(quota) <= 0:
        raise ValueError("no limit")
    return int(quota) / int(period)


def has_fast_bfloat16() -> bool:
    """Whether the CPU has instructions for bfloat16; emulated, it is slower than single precision."""
    import torch

    known: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(known.get("avx512_bf16") or known.get("amx_bf16"))
