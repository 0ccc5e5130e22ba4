"""Boxes, joints and parts from exported networks, without torch and without posepart.

    pip install onnxruntime opencv-python
    posepart models posepart-s --export networks
    python examples/without_torch.py networks PHOTO -o overlay.png

Joints are plain maxima of their maps: the CRF, the second stage and the averages over looks are left out.
"""

import argparse
import json
from pathlib import Path

import cv2
import numpy as np
import onnxruntime

arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
for name in ("networks", "photo"):
    arguments.add_argument(name, type=Path)
arguments.add_argument("-o", "--out", type=Path, required=True)
chosen = arguments.parse_args()

manifest = json.loads((chosen.networks / "manifest.json").read_text())
files = {stage: str(chosen.networks / network["file"]) for stage, network in manifest["networks"].items()}
detector, pose, part = (onnxruntime.InferenceSession(files[stage]) for stage in ("detector", "pose", "part"))
crop_size, grey = manifest["crop"]["size"], [manifest["crop"]["grey"]] * 3

photo = cv2.imread(str(chosen.photo))
if photo is None:
    raise SystemExit(f"{chosen.photo}: not a photo that OpenCV reads")
side = manifest["networks"]["detector"]["inputs"][0]["shape"][2]
zoom = side / max(photo.shape[:2])
small = cv2.resize(photo, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA)[:side, :side, ::-1]
image = np.full((1, 3, side, side), 0.5, np.float32)
image[0, :, : small.shape[0], : small.shape[1]] = small.transpose(2, 0, 1) / 255
boxes, scores = detector.run(None, {"image": image})
for x0, y0, x1, y1 in boxes[scores > 0.6] / zoom:
    scale = crop_size / (manifest["crop"]["margin"] * max(x1 - x0, y1 - y0))
    middle = crop_size / 2 - scale * np.array([x0 + x1, y0 + y1]) / 2
    to_crop = np.array([[scale, 0, middle[0]], [0, scale, middle[1]]])
    crop = cv2.warpAffine(photo, to_crop, (crop_size, crop_size), borderValue=grey)[:, :, ::-1]
    crops = (crop.transpose(2, 0, 1)[None] / 127.5 - 1).astype(np.float32)
    joints, parts = pose.run(["joints"], {"crops": crops})[0][0], part.run(None, {"crops": crops})[0][0]
    mask = cv2.resize(
        parts.argmax(0).astype(np.uint8), (crop_size, crop_size), interpolation=cv2.INTER_NEAREST
    )
    back, size = cv2.invertAffineTransform(to_crop), photo.shape[1::-1]
    pixels = cv2.warpAffine(mask, back, size, flags=cv2.INTER_NEAREST)
    photo[pixels > 0] = photo[pixels > 0] // 2 + np.stack([pixels * 40] * 3, 2)[pixels > 0] // 2
    for name, heat in zip(manifest["joints"], joints, strict=True):
        row, column = np.unravel_index(heat.argmax(), heat.shape)
        x, y = back @ [(column + 0.5) * crop_size / heat.shape[1], (row + 0.5) * crop_size / heat.shape[0], 1]
        print(f"{name} {x:.0f} {y:.0f} {1 / (1 + np.exp(-heat.max())):.2f}")
        cv2.circle(photo, (int(x), int(y)), 3, (0, 255, 255), -1)
cv2.imwrite(str(chosen.out), photo)
