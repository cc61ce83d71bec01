"""Images of OpenStack: the S3 driver of glance_store, which Glance stores them through."""

import hashlib
import io
import os
import uuid
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import glance_store
import pytest
from glance_store import exceptions
from oslo_config import cfg

from tests.support.files import digest, fetched, stored
from tests.support.server import ACCESS_KEY, SECRET_KEY, Server

pytestmark = pytest.mark.slow

PART = 5 << 20


class Added(NamedTuple):
    """What the driver tells of an image that it stored."""

    location: str
    size: int
    md5: str
    sha512: str
    metadata: dict[str, str]


class Images:
    """The driver with a bucket of its own, which it makes; it puts 8 MiB and more in parts."""

    def __init__(self, server: Server, bucket: str) -> None:
        self._conf = cfg.ConfigOpts()
        glance_store.register_opts(self._conf)
        settings = {
            "stores": ["s3"],
            "default_store": "s3",
            "s3_store_host": server.endpoint,
            "s3_store_access_key": ACCESS_KEY,
            "s3_store_secret_key": SECRET_KEY,
            "s3_store_bucket": bucket,
            "s3_store_bucket_url_format": "path",
            "s3_store_create_bucket_on_put": True,
            "s3_store_large_object_size": 8,
            "s3_store_large_object_chunk_size": PART >> 20,
            "s3_store_thread_pools": 3,
        }
        for name, value in settings.items():
            self._conf.set_override(name, value, "glance_store")
        assert glance_store.create_stores(self._conf) == 1
        self._store = glance_store.get_store_from_scheme("s3")

    def add(self, name: str, image: BinaryIO, size: int) -> Added:
        return Added(*self._store.add(name, image, size, "sha512"))

    def read(self, location: str) -> bytes:
        pieces, size = self._store.get(self._at(location))
        content = b"".join(pieces)
        assert len(content) == size
        return content

    def size(self, location: str) -> int:
        found: int = self._store.get_size(self._at(location))
        return found

    def delete(self, location: str) -> None:
        self._store.delete(self._at(location))

    def _at(self, location: str) -> Any:
        return glance_store.location.get_location_from_uri(location, self._conf)


@pytest.fixture
def bucket() -> str:
    return f"images-{uuid.uuid4()}"


@pytest.fixture
def images(server: Server, bucket: str, monkeypatch: pytest.MonkeyPatch) -> Images:
    """For each call the driver makes a boto3 client, which must not try again."""
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    return Images(server, bucket)


@pytest.mark.parametrize("size", [0, 1, 7 << 20])
def test_a_small_image_is_put_at_once(
    images: Images, server: Server, bucket: str, size: int
) -> None:
    content = os.urandom(size)
    added = images.add("small", io.BytesIO(content), size)
    assert (added.size, added.md5) == (size, hashlib.md5(content).hexdigest())
    assert added.sha512 == hashlib.sha512(content).hexdigest()
    assert server.client().head_object(Bucket=bucket, Key="small")["ETag"] == f'"{added.md5}"'
    assert fetched(server.client(), bucket, "small") == digest(content)
    assert images.size(added.location) == size
    assert images.read(added.location) == content


def test_a_large_image_goes_in_parts(
    images: Images, server: Server, bucket: str, big: Path
) -> None:
    content = big.read_bytes()
    with big.open("rb") as image:
        added = images.add("large", image, len(content))
    assert (added.size, added.md5) == (len(content), hashlib.md5(content).hexdigest())
    client = server.client()
    assert client.head_object(Bucket=bucket, Key="large")["ETag"].endswith('-5"')
    assert stored(client, bucket) == {"large": digest(content)}
    assert images.size(added.location) == len(content)
    assert images.read(added.location) == content


@pytest.mark.parametrize("said", [1_000, 20 << 20], ids=["one put", "parts"])
def test_an_image_of_another_size_is_not_kept(
    images: Images, server: Server, bucket: str, said: int
) -> None:
    with pytest.raises(exceptions.Invalid, match="Size"):
        images.add("odd", io.BytesIO(os.urandom(said - 1)), said)
    assert stored(server.client(), bucket) == {}
    assert server.client().list_multipart_uploads(Bucket=bucket).get("Uploads", []) == []


def test_an_image_is_not_replaced(images: Images) -> None:
    first = images.add("one", io.BytesIO(b"first"), 5)
    with pytest.raises(exceptions.Duplicate):
        images.add("one", io.BytesIO(b"second"), 6)
    assert images.read(first.location) == b"first"


def test_what_is_deleted_is_found_no_more(images: Images, server: Server, bucket: str) -> None:
    kept = images.add("kept", io.BytesIO(b"kept"), 4)
    gone = images.add("gone", io.BytesIO(b"gone"), 4)
    images.delete(gone.location)
    for act in (images.read, images.size, images.delete):
        with pytest.raises(exceptions.NotFound):
            act(gone.location)
    assert images.read(kept.location) == b"kept"
    assert stored(server.client(), bucket) == {"kept": digest(b"kept")}
