"""Both papers' tables from their data sets: trainings in order, systems, measures, the printed numbers beside ours."""
