"""Tables 1 to 4 and Figures 3 and 4 of Xia et al.: from a plan and a data set to the report."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from posepart.arrays import Rgb
from posepart.io.photos import read_photo
from posepart.io.results import read_result
from posepart.report.page import Picture
from posepart.reproduction.comparison import NUMBERS, Comparison, Measured, read_numbers
from posepart.reproduction.panels import FIGURE_3, FIGURE_4, chosen_photos, part_row, pose_row, write_panel
from posepart.reproduction.photos import MEASURES, PhotoSet, results_of
from posepart.reproduction.printed_tables import read_printed
from posepart.reproduction.systems import SMALL_FIRST, XIA_FIRST, System
from posepart.reproduction.tasks import Tasks


def comparisons(
    systems: Sequence[System], tasks: Tasks, photos: PhotoSet, paper: str = "xia2017"
) -> list[Comparison]:
    """The tables of the systems whose numbers were measured; `paper` may be the summary."""
    tables, firsts, confidence = [], {**XIA_FIRST, **SMALL_FIRST}, photos.bootstrap.confidence
    measured = {
        system.key: read_numbers(tasks.folder_of(f"numbers/{system.key}") / NUMBERS) for system in systems
    }
    for key, printed in read_printed(paper).items():
        rows: dict[str, Measured] = {
            system.rows[key]: measured[system.key][key]
            for system in systems
            if key in MEASURES and key in system.rows
        }
        if rows:
            count = max(one.photos for one in rows.values())
            tables.append(Comparison(printed, rows, firsts[key], f"{count} photos.", confidence))
    return tables


def write_panels(
    out: Path, systems: Sequence[System], tasks: Tasks, photos: PhotoSet, count: int
) -> list[Picture]:
    """Write Figures 3 and 4 of some photos, with the systems that were run.

    Parameters
    ----------
    out : Path
        Folder of the report; the pictures go to `panels` below it.
    systems : sequence of System
    tasks : Tasks
    photos : PhotoSet
    count : int
        How many photos to show.
    """
    (out / "panels").mkdir(exist_ok=True)
    pictures = []
    for name, columns in (("Figure 3", FIGURE_3), ("Figure 4", FIGURE_4)):
        chosen = {title: system for key, title in columns.items() for system in systems if system.key == key}
        if not chosen:
            continue
        file = f"panels/{name.lower().replace(' ', '_')}.jpg"
        rows = _rows(chosen, tasks, photos, count, parts=name == "Figure 4")
        if rows:
            write_panel(out / file, rows)
            what = "semantic parts" if name == "Figure 4" else "poses"
            caption = f"{', '.join(chosen)} on {len(rows)} photos spread over the val split"
            pictures.append(Picture(f"{name}: {what}", f"{caption}.", file))
    return pictures


def _rows(
    columns: Mapping[str, System], tasks: Tasks, photos: PhotoSet, count: int, *, parts: bool
) -> list[dict[str, Rgb]]:
    found = {
        title: results_of(tasks.folder_of(f"results/{system.key}"), photos)
        for title, system in columns.items()
    }
    rows: list[dict[str, Rgb]] = []
    for place in chosen_photos(count, len(next(iter(found.values())))):
        sample = next(iter(found.values()))[place][0]
        image = read_photo(sample.image_path)
        scenes = {title: read_result(results[place][1]) for title, results in found.items()}
        rows.append(part_row(image, scenes, sample) if parts else pose_row(image, scenes))
    return rows
