"""The tests in `cases.py`, in a process of their own: after OpenVINO, later tests of one process have crashed."""

import subprocess
import sys
from pathlib import Path


def test_engines() -> None:
    cases = Path(__file__).with_name("cases.py")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(cases)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stdout + done.stderr
