"""`posepart evaluate`: measures results on labelled photos and writes a folder to look at.

`evaluate.evaluate` is the whole; `predictions` says where results come from, `paper_tables` and `figures` what is
shown of them, `worst_cases` keeps the pictures, `contents` puts all of it in order, and `page` makes HTML of it.
"""
