"""The networks that the papers compare with, one file for each; attention to scale is in `jppnet.attention`."""
