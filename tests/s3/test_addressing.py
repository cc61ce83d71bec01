"""Virtual-host addressing: the bucket is named by the host, as most clients do by themselves.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
"""

import socket
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.s3.expect import data, keys, read, status
from tests.s3.store import Client, Store


@pytest.fixture
def _resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every name below `localhost` means this machine (RFC 6761 6.3), resolver or not."""
    resolve = socket.getaddrinfo

    def local(host: Any, *rest: Any, **options: Any) -> Any:
        below = isinstance(host, str) and host.endswith(".localhost")
        return resolve("127.0.0.1" if below else host, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", local)


@pytest.fixture(params=["s3", "s3v4"])
def virtual(store: Store, request: pytest.FixtureRequest, _resolved: None) -> Client:
    """A client that puts the bucket into the host name, below `localhost`."""
    local = Store(f"http://localhost:{urlsplit(store.endpoint).port}", store.pair, store.region)
    if store.server is None:
        pytest.skip("needs a store that serves buckets below localhost")
    return local.client(s3={"addressing_style": "virtual"}, signature_version=request.param)


def test_life(s3: Client, virtual: Client, name: str) -> None:
    assert status(virtual.create_bucket(Bucket=name)) == 200
    body = data(200_000)
    for key in ("key", "a/b ü+%", "//", "../x", name):
        virtual.put_object(Bucket=name, Key=key, Body=body)
        assert read(virtual, name, key) == body
        assert read(s3, name, key) == body
        url = virtual.generate_presigned_url("get_object", {"Bucket": name, "Key": key})
        assert url.startswith(f"http://{name}.localhost:")
        assert keys(virtual.list_objects_v2(Bucket=name)) == [key]
        virtual.delete_object(Bucket=name, Key=key)
    virtual.head_bucket(Bucket=name)
    virtual.delete_bucket(Bucket=name)


def test_multipart(virtual: Client, bucket: str) -> None:
    named = {"Bucket": bucket, "Key": "key"}
    named["UploadId"] = virtual.create_multipart_upload(**named)["UploadId"]
    etag = virtual.upload_part(**named, PartNumber=1, Body=b"abc")["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    done = virtual.complete_multipart_upload(**named, MultipartUpload=parts)
    assert done["Bucket"] == bucket
    assert read(virtual, bucket, "key") == b"abc"


def test_a_host_of_our_own_is_no_bucket(store: Store, s3: Client, bucket: str) -> None:
    """By address and by the bare domain the path names the bucket."""
    if store.server is None:
        pytest.skip("needs a store that serves buckets below localhost")
    s3.put_object(Bucket=bucket, Key="key", Body=b"abc")
    url = s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "key"})
    assert store.plain("GET", url).body == b"abc"
    local = Store(f"http://localhost:{urlsplit(store.endpoint).port}", store.pair, store.region)
    assert local.send("GET", f"/{bucket}/key").body == b"abc"
