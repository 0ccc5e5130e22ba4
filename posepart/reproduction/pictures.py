"""Systems on pictures of one person: their submissions to LIP's two tasks, and the tasks that measure them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from posepart.data.lip import read_lip
from posepart.reproduction.comparison import NUMBERS, Measured, write_numbers
from posepart.reproduction.picture_numbers import MEASURES, TEST_TABLES, PictureSet, data_of
from posepart.reproduction.plan import Plan
from posepart.reproduction.systems import ON_PHOTOS, System
from posepart.reproduction.tasks import Folders, Task

# Predicts a split of a data set with the weights of a training: (weights, data, split, out, system) -> None.
Predictor = Callable[[Path, Path, str, Path, System], None]
ON_PHOTOS_NEEDS = ("pascal",)


def submission_task(
    system: System,
    data: str,
    split: str,
    pictures: PictureSet,
    predict: Predictor,
    seen: Mapping[str, object],
) -> Task:
    """The task that predicts a split of a data set.

    Parameters
    ----------
    system : System
    data, split : str
    pictures : PictureSet
    predict : callable
        Writes the submissions of a system.
    seen : mapping
        How the system sees pictures: what its results depend on besides its weights.
    """
    weights = f"model/{system.model}"

    def run(folder: Path, inputs: Folders) -> None:
        (file,) = inputs[weights].glob("*.safetensors")
        predict(file, pictures.folders[data], split, folder, system)

    name = f"submission/{system.key}_{data}_{split}"
    return Task(name, {"split": split, "seen": seen}, run, (), (weights,), (data,))


def numbers_of_pictures(system: System, pictures: PictureSet, tables: Sequence[str]) -> Task:
    """The task that measures the submissions of a system, for the tables that need no other data than there is."""
    needed = data_of(tables)
    inputs = {data: f"submission/{system.key}_{data}_{pictures.splits[data]}" for data in needed}

    def run(folder: Path, done: Folders) -> None:
        submissions = {data: done[name] for data, name in inputs.items()}
        measures = {table: MEASURES[table](submissions, pictures) for table in tables}
        numbers = {table: Measured.of(one, pictures.bootstrap) for table, one in measures.items()}
        write_numbers(folder / NUMBERS, numbers)

    settings = {"tables": list(tables), "bootstrap": asdict(pictures.bootstrap), "splits": pictures.splits}
    return Task(f"numbers/{system.key}", settings, run, (NUMBERS,), tuple(inputs.values()), tuple(needed))


def measurable(systems: Sequence[System], folders: Mapping[str, Path]) -> list[System]:
    """The systems, without the rows for which data sets are missing."""
    left = [
        replace(
            system,
            rows={
                table: row
                for table, row in system.rows.items()
                if set(ON_PHOTOS_NEEDS if table == ON_PHOTOS else data_of([table])) <= folders.keys()
            },
        )
        for system in systems
    ]
    return [system for system in left if system.rows]


def picture_tasks(
    systems: Sequence[System],
    pictures: PictureSet,
    predict: Predictor,
    plan: Plan,
) -> list[Task]:
    """All tasks of the systems, from the models on; the test split is predicted where it is there.

    Parameters
    ----------
    systems : sequence of System
    pictures : PictureSet
    predict : callable
        Writes the submissions of a system.
    plan : Plan
        Says how a system sees pictures.
    """
    tasks: list[Task] = []
    for system in systems:
        tables = [table for table in MEASURES if table in system.rows]
        tasks.append(numbers_of_pictures(system, pictures, tables))
        predicted = [(data, pictures.splits[data]) for data in data_of(tables)]
        if set(tables) & set(TEST_TABLES) and _has_test(pictures.folders["lip"]):
            predicted.append(("lip", "test"))
        seen = {"crop": asdict(plan.crop_of(system.key)), "views": asdict(plan.views)}
        tasks += [submission_task(system, *of, pictures, predict, seen) for of in predicted]
    return tasks


def _has_test(folder: Path) -> bool:
    try:
        return bool(read_lip(folder, "test"))
    except ValueError:
        return False
