"""Checksums of all five algorithms: as header, as trailer, of parts, and wrong ones.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
"""

import base64
from typing import Any

import pytest

from tests.s3.expect import (
    ALGORITHMS,
    PART,
    checksum,
    composite,
    data,
    headers,
    md5,
    raw_checksum,
    read,
    refused,
)
from tests.s3.store import Client, Store

SMALL, LARGE = 1000, 300_000
FULL = ("CRC32", "CRC32C", "CRC64NVME")
COMPOSITE = ("CRC32", "CRC32C", "SHA1", "SHA256")


def field(algorithm: str) -> str:
    """Its name in boto3."""
    return f"Checksum{algorithm}"


def header(algorithm: str) -> str:
    return f"x-amz-checksum-{algorithm.lower()}"


def wrong(algorithm: str) -> str:
    """A checksum of the right length."""
    return checksum(algorithm, b"something else")


@pytest.mark.parametrize("size", [0, SMALL, LARGE])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_in_a_header(s3: Client, bucket: str, algorithm: str, size: int) -> None:
    body = data(size)
    value = checksum(algorithm, body)
    answer = s3.put_object(Bucket=bucket, Key="key", Body=body, **{field(algorithm): value})
    assert (answer[field(algorithm)], answer["ChecksumType"]) == (value, "FULL_OBJECT")
    for call in (s3.get_object, s3.head_object):
        found = call(Bucket=bucket, Key="key", ChecksumMode="ENABLED")
        assert (found[field(algorithm)], found["ChecksumType"]) == (value, "FULL_OBJECT")


@pytest.mark.parametrize("size", [SMALL, LARGE])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_wrong_in_a_header(s3: Client, bucket: str, algorithm: str, size: int) -> None:
    s3.put_object(Bucket=bucket, Key="key", Body=b"before")
    with refused("BadDigest", 400):
        s3.put_object(
            Bucket=bucket, Key="key", Body=data(size), **{field(algorithm): wrong(algorithm)}
        )
    assert read(s3, bucket, "key") == b"before"


def framed(body: bytes, algorithm: str, value: str) -> tuple[dict[str, str], bytes]:
    """Headers and bytes of an aws-chunked body with a trailer."""
    chunks = [body[at : at + 65536] for at in range(0, len(body), 65536)]
    sent = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    trailer = f"0\r\n{header(algorithm)}:{value}\r\n\r\n".encode()
    stated = {
        "content-encoding": "aws-chunked",
        "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "x-amz-decoded-content-length": str(len(body)),
        "x-amz-trailer": header(algorithm),
    }
    return stated, sent + trailer


@pytest.mark.parametrize("size", [0, SMALL, LARGE])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_in_a_trailer(store: Store, bucket: str, algorithm: str, size: int) -> None:
    body = data(size)
    stated, sent = framed(body, algorithm, checksum(algorithm, body))
    answer = store.send("PUT", f"/{bucket}/key", headers=stated, body=sent)
    assert (answer.status, answer.headers["etag"]) == (200, md5(body))
    assert answer.headers[header(algorithm)] == checksum(algorithm, body)
    found = store.send("GET", f"/{bucket}/key", headers={"x-amz-checksum-mode": "ENABLED"})
    assert found.body == body
    assert found.headers[header(algorithm)] == checksum(algorithm, body)
    assert "content-encoding" not in found.headers


@pytest.mark.parametrize("size", [SMALL, LARGE])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_wrong_in_a_trailer(store: Store, bucket: str, algorithm: str, size: int) -> None:
    stated, sent = framed(data(size), algorithm, wrong(algorithm))
    answer = store.send("PUT", f"/{bucket}/key", headers=stated, body=sent)
    assert (answer.status, answer.error()) == (400, "BadDigest")
    assert store.send("HEAD", f"/{bucket}/key").status == 404


def test_only_when_asked_for(store: Store, s3: Client, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="key", Body=b"abcdef", ChecksumAlgorithm="SHA1")
    plain = store.send("GET", f"/{bucket}/key").headers
    assert not [name for name in plain if name.startswith("x-amz-checksum")]
    ranged = s3.get_object(Bucket=bucket, Key="key", Range="bytes=1-2", ChecksumMode="ENABLED")
    assert not [name for name in headers(ranged) if name.startswith("x-amz-checksum")]
    assert ranged["Body"].read() == b"bc"


@pytest.mark.parametrize(
    ("stated", "error"),
    [
        ({"x-amz-checksum-crc32": "AAAA"}, "BadDigest"),
        ({"x-amz-checksum-crc32": "not base64!"}, "BadDigest"),
        ({"x-amz-checksum-sha256": checksum("CRC32", b"abc")}, "BadDigest"),
        (
            {
                "x-amz-checksum-crc32": checksum("CRC32", b"abc"),
                "x-amz-checksum-sha1": checksum("SHA1", b"abc"),
            },
            "InvalidRequest",
        ),
        ({"x-amz-sdk-checksum-algorithm": "MD4"}, "InvalidRequest"),
        (
            {
                "x-amz-sdk-checksum-algorithm": "SHA1",
                "x-amz-checksum-crc32": checksum("CRC32", b"abc"),
            },
            "BadDigest",
        ),
        ({"x-amz-trailer": "x-amz-checksum-crc32"}, "InvalidRequest"),
    ],
)
def test_bad_headers(store: Store, bucket: str, stated: dict[str, str], error: str) -> None:
    answer = store.send("PUT", f"/{bucket}/key", headers=stated, body=b"abc")
    assert (answer.status, answer.error()) == (400, error)
    assert store.send("HEAD", f"/{bucket}/key").status == 404


def sent_parts(
    s3: Client, bucket: str, bodies: tuple[bytes, ...], algorithm: str, **options: Any
) -> tuple[str, list[dict[str, Any]]]:
    """An upload with its parts, and what Complete is to be told."""
    started = s3.create_multipart_upload(
        Bucket=bucket, Key="key", ChecksumAlgorithm=algorithm, **options
    )
    assert started["ChecksumAlgorithm"] == algorithm
    told = []
    for number, body in enumerate(bodies, 1):
        answer = s3.upload_part(
            Bucket=bucket,
            Key="key",
            UploadId=started["UploadId"],
            PartNumber=number,
            Body=body,
            **{field(algorithm): checksum(algorithm, body)},
        )
        value = answer[field(algorithm)]
        assert value == checksum(algorithm, body)
        told.append({"PartNumber": number, "ETag": answer["ETag"], field(algorithm): value})
    return started["UploadId"], told


@pytest.mark.parametrize("algorithm", COMPOSITE)
def test_composite(s3: Client, bucket: str, algorithm: str) -> None:
    bodies = (data(PART, "x"), data(10, "y"))
    upload_id, told = sent_parts(s3, bucket, bodies, algorithm, ChecksumType="COMPOSITE")
    listed = s3.list_parts(Bucket=bucket, Key="key", UploadId=upload_id)
    assert (listed["ChecksumAlgorithm"], listed["ChecksumType"]) == (algorithm, "COMPOSITE")
    assert [one[field(algorithm)] for one in listed["Parts"]] == [
        checksum(algorithm, body) for body in bodies
    ]
    done = s3.complete_multipart_upload(
        Bucket=bucket, Key="key", UploadId=upload_id, MultipartUpload={"Parts": told}
    )
    value = composite(algorithm, *bodies)
    assert (done[field(algorithm)], done["ChecksumType"]) == (value, "COMPOSITE")
    found = s3.head_object(Bucket=bucket, Key="key", ChecksumMode="ENABLED")
    assert (found[field(algorithm)], found["ChecksumType"]) == (value, "COMPOSITE")


@pytest.mark.parametrize("algorithm", FULL)
def test_of_the_full_object(s3: Client, bucket: str, algorithm: str) -> None:
    bodies = (data(PART, "x"), data(10, "y"))
    upload_id, told = sent_parts(s3, bucket, bodies, algorithm, ChecksumType="FULL_OBJECT")
    value = checksum(algorithm, b"".join(bodies))
    complete = {
        "Bucket": bucket,
        "Key": "key",
        "UploadId": upload_id,
        "MultipartUpload": {"Parts": told},
        "ChecksumType": "FULL_OBJECT",
    }
    with refused("BadDigest", 400):
        s3.complete_multipart_upload(**complete, **{field(algorithm): wrong(algorithm)})
    done = s3.complete_multipart_upload(**complete, **{field(algorithm): value})
    assert (done[field(algorithm)], done["ChecksumType"]) == (value, "FULL_OBJECT")
    found = s3.get_object(Bucket=bucket, Key="key", ChecksumMode="ENABLED")
    assert (found[field(algorithm)], found["ChecksumType"]) == (value, "FULL_OBJECT")
    assert found["Body"].read() == b"".join(bodies)


@pytest.mark.parametrize(
    ("algorithm", "kind"),
    [("SHA1", "FULL_OBJECT"), ("SHA256", "FULL_OBJECT"), ("CRC64NVME", "COMPOSITE")],
)
def test_kinds_that_do_not_fit(s3: Client, bucket: str, algorithm: str, kind: str) -> None:
    with refused("InvalidRequest", 400):
        s3.create_multipart_upload(
            Bucket=bucket, Key="key", ChecksumAlgorithm=algorithm, ChecksumType=kind
        )


def test_wrong_of_a_part(s3: Client, bucket: str) -> None:
    upload_id, told = sent_parts(s3, bucket, (b"abc",), "SHA256")
    part = {"Bucket": bucket, "Key": "key", "UploadId": upload_id, "PartNumber": 1}
    with refused("BadDigest", 400):
        s3.upload_part(**part, Body=b"abd", ChecksumSHA256=wrong("SHA256"))
    with refused("InvalidRequest", 400):  # of another kind than the upload's
        s3.upload_part(**part, Body=b"abd", ChecksumCRC32=checksum("CRC32", b"abd"))
    told[0][field("SHA256")] = wrong("SHA256")
    with refused("InvalidPart", 400):
        s3.complete_multipart_upload(
            Bucket=bucket, Key="key", UploadId=upload_id, MultipartUpload={"Parts": told}
        )
    listed = s3.list_parts(Bucket=bucket, Key="key", UploadId=upload_id)["Parts"]
    assert [one["ETag"] for one in listed] == [md5(b"abc")]


def test_of_documents(store: Store, bucket: str) -> None:
    """Bodies that are documents are verified as well."""
    body = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
    path, query = f"/{bucket}", {"versioning": ""}
    for algorithm in ALGORITHMS:
        bad = {header(algorithm): wrong(algorithm)}
        answer = store.send("PUT", path, query=query, headers=bad, body=body)
        assert (answer.status, answer.error()) == (400, "BadDigest")
    assert b"Enabled" not in store.send("GET", path, query=query).body
    good = {
        "x-amz-checksum-sha256": base64.b64encode(raw_checksum("SHA256", body)).decode(),
        "x-amz-sdk-checksum-algorithm": "SHA256",
    }
    assert store.send("PUT", path, query=query, headers=good, body=body).status == 200
    assert b"Enabled" in store.send("GET", path, query=query).body


@pytest.mark.parametrize("sent", [None, "CRC32", "SHA256"])
def test_of_an_upload_without_any(s3: Client, bucket: str, sent: str | None) -> None:
    """The object has a CRC64NVME, whatever the parts were sent with, and shows it by parts too."""
    bodies = (data(PART, "x"), data(10, "y"))
    key = {"Bucket": bucket, "Key": "key"}
    upload = key | {"UploadId": s3.create_multipart_upload(**key)["UploadId"]}
    told = []
    for number, body in enumerate(bodies, 1):
        stated = {field(sent): checksum(sent, body)} if sent else {}
        answer = s3.upload_part(**upload, PartNumber=number, Body=body, **stated)
        assert stated.items() <= answer.items()
        told.append({"PartNumber": number, "ETag": answer["ETag"], **stated})
    done = s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": told})
    value = checksum("CRC64NVME", b"".join(bodies))
    assert (done["ChecksumCRC64NVME"], done["ChecksumType"]) == (value, "FULL_OBJECT")
    for number, body in enumerate(bodies, 1):
        found = s3.get_object(**key, PartNumber=number, ChecksumMode="ENABLED")
        assert found["ChecksumCRC64NVME"] == checksum("CRC64NVME", body)
        assert found["Body"].read() == body


def test_complete_says_the_checksums_of_all_parts_without_gaps(s3: Client, bucket: str) -> None:
    """Of a composite upload, as AWS wants it; not of others."""
    upload_id, told = sent_parts(s3, bucket, (b"abc",), "SHA256")
    named = {"Bucket": bucket, "Key": "key", "UploadId": upload_id}
    bare = [{"PartNumber": 1, "ETag": told[0]["ETag"]}]
    with refused("InvalidRequest", 400):
        s3.complete_multipart_upload(**named, MultipartUpload={"Parts": bare})
    s3.abort_multipart_upload(**named)
    named["UploadId"] = s3.create_multipart_upload(
        Bucket=bucket, Key="key", ChecksumAlgorithm="SHA256"
    )["UploadId"]
    sent = s3.upload_part(**named, PartNumber=2, Body=b"abc", ChecksumAlgorithm="SHA256")
    gap = [{"PartNumber": 2, "ETag": sent["ETag"], "ChecksumSHA256": sent["ChecksumSHA256"]}]
    with refused("InvalidPartOrder", 400):
        s3.complete_multipart_upload(**named, MultipartUpload={"Parts": gap})


def test_an_algorithm_without_a_checksum(store: Store, bucket: str) -> None:
    answer = store.send(
        "PUT", f"/{bucket}/key", headers={"x-amz-sdk-checksum-algorithm": "CRC32"}, body=b"abc"
    )
    assert (answer.status, answer.error()) == (400, "InvalidRequest")


def test_what_complete_says_of_the_checksum(s3: Client, store: Store, bucket: str) -> None:
    """It is compared with what the upload was begun with, and never ignored."""
    upload_id, told = sent_parts(s3, bucket, (b"abc",), "SHA256")
    document = (
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber>"
        f"<ETag>{told[0]['ETag']}</ETag>"
        f"<ChecksumSHA256>{told[0]['ChecksumSHA256']}</ChecksumSHA256>"
        "</Part></CompleteMultipartUpload>"
    ).encode()
    right = composite("SHA256", b"abc")
    name = "x-amz-checksum-sha256"
    for stated, error in (
        ({"x-amz-checksum-type": "FULL_OBJECT"}, "BadDigest"),
        ({"x-amz-checksum-type": "odd"}, "InvalidRequest"),
        ({"x-amz-checksum-crc32": checksum("CRC32", b"abc")}, "InvalidRequest"),
        ({name: right, "x-amz-checksum-crc32": checksum("CRC32", b"abc")}, "InvalidRequest"),
        ({name: ""}, "BadDigest"),
        ({name: right.replace("-1", "-2")}, "BadDigest"),
        ({name: checksum("SHA256", b"abc")}, "BadDigest"),
    ):
        answer = store.send(
            "POST", f"/{bucket}/key", query={"uploadId": upload_id}, headers=stated, body=document
        )
        assert (answer.status, answer.error()) == (400, error), stated
    stated = {"x-amz-checksum-type": "COMPOSITE", name: right}
    for _ in range(2):
        answer = store.send(
            "POST", f"/{bucket}/key", query={"uploadId": upload_id}, headers=stated, body=document
        )
        assert answer.status == 200
        assert right.encode() in answer.body
