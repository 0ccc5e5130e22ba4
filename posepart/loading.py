"""From a model set to a `Pipeline`: which networks fill the stages of Figure 2, and on which device they run."""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import TypeVar

import torch
from torch import nn

from posepart.config import PipelineConfig, at_speed
from posepart.engines.engine import Engine, choose_engine, run_on
from posepart.jppnet.networks import JppnetNetworks, JppnetParts, PeakAssembler, check_schema
from posepart.jppnet.single_task import SingleTaskNetworks, check_outputs, no_poses, whole_photo
from posepart.models.model_set import SINGLE_TASKS, ModelSet, find_model
from posepart.models.pose_fcn import PoseNetwork
from posepart.models.refine import SecondStage
from posepart.models.weight_files import load_network, read_tensors
from posepart.pipeline import Assembler, Pipeline
from posepart.schema import POSEPART
from posepart.stages.calibration import load_calibration
from posepart.stages.crf import CrfAssembler
from posepart.stages.detection import PersonDetector, build_detector
from posepart.stages.networks import CropNetworks, FcnNetworks
from posepart.stages.pairwise import PairwiseModel
from posepart.stages.refinement import Refiner
from posepart.stages.tiles import TiledDetector

PHOTO = "photo"  # the detector of `load` that finds one box, the photo


def load(
    name_or_folder: str | Path = "posepart-s",
    *,
    detector: str = "default",
    config: PipelineConfig | None = None,
    speed: str | None = None,
    device: str = "cpu",
    engine: str | Engine = "auto",
    precision: str = "auto",
) -> Pipeline:
    """A pipeline with trained weights.

    With a JPPNet and no Pose FCN, a model is a JPPNet alone: joints are peaks of its heat maps, without a CRF and a
    second stage. With both, the JPPNet is the first-stage Part FCN. A parsing network alone gives parts without
    people, a pose network alone people without parts. These networks always run in torch.

    Parameters
    ----------
    name_or_folder : str or Path
        An installed model (`posepart models` lists them) or a folder of weights with cards.
    detector : str
        "default" is the model's own; "photo" takes the photo for the one box, as does "default" of a model without a
        detector; others as for `stages.detection.build_detector`.
    config : PipelineConfig, optional
        `PipelineConfig()` by default; `config.PAPER` has the numbers of the paper.
    speed : str, optional
        "accurate", "balanced" or "fast", in place of `config`; `config.at_speed` combines both.
    device : str
        The device of the networks, as torch names it.
    engine, precision
        See `engines.engine.choose_engine`; an Engine has its own precision.

    Raises
    ------
    ValueError
        An argument is of another type or unknown, or weights are missing, damaged, or made for other settings.
    """
    _check_type("name_or_folder", name_or_folder, str, Path)
    _check_type("detector", detector, str)
    config = _settings(config, speed)
    model = find_model(name_or_folder)
    check_device(device)
    engine = choose_engine(engine, precision, device) if isinstance(engine, str) else engine
    people = _detector(model, detector, config, device, engine)
    networks, assembler, refiner = _stages(model)(model, config, device, engine)
    if not model.cards.keys() - {"detector", "parsing", "calibration"}:  # no crop has a pose
        config = replace(config, merge=replace(config.merge, vote_without_pose=True))
    # threads of torch that wait spin, and hold up others
    turn = Lock() if engine.name == "torch" else nullcontext()
    return Pipeline(people, networks, assembler, refiner, config, load_calibration(model), model.name, turn)


def _settings(config: PipelineConfig | None, speed: str | None) -> PipelineConfig:
    _check_type("config", config, PipelineConfig, type(None))
    _check_type("speed", speed, str, type(None))
    if speed is None:
        return config or PipelineConfig()
    if config is not None:
        raise ValueError("give config or speed; posepart.config.at_speed(speed, config) combines both")
    return at_speed(speed)


def _detector(
    model: ModelSet, name: str, config: PipelineConfig, device: str, engine: Engine
) -> PersonDetector:
    if name == PHOTO or (name == "default" and "detector" not in model.cards):
        return whole_photo
    whole = build_detector(name, config.detection, device, model.path("detector"), engine)
    return TiledDetector(whole, whole.longest, config.detection)


def _check_type(name: str, value: object, *kinds: type) -> None:
    """Refuse an argument of another type, and say what makes the right one."""
    if isinstance(value, kinds):
        return
    mend = ""
    if kinds[0] is PipelineConfig and isinstance(value, Mapping):
        mend = f"; write posepart.PipelineConfig({', '.join(f'{key}=...' for key in value)})"
    elif kinds[0] is PipelineConfig:
        mend = "; posepart.PipelineConfig() holds the defaults, posepart.PAPER the numbers of the paper"
    raise ValueError(f"{name}: expected a {kinds[0].__name__}, got {value!r} ({type(value).__name__}){mend}")


Network = TypeVar("Network", bound=nn.Module)
Stages = tuple[CropNetworks, Assembler, Refiner | None]


def _stages(model: ModelSet) -> Callable[[ModelSet, PipelineConfig, str, Engine], Stages]:
    """The function that makes the stages which this model has."""
    if "pose" in model.cards:
        return _fcn_stages
    return _jppnet_stages if "jppnet" in model.cards else _single_task_stages


def _fcn_stages(model: ModelSet, config: PipelineConfig, device: str, engine: Engine) -> Stages:
    """The networks, the CRF and the second stage of Xia et al."""
    pairwise = load_pairwise(model.path("crf"))
    pairwise.variant(config.features.segment_term)  # an error now, not at the first photo
    pose = _on(load_pose(model.path("pose")), device)
    run_on(engine, pose, "features")
    if "part" in model.cards:
        part = _network(model, "part", device)
        run_on(engine, part)
    else:
        part = JppnetParts(_jppnet(model, device), config.jppnet)
    second = _second_stage(model, config, device)
    run_on(engine, second)
    refiner = Refiner(second, config, device=device)
    networks = FcnNetworks(pose, part, config, device)
    return networks, CrfAssembler(pairwise, config), refiner if config.refine else None


def _jppnet_stages(model: ModelSet, config: PipelineConfig, device: str, engine: Engine) -> Stages:
    """A JPPNet alone."""
    networks = JppnetNetworks(_jppnet(model, device), config, device)
    return networks, PeakAssembler(config.choice), None


def _single_task_stages(model: ModelSet, config: PipelineConfig, device: str, engine: Engine) -> Stages:
    """A parsing network, a pose network or both."""
    found = {stage: _network(model, stage, device) for stage in SINGLE_TASKS if stage in model.cards}
    for stage, network in found.items():
        check_outputs(network, stage, POSEPART, model.path(stage))
    networks = SingleTaskNetworks(found.get("parsing"), found.get("joints"), config, device)
    return networks, PeakAssembler(config.choice) if "joints" in found else no_poses, None


def _network(model: ModelSet, stage: str, device: str) -> nn.Module:
    return _on(load_network(model.path(stage)), device)


def _on(network: Network, device: str) -> Network:
    return network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]


def _second_stage(model: ModelSet, config: PipelineConfig, device: str) -> SecondStage:
    """The second stage, if it will see the label maps that it was trained on.

    On a CPU the layout of the weights stays: results there are the same from version to version.
    """
    network = load_second_stage(model.path("refine"))
    for name, value in model.cards["refine"].skeleton.items() if config.refine else ():
        if getattr(config.skeleton, name, value) != value:
            raise ValueError(
                f"{model.path('refine')}: was trained on label maps with skeleton.{name} {value!r}, not "
                f"{getattr(config.skeleton, name)!r}; set skeleton.{name} of the pipeline to it"
            )
    if torch.device(device).type != "cpu":
        network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network


def _jppnet(model: ModelSet, device: str) -> nn.Module:
    network = _network(model, "jppnet", device)
    check_schema(network, model.path("jppnet"))
    return network


def load_pairwise(path: Path) -> PairwiseModel:
    """The pairwise model of a weight file of stage `crf`.

    Raises
    ------
    ValueError
        If the file is missing or damaged.
    """
    return PairwiseModel.from_arrays({name: tensor.numpy() for name, tensor in read_tensors(path).items()})


def load_pose(path: Path) -> PoseNetwork:
    """The Pose FCN of a weight file.

    Raises
    ------
    ValueError
        If the file is missing, damaged, or holds another kind of network.
    """
    return _load_as(PoseNetwork, path, "no Pose FCN; `train.py pose` makes one")


def load_second_stage(path: Path) -> SecondStage:
    """The second-stage network of a weight file.

    Raises
    ------
    ValueError
        If the file is missing, damaged, or holds another kind of network.
    """
    return _load_as(SecondStage, path, "no second stage; `train.py refine` makes one")


def _load_as(kind: type[Network], path: Path, but: str) -> Network:
    network = load_network(path)
    if not isinstance(network, kind):
        raise ValueError(f"{path}: holds a {type(network).__name__}, {but}")
    return network


def check_device(device: str) -> None:
    """Refuse a device that torch cannot use here.

    Raises
    ------
    ValueError
        With torch's reason.
    """
    _check_type("device", device, str, torch.device)
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"device {device!r} cannot be used here ({reason}); pass --device cpu") from error
