"""GetObject (https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html)."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest

from tests.s3.expect import KIB, MIB, PART, data, headers, md5, read, refused, status, upload
from tests.s3.store import Client, Store


class Stored(NamedTuple):
    """An object and its bytes."""

    bucket: str
    key: str
    body: bytes


@pytest.fixture(scope="module")
def stored(s3: Client, shared: str) -> dict[str, Stored]:
    """An object of each way to lie on disk."""
    bodies = {
        "small": data(100 * KIB + 3),
        "large": data(9 * MIB + 5),
        "parts": data(2 * PART + 123 * KIB),
    }
    s3.put_object(Bucket=shared, Key="small", Body=bodies["small"])
    s3.put_object(Bucket=shared, Key="large", Body=bodies["large"])
    whole = bodies["parts"]
    pieces = [whole[:PART], whole[PART : 2 * PART + KIB], whole[2 * PART + KIB :]]
    upload(s3, shared, "parts", *pieces)
    return {key: Stored(shared, key, body) for key, body in bodies.items()}


RANGES: list[tuple[int | None, int | None]] = [
    (0, 0),
    (0, 64 * KIB - 1),
    (64 * KIB - 1, 64 * KIB),
    (64 * KIB, None),
    (100 * KIB, 100 * KIB + 2),
    (1, 10_000_000_000),
    (None, 1),
    (None, 70 * KIB),
    (None, 10_000_000_000),
    (MIB - 1, MIB),
    (MIB, 3 * MIB),
    (PART - 1, PART),
    (PART - 10, 2 * PART + 2 * KIB),
    (8 * MIB - 2, 8 * MIB + 2),
]


@pytest.mark.parametrize("kind", ["small", "large", "parts"])
@pytest.mark.parametrize(("first", "last"), RANGES)
def test_ranges(
    s3: Client, stored: dict[str, Stored], kind: str, first: int | None, last: int | None
) -> None:
    bucket, key, body = stored[kind]
    text = f"bytes={'' if first is None else first}-{'' if last is None else last}"
    if first is not None and first >= len(body):
        with refused("InvalidRange", 416) as caught:
            s3.get_object(Bucket=bucket, Key=key, Range=text)
        assert headers(caught.response)["content-range"] == f"bytes */{len(body)}"
        assert caught.response["Error"]["ActualObjectSize"] == str(len(body))
        return
    start = max(len(body) - (last or 0), 0) if first is None else first
    stop = len(body) if first is None or last is None else min(last + 1, len(body))
    found = s3.get_object(Bucket=bucket, Key=key, Range=text)
    assert status(found) == 206
    assert found["ContentRange"] == f"bytes {start}-{stop - 1}/{len(body)}"
    assert found["ContentLength"] == stop - start
    assert found["Body"].read() == body[start:stop]
    assert s3.head_object(Bucket=bucket, Key=key, Range=text)["ContentLength"] == stop - start


@pytest.mark.parametrize(
    "text", ["bytes=9-1", "bytes=a-b", "items=0-1", "bytes=0-1,3-4", "bytes=-"]
)
def test_what_is_no_single_range_means_all(
    s3: Client, stored: dict[str, Stored], text: str
) -> None:
    bucket, key, body = stored["small"]
    found = s3.get_object(Bucket=bucket, Key=key, Range=text)
    assert status(found) == 200
    assert "ContentRange" not in found
    assert found["Body"].read() == body


def test_if_range(s3: Client, store: Store, bucket: str) -> None:
    """Who resumes what has changed meanwhile gets all of it."""
    etag = s3.put_object(Bucket=bucket, Key="key", Body=b"abcdef")["ETag"]
    modified = store.send("HEAD", f"/{bucket}/key").headers["last-modified"]
    for stated, body in (
        (etag, b"cd"),
        (modified, b"cd"),
        ('"other"', b"abcdef"),
        (f"W/{etag}", b"abcdef"),
        ("Thu, 01 Jan 2015 00:00:00 GMT", b"abcdef"),
    ):
        sent = {"Range": "bytes=2-3", "If-Range": stated}
        answer = store.send("GET", f"/{bucket}/key", headers=sent)
        assert (answer.status, answer.body) == (206 if len(body) == 2 else 200, body)


def test_no_byte_selected(s3: Client, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="empty", Body=b"")
    s3.put_object(Bucket=bucket, Key="key", Body=b"abc")
    for key, text in (("empty", "bytes=0-0"), ("key", "bytes=3-"), ("key", "bytes=-0")):
        with refused("InvalidRange", 416):
            s3.get_object(Bucket=bucket, Key=key, Range=text)


def test_parts(s3: Client, stored: dict[str, Stored]) -> None:
    bucket, key, body = stored["parts"]
    edges = [0, PART, 2 * PART + KIB, len(body)]
    for number in (1, 2, 3):
        start, stop = edges[number - 1], edges[number]
        found = s3.get_object(Bucket=bucket, Key=key, PartNumber=number)
        assert status(found) == 206
        assert found["PartsCount"] == 3
        assert found["ContentRange"] == f"bytes {start}-{stop - 1}/{len(body)}"
        assert found["Body"].read() == body[start:stop]
        head = s3.head_object(Bucket=bucket, Key=key, PartNumber=number)
        assert (status(head), head["ContentLength"], head["PartsCount"]) == (206, stop - start, 3)
    with refused("InvalidPart", 400):
        s3.get_object(Bucket=bucket, Key=key, PartNumber=4)
    with refused("400", 400):
        s3.head_object(Bucket=bucket, Key=key, PartNumber=4)
    with refused("InvalidRequest", 400):
        s3.get_object(Bucket=bucket, Key=key, PartNumber=1, Range="bytes=0-1")
    for number in (0, 10_001):
        with refused("InvalidArgument", 400):
            s3.get_object(Bucket=bucket, Key=key, PartNumber=number)


def test_part_of_an_object_without_parts(s3: Client, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="key", Body=b"abc")
    found = s3.get_object(Bucket=bucket, Key="key", PartNumber=1)
    assert (status(found), found["Body"].read()) == (206, b"abc")
    assert found["ContentRange"] == "bytes 0-2/3"
    assert "PartsCount" not in found
    with refused("InvalidPart", 400):
        s3.get_object(Bucket=bucket, Key="key", PartNumber=2)


OVERRIDES = {
    "ResponseCacheControl": ("cache-control", "no-store"),
    "ResponseContentDisposition": ("content-disposition", 'attachment; filename="x y"'),
    "ResponseContentEncoding": ("content-encoding", "br"),
    "ResponseContentLanguage": ("content-language", "fr"),
    "ResponseContentType": ("content-type", "image/png"),
    "ResponseExpires": ("expires", "Wed, 01 Jan 2031 00:00:00 GMT"),
}


def test_overrides(s3: Client, bucket: str, anonymous: Client) -> None:
    s3.put_object(Bucket=bucket, Key="key", Body=b"abc", CacheControl="public", ContentType="a/b")
    asked: dict[str, Any] = {name: value for name, (_, value) in OVERRIDES.items()}
    asked["ResponseExpires"] = datetime(2031, 1, 1, tzinfo=UTC)
    for call in (s3.get_object, s3.head_object):
        found = headers(call(Bucket=bucket, Key="key", **asked))
        assert all(found[header] == value for header, value in OVERRIDES.values())
    found = headers(s3.get_object(Bucket=bucket, Key="key"))
    assert (found["cache-control"], found["content-type"]) == ("public", "a/b")


def test_conditions(s3: Client, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="key", Body=b"abc")["ETag"]
    modified = s3.head_object(Bucket=bucket, Key="key")["LastModified"]
    before, after = modified - timedelta(hours=1), modified + timedelta(hours=1)
    holds: list[dict[str, Any]] = [
        {"IfMatch": etag},
        {"IfMatch": etag.strip('"')},
        {"IfMatch": f'"x", {etag}'},
        {"IfMatch": "*"},
        {"IfNoneMatch": '"x"'},
        {"IfModifiedSince": before},
        {"IfUnmodifiedSince": modified},
        {"IfUnmodifiedSince": after},
        {"IfMatch": etag, "IfUnmodifiedSince": before},
        {"IfNoneMatch": '"x"', "IfModifiedSince": modified},
    ]
    for conditions in holds:
        assert read(s3, bucket, "key", **conditions) == b"abc"
        assert s3.head_object(Bucket=bucket, Key="key", **conditions)["ETag"] == etag


@pytest.mark.parametrize(
    ("conditions", "code", "expected"),
    [
        ({"IfMatch": '"x"'}, "PreconditionFailed", 412),
        ({"IfMatch": "etag", "IfNoneMatch": "etag"}, "304", 304),
        ({"IfNoneMatch": "etag"}, "304", 304),
        ({"IfNoneMatch": "*"}, "304", 304),
        ({"IfNoneMatch": "etag", "IfModifiedSince": -1}, "304", 304),
        ({"IfModifiedSince": 0}, "304", 304),
        ({"IfUnmodifiedSince": -1}, "PreconditionFailed", 412),
        ({"IfMatch": '"x"', "IfUnmodifiedSince": 1}, "PreconditionFailed", 412),
    ],
)
def test_conditions_that_do_not_hold(
    s3: Client, bucket: str, conditions: dict[str, Any], code: str, expected: int
) -> None:
    etag = s3.put_object(Bucket=bucket, Key="key", Body=b"abc")["ETag"]
    modified = s3.head_object(Bucket=bucket, Key="key")["LastModified"]
    asked = {
        name: etag
        if value == "etag"
        else (modified + timedelta(hours=value) if isinstance(value, int) else value)
        for name, value in conditions.items()
    }
    with refused(code, expected) as caught:
        s3.get_object(Bucket=bucket, Key="key", **asked)
    if expected == 304:
        assert headers(caught.response)["etag"] == etag
    with refused(str(expected), expected):
        s3.head_object(Bucket=bucket, Key="key", **asked)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_cache_is_told_what_it_would_be_told_with_the_bytes(
    store: Store, s3: Client, versioned: str, method: str
) -> None:
    """RFC 9110 15.4.5: without them a cache keeps what it had, or too long."""
    s3.put_object(
        Bucket=versioned, Key="key", Body=b"abc", CacheControl="max-age=5", ContentType="a/b"
    )
    for query in ({}, {"response-cache-control": "no-store", "response-expires": "0"}):
        whole = store.send(method, f"/{versioned}/key", query=query)
        sent = {"If-None-Match": whole.headers["etag"]}
        answer = store.send(method, f"/{versioned}/key", query=query, headers=sent)
        assert (answer.status, answer.body) == (304, b"")
        names = {"etag", "last-modified", "cache-control", "expires", "x-amz-version-id"}
        assert names & set(whole.headers) >= names - {"expires"}
        for name in names:
            assert answer.headers.get(name) == whole.headers.get(name), name
        assert "content-type" not in answer.headers


def test_dates_that_are_none_are_ignored(store: Store, s3: Client, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="key", Body=b"abc")
    for header in ("If-Modified-Since", "If-Unmodified-Since"):
        answer = store.send("GET", f"/{bucket}/key", headers={header: "yesterday"})
        assert (answer.status, answer.body) == (200, b"abc")


def test_conditions_come_before_ranges(s3: Client, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="key", Body=b"abc")["ETag"]
    assert read(s3, bucket, "key", IfMatch=etag, Range="bytes=1-1") == b"b"
    with refused("PreconditionFailed", 412):
        s3.get_object(Bucket=bucket, Key="key", IfMatch='"x"', Range="bytes=9-")


def test_missing(s3: Client, bucket: str, name: str) -> None:
    with refused("NoSuchKey", 404) as caught:
        s3.get_object(Bucket=bucket, Key="missing")
    assert caught.response["Error"]["Key"] == "missing"
    with refused("NoSuchBucket", 404):
        s3.get_object(Bucket=f"{name[:-4]}none", Key="missing")


def test_versions_and_markers(s3: Client, versioned: str) -> None:
    version = s3.put_object(Bucket=versioned, Key="key", Body=b"abc")["VersionId"]
    found = s3.get_object(Bucket=versioned, Key="key")
    assert found["VersionId"] == version
    marker = s3.delete_object(Bucket=versioned, Key="key")["VersionId"]
    with refused("NoSuchKey", 404) as caught:
        s3.get_object(Bucket=versioned, Key="key")
    assert headers(caught.response)["x-amz-delete-marker"] == "true"
    assert headers(caught.response)["x-amz-version-id"] == marker
    with refused("MethodNotAllowed", 405) as caught:
        s3.get_object(Bucket=versioned, Key="key", VersionId=marker)
    assert headers(caught.response)["x-amz-delete-marker"] == "true"
    assert headers(caught.response)["allow"] == "DELETE"
    assert "last-modified" in headers(caught.response)
    assert read(s3, versioned, "key", VersionId=version) == b"abc"


@pytest.mark.parametrize("version", ["null", "3" * 32, "3/L4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY+MTRC"])
def test_versions_that_are_not_there(s3: Client, versioned: str, version: str) -> None:
    s3.put_object(Bucket=versioned, Key="key", Body=b"abc")
    with refused("NoSuchVersion", 404):
        s3.get_object(Bucket=versioned, Key="key", VersionId=version)
    s3.delete_object(Bucket=versioned, Key="key", VersionId=version)


@pytest.mark.parametrize("version", ["odd", "w/e_r", "é", "3" * 31 + " ", "x" * 1100])
def test_what_can_be_no_version_id(s3: Client, store: Store, versioned: str, version: str) -> None:
    s3.put_object(Bucket=versioned, Key="key", Body=b"abc")
    for call in (s3.get_object, s3.get_object_tagging, s3.get_object_acl, s3.delete_object):
        with refused("InvalidArgument", 400):
            call(Bucket=versioned, Key="key", VersionId=version)
    with refused("InvalidArgument", 400):
        s3.list_object_versions(Bucket=versioned, KeyMarker="key", VersionIdMarker=version)
    named = {"Key": "key", "VersionId": version}
    done = s3.delete_objects(Bucket=versioned, Delete={"Objects": [named]})
    assert [one["Code"] for one in done["Errors"]] == ["NoSuchVersion"]
    answer = store.send("PUT", f"/{versioned}/key", query={"versionId": version}, body=b"new")
    assert (answer.status, answer.error()) == (400, "InvalidArgument")
    assert read(s3, versioned, "key") == b"abc"


def test_an_empty_version_id(store: Store, s3: Client, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="key", Body=b"abc")
    tags = b"<Tagging><TagSet/></Tagging>"
    for method, query, body in (
        ("GET", {}, b""),
        ("GET", {"tagging": ""}, b""),
        ("PUT", {"tagging": ""}, tags),
        ("DELETE", {"tagging": ""}, b""),
    ):
        answer = store.send(method, f"/{bucket}/key", query={**query, "versionId": ""}, body=body)
        assert (answer.status, answer.error()) == (400, "InvalidArgument")


def test_null_names_what_was_there_before_versions(s3: Client, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="key", Body=b"before")
    assert read(s3, bucket, "key", VersionId="null") == b"before"
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    assert s3.get_object(Bucket=bucket, Key="key")["VersionId"] == "null"
    s3.put_object(Bucket=bucket, Key="key", Body=b"after")
    assert read(s3, bucket, "key", VersionId="null") == b"before"


def test_readers_see_one_version_whole(store: Store, bucket: str) -> None:
    """While it is overwritten, an object is always one of the bodies that were put."""
    s3 = store.client()
    bodies = {data(size, str(n)) for n in range(4) for size in (3, 200_000)}
    s3.put_object(Bucket=bucket, Key="key", Body=next(iter(bodies)))

    def write(body: bytes) -> None:
        for _ in range(4):
            s3.put_object(Bucket=bucket, Key="key", Body=body)

    def look() -> Iterator[tuple[str, bytes]]:
        for _ in range(15):
            found = s3.get_object(Bucket=bucket, Key="key")
            yield found["ETag"], found["Body"].read()

    with ThreadPoolExecutor(8) as pool:
        writers = [pool.submit(write, body) for body in bodies]
        readers = [pool.submit(list, look()) for _ in range(3)]
        seen = [one for reader in readers for one in reader.result()]
        for writer in writers:
            writer.result()
    for etag, body in seen:
        assert body in bodies
        assert etag == md5(body)
