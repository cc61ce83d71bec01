"""`aws s3api`: uploads in parts, made by hand."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.clients.s3api import S3Api
from tests.support.files import digest, fetched, write

pytestmark = pytest.mark.slow

PART = 5 << 20


@pytest.fixture
def pieces(big: Path) -> list[bytes]:
    """Two parts of one object."""
    content = big.read_bytes()
    return [content[:PART], content[PART : PART + 1000]]


def upload_of(s3api: S3Api, bucket: str, key: str, *options: str) -> tuple[str, ...]:
    """Begin one; the arguments that name it."""
    at = ("--bucket", bucket, "--key", key)
    return (*at, "--upload-id", s3api("create-multipart-upload", *at, *options)["UploadId"])


def test_an_upload_in_parts(
    s3api: S3Api, client: Any, bucket: str, pieces: list[bytes], tmp_path: Path
) -> None:
    upload = upload_of(s3api, bucket, "key", "--content-type", "video/mp4", "--metadata", "n=1")
    sent = []
    for number, piece in enumerate(pieces, start=1):
        body = ("--body", write(tmp_path / "piece", piece))
        etag = s3api("upload-part", *upload, "--part-number", str(number), *body)["ETag"]
        assert etag == f'"{hashlib.md5(piece).hexdigest()}"'
        sent.append({"PartNumber": number, "ETag": etag})
    listed = s3api("list-parts", *upload)["Parts"]
    assert [{name: part[name] for name in ("PartNumber", "ETag")} for part in listed] == sent
    assert [part["Size"] for part in listed] == [PART, 1000]
    chosen = ("--multipart-upload", json.dumps({"Parts": sent}))
    done = s3api("complete-multipart-upload", *upload, *chosen)
    assert done["ETag"].endswith('-2"')
    assert fetched(client, bucket, "key") == digest(b"".join(pieces))
    head = s3api("head-object", *upload[:4], "--part-number", "2")
    assert (head["ContentType"], head["Metadata"]) == ("video/mp4", {"n": "1"})
    assert (head["PartsCount"], head["ContentLength"]) == (2, 1000)
    s3api.refused("NoSuchUpload", "list-parts", *upload)


def test_parts_are_listed_in_pages(s3api: S3Api, client: Any, bucket: str, tmp_path: Path) -> None:
    upload = upload_of(s3api, bucket, "key")
    named = {"Bucket": bucket, "Key": "key", "UploadId": upload[-1]}
    for number in (1, 5, 9):
        client.upload_part(**named, PartNumber=number, Body=b"x" * number)
    first = s3api("list-parts", *upload, "--max-items", "2", "--page-size", "1")
    assert [part["PartNumber"] for part in first["Parts"]] == [1, 5]
    rest = s3api("list-parts", *upload, "--starting-token", first["NextToken"])
    assert [part["Size"] for part in rest["Parts"]] == [9]
    page = s3api("list-parts", *upload, "--no-paginate", "--part-number-marker", "5")
    assert ([part["PartNumber"] for part in page["Parts"]], page["IsTruncated"]) == ([9], False)


def test_parts_are_copied(
    s3api: S3Api, client: Any, bucket: str, pieces: list[bytes], tmp_path: Path
) -> None:
    client.put_object(Bucket=bucket, Key="a b+ü", Body=pieces[0])
    upload = upload_of(s3api, bucket, "key")
    source = ("--copy-source", f"{bucket}/a b+ü")
    some = ("--copy-source-range", "bytes=1000-1999")
    whole = s3api("upload-part-copy", *upload, "--part-number", "1", *source)["CopyPartResult"]
    part = s3api("upload-part-copy", *upload, "--part-number", "2", *source, *some)
    parts = f"Parts=[{{PartNumber=1,ETag={whole['ETag']}}},{{PartNumber=2,ETag="
    parts += f"{part['CopyPartResult']['ETag']}}}]"
    s3api("complete-multipart-upload", *upload, "--multipart-upload", parts)
    assert fetched(client, bucket, "key") == digest(pieces[0] + pieces[0][1000:2000])
    s3api("get-object", *upload[:4], "--range", "bytes=-500", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == pieces[0][1500:2000]
    again = upload_of(s3api, bucket, "key")
    beyond = ("--copy-source-range", f"bytes=0-{PART}")
    copy = ("upload-part-copy", *again, "--part-number", "1")
    s3api.refused("InvalidRange", *copy, *source, *beyond)
    s3api.refused("NoSuchKey", *copy, "--copy-source", f"{bucket}/none")


def test_uploads_are_listed_and_aborted(s3api: S3Api, client: Any, bucket: str) -> None:
    keys = ["a/1", "a/2", "b"]
    uploads = [upload_of(s3api, bucket, key) for key in keys]
    named = ("--bucket", bucket)
    found = s3api("list-multipart-uploads", *named)["Uploads"]
    assert [(one["Key"], one["UploadId"]) for one in found] == [
        (key, upload[-1]) for key, upload in zip(keys, uploads, strict=True)
    ]
    told = s3api("list-multipart-uploads", *named, "--delimiter", "/")
    assert told["CommonPrefixes"] == [{"Prefix": "a/"}]
    assert [one["Key"] for one in told["Uploads"]] == ["b"]
    assert s3api("abort-multipart-upload", *uploads[0]) is None
    s3api.refused("NoSuchUpload", "abort-multipart-upload", *uploads[0])
    left = client.list_multipart_uploads(Bucket=bucket, Prefix="a/")["Uploads"]
    assert [one["Key"] for one in left] == ["a/2"]


def test_uploads_that_are_refused(s3api: S3Api, client: Any, bucket: str, tmp_path: Path) -> None:
    upload = upload_of(s3api, bucket, "key")
    body = ("--body", write(tmp_path / "piece", b"small"))
    etags = [
        s3api("upload-part", *upload, "--part-number", number, *body)["ETag"] for number in "12"
    ]
    s3api.refused("InvalidArgument", "upload-part", *upload, "--part-number", "10001", *body)
    none = (*upload[:4], "--upload-id", "none")
    s3api.refused("NoSuchUpload", "upload-part", *none, "--part-number", "1", *body)
    complete = ("complete-multipart-upload", *upload, "--multipart-upload")
    both = [f"{{PartNumber={number},ETag={etag}}}" for number, etag in enumerate(etags, start=1)]
    s3api.refused("EntityTooSmall", *complete, f"Parts=[{both[0]},{both[1]}]")
    s3api.refused("InvalidPartOrder", *complete, f"Parts=[{both[1]},{both[0]}]")
    s3api.refused("InvalidPart", *complete, "Parts=[{PartNumber=3,ETag=none}]")
    assert "Contents" not in client.list_objects_v2(Bucket=bucket)
    assert len(client.list_parts(Bucket=bucket, Key="key", UploadId=upload[-1])["Parts"]) == 2
