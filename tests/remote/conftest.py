"""The sample images on an S3 server."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import s3fs

import augseq

from .servers import Wire, s3_server

ROOT = "s3://photos/drawn"
SECRET = "canary-0f3a9c51"


@dataclass(frozen=True)
class Bucket:
    """A bucket behind a connection that can be cut."""

    wire: Wire
    options: dict[str, Any]

    def remote(self, **more: Any) -> augseq.RemoteOptions:
        """Return the storage options to reach it."""
        return augseq.RemoteOptions(storage_options=self.options, **more)

    def index(self, **more: Any) -> augseq.Manifest:
        """Index it."""
        return augseq.index_folder(ROOT, remote=self.remote(**more), progress=False)


@pytest.fixture(scope="session")
def _bucket(sample_images: Path) -> Iterator[Bucket]:
    with s3_server() as port, Wire(port) as wire:
        address = f"http://127.0.0.1:{wire.port}"
        options = {"key": "somebody", "secret": SECRET, "endpoint_url": address}
        files = s3fs.S3FileSystem(**options, skip_instance_cache=True)
        files.mkdir("photos")
        files.put(str(sample_images), ROOT, recursive=True)
        yield Bucket(wire, options)


@pytest.fixture
def bucket(_bucket: Bucket) -> Iterator[Bucket]:
    """A bucket with the sample images; the connection is restored after each test."""
    yield _bucket
    _bucket.wire.cut()
    _bucket.wire.mend()
