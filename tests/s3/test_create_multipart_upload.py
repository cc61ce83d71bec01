"""CreateMultipartUpload: what it is told shows in the object once it is completed.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateMultipartUpload.html
"""

from tests.s3.expect import keys, read, refused, send_part, upload
from tests.s3.store import Client


def test_answer(s3: Client, bucket: str) -> None:
    answer = s3.create_multipart_upload(Bucket=bucket, Key="a/b c")
    assert (answer["Bucket"], answer["Key"]) == (bucket, "a/b c")
    assert answer["UploadId"]
    assert keys(s3.list_objects_v2(Bucket=bucket)) == []
    again = s3.create_multipart_upload(Bucket=bucket, Key="a/b c")
    assert again["UploadId"] != answer["UploadId"]


def test_every_header_is_stored(s3: Client, bucket: str) -> None:
    stated = {
        "CacheControl": "max-age=60",
        "ContentDisposition": "inline",
        "ContentEncoding": "gzip",
        "ContentLanguage": "de",
        "ContentType": "text/plain",
        "Metadata": {"one": "1"},
    }
    upload(s3, bucket, "key", b"abc", Tagging="color=blue", **stated)
    found = s3.head_object(Bucket=bucket, Key="key")
    assert {name: found[name] for name in stated} == stated
    tags = s3.get_object_tagging(Bucket=bucket, Key="key")["TagSet"]
    assert tags == [{"Key": "color", "Value": "blue"}]


def test_what_put_refuses(s3: Client, bucket: str, name: str) -> None:
    with refused("MetadataTooLarge", 400):
        s3.create_multipart_upload(Bucket=bucket, Key="key", Metadata={"k": "v" * 2048})
    with refused("InvalidTag", 400):
        s3.create_multipart_upload(Bucket=bucket, Key="key", Tagging="aws:a=1")
    with refused("InvalidRequest", 400):
        s3.create_multipart_upload(Bucket=bucket, Key="key", ChecksumAlgorithm="MD4")
    with refused("InvalidRequest", 400):
        s3.create_multipart_upload(Bucket=bucket, Key="key", ChecksumType="FULL_OBJECT")
    with refused("NoSuchBucket", 404):
        s3.create_multipart_upload(Bucket=f"{name[:-3]}non", Key="key")
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)


def test_uploads_of_one_key_are_independent(s3: Client, bucket: str) -> None:
    ids = [s3.create_multipart_upload(Bucket=bucket, Key="key")["UploadId"] for _ in range(2)]
    parts = [
        send_part(s3, bucket, "key", id_, 1, body)
        for id_, body in zip(ids, (b"one", b"two"), strict=True)
    ]
    for id_, part, body in zip(ids[::-1], parts[::-1], (b"two", b"one"), strict=True):
        s3.complete_multipart_upload(
            Bucket=bucket, Key="key", UploadId=id_, MultipartUpload={"Parts": [part]}
        )
        assert read(s3, bucket, "key") == body
