"""CompleteMultipartUpload, from twelve parts that are resumed to every refusal.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.s3.expect import (
    PART,
    data,
    keys,
    md5,
    multipart_etag,
    read,
    refused,
    send_part,
    status,
    upload,
)
from tests.s3.store import Client, Store


@pytest.fixture
def started(s3: Client, bucket: str) -> dict[str, Any]:
    """The arguments that name an upload."""
    upload_id = s3.create_multipart_upload(Bucket=bucket, Key="key")["UploadId"]
    return {"Bucket": bucket, "Key": "key", "UploadId": upload_id}


def told(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"MultipartUpload": {"Parts": list(parts)}}


def send(s3: Client, started: dict[str, Any], number: int, body: bytes) -> dict[str, Any]:
    return send_part(s3, started["Bucket"], started["Key"], started["UploadId"], number, body)


def test_twelve_parts_resumed(s3: Client, bucket: str, started: dict[str, Any]) -> None:
    """What a client does that was killed: look at what is there, send the rest, complete."""
    bodies = [data(PART, str(number)) for number in range(11)] + [data(1234)]
    for number in (1, 2, 5, 12):
        send(s3, started, number, bodies[number - 1])
    there = {one["PartNumber"]: one for one in s3.list_parts(**started)["Parts"]}
    assert {n: (one["ETag"], one["Size"]) for n, one in there.items()} == {
        n: (md5(bodies[n - 1]), len(bodies[n - 1])) for n in (1, 2, 5, 12)
    }
    missing = [number for number in range(1, 13) if number not in there]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: send(s3, started, number, bodies[number - 1]), missing))
    parts = [
        {"PartNumber": one["PartNumber"], "ETag": one["ETag"]}
        for one in s3.list_parts(**started)["Parts"]
    ]
    done = s3.complete_multipart_upload(**started, **told(*parts))
    assert done["ETag"] == multipart_etag(*bodies)
    assert (done["Bucket"], done["Key"]) == (bucket, "key")
    assert done["Location"].endswith(f"/{bucket}/key")
    whole = b"".join(bodies)
    found = s3.get_object(Bucket=bucket, Key="key")
    assert (found["ContentLength"], found["ETag"]) == (len(whole), done["ETag"])
    assert found["Body"].read() == whole
    for start in (PART - 3, 7 * PART - 1, len(whole) - 1300):
        body = read(s3, bucket, "key", Range=f"bytes={start}-{start + 200}")
        assert body == whole[start : start + 201]
    row = s3.list_objects_v2(Bucket=bucket)["Contents"][0]
    assert (row["Size"], row["ETag"]) == (len(whole), done["ETag"])


def test_only_the_parts_named(s3: Client, bucket: str, started: dict[str, Any]) -> None:
    one = send(s3, started, 3, data(PART))
    send(s3, started, 5, data(PART, "left out"))
    two = send(s3, started, 9, b"end")
    done = s3.complete_multipart_upload(**started, **told(one, two))
    assert done["ETag"] == multipart_etag(data(PART), b"end")
    assert read(s3, bucket, "key") == data(PART) + b"end"
    assert read(s3, bucket, "key", PartNumber=9) == b"end"


def test_twice(s3: Client, bucket: str, started: dict[str, Any]) -> None:
    """A client that did not hear the answer asks again and hears the same."""
    one = send(s3, started, 1, b"abc")
    done = s3.complete_multipart_upload(**started, **told(one))
    again = s3.complete_multipart_upload(**started, **told(one))
    assert again["ETag"] == done["ETag"]
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)
    with refused("NoSuchUpload", 404):
        s3.list_parts(**started)
    with refused("NoSuchUpload", 404):
        s3.upload_part(**started, PartNumber=1, Body=b"x")
    with refused("NoSuchUpload", 404):
        s3.abort_multipart_upload(**started)


def test_twice_makes_one_version(s3: Client, versioned: str) -> None:
    named = {"Bucket": versioned, "Key": "key"}
    named["UploadId"] = s3.create_multipart_upload(**named)["UploadId"]
    part = send(s3, named, 1, b"abc")

    def complete(_: int) -> str:
        return str(s3.complete_multipart_upload(**named, **told(part))["VersionId"])

    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(complete, range(8)))
    assert len(ids) == 1
    s3.put_object(Bucket=versioned, Key="key", Body=b"later")
    assert {complete(0)} == ids  # and does not bring the old bytes back
    assert read(s3, versioned, "key") == b"later"
    listed = s3.list_object_versions(Bucket=versioned)["Versions"]
    assert len(listed) == 2


def test_or_abort(s3: Client, bucket: str) -> None:
    """Of a completion and an abort at the same time one wins, and the object says which."""
    for number in range(6):
        named = {"Bucket": bucket, "Key": f"key{number}"}
        named["UploadId"] = s3.create_multipart_upload(**named)["UploadId"]
        part = send(s3, named, 1, b"abc")
        with ThreadPoolExecutor(2) as pool:
            done = pool.submit(_outcome, s3.complete_multipart_upload, **named, **told(part))
            gone = pool.submit(_outcome, s3.abort_multipart_upload, **named)
        completed, aborted = done.result() == "200", gone.result() == "204"
        assert completed != aborted, (done.result(), gone.result())
        page = s3.list_objects_v2(Bucket=bucket, Prefix=f"key{number}")
        assert keys(page) == ([f"key{number}"] if completed else [])
        if completed:
            assert read(s3, bucket, f"key{number}") == b"abc"
            assert gone.result() == "NoSuchUpload"
        else:
            assert done.result() in {"NoSuchUpload", "InvalidPart", "OperationAborted"}


def _outcome(call: Any, **options: Any) -> str:
    try:
        return str(status(call(**options)))
    except Exception as error:
        return str(getattr(error, "response", {}).get("Error", {}).get("Code", error))


def test_part_order(s3: Client, bucket: str, started: dict[str, Any]) -> None:
    one, two = send(s3, started, 1, data(PART)), send(s3, started, 2, b"x")
    for order in ((two, one), (one, two, one)):
        with refused("InvalidPartOrder", 400):
            s3.complete_multipart_upload(**started, **told(*order))
    s3.complete_multipart_upload(**started, **told(one, two))
    assert s3.head_object(Bucket=bucket, Key="key")["ContentLength"] == PART + 1


def test_a_part_named_twice(s3: Client, bucket: str, started: dict[str, Any]) -> None:
    """Of a part that was sent again and is told each time, the last counts."""
    first = send(s3, started, 1, data(PART, "first"))
    again = send(s3, started, 1, data(PART, "again"))
    end = send(s3, started, 2, b"x")
    done = s3.complete_multipart_upload(**started, **told(first, again, end, end))
    assert done["ETag"] == multipart_etag(data(PART, "again"), b"x")
    assert read(s3, bucket, "key") == data(PART, "again") + b"x"


def test_small_parts(s3: Client, bucket: str, started: dict[str, Any]) -> None:
    """All but the last have at least 5 MiB; what was refused can be mended."""
    one, two = send(s3, started, 1, data(PART - 1)), send(s3, started, 2, b"x")
    with refused("EntityTooSmall", 400) as caught:
        s3.complete_multipart_upload(**started, **told(one, two))
    assert caught.response["Error"]["PartNumber"] == "1"
    assert keys(s3.list_objects_v2(Bucket=bucket)) == []
    one = send(s3, started, 1, data(PART))
    s3.complete_multipart_upload(**started, **told(one, two))
    assert read(s3, bucket, "key") == data(PART) + b"x"


def test_wrong_parts(s3: Client, bucket: str, started: dict[str, Any]) -> None:
    one = send(s3, started, 1, b"abc")
    for part in (
        {"PartNumber": 1, "ETag": md5(b"other")},
        {"PartNumber": 2, "ETag": one["ETag"]},
        {"PartNumber": 1, "ETag": ""},
    ):
        with refused("InvalidPart", 400):
            s3.complete_multipart_upload(**started, **told(part))
    with refused("InvalidArgument", 400):
        s3.complete_multipart_upload(**started, **told({**one, "PartNumber": 0}))
    bare = {**one, "ETag": one["ETag"].strip('"')}
    s3.complete_multipart_upload(**started, **told(bare))
    assert read(s3, bucket, "key") == b"abc"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", None),
        (b"<CompleteMultipartUpload/>", "MalformedXML"),
        (b"<CompleteMultipartUpload><Part/></CompleteMultipartUpload>", "MalformedXML"),
        (b"<Other><Part><PartNumber>1</PartNumber></Part></Other>", "MalformedXML"),
        (b"<CompleteMultipartUpload>", "MalformedXML"),
    ],
)
def test_bad_documents(
    store: Store, bucket: str, started: dict[str, Any], body: bytes, code: str | None
) -> None:
    query = {"uploadId": started["UploadId"]}
    answer = store.send("POST", f"/{bucket}/key", query=query, body=body)
    assert answer.status == 400
    assert code in (None, answer.error())


def test_no_upload(s3: Client, bucket: str, started: dict[str, Any]) -> None:
    one = send(s3, started, 1, b"abc")
    for change in ({"UploadId": "0" * 40}, {"UploadId": "x"}, {"Key": "other"}):
        with refused("NoSuchUpload", 404):
            s3.complete_multipart_upload(**{**started, **change}, **told(one))


def test_size_check(s3: Client, bucket: str, started: dict[str, Any]) -> None:
    one = send(s3, started, 1, b"abc")
    with refused("InvalidRequest", 400):
        s3.complete_multipart_upload(**started, **told(one), MpuObjectSize=4)
    s3.complete_multipart_upload(**started, **told(one), MpuObjectSize=3)


def test_conditions(s3: Client, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="key", Body=b"there")["ETag"]
    named = {"Bucket": bucket, "Key": "key"}
    named["UploadId"] = s3.create_multipart_upload(**named)["UploadId"]
    part = send(s3, named, 1, b"abc")
    with refused("PreconditionFailed", 412):
        s3.complete_multipart_upload(**named, **told(part), IfNoneMatch="*")
    with refused("PreconditionFailed", 412):
        s3.complete_multipart_upload(**named, **told(part), IfMatch='"other"')
    assert read(s3, bucket, "key") == b"there"
    assert len(s3.list_parts(**named)["Parts"]) == 1
    s3.complete_multipart_upload(**named, **told(part), IfMatch=etag)
    assert read(s3, bucket, "key") == b"abc"


def test_overwrites(s3: Client, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="key", Body=b"before", Metadata={"a": "1"})
    upload(s3, bucket, "key", data(PART), b"end")
    found = s3.get_object(Bucket=bucket, Key="key")
    assert (found["Metadata"], found["Body"].read()) == ({}, data(PART) + b"end")
    s3.put_object(Bucket=bucket, Key="key", Body=b"after")
    assert read(s3, bucket, "key") == b"after"


def test_a_part_that_comes_during_completion(s3: Client, bucket: str) -> None:
    """The object is of the parts named, whatever is uploaded at the same time."""
    for number in range(4):
        named = {"Bucket": bucket, "Key": f"key{number}"}
        named["UploadId"] = s3.create_multipart_upload(**named)["UploadId"]
        part = send(s3, named, 1, b"first")
        with ThreadPoolExecutor(2) as pool:
            done = pool.submit(_outcome, s3.complete_multipart_upload, **named, **told(part))
            late = pool.submit(_outcome, s3.upload_part, **named, PartNumber=1, Body=b"second")
        assert done.result() in {"200", "InvalidPart"}
        assert late.result() in {"200", "NoSuchUpload"}
        if done.result() == "200":
            assert read(s3, bucket, f"key{number}") == b"first"
