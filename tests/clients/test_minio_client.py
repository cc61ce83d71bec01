"""MinIO's client for Python: objects, what it lists of them, copies, URLs to hand out."""

import hashlib
import io
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import urllib3
from minio import Minio
from minio.commonconfig import REPLACE, ComposeSource, CopySource, Tags
from minio.datatypes import PostPolicy
from minio.deleteobjects import DeleteObject
from minio.error import S3Error

from tests.clients.minio_client import minio_of, put, read
from tests.support.files import AWKWARD, digest, fetched, stored
from tests.support.server import Server

pytestmark = pytest.mark.slow

PART = 5 << 20


@pytest.fixture
def minio(server: Server) -> Minio:
    return minio_of(server)


def is_now(moment: datetime | None) -> bool:
    return moment is not None and abs(datetime.now(UTC) - moment) < timedelta(minutes=1)


def names(minio: Minio, bucket: str, **options: Any) -> list[str | None]:
    return [one.object_name for one in minio.list_objects(bucket, **options)]


def test_buckets_come_and_go(minio: Minio, server: Server) -> None:
    before = {bucket.name for bucket in minio.list_buckets()}
    minio.make_bucket("fresh")
    minio.make_bucket("other")
    listed = {bucket.name: bucket.creation_date for bucket in minio.list_buckets()}
    assert set(listed) - before == {"fresh", "other"}
    assert is_now(listed["fresh"])
    assert minio.bucket_exists("fresh")
    minio.remove_bucket("fresh")
    assert not minio.bucket_exists("fresh")
    assert "fresh" not in {bucket.name for bucket in minio.list_buckets()}
    server.client().put_object(Bucket="other", Key="k")
    with pytest.raises(S3Error, match="BucketNotEmpty"):
        minio.remove_bucket("other")


class Pipe(io.RawIOBase):
    """A stream whose length nobody knows, which gives less than it is asked for."""

    def __init__(self, content: bytes) -> None:
        self._rest = io.BytesIO(content)

    def read(self, size: int = -1) -> bytes:
        return self._rest.read(min(size, 777_777))


@pytest.mark.parametrize("size", [0, 1, PART, PART + 1, 2 * PART, 13_000_000])
def test_a_stream_of_unknown_length_is_stored_whole(
    minio: Minio, server: Server, size: int
) -> None:
    bucket = f"unknown-{size}"
    minio.make_bucket(bucket)
    content = os.urandom(size)
    done = minio.put_object(bucket, "k", Pipe(content), -1, part_size=PART)  # type: ignore[arg-type]
    found = minio.stat_object(bucket, "k")
    assert (found.size, found.etag) == (size, done.etag)
    assert fetched(server.client(), bucket, "k") == digest(content)
    assert read(minio, bucket, "k") == content


def test_a_file_goes_in_parts_and_comes_back(minio: Minio, big: Path, tmp_path: Path) -> None:
    minio.make_bucket("files")
    done = minio.fput_object("files", "big", str(big), part_size=PART, metadata={"camera": "7"})
    pieces = [big.read_bytes()[at : at + PART] for at in range(0, big.stat().st_size, PART)]
    joined = b"".join(hashlib.md5(piece).digest() for piece in pieces)
    assert done.etag == f"{hashlib.md5(joined).hexdigest()}-{len(pieces)}"
    minio.fget_object("files", "big", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == big.read_bytes()
    found = minio.stat_object("files", "big")
    assert (found.size, found.etag) == (big.stat().st_size, done.etag)
    assert found.metadata is not None
    assert found.metadata["x-amz-meta-camera"] == "7"


def test_what_was_said_of_an_object_is_told(minio: Minio) -> None:
    minio.make_bucket("told")
    tags = Tags.new_object_tags()
    tags["a b"] = "ü=1"
    put(minio, "told", "k", b"content", content_type="text/x-test", tags=tags,
        metadata={"Camera": "7", "Cache-Control": "no-store"})  # fmt: skip
    found = minio.stat_object("told", "k")
    assert (found.content_type, found.size) == ("text/x-test", 7)
    assert found.etag == hashlib.md5(b"content").hexdigest()
    assert is_now(found.last_modified)
    assert found.metadata is not None
    assert found.metadata["x-amz-meta-camera"] == "7"
    assert found.metadata["cache-control"] == "no-store"
    assert minio.get_object_tags("told", "k") == {"a b": "ü=1"}
    with pytest.raises(S3Error, match="NoSuchKey"):
        minio.stat_object("told", "none")


def test_ranges(minio: Minio, big: Path) -> None:
    content = big.read_bytes()
    minio.make_bucket("ranges")
    minio.fput_object("ranges", "big", str(big), part_size=PART)
    for offset, length in [(0, 1), (0, PART), (PART - 1, 2), (PART, PART), (len(content) - 1, 9)]:
        part = read(minio, "ranges", "big", offset=offset, length=length)
        assert part == content[offset : offset + length], (offset, length)
    assert read(minio, "ranges", "big", offset=7 << 20) == content[7 << 20 :]
    with pytest.raises(S3Error, match="InvalidRange"):
        read(minio, "ranges", "big", offset=len(content))


@pytest.mark.parametrize("first", [False, True], ids=["ListObjectsV2", "ListObjects"])
def test_listings(minio: Minio, server: Server, first: bool) -> None:
    bucket = f"listed-{first}".lower()
    minio.make_bucket(bucket)
    keys = sorted([*AWKWARD, "x/1", "x/2", "x/y/3"], key=str.encode)
    for key in keys:
        put(minio, bucket, key, key.encode())
    listed = list(minio.list_objects(bucket, recursive=True, use_api_v1=first))
    assert [one.object_name for one in listed] == keys
    assert [one.size for one in listed] == [len(key.encode()) for key in keys]
    assert [one.etag for one in listed] == [hashlib.md5(key.encode()).hexdigest() for key in keys]
    flat = sorted({key.partition("/")[0] + "/" * ("/" in key) for key in keys}, key=str.encode)
    assert sorted(map(str, names(minio, bucket, use_api_v1=first)), key=str.encode) == flat
    assert set(names(minio, bucket, prefix="x/", use_api_v1=first)) == {"x/1", "x/2", "x/y/"}
    after = names(minio, bucket, recursive=True, start_after="x/1", use_api_v1=first)
    assert after == [key for key in keys if key.encode() > b"x/1"]
    for key in keys:
        assert read(minio, bucket, key) == key.encode()


def test_listings_go_on_after_a_thousand(minio: Minio) -> None:
    minio.make_bucket("thousand")
    keys = [f"{number:04}" for number in range(1_005)]
    for key in keys:
        put(minio, "thousand", key, b"")
    assert names(minio, "thousand", recursive=True) == keys
    errors = minio.remove_objects("thousand", [DeleteObject(key) for key in keys[:-1]])
    assert list(errors) == []
    assert names(minio, "thousand") == keys[-1:]


def test_copies(minio: Minio, server: Server) -> None:
    minio.make_bucket("copies")
    put(minio, "copies", "a ü+b", b"content", metadata={"n": "1"})
    etag = minio.stat_object("copies", "a ü+b").etag
    done = minio.copy_object("copies", "same", CopySource("copies", "a ü+b", match_etag=etag))
    assert (done.etag, read(minio, "copies", "same")) == (etag, b"content")
    chosen = {"metadata": {"n": "2"}, "metadata_directive": REPLACE}
    minio.copy_object("copies", "changed", CopySource("copies", "a ü+b"), **chosen)  # type: ignore[arg-type]
    client = server.client()
    kept = [client.head_object(Bucket="copies", Key=key)["Metadata"] for key in ("same", "changed")]
    assert kept == [{"n": "1"}, {"n": "2"}]
    with pytest.raises(S3Error, match="PreconditionFailed"):
        minio.copy_object("copies", "no", CopySource("copies", "a ü+b", not_match_etag=etag))
    assert "no" not in names(minio, "copies")


def test_objects_are_composed_of_others(minio: Minio, server: Server, big: Path) -> None:
    content = big.read_bytes()
    minio.make_bucket("composed")
    minio.fput_object("composed", "big", str(big), part_size=PART)
    put(minio, "composed", "end", b"the end")
    sources = [
        ComposeSource("composed", "big"),
        ComposeSource("composed", "big", offset=1_000, length=6 << 20),
        ComposeSource("composed", "big", offset=len(content) - PART),
        ComposeSource("composed", "end"),
    ]
    done = minio.compose_object("composed", "whole", sources, metadata={"n": "1"})
    expected = content + content[1_000 : 1_000 + (6 << 20)] + content[-PART:] + b"the end"
    assert fetched(server.client(), "composed", "whole") == digest(expected)
    found = minio.stat_object("composed", "whole")
    assert (found.etag, found.size) == (done.etag, len(expected))
    assert str(found.etag).endswith("-4")
    with pytest.raises(S3Error, match="NoSuchKey"):
        minio.compose_object("composed", "no", [sources[0], ComposeSource("composed", "none")])
    assert server.client().list_multipart_uploads(Bucket="composed").get("Uploads", []) == []


def test_presigned_urls(minio: Minio, server: Server) -> None:
    minio.make_bucket("presigned")
    key = "a ü+&/key"
    url = minio.presigned_put_object("presigned", key, timedelta(minutes=1))
    assert urllib3.request("PUT", url, body=b"content").status == 200
    assert fetched(server.client(), "presigned", key) == digest(b"content")
    said = {"response-content-type": "text/x-test"}
    url = minio.presigned_get_object("presigned", key, response_headers=said)  # type: ignore[arg-type]
    answer = urllib3.request("GET", url)
    assert (answer.data, answer.headers["content-type"]) == (b"content", "text/x-test")
    assert urllib3.request("GET", url.replace("key", "other")).status == 403
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    late = minio.presigned_get_object("presigned", key, timedelta(minutes=1), request_date=hour_ago)
    assert urllib3.request("GET", late).status == 403


def test_a_form_may_post_what_its_policy_allows(minio: Minio, server: Server) -> None:
    minio.make_bucket("posted")
    policy = PostPolicy("posted", datetime.now(UTC) + timedelta(minutes=1))
    policy.add_starts_with_condition("key", "from/")
    policy.add_equals_condition("Content-Type", "text/x-test")
    policy.add_content_length_range_condition(1, 10)
    signed = minio.presigned_post_policy(policy)

    def post(key: str, content: bytes) -> int:
        fields: dict[str, str | tuple[str, bytes]] = {**signed, "key": key}
        fields |= {"Content-Type": "text/x-test", "file": ("name", content)}
        return urllib3.request("POST", f"{server.endpoint}/posted", fields=fields).status

    assert post("from/form", b"content") == 204
    assert post("elsewhere", b"content") == 403
    assert post("from/long", b"much content") == 400
    assert stored(server.client(), "posted") == {"from/form": digest(b"content")}
    assert minio.stat_object("posted", "from/form").content_type == "text/x-test"


class Falsifying(urllib3.PoolManager):
    """What it sends as content is not what was signed."""

    def urlopen(self, method: str, url: str, **options: Any) -> Any:  # type: ignore[override]
        if options.get("body") == b"content":
            options["body"] = b"CONTENT"
        return super().urlopen(method, url, **options)


def test_payloads_are_signed(minio: Minio, server: Server) -> None:
    minio.make_bucket("payloads")
    said = io.StringIO()
    minio.trace_on(said)
    put(minio, "payloads", "k", b"content")
    minio.trace_off()  # type: ignore[no-untyped-call]
    assert f"X-Amz-Content-Sha256: {hashlib.sha256(b'content').hexdigest()}" in said.getvalue()
    with pytest.raises(S3Error, match="XAmzContentSHA256Mismatch"):
        put(minio_of(server, Falsifying), "payloads", "k", b"content")
    assert read(minio, "payloads", "k") == b"content"
