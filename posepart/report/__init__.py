"""`posepart evaluate`: measure results on labelled photos and write a report.

`evaluate.evaluate` does all of it. `predictions` is where results come from, `paper_tables` and `figures` show them,
`worst_cases` keeps pictures, `contents` puts everything in order, and `page` makes HTML of it.
"""
