"""What a data set calls the joints and labels of a body: everything that crops, losses and scores ask of it."""

from dataclasses import dataclass, field

import numpy as np

from posepart.arrays import Ids


@dataclass(frozen=True)
class BodySchema:
    """The joints and labels of a data set.

    Of networks that learn both, the maps are in this order. Label 0 is the background.
    """

    name: str  # as in settings, e.g. "lip"
    joints: tuple[str, ...]  # names in order of their ids; none where people have labels only
    flip_joints: tuple[int, ...]  # the joint that each becomes in a mirrored picture
    labels: tuple[str, ...]  # names in order of their ids; none where people have joints only
    flip_labels: tuple[int, ...]  # the label that each becomes in a mirrored picture
    regions: dict[str, tuple[int, ...]] = field(
        default_factory=dict, hash=False
    )  # of the structure loss, Sec. 5.3
    joint_groups: dict[str, tuple[int, ...]] = field(default_factory=dict, hash=False)  # columns of tables
    total_joints: tuple[int, ...] = ()  # joints that the total of a table pools
    head: tuple[int, ...] = ()  # the two joints whose distance is the head length of PCKh

    def __post_init__(self) -> None:
        for names, flips in ((self.joints, self.flip_joints), (self.labels, self.flip_labels)):
            paired = sorted(flips) == [*range(len(names))] and all(flips[f] == i for i, f in enumerate(flips))
            if not paired:
                raise ValueError(
                    f"BodySchema {self.name}: the flips {flips} do not pair its {len(names)} names"
                )

    def mirrored(self, labels: Ids) -> Ids:
        """The ids of a label map whose picture is mirrored; the map itself is not turned, ids beyond stay.

        Parameters
        ----------
        labels : uint8 array
        """
        if self.flip_labels == tuple(range(len(self.labels))):
            return labels
        table = np.arange(256, dtype=np.uint8)
        table[: len(self.labels)] = self.flip_labels
        return table[labels]

    def require(self, joints: int | None = None, labels: int | None = None) -> None:
        """Check that a network has this schema's numbers of joints and labels; None is not checked.

        Raises
        ------
        ValueError
            A number differs.
        """
        for what, found, expected in (("joints", joints, self.joints), ("labels", labels, self.labels)):
            if found is not None and found != len(expected):
                raise ValueError(
                    f"the network has {found} {what}, the schema {self.name} has {len(expected)}: set arguments "
                    f"{{{what}: {len(expected)}}} of the builder, or another schema"
                )
