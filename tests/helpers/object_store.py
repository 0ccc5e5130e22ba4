"""An S3 server on this machine, for tests of object stores."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

BUCKET = "s3://photos"


@contextmanager
def s3_server() -> Iterator[str]:
    """A server with one empty bucket, which fsspec finds through the environment; the address of the bucket.

    The environment stays changed inside only, and reaches processes that are started there.
    """
    server = pytest.importorskip("moto.server")
    fsspec = pytest.importorskip("fsspec")
    pytest.importorskip("s3fs")
    running = server.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    settings = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        fsspec.filesystem("s3", skip_instance_cache=True).mkdir(BUCKET)
        yield BUCKET
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
        running.stop()
