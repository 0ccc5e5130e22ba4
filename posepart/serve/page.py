"""The page: drop a photo, switch layers and settings, click a joint. Only this module imports gradio."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from starlette.applications import Starlette

from posepart.arrays import Rgb
from posepart.explanation.explain import crf_of
from posepart.explanation.picture import draw_explanation
from posepart.pipeline import Pipeline
from posepart.serve.gate import Gate
from posepart.serve.layers import (
    Layers,
    draw_choice,
    draw_layers,
    joint_at,
    joint_choices,
    legend,
    view_scale,
)
from posepart.serve.photos import read_within
from posepart.serve.settings import ServeConfig
from posepart.serve.study import Studies, Study, Variant, shrunken
from posepart.serve.words import joint_words, people_words

KEPT_SECONDS = 600  # s, for which the pictures that the page shows lie in the temporary folder
PARTS = ("none", "first stage", "second stage")
SHOWN = ("boxes", "skeletons", "candidates", "joint maps")
ALL_JOINTS = joint_choices()[0]
HINT = "Click a joint to see why it is where it is."
WELCOME = (
    "Drop a photo. It is seen by this machine only, and forgotten when you close the page or drop others."
)
STYLE = """
.gradio-container { max-width: 1500px !important; margin: 0 auto; }
#legend { display: flex; flex-wrap: wrap; gap: 4px 18px; font-size: 0.85rem; }
#legend i { display: inline-block; width: 0.8em; height: 0.8em; border-radius: 2px; margin-right: 6px; }
#words table, #people table { width: 100%; font-size: 0.9rem; font-variant-numeric: tabular-nums; }
#words th, #words td, #people th, #people td { padding: 4px 10px !important; border-color: #8884 !important; }
#words td:nth-child(-n+2) { white-space: nowrap; }
footer { display: none !important; }
"""


@dataclass(frozen=True)
class Wishes:
    """The controls of the page."""

    shown: tuple[str, ...] = ("boxes", "skeletons")  # of `SHOWN`
    parts: str = PARTS[2]  # of `PARTS`
    joint: str = ALL_JOINTS  # of `joint_choices`
    segment_term: bool = True  # whether the CRF reads the part maps

    @property
    def variant(self) -> Variant:
        """The settings of the stages."""
        return Variant(self.segment_term, self.parts != PARTS[1])

    @property
    def layers(self) -> Layers:
        """What is drawn."""
        joint = joint_choices().index(self.joint) - 1
        return Layers(
            "boxes" in self.shown,
            "skeletons" in self.shown,
            self.parts != PARTS[0],
            "candidates" in self.shown,
            "joint maps" in self.shown,
            None if joint < 0 else joint,
        )


@dataclass(frozen=True)
class Desk:
    """What the page does when something is dropped, switched or clicked."""

    pipeline: Pipeline
    gate: Gate
    config: ServeConfig
    studies: Studies

    def drop(self, path: str, wishes: Wishes) -> tuple[str, Rgb, str]:
        """Look at an uploaded file, and delete it: its key, the view and the people in words.

        Raises
        ------
        ValueError
            It is no photo, or too large, or too many photos wait.
        """
        file = Path(path)
        try:
            with self.gate.enter():
                photo = shrunken(read_within(file, self.config))
                study = Study(photo, self.pipeline)
                view, words = self._draw(study, wishes)
        except ValueError as error:
            raise type(error)(str(error).replace(str(file), "photo")) from None
        finally:
            file.unlink(missing_ok=True)
        return self.studies.add(study), view, words

    def switch(self, key: str, wishes: Wishes) -> tuple[Rgb, str]:
        """The view with other layers or settings."""
        with self.gate.enter():
            return self._draw(self.studies.get(key), wishes)

    def click(self, key: str, wishes: Wishes, xy: tuple[float, float]) -> tuple[Rgb, str, Rgb] | None:
        """The view with the clicked joint marked, its explanation, and the picture of its person; None: no joint."""
        study = self.studies.get(key)
        with self.gate.enter():
            trace, scale = study.trace(wishes.variant), view_scale(study.photo)
            hit = joint_at(trace, xy, scale)
            if hit is None:
                return None
            person, kind = hit
            explanation = study.explanation(wishes.variant, person)
            crf, crop = crf_of(trace, person), trace.evidence[trace.sources[person].crop].crop
            joint = next(j for j in explanation.joints if j.joint == kind and j.in_pose)
            view, _ = self._draw(study, wishes)
            draw_choice(view, trace, person, joint, scale)
            words = joint_words(explanation, joint, person + 1, crf, crop.affine)
            title = f"person {person + 1}"
            return view, words, draw_explanation(crop.image, crf.candidates, explanation, title)

    def _draw(self, study: Study, wishes: Wishes) -> tuple[Rgb, str]:
        trace, layers = study.trace(wishes.variant), wishes.layers
        maps = study.joint_maps() if layers.joint_maps else []
        return draw_layers(study.photo, trace, maps, layers), people_words(trace)


def make_page(desk: Desk) -> gr.Blocks:
    """The page as gradio's blocks, which nothing has started yet."""
    with gr.Blocks(
        title="posepart", analytics_enabled=False, delete_cache=(KEPT_SECONDS // 10, KEPT_SECONDS)
    ) as page:
        gr.Markdown("# posepart\nPeople, joints and body parts, and why they are what they are.")
        key = gr.State("")
        with gr.Row():
            with gr.Column(scale=3):
                view = gr.Image(
                    type="filepath",
                    image_mode=None,
                    format="jpeg",
                    sources=["upload"],
                    height=560,
                    label="Photo",
                    elem_id="view",
                    buttons=["download", "fullscreen"],
                )
                gr.HTML(legend())
                people = gr.Markdown(WELCOME, elem_id="people")
            with gr.Column(scale=2, min_width=360):
                wishes = _controls()
                words = gr.Markdown("", elem_id="words")
                picture = gr.Image(
                    label="The person's energy", interactive=False, visible=False, buttons=["fullscreen"]
                )
        _connect(desk, wishes, (key, view, people), (words, picture))
    page.queue(max_size=desk.config.waiting + 1, api_open=False)
    return page


def mount(app: Starlette, desk: Desk) -> None:
    """Put the page at `/` of an application."""
    gr.mount_gradio_app(
        app,  # type: ignore[arg-type]  # of fastapi's application only what starlette's has is used
        make_page(desk),
        path="/",
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        ssr_mode=False,
        mcp_server=False,
        max_file_size=desk.config.max_bytes,
        theme=gr.themes.Default(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]),
        css=STYLE,
        app_kwargs={"docs_url": None, "redoc_url": None, "openapi_url": None},
    )


def _controls() -> list[Any]:
    """The controls, in the order of `Wishes`."""
    return [
        gr.CheckboxGroup(SHOWN, value=list(Wishes().shown), label="Show", elem_id="shown"),
        gr.Radio(PARTS, value=Wishes().parts, label="Parts", elem_id="parts"),
        gr.Dropdown(
            joint_choices(), value=ALL_JOINTS, label="Joint of candidates and joint maps", elem_id="joint"
        ),
        gr.Checkbox(Wishes().segment_term, label="Segment term: parts help to group joints", elem_id="term"),
    ]


def _connect(
    desk: Desk, controls: list[Any], shown: tuple[Any, Any, Any], explained: tuple[Any, Any]
) -> None:
    """Tell gradio what happens when."""
    key, view, people = shown
    nothing = (HINT, gr.update(value=None, visible=False))

    def wishes_of(shown: list[str], *others: Any) -> Wishes:
        return Wishes(tuple(shown), *others)

    def drop(path: str, old: str, *values: Any) -> tuple[Any, ...]:
        desk.studies.forget(old)
        new, drawn, words = _spoken(lambda: desk.drop(path, wishes_of(*values)))
        return new, drawn, words, *nothing

    def switch(old: str, *values: Any) -> tuple[Any, ...]:
        if not old:
            return (gr.skip(),) * 4
        drawn, words = _spoken(lambda: desk.switch(old, wishes_of(*values)))
        return drawn, words, *nothing

    def click(
        old: str, shown: list[str], parts: str, joint: str, term: bool, event: gr.SelectData
    ) -> tuple[Any, ...]:
        at, wishes = (float(event.index[0]), float(event.index[1])), wishes_of(shown, parts, joint, term)
        found = _spoken(lambda: desk.click(old, wishes, at)) if old else None
        if found is None:
            return gr.skip(), f"No joint is near this place. {HINT}", gr.update(value=None, visible=False)
        drawn, words, picture = found
        return drawn, words, gr.update(value=picture, visible=True)

    def clear(old: str) -> tuple[Any, ...]:
        desk.studies.forget(old)
        return "", WELCOME, "", nothing[1]

    quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "minimal"}
    view.upload(drop, [view, key, *controls], [key, view, people, *explained], **quiet)
    view.clear(clear, [key], [key, people, *explained], **quiet)
    view.select(click, [key, *controls], [view, *explained], **quiet)
    for control in controls:
        control.input(switch, [key, *controls], [view, people, *explained], **quiet)


def _spoken(work: Any) -> Any:
    """Do it, and let gradio show the sentence of an error."""
    try:
        return work()
    except ValueError as error:
        raise gr.Error(str(error), duration=15, print_exception=False) from None
