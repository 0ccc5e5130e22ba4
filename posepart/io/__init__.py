"""The only place that touches the disk: photos, results, label maps, run folders."""
