"""POST Object: uploads by HTML forms, as boto3 presigns them.

https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html
"""

import uuid
from typing import Any

import pytest

from tests.s3.expect import data, keys, md5, read
from tests.s3.store import Answer, Client, Store


def form(
    store: Store, presigned: dict[str, Any], body: bytes, filename: str = "a.bin", **more: str
) -> Answer:
    """Send a form of the presigned fields, and more, with a file."""
    boundary = uuid.uuid4().hex
    fields = {**presigned["fields"], **more}
    pieces = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    pieces.append(
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{filename}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    sent = "".join(pieces).encode() + body + f"\r\n--{boundary}--\r\n".encode()
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    return store.plain("POST", presigned["url"], headers=headers, body=sent)


@pytest.mark.parametrize("version", ["s3", "s3v4"])
@pytest.mark.parametrize("size", [0, 100, 200_000])
def test_life(store: Store, s3: Client, bucket: str, version: str, size: int) -> None:
    signer = store.client(signature_version=version)
    body = data(size)
    answer = form(store, signer.generate_presigned_post(bucket, "a/ü b"), body)
    assert (answer.status, answer.body, answer.headers["etag"]) == (204, b"", md5(body))
    assert read(s3, bucket, "a/ü b") == body


def test_fields(store: Store, s3: Client, bucket: str) -> None:
    extra = {"Content-Type": "image/png", "x-amz-meta-from": "form", "success_action_status": "201"}
    conditions: list[Any] = [
        ["starts-with", "$Content-Type", "image/"],
        {"x-amz-meta-from": "form"},
        {"success_action_status": "201"},
        ["content-length-range", 1, 10],
    ]
    presigned = s3.generate_presigned_post(
        bucket, "up/${filename}", Fields=extra, Conditions=conditions
    )
    answer = form(store, presigned, b"png", "cat.png")
    assert answer.status == 201
    assert b"<Key>up/cat.png</Key>" in answer.body
    found = s3.head_object(Bucket=bucket, Key="up/cat.png")
    assert (found["ContentType"], found["Metadata"]) == ("image/png", {"from": "form"})
    for body, code in ((b"", "EntityTooSmall"), (data(11), "EntityTooLarge")):
        refused = form(store, presigned, body, "dog.png")
        assert (refused.status, refused.error()) == (400, code)
    changed = form(store, presigned, b"png", "dog.png", **{"Content-Type": "text/html"})
    assert (changed.status, changed.error()) == (403, "AccessDenied")
    unnamed = form(store, presigned, b"png", "dog.png", **{"x-amz-meta-more": "1"})
    assert unnamed.status == 403
    assert keys(s3.list_objects_v2(Bucket=bucket)) == ["up/cat.png"]


def test_versions(store: Store, s3: Client, versioned: str) -> None:
    answer = form(store, s3.generate_presigned_post(versioned, "key"), b"abc")
    version = s3.list_object_versions(Bucket=versioned)["Versions"][0]["VersionId"]
    assert answer.headers["x-amz-version-id"] == version


def test_an_altered_policy(store: Store, s3: Client, bucket: str) -> None:
    one, two = (s3.generate_presigned_post(bucket, key) for key in ("one", "two"))
    one["fields"]["policy"] = two["fields"]["policy"]
    answer = form(store, one, b"abc")
    assert (answer.status, answer.error()) == (403, "SignatureDoesNotMatch")
    assert keys(s3.list_objects_v2(Bucket=bucket)) == []


@pytest.mark.parametrize("odd", ["a b", "a:b", "é"])
def test_metadata_names_that_no_header_has(store: Store, s3: Client, bucket: str, odd: str) -> None:
    fields = {f"x-amz-meta-{odd}": "1"}
    answer = form(store, s3.generate_presigned_post(bucket, "key", fields, [fields]), b"x")
    assert (answer.status, answer.error()) == (400, "InvalidArgument")
    assert keys(s3.list_objects_v2(Bucket=bucket)) == []
