"""Files of other tools: one module per format, all through the records of `formats.records`."""
