"""`POST /v1/scenes`: the bytes of a photo in, its scene out as JSON or COCO."""

import asyncio
import hashlib

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from posepart.formats.coco import coco_record
from posepart.formats.records import LabelSet
from posepart.formats.results import photo_of_scene
from posepart.io.files import Record
from posepart.io.results import PhotoInfo, scene_to_record
from posepart.pipeline import Pipeline
from posepart.serve.gate import Busy, Gate
from posepart.serve.photos import TooLarge, check_bytes, photo_of
from posepart.serve.settings import ServeConfig
from posepart.structures import Scene

FORMATS = ("json", "coco")
_PARAMETERS = ("format", "name")
_LONGEST_NAME = 200  # characters
_HOW = "send the bytes of one photo as the body, as curl --data-binary @photo.jpg does"


class Refused(ValueError):
    """A request that is refused, with its status."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


def routes(pipeline: Pipeline, gate: Gate, config: ServeConfig) -> list[Route]:
    """The addresses of the service."""

    async def scenes(request: Request) -> Response:
        try:
            _check(request, config)
            content = await _body(request, config)
            record = await run_in_threadpool(_scene_record, request, content, pipeline, gate, config)
            return JSONResponse(record)
        except Busy as error:
            return refusal(503, str(error), {"Retry-After": "5"})
        except TooLarge as error:
            return refusal(413, str(error), {"Connection": "close"})
        except Refused as error:
            return refusal(error.status, str(error))
        except ValueError as error:
            return refusal(400, str(error))

    async def health(_: Request) -> Response:
        return JSONResponse({"model": pipeline.name})

    return [Route("/v1/scenes", scenes, methods=["POST"]), Route("/v1/health", health, methods=["GET"])]


def refusal(status: int, sentence: str, headers: dict[str, str] | None = None) -> Response:
    """An answer that says why there is no other."""
    return JSONResponse({"error": sentence}, status, headers)


def _check(request: Request, config: ServeConfig) -> None:
    """Refuse what its head shows to be no photo, before the body is read."""
    for name in request.query_params:
        if name not in _PARAMETERS:
            raise Refused(400, f"unknown parameter {name!r}: known are {', '.join(_PARAMETERS)}; {_HOW}")
    wanted = request.query_params.get("format", "json")
    if wanted not in FORMATS:
        raise Refused(400, f"format: expected {' or '.join(FORMATS)}, got {wanted!r}")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind.startswith("multipart/") or kind == "application/json":
        raise Refused(415, f"{kind} is not read here; {_HOW}")
    length = request.headers.get("content-length", "")
    if length.isdigit():
        check_bytes(int(length), config)


async def _body(request: Request, config: ServeConfig) -> bytes:
    """The body, of which no more is kept than may be."""
    content = bytearray()
    try:
        async with asyncio.timeout(config.body_seconds):
            async for chunk in request.stream():
                content += chunk
                check_bytes(len(content), config)
    except TimeoutError:
        raise Refused(
            408, f"the photo did not arrive within {config.body_seconds:g} s; send it again"
        ) from None
    if not content:
        raise Refused(400, f"the body is empty; {_HOW}")
    return bytes(content)


def _scene_record(
    request: Request, content: bytes, pipeline: Pipeline, gate: Gate, config: ServeConfig
) -> Record:
    name = request.query_params.get("name", "photo")[:_LONGEST_NAME]
    with gate.enter():
        scene = pipeline(photo_of(content, config))
    if request.query_params.get("format") == "coco":
        return coco_of(scene, name)
    width, height = scene.size
    return scene_to_record(
        scene, PhotoInfo("photo", name, width, height, hashlib.sha256(content).hexdigest())
    )


def coco_of(scene: Scene, name: str) -> Record:
    """A scene as the content of a COCO file with boxes, joints, and masks of people and parts."""
    return coco_record(LabelSet((photo_of_scene(scene, name, 1),)))
