"""JPPNet (Liang et al.) in the pipeline, on its own or as the first-stage Part FCN."""
