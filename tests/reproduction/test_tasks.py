"""Tasks: what is run, what stands, what is continued."""

from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pytest

from posepart.reproduction.tasks import Folders, Task, Tasks, fingerprint


class Count:
    """Runs of tasks, each of which writes the texts of its inputs and its own name."""

    def __init__(self) -> None:
        self.ran: list[str] = []

    def __call__(self, name: str) -> Callable[[Path, Folders], None]:
        def run(folder: Path, inputs: Folders) -> None:
            self.ran.append(name)
            text = "".join((path / "out.txt").read_text() for path in inputs.values())
            (folder / "out.txt").write_text(f"{text}{name} ")

        return run


def chain(out: Path, count: Count, steps: int = 1, data: str = "d", *, first: bool = True) -> Tasks:
    pose = Task("pose", {"steps": steps}, count("pose"), ("out.txt",), data=("people",))
    part = Task("part", {}, count("part"), ("out.txt",), data=("people",))
    crf = Task("crf", {}, count("crf"), ("out.txt",), inputs=("pose", "part"))
    tasks = {task.name: task for task in (crf, pose, part)}
    return Tasks(out, tasks, {"people": data}, first, say=lambda text: None)


def test_order_and_standing(tmp_path: Path) -> None:
    count = Count()
    tasks = chain(tmp_path, count)
    tasks.run(["crf"])
    assert count.ran == ["pose", "part", "crf"]
    assert (tasks.folder_of("crf") / "out.txt").read_text() == "pose part crf "
    tasks.run(["crf", "pose"])
    assert count.ran == ["pose", "part", "crf"]


@pytest.mark.parametrize(
    ("changed", "again"),
    [({"steps": 2}, ["pose", "crf"]), ({"data": "other"}, ["pose", "part", "crf"])],
)
def test_what_depends_on_a_change_is_run_again(tmp_path: Path, changed: dict, again: list[str]) -> None:
    count = Count()
    chain(tmp_path, count).run(["crf"])
    count.ran.clear()
    chain(tmp_path, count, **changed).run(["crf"])
    assert count.ran == again
    count.ran.clear()
    chain(tmp_path, count).run(["crf"])  # the earlier results are still there
    assert count.ran == []


def test_a_result_that_was_changed_or_lost_is_made_again(tmp_path: Path) -> None:
    count = Count()
    tasks = chain(tmp_path, count)
    tasks.run(["crf"])
    (tasks.folder_of("part") / "out.txt").write_text("by hand")
    tasks.run(["crf"])
    assert count.ran == ["pose", "part", "crf", "part"]
    (tasks.folder_of("part") / "done.json").write_text("{")
    tasks.run(["part"])
    assert count.ran[4:] == ["part"]


def test_an_interrupted_task_is_continued(tmp_path: Path) -> None:
    tries: list[list[str]] = []

    def run(folder: Path, inputs: Folders) -> None:
        tries.append(sorted(path.name for path in folder.iterdir()))
        (folder / "checkpoint").touch()
        if len(tries) == 1:
            raise KeyboardInterrupt

    tasks = Tasks(tmp_path, {"pose": Task("pose", {}, run)}, {}, say=lambda text: None)
    with pytest.raises(KeyboardInterrupt):
        tasks.run(["pose"])
    assert not tasks.stands("pose")
    tasks.run(["pose"])
    assert tries == [[], ["checkpoint"]]
    assert tasks.stands("pose")


def test_another_process_waits(tmp_path: Path) -> None:
    first, other = Count(), Count()
    waiting = Thread(target=chain(tmp_path, other, first=False).run, args=(["crf"],), daemon=True)
    waiting.start()
    chain(tmp_path, first).run(["crf"])
    waiting.join(timeout=20)
    assert not waiting.is_alive()
    assert (first.ran, other.ran) == (["pose", "part", "crf"], [])


def test_fingerprint(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "photo.jpg").write_bytes(b"12")
    (tmp_path / "labels.csv").write_text("1")
    before = fingerprint(tmp_path)
    (tmp_path / "labels.csv").write_text("2")
    assert fingerprint(tmp_path) != before
    (tmp_path / "labels.csv").write_text("1")
    assert fingerprint(tmp_path) == before
    (tmp_path / "a" / "photo.jpg").rename(tmp_path / "a" / "other.jpg")
    assert fingerprint(tmp_path) != before
    with pytest.raises(ValueError, match="no such folder; check the path of the data set"):
        fingerprint(tmp_path / "nowhere")
