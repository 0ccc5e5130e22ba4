"""What mkdocs does while it builds these pages: `{{ help COMMAND }}` becomes the command's help text."""

import os
import re
import subprocess
import sys
from typing import Any

_HELP = re.compile(r"^\{\{ help ?(\w*) \}\}$", re.MULTILINE)
_SETTINGS = re.compile(r"^settings of pipeline:.*?(?=^examples:)", re.MULTILINE | re.DOTALL)


def help_text(command: str) -> str:
    """What `posepart COMMAND --help` prints; the settings of the pipeline only for predict, which has the same."""
    line = [sys.executable, "-m", "posepart", *([command] if command else []), "--help"]
    finished = subprocess.run(
        line, env={**os.environ, "COLUMNS": "88"}, capture_output=True, text=True, check=True
    )
    text = finished.stdout.replace(" \b", "")  # which hides a space from a terminal
    return text if command == "predict" else _SETTINGS.sub("", text)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Called by mkdocs for every page."""
    return _HELP.sub(lambda match: f"```text\n{help_text(match[1]).rstrip()}\n```", markdown)
