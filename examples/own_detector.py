"""A detector of your own: a pipeline whose person detector is exchanged for a face detector.

    posepart predict --sample -o out
    python examples/own_detector.py out/sample_photos/astronaut.png -o overlay.png

A detector is anything that maps a photo to `PersonBoxes`. This one takes scikit-image's face detector, a cascade of
local binary patterns that comes with it, and guesses the body from the face.
"""

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image
from skimage.data import lbp_frontal_face_cascade_filename
from skimage.feature import Cascade

import posepart
from posepart.arrays import Rgb
from posepart.structures import PersonBoxes


@dataclass(frozen=True)
class FaceDetector:
    """People whose face is seen from the front."""

    least_face: int = 60  # px
    body_width: float = 5.0  # of the person, in widths of the face
    body_height: float = 8.0  # in heights of the face

    def __call__(self, image: Rgb) -> PersonBoxes:
        """The people of a photo, (H, W, 3) uint8 RGB; boxes are (N, 4) xyxy in photo pixels, best first."""
        height, width = image.shape[:2]
        faces = Cascade(lbp_frontal_face_cascade_filename()).detect_multi_scale(
            img=image,
            scale_factor=1.2,
            step_ratio=1,
            min_size=(self.least_face, self.least_face),
            max_size=(height, width),
        )
        if not faces:
            return PersonBoxes.empty()
        row, column, w, h = (np.array([face[key] for face in faces]) for key in ("r", "c", "width", "height"))
        middle, half = column + w / 2, self.body_width * w / 2
        corners = [middle - half, row - h / 2, middle + half, row - h / 2 + self.body_height * h]
        xyxy = np.clip(np.stack(corners, axis=1), 0, [width, height, width, height])
        return PersonBoxes(xyxy.astype(np.float32), np.ones(len(faces), np.float32))


def main() -> None:
    """Parse one photo and draw the result."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photo", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True, help="picture of the result")
    arguments = parser.parse_args()

    pipeline = replace(posepart.load("posepart-s"), detector=FaceDetector())
    photo = posepart.read_photo(arguments.photo)
    scene = pipeline(photo)
    Image.fromarray(posepart.draw_overlay(photo, scene)).save(arguments.out)
    print(f"{len(scene.people)} people; {arguments.out}")


if __name__ == "__main__":
    main()
