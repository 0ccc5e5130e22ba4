"""Files of other tools: one module per format, all through the records of `formats.records`."""

NETWORK_FORMATS = ("onnx", "openvino")  # of exported networks, `formats.networks`
