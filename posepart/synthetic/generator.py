"""The generator: turns a configuration and a seed into a labelled scene."""

from dataclasses import dataclass

import numpy as np

from .config import SynthConfig
from .labels import label
from .layout import count_people, sample_layout
from .people.body import load_body
from .people.figures import Figure, sample_figure
from .people.interactions import UPRIGHT, interact, prepare_places, sample_interactions
from .people.rotations import Array
from .render.backgrounds import PhotoFolder, Setting, render_background
from .render.camera import Camera, sample_camera
from .render.expose import expose
from .render.lighting import Light, ShadowMap, sample_light
from .render.mesh import SceneMesh, Solid, assemble, render_ids
from .render.objects import sample_objects
from .render.raster import choose_rasteriser
from .render.shading import look_from, shade
from .scene import SyntheticScene
from .streams import Aspect, Streams

GENERATOR_VERSION = 1  # to be raised whenever the scene of a seed changes


@dataclass(frozen=True)
class Composition:
    """A composed scene: what is where, before any pixel is rendered."""

    camera: Camera
    figures: list[Figure]
    solids: list[Solid]
    mesh: SceneMesh
    light: Light


class SceneGenerator:
    """Draws scenes; each depends only on the configuration and its seed.

    Parameters
    ----------
    config : SynthConfig, optional
    """

    def __init__(self, config: SynthConfig | None = None) -> None:
        self.config = config or SynthConfig()
        self._body = load_body()
        self._photos = PhotoFolder(self.config.photo_folder) if self.config.photo_folder else None
        self._rasterise = choose_rasteriser(self.config.backend)

    def compose(self, seed: int) -> Composition:
        """Draw the camera, people, objects and light of a scene."""
        config, body, streams = self.config, self._body, Streams(seed)
        layout = streams(Aspect.LAYOUT)
        count = count_people(layout, config)
        camera = sample_camera(streams(Aspect.CAMERA), config, count)
        places = sample_layout(layout, config, camera, count)
        interaction = streams(Aspect.INTERACTION)
        pairs = sample_interactions(interaction, places, config.interaction_share)
        places = prepare_places(interaction, places, pairs, ("stand",) if config.plain else UPRIGHT)
        figures = [
            sample_figure(body, streams, k, place, config.adults_only) for k, place in enumerate(places)
        ]
        figures = interact(body, figures, pairs)
        solids = sample_objects(streams(Aspect.OBJECTS), config, body, figures, camera)
        mesh = assemble(figures, solids)
        return Composition(camera, figures, solids, mesh, sample_light(streams(Aspect.LIGHT)))

    def sample(self, seed: int) -> SyntheticScene:
        """Draw the scene of a seed; the same seed gives the same bytes in every process."""
        return self.render(self.compose(seed), seed)

    def render(self, composed: Composition, seed: int) -> SyntheticScene:
        """The picture and the labels of a composed scene; the seed decides the background and the exposure."""
        config = self.config
        camera = composed.camera.scaled(config.supersampling)
        fine = render_ids(composed.mesh, camera, self._rasterise)
        exact = (
            fine if config.supersampling == 1 else render_ids(composed.mesh, composed.camera, self._rasterise)
        )
        streams = Streams(seed)
        shadows = ShadowMap(composed.mesh, composed.figures, composed.light, self._rasterise)
        setting = Setting(composed.camera, composed.light, shadows, self._content(composed))
        background = render_background(streams(Aspect.BACKGROUND), setting, self._photos)
        background = background.repeat(config.supersampling, 0).repeat(config.supersampling, 1)
        lighting = look_from(camera, composed.light, shadows)
        light = shade(
            self._body, composed.figures, composed.solids, fine, composed.mesh, background, lighting
        )
        subject = (fine.owner >= 0) & (fine.owner < len(composed.figures))
        image = expose(streams(Aspect.POST), light, subject, config)
        parts, instances, people = label(self._body, composed.figures, exact, composed.mesh, composed.camera)
        return SyntheticScene(image, parts, instances, people, seed)

    @staticmethod
    def _content(scene: Composition) -> Array:
        """Ground positions (N, 2) that the walls must leave free, metres."""
        places = [figure.bones[:, :2] for figure in scene.figures]
        places += [solid.vertices[:, :2] for solid in scene.solids]
        return np.concatenate([np.zeros((0, 2)), *places])
