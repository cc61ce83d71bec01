"""UploadPartCopy (https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html)."""

import pytest

from tests.s3.expect import MIB, PART, checksum, data, md5, multipart_etag, read, refused
from tests.s3.store import Client


@pytest.fixture(scope="module")
def source(s3: Client, shared: str) -> tuple[str, bytes]:
    """Where an object lies, and its bytes."""
    body = data(PART + MIB)
    s3.put_object(Bucket=shared, Key="source", Body=body)
    return f"{shared}/source", body


@pytest.fixture
def part(s3: Client, bucket: str) -> dict[str, object]:
    """The arguments that name part 1 of an upload."""
    upload_id = s3.create_multipart_upload(Bucket=bucket, Key="key")["UploadId"]
    return {"Bucket": bucket, "Key": "key", "UploadId": upload_id, "PartNumber": 1}


@pytest.mark.parametrize(
    ("first", "last"), [(0, 0), (0, PART + MIB - 1), (65_535, 65_536), (MIB - 1, 2 * MIB)]
)
def test_ranges(
    s3: Client, source: tuple[str, bytes], part: dict[str, object], first: int, last: int
) -> None:
    name, body = source
    answer = s3.upload_part_copy(**part, CopySource=name, CopySourceRange=f"bytes={first}-{last}")
    etag = answer["CopyPartResult"]["ETag"]
    assert etag == md5(body[first : last + 1])
    told = {key: value for key, value in part.items() if key != "PartNumber"}
    s3.complete_multipart_upload(
        **told, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]}
    )
    assert read(s3, str(part["Bucket"]), "key") == body[first : last + 1]


def test_with_other_parts(s3: Client, bucket: str, source: tuple[str, bytes]) -> None:
    name, body = source
    upload_id = s3.create_multipart_upload(Bucket=bucket, Key="key")["UploadId"]
    named = {"Bucket": bucket, "Key": "key", "UploadId": upload_id}
    one = s3.upload_part_copy(**named, PartNumber=1, CopySource=name)["CopyPartResult"]["ETag"]
    two = s3.upload_part(**named, PartNumber=2, Body=b"end")["ETag"]
    parts = [{"PartNumber": 1, "ETag": one}, {"PartNumber": 2, "ETag": two}]
    done = s3.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})
    assert done["ETag"] == multipart_etag(body, b"end")
    assert read(s3, bucket, "key") == body + b"end"


@pytest.mark.parametrize("text", ["bytes=1-0", "bytes=0-", "bytes=-5", "0-1", "bytes=a-b", ""])
def test_bad_ranges(
    s3: Client, source: tuple[str, bytes], part: dict[str, object], text: str
) -> None:
    with refused("InvalidArgument", 400):
        s3.upload_part_copy(**part, CopySource=source[0], CopySourceRange=text)
    with refused("InvalidRange", 416):
        s3.upload_part_copy(**part, CopySource=source[0], CopySourceRange="bytes=0-9999999")
    told = {key: value for key, value in part.items() if key != "PartNumber"}
    assert "Parts" not in s3.list_parts(**told)


def test_bad_sources(s3: Client, source: tuple[str, bytes], part: dict[str, object]) -> None:
    with refused("NoSuchKey", 404):
        s3.upload_part_copy(**part, CopySource=f"{source[0]}-none")
    with refused("PreconditionFailed", 412):
        s3.upload_part_copy(**part, CopySource=source[0], CopySourceIfMatch='"x"')
    with refused("NoSuchUpload", 404):
        s3.upload_part_copy(**{**part, "UploadId": "0" * 40}, CopySource=source[0])
    with refused("InvalidArgument", 400):
        s3.upload_part_copy(**{**part, "PartNumber": 10_001}, CopySource=source[0])


def test_a_version(s3: Client, versioned: str) -> None:
    old = s3.put_object(Bucket=versioned, Key="from", Body=b"old")["VersionId"]
    s3.put_object(Bucket=versioned, Key="from", Body=b"newer")
    upload_id = s3.create_multipart_upload(Bucket=versioned, Key="key")["UploadId"]
    answer = s3.upload_part_copy(
        Bucket=versioned,
        Key="key",
        UploadId=upload_id,
        PartNumber=1,
        CopySource=f"{versioned}/from?versionId={old}",
    )
    assert answer["CopySourceVersionId"] == old
    assert answer["CopyPartResult"]["ETag"] == md5(b"old")


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA256", "CRC64NVME"])
def test_checksums(s3: Client, bucket: str, source: tuple[str, bytes], algorithm: str) -> None:
    upload_id = s3.create_multipart_upload(Bucket=bucket, Key="key", ChecksumAlgorithm=algorithm)[
        "UploadId"
    ]
    answer = s3.upload_part_copy(
        Bucket=bucket,
        Key="key",
        UploadId=upload_id,
        PartNumber=1,
        CopySource=source[0],
        CopySourceRange="bytes=0-9",
    )
    assert answer["CopyPartResult"][f"Checksum{algorithm}"] == checksum(algorithm, source[1][:10])
