"""The types of rasterisation, shared by both rasterisers."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from posepart.arrays import Mask

from ..people.rotations import Array

Faces = NDArray[np.integer]  # (F, 3), vertex numbers
FaceIds = NDArray[np.int32]  # (H, W), a face number per pixel, -1 where nothing is
# (xy, inverse_depth, faces, one_sided, width, height) -> (inverse depths, face ids); see `raster.rasterise_numpy`
Rasteriser = Callable[[Array, Array, Faces, Mask, int, int], tuple[Array, FaceIds]]

MIN_AREA = 1e-9  # square pixels; smaller triangles are not drawn
