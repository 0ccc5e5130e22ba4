"""What stands before the page and the service: who may ask, how much may come in, and where a browser may go."""

import json
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from posepart.serve.settings import LOOPBACK, MEGA, ServeConfig

# A browser loads from this machine only, whatever a library writes into its page, and nobody else frames the page.
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; form-action 'self'; "
    "base-uri 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
_EVENT_BYTES = MEGA  # of what the page sends about an event; photos are not among it
_FORM_BYTES = 10_000  # of a form around an uploaded photo


class Guard:
    """An application behind the checks.

    Parameters
    ----------
    app : ASGI application
    config : ServeConfig
    """

    def __init__(self, app: ASGIApp, config: ServeConfig) -> None:
        self._app, self._config = app, config

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        refused = self._refusal(scope, headers)
        if refused is None and _is_event(scope, headers):
            body = await _read(receive, _EVENT_BYTES)
            refused = (413, "the message is too long") if body is None else _addresses(body)
            receive = _replayed(body or b"", receive)
        if refused is not None:
            response = JSONResponse({"error": refused[1]}, refused[0])
            await response(scope, receive, send_with_headers)
            return
        await self._app(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope, headers: Headers) -> tuple[int, str] | None:
        """Why a request is refused because of its head: status and sentence."""
        host = headers.get("host", "")
        if self._config.on_loopback and urlsplit(f"//{host}").hostname not in LOOPBACK:
            return 403, f"this service answers to {', '.join(LOOPBACK)} only, not to {host[:100]}"
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != host:
            return 403, f"pages of {origin[:100]} may not ask here"
        length = headers.get("content-length", "0")
        if length.isdigit() and int(length) > self._config.max_bytes + _FORM_BYTES:
            return 413, f"more than {self._config.max_bytes / MEGA:g} MB, which is the limit of a photo"
        if "file=http" in scope["path"].replace("%3A", ":"):
            return 404, "addresses are not followed"
        return None


def _is_event(scope: Scope, headers: Headers) -> bool:
    is_json = headers.get("content-type", "").startswith("application/json")
    return scope["method"] == "POST" and scope["path"].startswith("/gradio_api/") and is_json


async def _read(receive: Receive, most: int) -> bytes | None:
    """The whole body; None if it is longer than allowed."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > most:
            return None
    return body


def _replayed(body: bytes, receive: Receive) -> Receive:
    """A receiver that gives the body again, and then what comes."""
    left = [body]

    async def again() -> Message:
        if left:
            return {"type": "http.request", "body": left.pop(), "more_body": False}
        return await receive()

    return again


def _addresses(body: bytes) -> tuple[int, str] | None:
    """Refuse a file that is an address, which gradio would fetch."""
    try:
        waiting = [json.loads(body)] if body else []
    except ValueError:
        return 400, "the message is no JSON"
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            path = value.get("path")
            if isinstance(path, str) and "://" in path:
                return 400, "a photo must be uploaded; addresses are not followed"
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
    return None
