"""Both papers' tables from their data sets: trainings in order, systems, measures, printed numbers beside ours."""
