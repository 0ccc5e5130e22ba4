"""The systems that both papers compare, as data: what each is made of, and its row in every table."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from posepart.ablation.deepercut import deepercut_config
from posepart.ablation.variants import SCALED, Variant
from posepart.config import PipelineConfig

# How a system's results come about.
PIPELINE, PARSING, JOINTS, JPPNET = "pipeline", "parsing", "joints", "jppnet"


@dataclass(frozen=True)
class System:
    """A system of a table.

    Attributes
    ----------
    key : str
        Its name on the command line and in files.
    kind : str
        "pipeline": Xia et al., or a variant of it; "parsing", "joints", "jppnet": a network of labels, joints, both.
    model : str
        A model of the plan.
    rows : dict of str to str
        Table -> its row there.
    variant : str
        Of a pipeline, a key of `VARIANTS`.
    """

    key: str
    kind: str
    model: str
    rows: dict[str, str] = field(default_factory=dict)
    variant: str = "final"


def _without_segments(config: PipelineConfig) -> PipelineConfig:
    return replace(config, features=replace(config.features, segment_term=False))


# What a pipeline's variant is, given the settings of the final model. The trees are fitted to the data (Sec. 4.2).
VARIANTS: dict[str, Callable[[PipelineConfig], Variant]] = {
    "final": lambda config: Variant("final", config),
    "without_segments": lambda config: Variant("w/o seg", _without_segments(config)),
    "without_pose": lambda config: Variant("w/o pose", replace(config, refine=False)),
    "aog_simple": lambda config: Variant("AOG-Simple", config, "aog_simple"),
    "aog_seg": lambda config: Variant("AOG-Seg", config, "aog_seg"),
    "chen_yuille": lambda config: Variant("Chen & Yuille", config, "chen_yuille"),
    "deepercut": lambda config: Variant("DeeperCut", deepercut_config(config), "local_search", view=SCALED),
}
FITTED = ("aog_simple", "aog_seg", "chen_yuille")  # variants with potentials of their own


def _pose(name: str) -> dict[str, str]:
    return {"table_1": name, "table_2": name}


# Tables 1 to 4 of Xia et al. Sec. 3 takes LargeFOV as the Part FCN, Sec. 4.3 also ResNet-101.
XIA: tuple[System, ...] = (
    System("chen_yuille", PIPELINE, "vgg16", _pose("Chen & Yuille"), "chen_yuille"),
    System("deepercut", PIPELINE, "vgg16", _pose("Deeper-Cut"), "deepercut"),
    System("aog_simple", PIPELINE, "vgg16", _pose("AOG-Simple"), "aog_simple"),
    System("aog_seg", PIPELINE, "vgg16", _pose("AOG-Seg"), "aog_seg"),
    System("without_segments", PIPELINE, "vgg16", _pose("Our Model (w/o seg)"), "without_segments"),
    System("attention", PARSING, "attention", {"table_3": "Attention", "table_4": "Attention"}),
    System("hazn", PARSING, "hazn", {"table_3": "HAZN", "table_4": "HAZN"}),
    System(
        "vgg16_without_pose",
        PIPELINE,
        "vgg16",
        {"table_3": "Our model (VGG-16, w/o pose)"},
        "without_pose",
    ),
    System(
        "vgg16",
        PIPELINE,
        "vgg16",
        {**_pose("Our Model (final)"), "table_3": "Our model (VGG-16, final)"},
    ),
    System(
        "resnet101_without_pose",
        PIPELINE,
        "resnet101",
        dict.fromkeys(("table_3", "table_4"), "Our model (ResNet-101, w/o pose)"),
        "without_pose",
    ),
    System(
        "resnet101",
        PIPELINE,
        "resnet101",
        dict.fromkeys(("table_3", "table_4"), "Our model (ResNet-101, final)"),
    ),
)
XIA_FIRST = {
    "table_1": "Our Model (final)",
    "table_2": "Our Model (final)",
    "table_3": "Our model (ResNet-101, final)",
    "table_4": "Our model (ResNet-101, final)",
}


def _parses(name: str) -> dict[str, str]:
    tables = ("table_2", "table_3", "table_4", "table_8_left", "table_8_right", "figure_5")
    return dict.fromkeys(tables, name)


def _poses(name: str) -> dict[str, str]:
    return dict.fromkeys(("table_5", "table_6", "table_10", "figure_7"), name)


def _variant(name: str) -> dict[str, str]:
    return dict.fromkeys(("table_11", "table_12"), name)


# Tables 2 to 12 of Liang et al. By their numbers, the JPPNet of the tables of parsing is the variant with
# multi-scale features and one refinement stage, that of the tables of pose the one with two.
LIP: tuple[System, ...] = (
    System("segnet", PARSING, "segnet", _parses("SegNet")),
    System("fcn8s", PARSING, "fcn8s", _parses("FCN-8s")),
    System("deeplab_vgg16", PARSING, "deeplab_vgg16", _parses("DeepLab (VGG-16)")),
    System("attention", PARSING, "attention", _parses("Attention")),
    System("deeplab_resnet101", PARSING, "deeplab_resnet101", _parses("DeepLab (ResNet-101)")),
    System("ssjppnet", PARSING, "ssjppnet", _parses("SS-JPPNet")),
    System("joints_resnet101", JOINTS, "joints_resnet101", _poses("ResNet-101")),
    System("cpm", JOINTS, "cpm", _poses("CPM")),
    System("hourglass", JOINTS, "hourglass", _poses("Hourglass")),
    System("joint", JPPNET, "joint", _variant("Joint")),
    System("joint_msc", JPPNET, "joint_msc", _variant("Joint + MSC")),
    System("joint_s1", JPPNET, "joint_s1", _variant("Joint + S1")),
    System(
        "joint_msc_s1",
        JPPNET,
        "joint_msc_s1",
        {**_parses("JPPNet (with pose info)"), **_variant("Joint + MSC + S1")},
    ),
    System(
        "joint_msc_s2",
        JPPNET,
        "joint_msc_s2",
        {**_poses("JPPNet (with parsing info)"), **_variant("Joint + MSC + S2")},
    ),
    # Table 9: trained and tested on PASCAL-Person-Part, on whole photos.
    System("pascal_deeplab_vgg16", PARSING, "pascal_deeplab_vgg16", {"table_9": "DeepLab-LargeFOV"}),
    System("pascal_hazn", PARSING, "pascal_hazn", {"table_9": "HAZN"}),
    System("pascal_attention", PARSING, "pascal_attention", {"table_9": "Attention"}),
    System("pascal_lg_lstm", PARSING, "pascal_lg_lstm", {"table_9": "LG-LSTM"}),
    System("pascal_ssjppnet", PARSING, "pascal_ssjppnet", {"table_9": "SS-JPPNet"}),
)
LIP_FIRST = {
    **dict.fromkeys(_parses(""), "JPPNet (with pose info)"),
    **dict.fromkeys(_poses(""), "JPPNet (with parsing info)"),
    **dict.fromkeys(_variant(""), "Joint"),
    "table_9": "SS-JPPNet",
}
ON_PHOTOS = "table_9"  # of LIP's tables, the one on photos of several people


def _small(name: str) -> dict[str, str]:
    return {"small": name}


# Every system of both papers, small, on the same boxes.
SMALL: tuple[System, ...] = (
    System("ours", PIPELINE, "ours", _small("Our model")),
    System("without_segments", PIPELINE, "ours", _small("Our model (w/o seg)"), "without_segments"),
    System("without_pose", PIPELINE, "ours", _small("Our model (w/o pose)"), "without_pose"),
    System("aog_simple", PIPELINE, "ours", _small("AOG-Simple"), "aog_simple"),
    System("aog_seg", PIPELINE, "ours", _small("AOG-Seg"), "aog_seg"),
    System("deepercut", PIPELINE, "ours", _small("Deeper-Cut"), "deepercut"),
    System("chen_yuille", PIPELINE, "ours", _small("Chen & Yuille"), "chen_yuille"),
    System("attention", PARSING, "attention", _small("Attention")),
    System("hazn", PARSING, "hazn", _small("HAZN")),
    System("fcn8s", PARSING, "fcn8s", _small("FCN-8s")),
    System("segnet", PARSING, "segnet", _small("SegNet")),
    System("deeplab", PARSING, "deeplab", _small("DeepLab")),
    System("lg_lstm", PARSING, "lg_lstm", _small("LG-LSTM")),
    System("graph_lstm", PARSING, "graph_lstm", _small("Graph LSTM")),
    System("ssjppnet", PARSING, "ssjppnet", _small("SS-JPPNet")),
    System("joints_resnet101", JOINTS, "joints_resnet101", _small("ResNet-101 pose")),
    System("cpm", JOINTS, "cpm", _small("CPM")),
    System("hourglass", JOINTS, "hourglass", _small("Hourglass")),
    System("jppnet", JPPNET, "jppnet", _small("JPPNet")),
)
SMALL_FIRST = {"small": "Our model"}


def chosen_systems(systems: tuple[System, ...], only: Sequence[str]) -> list[System]:
    """The systems of some tables, or some systems, or all.

    Parameters
    ----------
    systems : tuple of System
    only : sequence of str
        Keys of tables and of systems. Of the systems, those are left that are named or, if none is, that have a row
        in a named table; rows of other tables are left out.

    Raises
    ------
    ValueError
        There is no such table or system.
    """
    tables = list(dict.fromkeys(table for system in systems for table in system.rows))
    keys = [system.key for system in systems]
    unknown = [name for name in only if name not in (*tables, *keys)]
    if unknown:
        raise ValueError(
            f"--only {unknown[0]}: no table and no system; the tables are {', '.join(tables)}, the systems "
            f"{', '.join(keys)}"
        )
    named, wanted = set(only) & set(keys), set(only) & set(tables) or set(tables)
    left = [
        replace(system, rows={table: row for table, row in system.rows.items() if table in wanted})
        for system in systems
        if not named or system.key in named
    ]
    return [system for system in left if system.rows]
