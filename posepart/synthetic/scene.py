"""The generator's result: a picture with exact labels."""

from dataclasses import dataclass

from posepart.arrays import Float32, Ids, Rgb


@dataclass(frozen=True)
class SyntheticPerson:
    """The labels of a person of whom at least one pixel is seen.

    Attributes
    ----------
    joints : (14, 3) float32
        x, y in pixels (centres at integers) and COCO visibility, in the schema's order: 2 visible, 1 in the image
        but occluded, 0 outside the image. x and y are always exact, except behind the camera, where they are 0.
    box : (4,) float32
        xyxy of the visible pixels, half open: they fit exactly into image[y0:y1, x0:x1].
    amodal_box : (4,) float32
        xyxy of the whole body with clothes and hair, also outside the image.
    family : str
        Pose family.
    area : int
        Number of visible pixels.
    age : float
        Years.
    figure : int
        Which of the people of the scene it is, from 0, those who are not seen counted, too: the same person in every
        frame of a clip.
    """

    joints: Float32
    box: Float32
    amodal_box: Float32
    family: str
    area: int
    age: float
    figure: int


@dataclass(frozen=True)
class SyntheticScene:
    """A generated picture with its labels."""

    image: Rgb  # (H, W, 3)
    parts: Ids  # (H, W), part ids of the schema
    instances: Ids  # (H, W), 0 for nobody, k for people[k - 1]
    people: tuple[SyntheticPerson, ...]  # those who are seen
    seed: int  # of the scene

    def __post_init__(self) -> None:
        shape = self.image.shape[:2]
        for name in ("parts", "instances"):
            if getattr(self, name).shape != shape:
                raise ValueError(f"{name}: expected shape {shape}, got {getattr(self, name).shape}")
