"""The person detector: a Faster R-CNN on a MobileNetV2 pyramid, guided by a NanoDet."""
