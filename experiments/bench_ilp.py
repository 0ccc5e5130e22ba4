"""Measure the speed and the exactness of the optimiser.

    python experiments/bench_ilp.py                                  # generated boxes and photos
    python experiments/bench_ilp.py --instances DIR                  # problems with known optima in index.json
    python experiments/bench_ilp.py --dump DIR                       # problems saved from real photos
    python experiments/bench_ilp.py --engines glop highs --plot time.png
    python experiments/bench_ilp.py --number 0 --photos 0 --data PEOPLE --split val   # photos of a data set

Times are CPU seconds of one process, since wall-clock time depends on the load of the machine; the column "wall" has
the median of the latter. "naive" is the full programme with all triangle inequalities, solved by SCIP in the same
run.
"""

from __future__ import annotations

import json
import re
from argparse import RawDescriptionHelpFormatter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
from jsonargparse import ArgumentParser, Namespace

from posepart.config import PipelineConfig
from posepart.ilp import Problem, Solution, solve
from posepart.ilp.reference.generate import make_box, make_photo
from posepart.ilp.reference.naive import solve_naive

Named = tuple[str, Problem]


@dataclass(frozen=True)
class Run:
    """A solved problem."""

    name: str  # family and number
    candidates: int  # number of candidates
    cpu: float  # CPU seconds
    wall: float  # wall-clock seconds
    solution: Solution  # with its certificate

    @property
    def family(self) -> str:
        """The name without its number."""
        return re.sub(r"_?\d+$", "", self.name)


def timed(name: str, problem: Problem, solver: Callable[[Problem], Solution]) -> Run:
    """Solve a problem and measure the time."""
    cpu, wall = process_time(), perf_counter()
    solution = solver(problem)
    return Run(name, problem.n_candidates, process_time() - cpu, perf_counter() - wall, solution)


def print_table(title: str, runs: list[Run]) -> None:
    """Print times, proofs and gaps, with a line for each family."""
    print(f"\n{title}")
    head = ("family", "number", "candidates", "median", "p95", "max", "wall", "proven", "gap", "nodes")
    print("{:22s} {:>6s} {:>10s} {:>8s} {:>8s} {:>8s} {:>8s} {:>7s} {:>8s} {:>5s}".format(*head))
    for family in sorted({run.family for run in runs}):
        some = [run for run in runs if run.family == family]
        cpu = np.array([run.cpu for run in some])
        least, most = min(run.candidates for run in some), max(run.candidates for run in some)
        wall = float(np.median([run.wall for run in some]))
        proven = np.mean([run.solution.status == "optimal" for run in some])
        gap = max(run.solution.gap for run in some)
        nodes = max(int(run.solution.statistics.get("nodes", 0)) for run in some)
        print(
            f"{family:22s} {len(some):6d} {f'{least}-{most}':>10s} {np.median(cpu):8.4f} "
            f"{np.percentile(cpu, 95):8.4f} {cpu.max():8.4f} {wall:8.4f} {proven:7.0%} {gap:8.1e} {nodes:5d}",
            flush=True,
        )


def generated(number: int) -> list[Named]:
    """Generate boxes of one to four people, hard boxes and whole photos, with `number` problems per family."""
    problems = []
    for multi in (False, True):
        kind = "multi" if multi else "single"
        for people in (1, 2, 3, 4):
            for k in range(number):
                problems.append((f"box{people}-{kind}_{k}", make_box(k, people, multi=multi)))
        few = max(1, number // 3)
        for k in range(few):
            crowded = make_box(k, 4, multi=multi, false_positives=45)
            problems.append((f"crowded-box4-{kind}_{k}", crowded))
            problems.append((f"noise1.8-box-{kind}_{k}", make_box(k, 3 + k % 2, multi=multi, noise=1.8)))
        for k in range(max(1, few // 2)):
            problems.append((f"photo8-{kind}_{k}", make_photo(k, 8, multi=multi)[0]))
    for k in range(max(1, number // 6)):
        whole, _ = make_photo(k, 8, false_positives=150, duplicates=0.9)
        problems.append((f"dense-photo8-single_{k}", whole))
    return problems


def saved(folder: Path) -> list[Named]:
    """Load all problems of a folder."""
    files = sorted(folder.glob("*.npz"))
    if not files:
        raise SystemExit(f"{folder} has no .npz files: save problems there with Problem.save")
    return [(file.stem, Problem.load(file)) for file in files]


def check_index(folder: Path, runs: list[Run]) -> None:
    """Compare the energies with the known optima in `index.json`."""
    known = {entry["name"]: entry["opt"] for entry in json.loads((folder / "index.json").read_text())}
    wrong = [
        run.name
        for run in runs
        if run.solution.status != "optimal"
        or abs(run.solution.energy - known[run.name]) > 1e-6 * max(1.0, abs(known[run.name]))
    ]
    print(f"known optima: {len(runs) - len(wrong)} of {len(runs)} proven and equal", *wrong)


def compare_naive(problems: list[Named], fast: list[Run], limit: float, number: int) -> list[Run]:
    """Solve the full programme of the first problems of each family of boxes, and print how much slower it is."""
    chosen = [k for k, (name, _) in enumerate(problems) if _is_box(name) and int(name.split("_")[1]) < number]
    naive = [timed(*problems[k], partial(solve_naive, time_limit=limit)) for k in chosen]
    print_table(f"naive full programme (SCIP, limit {limit:g} s)", naive)
    ratio = np.array([slow.cpu / fast[k].cpu for slow, k in zip(naive, chosen, strict=True)])
    print(f"naive / fast, {len(ratio)} boxes: median {np.median(ratio):.0f}, least {ratio.min():.0f}")
    both = [
        (fast[k], slow) for slow, k in zip(naive, chosen, strict=True) if slow.solution.status == "optimal"
    ]
    same = sum(
        abs(a.solution.energy - b.solution.energy) <= 1e-6 * max(1, abs(b.solution.energy)) for a, b in both
    )
    print(f"both proven: {len(both)}, equal energies: {same}")
    return naive


def _is_box(name: str) -> bool:
    return name.startswith("box") and "_" in name


def compare_photo(number: int) -> None:
    """Compare the time of whole photos with that of the boxes of their people.

    Xia et al. (abstract, Sec. 5) report that, with the solver of DeeperCut, boxes are 40 times faster.
    """
    print("\nwhole photos and their people's boxes (CPU seconds)")
    print(f"{'photo':22s} {'candidates':>10s} {'whole':>8s} {'boxes':>8s} {'largest':>8s} {'ratio':>6s}")
    for multi in (False, True):
        for k in range(number):
            whole, boxes = make_photo(k, 8, multi=multi)
            one = timed("", whole, solve)
            each = [timed("", box, solve).cpu for box in boxes]
            name = f"photo8-{'multi' if multi else 'single'}_{k}"
            print(
                f"{name:22s} {whole.n_candidates:10d} {one.cpu:8.3f} {sum(each):8.3f} {max(each):8.3f} "
                f"{one.cpu / sum(each):6.2f}",
                flush=True,
            )


def compare_real_photos(arguments: Namespace) -> None:
    """Compare one CRF of a whole photo with one CRF for each of its detected boxes (abstract, Sec. 5: "40 times").

    The whole photo is seen as by `ablation.deepercut`, with up to 40 proposals of a joint in place of 6 in each box.
    All problems have the potentials of `--pipeline`. The time is that of the optimiser, networks left out.
    """
    from posepart.ablation.deepercut import DeeperCut, at_size_of, deepercut_config
    from posepart.data.readers import read_samples
    from posepart.io.photos import read_photo
    from posepart.loading import load
    from posepart.stages.crf import CrfAssembler
    from posepart.stages.crops import crop_boxes
    from posepart.stages.networks import FcnNetworks

    pipeline = load(arguments.model, config=arguments.pipeline)
    config = pipeline.config
    assert isinstance(pipeline.networks, FcnNetworks) and isinstance(pipeline.assembler, CrfAssembler)
    pairwise, own = pipeline.assembler.pairwise, deepercut_config(config)
    whole = DeeperCut(replace(pipeline.networks, config=own), pairwise, own)
    print(
        "\nphotos of a data set: one problem of the whole photo, and one of each detected box (CPU seconds)"
    )
    head = ("photo", "boxes", "candidates", "in boxes", "whole", "boxes", "ratio", "proven")
    print("{:22s} {:>6s} {:>10s} {:>8s} {:>8s} {:>8s} {:>7s} {:>7s}".format(*head))
    total = np.zeros(2)
    for sample in read_samples(arguments.data, arguments.split)[: arguments.limit_photos]:
        photo = read_photo(sample.image_path)
        evidence = pipeline.networks(crop_boxes(photo, pipeline.detector(photo), config.crop))
        boxes = [pipeline.assembler.problem(item)[1] for item in evidence]
        seen = whole.see(photo)
        one = CrfAssembler(pairwise, at_size_of(seen, config)).problem(seen)[1]
        run = timed("", one, partial(solve, time_limit=arguments.limit))
        each = sum(timed("", box, partial(solve, time_limit=arguments.limit)).cpu for box in boxes)
        total += run.cpu, each
        print(
            f"{sample.image_path.name[-22:]:22s} {len(boxes):6d} {one.n_candidates:10d} "
            f"{sum(box.n_candidates for box in boxes):8d} {run.cpu:8.3f} {each:8.3f} "
            f"{run.cpu / max(each, 1e-9):7.2f} {run.solution.status == 'optimal'!s:>7s}",
            flush=True,
        )
    print(
        f"all photos: whole {total[0]:.2f} s, boxes {total[1]:.2f} s, ratio "
        f"{total[0] / max(total[1], 1e-9):.2f}"
    )


def draw(path: Path, results: dict[str, list[Run]]) -> None:
    """Plot the time over the number of candidates, with a colour for each engine."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4.5), layout="constrained")
    for engine, runs in results.items():
        axes.scatter([r.candidates for r in runs], [r.cpu for r in runs], s=12, alpha=0.6, label=engine)
    axes.set(xscale="log", yscale="log", xlabel="candidates", ylabel="CPU seconds")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=150)
    pyplot.close(figure)
    print(f"wrote {path}")


def parse_arguments(arguments: Sequence[str] | None = None) -> Namespace:
    """Parse the command line."""
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--instances", type=Path, help="folder of .npz problems with an index.json")
    parser.add_argument("--dump", type=Path, help="folder of .npz problems of real photos")
    parser.add_argument(
        "--number", type=int, default=12, help="generated problems per family; 0 generates none"
    )
    parser.add_argument(
        "--engines", nargs="+", default=["glop"], help="solvers of linear programmes: glop, highs"
    )
    parser.add_argument("--limit", type=float, default=60.0, help="time limit per problem, seconds")
    parser.add_argument(
        "--naive", type=int, default=3, help="boxes per family to solve with the full programme"
    )
    parser.add_argument(
        "--naive_limit", type=float, default=30.0, help="time limit per full programme, seconds"
    )
    parser.add_argument(
        "--photos", type=int, default=2, help="photos of each kind to compare with their boxes"
    )
    parser.add_argument(
        "--data", type=Path, help="folder of a data set whose photos to compare with their boxes"
    )
    parser.add_argument("--split", default="val", help="of the data set")
    parser.add_argument("--limit_photos", type=int, help="largest number of its photos")
    parser.add_argument("--model", default="posepart-s", help="an installed model or a folder of weights")
    parser.add_argument("--pipeline", type=PipelineConfig, default=PipelineConfig())
    parser.add_argument("--plot", type=Path, help="picture file for a plot of time over candidates")
    return parser.instantiate(parser.parse_args(arguments))


def main(command_line: Sequence[str] | None = None) -> None:
    """Print the tables."""
    arguments = parse_arguments(command_line)
    solve(make_box(0))  # the first call pays for the imports
    sources: dict[str, list[Named]] = {}
    if arguments.instances:
        sources["instances"] = saved(arguments.instances)
    if arguments.dump:
        sources["real photos"] = saved(arguments.dump)
    if arguments.number:
        sources["generated"] = generated(arguments.number)
    plotted: dict[str, list[Run]] = {}
    for source, problems in sources.items():
        for engine in arguments.engines:
            solver = partial(solve, engine=engine, time_limit=arguments.limit)
            runs = [timed(name, problem, solver) for name, problem in problems]
            plotted.setdefault(engine, []).extend(runs)
            print_table(f"{source}, {engine}", runs)
            if source == "instances":
                check_index(arguments.instances, runs)
        short = partial(solve, engine=arguments.engines[0], time_limit=0.05)
        print_table(f"{source}, 50 ms limit", [timed(name, problem, short) for name, problem in problems])
        if source == "generated" and arguments.naive:
            first = plotted[arguments.engines[0]][-len(problems) :]
            slow = compare_naive(problems, first, arguments.naive_limit, arguments.naive)
            plotted["naive"] = slow
    if arguments.photos:
        compare_photo(arguments.photos)
    if arguments.data:
        compare_real_photos(arguments)
    if arguments.plot:
        draw(arguments.plot, plotted)


if __name__ == "__main__":
    main()
