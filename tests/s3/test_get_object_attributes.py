"""GetObjectAttributes, with the parts of multipart objects.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectAttributes.html
"""

from typing import Any

import pytest

from tests.s3.expect import (
    PART,
    checksum,
    composite,
    data,
    headers,
    md5,
    multipart_etag,
    raw_checksum,
    refused,
    upload,
)
from tests.s3.store import Client, Store

ALL = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"]


def test_of_a_small_object(s3: Client, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="key", Body=b"abc", ChecksumAlgorithm="SHA256")
    found = s3.get_object_attributes(Bucket=bucket, Key="key", ObjectAttributes=ALL)
    assert found["ETag"] == md5(b"abc").strip('"')
    assert found["ObjectSize"] == 3
    assert found["StorageClass"] == "STANDARD"
    assert found["Checksum"] == {
        "ChecksumSHA256": checksum("SHA256", b"abc"),
        "ChecksumType": "FULL_OBJECT",
    }
    assert "ObjectParts" not in found
    assert found["LastModified"] == s3.head_object(Bucket=bucket, Key="key")["LastModified"]


@pytest.mark.parametrize("attribute", ALL)
def test_only_what_is_asked_for(s3: Client, bucket: str, attribute: str) -> None:
    s3.put_object(Bucket=bucket, Key="key", Body=b"abc")
    found = s3.get_object_attributes(Bucket=bucket, Key="key", ObjectAttributes=[attribute])
    told = set(found) - {"ResponseMetadata", "LastModified"}
    assert told == ({attribute} if attribute != "ObjectParts" else set())


@pytest.fixture(scope="module")
def parts(s3: Client, shared: str) -> tuple[bytes, ...]:
    """The parts of two uploads, one with checksums of each part."""
    bodies = (data(PART, "a"), data(PART, "b"), data(7))
    upload(s3, shared, "plain", *bodies)
    started = s3.create_multipart_upload(Bucket=shared, Key="summed", ChecksumAlgorithm="SHA256")
    done: list[dict[str, Any]] = []
    for number, body in enumerate(bodies, 1):
        answer = s3.upload_part(
            Bucket=shared,
            Key="summed",
            UploadId=started["UploadId"],
            PartNumber=number,
            Body=body,
            ChecksumAlgorithm="SHA256",
        )
        done.append(
            {
                "PartNumber": number,
                "ETag": answer["ETag"],
                "ChecksumSHA256": answer["ChecksumSHA256"],
            }
        )
    s3.complete_multipart_upload(
        Bucket=shared,
        Key="summed",
        UploadId=started["UploadId"],
        MultipartUpload={"Parts": done},
    )
    return bodies


def test_of_parts_with_checksums(s3: Client, shared: str, parts: tuple[bytes, ...]) -> None:
    found = s3.get_object_attributes(Bucket=shared, Key="summed", ObjectAttributes=ALL)
    assert found["ETag"] == multipart_etag(*parts).strip('"')
    assert found["ObjectSize"] == sum(map(len, parts))
    assert found["Checksum"]["ChecksumSHA256"] == composite("SHA256", *parts)
    assert found["Checksum"]["ChecksumType"] == "COMPOSITE"
    listed = found["ObjectParts"]
    assert (listed["TotalPartsCount"], listed["IsTruncated"]) == (3, False)
    assert listed["Parts"] == [
        {"PartNumber": n, "Size": len(body), "ChecksumSHA256": checksum("SHA256", body)}
        for n, body in enumerate(parts, 1)
    ]


def test_pages_of_parts(s3: Client, shared: str, parts: tuple[bytes, ...]) -> None:
    seen: list[int] = []
    marker = 0
    for _ in parts:
        page = s3.get_object_attributes(
            Bucket=shared,
            Key="summed",
            ObjectAttributes=["ObjectParts"],
            MaxParts=1,
            PartNumberMarker=marker,
        )["ObjectParts"]
        assert (page["MaxParts"], page["PartNumberMarker"]) == (1, marker)
        seen += [one["PartNumber"] for one in page["Parts"]]
        marker = page["NextPartNumberMarker"]
        assert page["IsTruncated"] == (marker < 3)
    assert seen == [1, 2, 3]


def test_of_parts_without_checksums(s3: Client, shared: str, parts: tuple[bytes, ...]) -> None:
    found = s3.get_object_attributes(Bucket=shared, Key="plain", ObjectAttributes=ALL)
    listed = found["ObjectParts"]
    assert (listed["TotalPartsCount"], listed["IsTruncated"]) == (len(parts), False)
    assert listed["Parts"] == [
        {"PartNumber": n, "Size": len(body), "ChecksumCRC64NVME": checksum("CRC64NVME", body)}
        for n, body in enumerate(parts, 1)
    ]


def test_the_default_checksum(store: Store, s3: Client, bucket: str) -> None:
    """S3 adds a CRC64NVME where the client sends no checksum."""
    assert store.send("PUT", f"/{bucket}/key", body=b"abc").status == 200
    found = s3.get_object_attributes(Bucket=bucket, Key="key", ObjectAttributes=["Checksum"])
    assert found["Checksum"]["ChecksumCRC64NVME"] == checksum("CRC64NVME", b"abc")
    assert len(raw_checksum("CRC64NVME", b"abc")) == 8


def test_versions(s3: Client, versioned: str) -> None:
    version = s3.put_object(Bucket=versioned, Key="key", Body=b"abc")["VersionId"]
    s3.put_object(Bucket=versioned, Key="key", Body=b"longer")
    found = s3.get_object_attributes(
        Bucket=versioned, Key="key", VersionId=version, ObjectAttributes=["ObjectSize"]
    )
    assert (found["VersionId"], found["ObjectSize"]) == (version, 3)
    marker = s3.delete_object(Bucket=versioned, Key="key")["VersionId"]
    with refused("NoSuchKey", 404) as caught:
        s3.get_object_attributes(Bucket=versioned, Key="key", ObjectAttributes=ALL)
    assert headers(caught.response)["x-amz-delete-marker"] == "true"
    with refused("MethodNotAllowed", 405):
        s3.get_object_attributes(
            Bucket=versioned, Key="key", VersionId=marker, ObjectAttributes=ALL
        )


def test_bad_requests(store: Store, s3: Client, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="key", Body=b"abc")
    with refused("InvalidArgument", 400):
        s3.get_object_attributes(Bucket=bucket, Key="key", ObjectAttributes=["Color"])
    answer = store.send("GET", f"/{bucket}/key", query={"attributes": ""})
    assert (answer.status, answer.error()) == (400, "InvalidRequest")
    none = {"x-amz-object-attributes": ""}
    answer = store.send("GET", f"/{bucket}/key", query={"attributes": ""}, headers=none)
    assert (answer.status, answer.error()) == (400, "InvalidArgument")
    with refused("NoSuchKey", 404):
        s3.get_object_attributes(Bucket=bucket, Key="none", ObjectAttributes=ALL)
