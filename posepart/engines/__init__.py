"""How a network is executed: by OpenVINO on a CPU, or by torch itself."""

AUTO = "auto"  # the fastest that is there
ENGINES = (AUTO, "openvino", "torch")
PRECISIONS = (AUTO, "float32", "bfloat16")
