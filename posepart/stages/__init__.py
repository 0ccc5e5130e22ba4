"""The stages of Figure 2, one file per box: an array or a record in, a record out, and no input or output."""
