"""Metrics, one file per family; `measure.measure_photos` computes all of them on labelled photos.

Every metric works in two steps. A function judges one photo (`match_boxes`, `judge_joints`, `right_joints`,
`measure_distances`, `confusion_matrix`, `judge_parsing`); another scores the records of many photos, each counted
with a weight. The weights are what the bootstrap draws. Scores are shares in [0, 1].
"""
