"""`posepart serve`: the page and the service on this machine."""

import contextlib
import importlib.util

from jsonargparse import ArgumentParser, Namespace

from posepart.cli import options

SUMMARY = "Open a page on this machine: drop a photo and look inside; also a small web service."
STRAY_HINT = "photos are dropped on the page; posepart predict reads files"
USAGE = "posepart serve [--port N] [options]"
DESCRIPTION = """\
Start a page and a web service on this machine. On the page, drop a photo; switch boxes,
candidates, joint maps, part maps of both stages and the segment term on and off; click a
joint to read why it is there. POST /v1/scenes takes the bytes of a photo and returns its
people as JSON, or as COCO with masks.

Only programs on this machine can connect, unless --host says otherwise. Nothing is sent
anywhere else, and uploaded photos are deleted. Needs: pip install "posepart[serve]"."""
EPILOG = """\
examples:
  posepart serve                                        then open http://127.0.0.1:7860
  posepart serve --speed fast --port 8000
  curl --data-binary @beach.jpg http://127.0.0.1:7860/v1/scenes
  curl --data-binary @beach.jpg "http://127.0.0.1:7860/v1/scenes?format=coco"

exit codes:
  0  ended with Ctrl-C
  2  it could not start"""
NEEDED = ("gradio", "starlette", "uvicorn")


def parser() -> ArgumentParser:
    """The options of the command."""
    parser = options.new_parser(USAGE, DESCRIPTION, EPILOG)
    parser.add_argument(
        "--host", type=str, default="127.0.0.1", help="Address to listen on. Default: 127.0.0.1."
    )
    parser.add_argument("--port", type=int, default=7860, help="Port to listen on. Default: 7860.")
    parser.add_argument(
        "--max-megabytes", type=float, default=20.0, help="Largest photo that is read, MB. Default: 20."
    )
    parser.add_argument(
        "--max-megapixels", type=float, default=50.0, help="Largest photo that is decoded. Default: 50."
    )
    parser.add_argument(
        "--waiting",
        type=int,
        default=8,
        metavar="N",
        help="Photos that wait while one is in work; more get 503. Default: 8.",
    )
    options.add_segment_switch(parser)
    options.add_refine_switch(parser)
    options.add_network_options(parser)
    options.add_settings(parser)
    return parser


def run(chosen: Namespace) -> int:
    """Serve until Ctrl-C; the exit code."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise ValueError(f'{", ".join(missing)} must be installed: pip install "posepart[serve]"')
    from posepart.serve.settings import MEGA, ServeConfig

    options.check_threads(chosen)
    config = ServeConfig(
        chosen.host,
        chosen.port,
        round(chosen.max_megabytes * MEGA),
        round(chosen.max_megapixels * MEGA),
        chosen.waiting,
    )
    from posepart.serve.app import serve

    pipeline, _ = options.load_pipeline(chosen, options.pipeline_config(chosen))
    with contextlib.suppress(KeyboardInterrupt):  # the way to end it
        serve(pipeline, config)
    return 0
