"""Conditional writes: of many at the same time exactly one wins, through whatever worker it came.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.s3.expect import data, read, refused, send_part
from tests.s3.store import Client, Store

RACERS = 20


def race(store: Store, attempt: Callable[[Client, int], Any]) -> list[int | str]:
    """The status or error code of each racer; each has a connection of its own."""

    def run(number: int) -> int | str:
        client = store.client()
        try:
            answer = attempt(client, number)
        except client.exceptions.ClientError as error:
            return str(error.response["Error"]["Code"])
        finally:
            client.close()
        return int(answer["ResponseMetadata"]["HTTPStatusCode"])

    with ThreadPoolExecutor(RACERS) as pool:
        return list(pool.map(run, range(RACERS)))


@pytest.mark.parametrize("size", [10, 200_000])
def test_one_creates(store: Store, s3: Client, bucket: str, size: int) -> None:
    bodies = [data(size, str(number)) for number in range(RACERS)]
    found = race(
        store,
        lambda client, number: client.put_object(
            Bucket=bucket, Key="key", Body=bodies[number], IfNoneMatch="*"
        ),
    )
    assert found.count(200) == 1
    assert set(found) - {200} <= {"PreconditionFailed", "ConditionalRequestConflict"}
    assert read(s3, bucket, "key") == bodies[found.index(200)]


def test_one_replaces(store: Store, s3: Client, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="key", Body=b"old")["ETag"]
    found = race(
        store,
        lambda client, number: client.put_object(
            Bucket=bucket, Key="key", Body=b"%d" % number, IfMatch=etag
        ),
    )
    assert found.count(200) == 1
    assert set(found) - {200} <= {"PreconditionFailed", "ConditionalRequestConflict"}
    assert read(s3, bucket, "key") == b"%d" % found.index(200)


def test_one_completes(store: Store, s3: Client, bucket: str) -> None:
    uploads = []
    for number in range(RACERS):
        id_ = s3.create_multipart_upload(Bucket=bucket, Key="key")["UploadId"]
        uploads.append((id_, send_part(s3, bucket, "key", id_, 1, b"%d" % number)))

    def complete(client: Client, number: int) -> Any:
        upload_id, part = uploads[number]
        return client.complete_multipart_upload(
            Bucket=bucket,
            Key="key",
            UploadId=upload_id,
            MultipartUpload={"Parts": [part]},
            IfNoneMatch="*",
        )

    found = race(store, complete)
    assert found.count(200) == 1
    assert set(found) - {200} <= {"PreconditionFailed", "ConditionalRequestConflict"}
    assert read(s3, bucket, "key") == b"%d" % found.index(200)


def test_a_counter(store: Store, s3: Client, bucket: str) -> None:
    """Read, add one, write if unchanged, else again: no addition is lost."""
    s3.put_object(Bucket=bucket, Key="counter", Body=b"0")

    def add(client: Client) -> None:
        while True:
            found = client.get_object(Bucket=bucket, Key="counter")
            value = b"%d" % (int(found["Body"].read()) + 1)
            try:
                client.put_object(Bucket=bucket, Key="counter", Body=value, IfMatch=found["ETag"])
            except client.exceptions.ClientError as error:
                code = error.response["Error"]["Code"]
                if code not in {"PreconditionFailed", "ConditionalRequestConflict"}:
                    raise
            else:
                return

    def work(_: int) -> None:
        client = store.client()
        for _ in range(5):
            add(client)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))
    assert read(s3, bucket, "counter") == b"30"


def test_what_does_not_hold_writes_nothing(s3: Client, bucket: str) -> None:
    with refused("NoSuchKey", 404):
        s3.put_object(Bucket=bucket, Key="key", Body=b"x", IfMatch='"any"')
    with refused("NoSuchKey", 404):
        s3.get_object(Bucket=bucket, Key="key")
    s3.put_object(Bucket=bucket, Key="key", Body=b"x", IfNoneMatch="*")
    with refused("PreconditionFailed", 412):
        s3.put_object(Bucket=bucket, Key="key", Body=b"y", IfNoneMatch="*")
    with refused("NotImplemented", 501):
        s3.put_object(Bucket=bucket, Key="key", Body=b"y", IfNoneMatch='"etag"')
    assert read(s3, bucket, "key") == b"x"
    s3.put_object(Bucket=bucket, Key="key", Body=b"z", IfMatch="*")
    assert read(s3, bucket, "key") == b"z"


def test_behind_a_delete_marker(s3: Client, versioned: str) -> None:
    """A marker is no object: it may be created, and nothing matches it."""
    s3.put_object(Bucket=versioned, Key="key", Body=b"x")
    s3.delete_object(Bucket=versioned, Key="key")
    with refused("NoSuchKey", 404):
        s3.put_object(Bucket=versioned, Key="key", Body=b"y", IfMatch="*")
    s3.put_object(Bucket=versioned, Key="key", Body=b"y", IfNoneMatch="*")
    assert read(s3, versioned, "key") == b"y"
