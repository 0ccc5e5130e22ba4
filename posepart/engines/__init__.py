"""How a network is executed: by OpenVINO on a CPU, or by torch itself."""

AUTO = "auto"  # torch; for precisions, what is fast
ENGINES = (AUTO, "openvino", "torch")
PRECISIONS = (AUTO, "float32", "bfloat16")
