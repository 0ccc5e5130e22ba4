"""What a long work shows: a bar on a terminal, a line now and then elsewhere, and nothing to who is not asked."""

from contextlib import AbstractContextManager, nullcontext, redirect_stderr
from io import StringIO

import pytest

from posepart.io import terminal
from posepart.io.terminal import progress, telling


class Screen(StringIO):
    """A terminal that keeps what is written to it."""

    def isatty(self) -> bool:
        return True


def test_a_bar_on_a_terminal() -> None:
    screen = Screen()
    with redirect_stderr(screen), telling():
        assert list(progress("abc", "letters", unit="letter")) == ["a", "b", "c"]
    assert "letters: 100%" in screen.getvalue() and "3/3" in screen.getvalue()


@pytest.mark.parametrize("shown", [telling(quiet=True), nullcontext()], ids=["quiet", "another program"])
def test_no_bar_where_no_lines_are_shown(shown: AbstractContextManager[None]) -> None:
    screen = Screen()
    with redirect_stderr(screen), shown:
        assert list(progress("abc", unit="letter")) == ["a", "b", "c"]
    assert screen.getvalue() == ""


def test_lines_without_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with telling():
        assert list(progress("abc", unit="letter")) == ["a", "b", "c"]
        assert capsys.readouterr() == ("", "")  # it was soon done
        monkeypatch.setattr(terminal, "LINE_EVERY", 0.0)
        list(progress(iter("bc"), "letters", 3, unit="letter", done=1))
    assert capsys.readouterr() == ("letters: letter 2 of 3, about 1 min left\nletters: letter 3 of 3\n", "")
