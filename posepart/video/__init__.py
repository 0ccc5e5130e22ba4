"""Video: people followed from frame to frame, with smooth joints, tables of their tracks and an overlay video.

A clip is read frame by frame (`reading`), every frame's result is a file (`frames`), people are followed (`tracker`,
`motion`), their joints smoothed with the whole clip known (`smoothing`), and all of it is written (`tables`,
`overlay`). `predict_video` in `predict` does all of this.
"""
