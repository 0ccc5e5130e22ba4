"""Metrics, one file per family; `suite.evaluate_scenes` computes all of them on labelled photos.

Every metric works in two steps: a function judges one photo (`match_boxes`, `judge_joints`, `right_joints`,
`measure_distances`, `confusion_matrix`, `judge_parsing`), a second one scores the records of many photos, each
counted as often as a weight says, which is what the bootstrap draws. Scores are shares in [0, 1].
"""
