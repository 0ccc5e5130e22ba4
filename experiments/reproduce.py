"""The tables and figures of both papers from their data sets, by one command.

    python experiments/reproduce.py xia2017 --data PASCAL -o runs/xia2017
    python experiments/reproduce.py lip --data LIP -o runs/lip
    python experiments/reproduce.py small --data PEOPLE SCENES -o runs/small --start movenet_thunder.npz
    accelerate launch experiments/reproduce.py xia2017 --data PASCAL -o runs/xia2017
    python experiments/reproduce.py xia2017 --smoke -o runs/trial                (minutes, on made-up photos)
    python experiments/reproduce.py xia2017 --data PASCAL -o runs/xia2017 --only table_3 table_4

Trains detector, Pose FCN and Part FCNs, CRF, second stages and baselines in order, runs every system on the val
split, and writes `index.html`, `tables.md` and `tables.csv` with the printed numbers beside ours. Each of these
tasks has a folder below OUT/tasks. It is skipped when it was done with the same settings, data and inputs, so a run
that was killed or changed continues where it has to; `--list` only says what stands.

`small` trains small variants of all systems of both papers alike, on any labelled photos, and compares them in mAP,
ADK and mIoU; `--steps` is the budget of each.

PASCAL is the folder of PASCAL-Person-Part with the joints of Xia et al., LIP that of LIP; posepart/data/readers.py
describes the layouts. Table 9 of LIP's paper needs `--pascal PASCAL`, Table 8 `--atr ATR`, Table 10 `--mpii MPII`;
without them these tables are left out. The trainings are listed in experiments/reproduction; `--plan FILE` takes
others.
"""

import sys
import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import train
from jsonargparse import ArgumentParser, Namespace

from posepart.training.scripts import run_script, script_parser

if TYPE_CHECKING:
    from posepart.data.sample import Sample
    from posepart.report.paper_tables import Bootstrap
    from posepart.reproduction.photos import PhotoSet
    from posepart.reproduction.plan import Plan
    from posepart.reproduction.systems import System
    from posepart.reproduction.tasks import Task, Tasks

PAPERS = ("xia2017", "lip", "small")
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
    if paper == "lip":
        reproduce_lip(chosen)
    else:
        reproduce_on_photos(paper, chosen)


def command_line(paper: str) -> ArgumentParser:
    """The command line of one paper."""
    parser = script_parser(__doc__, f"reproduce.py {paper}")
    add = parser.add_argument
    add("--data", type=Path, nargs="+", help="folder of the data set, or folders")
    add("-o", "--out", type=Path, required=True, help="folder of tasks and report")
    add("--only", type=str, nargs="+", default=[], help="only these tables, such as table_3, and systems")
    add(
        "--smoke",
        action="store_true",
        help="a trial: tiny networks, on made-up photos unless there is --data",
    )
    add("--plan", type=Path, help="YAML file of the trainings")
    add("--steps", type=int, help="updates of every training, in place of the plan's")
    add("--start", type=Path, help="weights from which trainings start that have no other start")
    add("--device", type=str, default="cpu", help="torch device")
    add("--limit", type=int, help="largest number of photos to measure on")
    add("--replicates", type=int, help="bootstrap samples; 1000, or 50 with --smoke")
    add("--seed", type=int, default=0, help="of the bootstrap")
    add("--panels", type=int, default=6, help="photos in each figure")
    add("--list", action="store_true", help="say what there is to do, and stop")
    edges = "px, between the sizes of people in Table 4, by the square root of the area of the box"
    add("--size_edges", type=float, nargs=3, default=[80.0, 140.0, 220.0], help=edges)
    add("--fit_photos", type=int, default=60, help="photos that the trees of Xia et al. are fitted to")
    if paper == "lip":
        add("--pascal", type=Path, help="folder of PASCAL-Person-Part, for Table 9")
        add("--atr", type=Path, help="folder of ATR, for Table 8")
        add("--mpii", type=Path, help="folder of MPII, for Table 10")
        add("--factors", type=Path, help="folder of FACTOR.txt, the pictures of each factor of Sec. 4.1.2")
    return parser


def reproduce_on_photos(paper: str, chosen: Namespace) -> None:
    """Run the tasks of Xia et al., or of the small variants of all systems, and write the report."""
    from posepart.reproduction.photos import photo_tasks
    from posepart.reproduction.report import write_report
    from posepart.reproduction.systems import SMALL, XIA, chosen_systems
    from posepart.reproduction.xia2017 import comparisons, write_panels

    small = paper == "small"
    systems = chosen_systems(SMALL if small else XIA, chosen.only)
    plan, data = plan_of(paper, chosen), data_folders("xia2017", chosen)
    photos = photo_set("photos", data, plan, chosen, boxes="ours" if small else "")
    tasks = tasks_of(plan, photo_tasks(systems, photos), {"photos": data}, chosen)
    if not run_tasks(tasks, [f"numbers/{system.key}" for system in systems], chosen):
        return
    tables = comparisons(systems, tasks, photos, paper)
    pictures = write_panels(chosen.out, systems, tasks, photos, chosen.panels)
    about = about_run(paper, chosen, {"photos": data})
    about["size edges of Table 4"] = ", ".join(f"{edge:g} px" for edge in chosen.size_edges)
    title = "All systems, small, trained alike" if small else "Xia et al. (CVPR 2017), reproduced"
    write_report(chosen.out, title, tables, pictures, about)
    print(f"wrote {chosen.out / 'index.html'}, tables.md and tables.csv")


def reproduce_lip(chosen: Namespace) -> None:
    """Run the tasks of Liang et al. and write the report."""
    from posepart.reproduction.lip import comparisons, label_table, write_panels
    from posepart.reproduction.photos import photo_tasks
    from posepart.reproduction.picture_numbers import PictureSet
    from posepart.reproduction.pictures import measurable, picture_tasks
    from posepart.reproduction.report import write_report
    from posepart.reproduction.systems import LIP, ON_PHOTOS, chosen_systems

    systems = chosen_systems(LIP, chosen.only)
    plan, folders = plan_of("lip", chosen), lip_folders(chosen)
    systems = measurable(systems, folders)
    on_photos = [system for system in systems if ON_PHOTOS in system.rows]
    splits = {"lip": "val", "atr": "val", "mpii": "single"}
    factors = None
    if chosen.factors is not None:
        factors = {path.stem: path for path in sorted(chosen.factors.glob("*.txt"))}
    pictures = PictureSet(folders, splits, bootstrap_of(chosen), factors)
    others = [system for system in systems if system not in on_photos]
    own = picture_tasks(others, pictures, predictor(plan, chosen.device), plan)
    if on_photos:
        own += photo_tasks(on_photos, photo_set("pascal", [folders["pascal"]], plan, chosen))
    lists = {name: [folder] for name, folder in folders.items()}
    tasks = tasks_of(plan, own, lists, chosen)
    if not run_tasks(tasks, [task.name for task in own], chosen):
        return
    tables = comparisons(systems, tasks, pictures)
    panels = write_panels(chosen.out, systems, tasks, pictures, chosen.panels)
    about = about_run("lip", chosen, lists)
    title = "Liang et al. (Look into Person), reproduced"
    write_report(chosen.out, title, tables, panels, about, [label_table(pictures)])
    print(f"wrote {chosen.out / 'index.html'}, tables.md and tables.csv")


def bootstrap_of(chosen: Namespace) -> "Bootstrap":
    """How intervals are computed."""
    from posepart.report.paper_tables import Bootstrap

    return Bootstrap(chosen.replicates or (50 if chosen.smoke else 1000), chosen.seed)


def photo_set(
    name: str, folders: Sequence[Path], plan: "Plan", chosen: Namespace, boxes: str = ""
) -> "PhotoSet":
    """The photos of several people."""
    from posepart.reproduction.photos import PhotoSet
    from posepart.reproduction.plan import pipeline_of
    from posepart.training.run import read_people

    @cache
    def samples(split: str) -> "Sequence[Sample]":
        return read_people(folders, split)[: chosen.limit if split == "val" else None]

    return PhotoSet(
        lambda: samples("train"),
        lambda: samples("val"),
        (name,),
        pipeline_of(plan),
        bootstrap_of(chosen),
        tuple(chosen.size_edges),
        chosen.fit_photos,
        chosen.device,
        chosen.limit,
        boxes,
    )


def predictor(plan: "Plan", device: str) -> Callable[..., None]:
    """Runs `predict_lip.py`."""

    def predict(weights: Path, data: Path, split: str, out: Path, system: "System") -> None:
        import predict_lip

        settings = Namespace(
            model=weights,
            data=data,
            split=split,
            out=out,
            boxes="labels",
            device=device,
            crop=plan.crop_of(system.key),
            views=plan.views,
            limit=None,
            batch_size=8,
        )
        predict_lip.predict(settings)

    return predict


def data_folders(paper: str, chosen: Namespace) -> list[Path]:
    """The folders of the data; with --smoke and without --data, one that is made up."""
    from posepart.reproduction.fixtures import is_made_up, write_made_up
    from posepart.reproduction.tasks import is_first_process

    if chosen.data is not None:
        return list(chosen.data)
    folder = Path(chosen.out) / "made_up" / paper
    if is_first_process():
        write_made_up(folder, paper)
    while not is_made_up(folder):
        time.sleep(1.0)
    return [folder]


def lip_folders(chosen: Namespace) -> dict[str, Path]:
    """The folders of LIP and of the data sets of Tables 8 to 10 that there are."""
    lip, *others = data_folders("lip", chosen)
    if others:
        raise ValueError(f"--data {others[0]}: LIP is one folder; pass only that")
    if chosen.data is None:
        return {name: lip / name.upper() for name in ("lip", "pascal", "atr", "mpii")}
    given = {name: getattr(chosen, name) for name in ("pascal", "atr", "mpii")}
    return {"lip": lip, **{name: folder for name, folder in given.items() if folder is not None}}


def plan_of(paper: str, chosen: Namespace) -> "Plan":
    """The plan, with the number of steps that is asked for."""
    from posepart.reproduction.plan import read_plan

    return read_plan(plan_file(paper, chosen)).with_steps(chosen.steps)


def plan_file(paper: str, chosen: Namespace) -> Path:
    """The file of the plan."""
    trial = PLANS / f"{paper}_smoke.yaml"
    return Path(chosen.plan or (trial if chosen.smoke and trial.exists() else PLANS / f"{paper}.yaml"))


def tasks_of(plan: "Plan", own: "Sequence[Task]", data: dict[str, list[Path]], chosen: Namespace) -> "Tasks":
    """All tasks: trainings, models, and those of the systems."""
    from posepart.reproduction.tasks import Tasks, fingerprint, is_first_process
    from posepart.reproduction.trainings import model_task, task_of

    wanted = [one for one in plan.trainings.values() if not one.data or one.data in data]
    trainings = [task_of(one, plan, data, trainer(chosen.device), chosen.start) for one in wanted]
    known = {one.name for one in wanted}
    lacking = plan.trainings.keys() - known
    models = [model_task(name, plan) for name, of in plan.models.items() if not lacking & set(of.values())]
    tasks = {task.name: task for task in (*trainings, *models, *own)}
    prints = {name: " ".join(map(fingerprint, folders)) for name, folders in data.items()}
    return Tasks(Path(chosen.out) / "tasks", tasks, prints, is_first_process())


def run_tasks(tasks: "Tasks", names: Sequence[str], chosen: Namespace) -> bool:
    """Run tasks, or with --list only name them; whether there is a report to write, and by this process."""
    if chosen.list:
        for name in tasks.order(names):
            print(f"{'stands' if tasks.stands(name) else 'to do':7} {name}")
        return False
    tasks.run(names)
    return tasks.first


def about_run(paper: str, chosen: Namespace, data: dict[str, list[Path]]) -> dict[str, str]:
    """How the numbers came about, for the report."""
    import posepart

    return {
        "data": "; ".join(f"{name}: {', '.join(f.name for f in folders)}" for name, folders in data.items()),
        "made up": "yes: a trial with tiny networks, whose numbers mean nothing" if chosen.smoke else "no",
        "plan": plan_file(paper, chosen).name,
        "bootstrap": f"{bootstrap_of(chosen).replicates} samples of the photos, seed {chosen.seed}",
        "posepart": posepart.__version__,
    }


def trainer(device: str) -> Callable[[list[str]], None]:
    """Runs `train.py` on a device."""

    def run(options: list[str]) -> None:
        settings: Any = train.command_line(options[0])
        known = {action.dest for action in settings._actions}
        place = next((name for name in ("loop.device", "device") if name in known), None)
        train.main([*options, *([f"--{place}", device] if place and device != "cpu" else [])])

    return run


if __name__ == "__main__":
    run_script(main)
