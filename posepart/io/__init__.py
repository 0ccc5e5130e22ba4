"""The formats that the pipeline reads and writes: photos, results, PNGs of ids, folders of a run."""
