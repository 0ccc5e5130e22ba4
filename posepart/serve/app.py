"""The page and the service as one application, and the server that runs it."""

import os
import signal
import socket
import tempfile
from contextlib import closing

import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp

from posepart.io.terminal import LOG
from posepart.pipeline import Pipeline
from posepart.serve.gate import Gate
from posepart.serve.guard import Guard
from posepart.serve.service import routes
from posepart.serve.settings import ServeConfig

CONNECTIONS = 100  # at a time; more get 503
SILENT = {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_DISABLE_TELEMETRY": "1"}  # read at import


def application(pipeline: Pipeline, config: ServeConfig, page: bool = True) -> ASGIApp:
    """The service, with the page at `/`.

    Parameters
    ----------
    pipeline : Pipeline
    config : ServeConfig
    page : bool
        False leaves the page out, and gradio with it.
    """
    gate = Gate(config.waiting)
    app = Starlette(routes=routes(pipeline, gate, config))
    if page:
        os.environ.update(SILENT)
        from posepart.serve.page import Desk, mount
        from posepart.serve.study import Studies

        mount(app, Desk(pipeline, gate, config, Studies()))
    return Guard(app, config)


def serve(pipeline: Pipeline, config: ServeConfig) -> None:
    """Answer until the process is told to stop (Ctrl-C). What the page stores on the disk goes with it.

    Raises
    ------
    ValueError
        The address cannot be used.
    """
    with (
        tempfile.TemporaryDirectory(prefix="posepart_serve_") as folder,
        closing(_bound(config)) as listening,
    ):
        os.environ["GRADIO_TEMP_DIR"] = folder
        app = application(pipeline, config)
        settings = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            limit_concurrency=CONNECTIONS,
            server_header=False,
            timeout_graceful_shutdown=5,
        )
        host, port = listening.getsockname()[:2]
        LOG.info(f"posepart serve: http://{host}:{port} (Ctrl-C ends it)")
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that the folder goes then, too
        uvicorn.Server(settings).run(sockets=[listening])


def _bound(config: ServeConfig) -> socket.socket:
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    listening = socket.socket(family)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((config.host, config.port))
    except OSError as error:
        listening.close()
        raise ValueError(
            f"{config.host}:{config.port} cannot be used ({error.strerror}); choose another --port"
        ) from None
    return listening
