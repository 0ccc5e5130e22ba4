"""The tables and figures of both papers from their data sets, by one command.

    python experiments/reproduce.py xia2017 --data PASCAL -o runs/xia2017
    python experiments/reproduce.py lip --data LIP -o runs/lip
    accelerate launch experiments/reproduce.py xia2017 --data PASCAL -o runs/xia2017
    python experiments/reproduce.py xia2017 --smoke -o runs/trial                (minutes, on made-up photos)
    python experiments/reproduce.py xia2017 --data PASCAL -o runs/xia2017 --only table_3 table_4

Trains detector, Pose FCN and Part FCNs, CRF, second stages and baselines in order, runs every system on the val
split, and writes `index.html`, `tables.md` and `tables.csv` with the printed numbers beside ours. Each of these tasks
has a folder below OUT/tasks. It is skipped when it was done with the same settings, data and inputs, so a run that
was killed or changed continues where it has to; `--list` only says what stands.

PASCAL is the folder of PASCAL-Person-Part with the joints of Xia et al., LIP that of LIP; posepart/data/readers.py
describes the layouts. The trainings are listed in experiments/reproduction; `--plan FILE` takes others.
"""

import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import train
from jsonargparse import ArgumentParser, Namespace

from posepart.training.scripts import run_script, script_parser

if TYPE_CHECKING:
    from posepart.data.sample import Sample
    from posepart.reproduction.systems import System
    from posepart.reproduction.tasks import Task, Tasks
    from posepart.reproduction.trainings import Plan

PAPERS = ("xia2017", "lip")
PLANS = Path(__file__).parent / "reproduction"


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    paper, *options = (sys.argv[1:] if arguments is None else arguments) or [""]
    if paper in ("-h", "--help"):
        print(__doc__)
        return
    if paper not in PAPERS:
        raise ValueError(f"which paper? Expected one of {', '.join(PAPERS)}, got {paper!r}")
    chosen = command_line(paper).parse_args(options)
    if chosen.data is None and not chosen.smoke:
        raise ValueError("which data? Name the folder of the data set with --data DIR, or pass --smoke")
    reproduce_xia2017(chosen)


def command_line(paper: str) -> ArgumentParser:
    """The command line of one paper."""
    parser = script_parser(__doc__, f"reproduce.py {paper}")
    parser.add_argument("--data", type=Path, help="folder of the data set")
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder of tasks and report")
    parser.add_argument(
        "--only", type=str, nargs="+", default=[], help="only these tables, such as table_3, and systems"
    )
    parser.add_argument(
        "--smoke", action="store_true", help="a trial: tiny networks, on made-up photos unless there is --data"
    )
    parser.add_argument("--plan", type=Path, help="YAML file of the trainings")
    parser.add_argument("--steps", type=int, help="updates of every training, in place of the plan's")
    parser.add_argument("--device", type=str, default="cpu", help="torch device")
    parser.add_argument("--limit", type=int, help="largest number of photos to measure on")
    parser.add_argument("--replicates", type=int, help="bootstrap samples; 1000, or 50 with --smoke")
    parser.add_argument("--seed", type=int, default=0, help="of the bootstrap")
    parser.add_argument("--panels", type=int, default=6, help="photos in each figure")
    parser.add_argument("--list", action="store_true", help="say what there is to do, and stop")
    if paper == "xia2017":
        parser.add_argument(
            "--size_edges",
            type=float,
            nargs=3,
            default=[80.0, 140.0, 220.0],
            help="px, between the sizes of people in Table 4, by the square root of the area of the box",
        )
        parser.add_argument("--fit_photos", type=int, default=60, help="photos that the trees are fitted to")
    return parser


def reproduce_xia2017(chosen: Namespace) -> None:
    """Run the tasks of Xia et al. and write the report."""
    from posepart.data.readers import read_samples
    from posepart.report.paper_tables import Bootstrap
    from posepart.reproduction.photos import PhotoSet, photo_tasks
    from posepart.reproduction.report import write_report
    from posepart.reproduction.systems import XIA, chosen_systems
    from posepart.reproduction.trainings import pipeline_of, read_plan
    from posepart.reproduction.xia2017 import comparisons, write_panels

    data = data_folder("xia2017", chosen)
    plan = read_plan(plan_file("xia2017", chosen)).with_steps(chosen.steps)
    systems = chosen_systems(XIA, chosen.only)
    replicates = chosen.replicates or (50 if chosen.smoke else 1000)

    @cache
    def samples(split: str) -> "Sequence[Sample]":
        return read_samples(data, split)[: chosen.limit if split == "val" else None]

    photos = PhotoSet(
        lambda: samples("train"),
        lambda: samples("val"),
        ("pascal",),
        pipeline_of(plan),
        Bootstrap(replicates, chosen.seed),
        tuple(chosen.size_edges),
        chosen.fit_photos,
        chosen.device,
    )
    tasks = tasks_of(plan, systems, photo_tasks(systems, photos), {"pascal": data}, chosen)
    names = [f"numbers/{system.key}" for system in systems]
    if chosen.list:
        list_tasks(tasks, names)
        return
    tasks.run(names)
    if not tasks.first:
        return
    tables = comparisons(systems, tasks, photos)
    pictures = write_panels(chosen.out, systems, tasks, photos, chosen.panels)
    about = {
        "data": f"{data.name}: {len(samples('train'))} training and {len(samples('val'))} validation photos",
        "plan": plan_file("xia2017", chosen).name,
        "size edges of Table 4": ", ".join(f"{edge:g}" for edge in chosen.size_edges),
    }
    write_report(chosen.out, "Xia et al. (CVPR 2017), reproduced", tables, pictures, about)
    print(f"wrote {chosen.out / 'index.html'}, tables.md and tables.csv")


def data_folder(paper: str, chosen: Namespace) -> Path:
    """The folder of the data set; with --smoke and without --data, one that is made up."""
    from posepart.reproduction.fixtures import write_made_up
    from posepart.reproduction.tasks import is_first_process

    if chosen.data is not None:
        return Path(chosen.data)
    folder = Path(chosen.out) / "made_up" / paper
    if is_first_process():
        write_made_up(folder, paper)
    return folder


def plan_file(paper: str, chosen: Namespace) -> Path:
    """The file of the plan."""
    return Path(chosen.plan or PLANS / f"{paper}{'_smoke' if chosen.smoke else ''}.yaml")


def tasks_of(
    plan: "Plan", systems: "Sequence[System]", own: "Sequence[Task]", data: dict[str, Path], chosen: Namespace
) -> "Tasks":
    """All tasks: trainings, models, and those of the systems."""
    from posepart.reproduction.tasks import Tasks, fingerprint, is_first_process
    from posepart.reproduction.trainings import model_task, task_of

    folders = {name: [path] for name, path in data.items()}
    trainings = [task_of(one, plan, folders, trainer(chosen.device)) for one in plan.trainings.values()]
    models = [model_task(name, plan) for name in plan.models]
    tasks = {task.name: task for task in (*trainings, *models, *own)}
    prints = {name: fingerprint(path) for name, path in data.items()}
    return Tasks(Path(chosen.out) / "tasks", tasks, prints, is_first_process())


def trainer(device: str) -> Callable[[list[str]], None]:
    """Runs `train.py` on a device."""

    def run(options: list[str]) -> None:
        network = options[0]
        settings: Any = train.command_line(network)
        known = {action.dest for action in settings._actions}
        place = "loop.device" if "loop.device" in known else "device" if "device" in known else None
        train.main([*options, *([f"--{place}", device] if place and device != "cpu" else [])])

    return run


def list_tasks(tasks: "Tasks", names: Sequence[str]) -> None:
    """Print which tasks stand, in the order in which they would be run."""
    for name in tasks.order(names):
        print(f"{'stands' if tasks.stands(name) else 'to do':7} {name}")


if __name__ == "__main__":
    run_script(main)
