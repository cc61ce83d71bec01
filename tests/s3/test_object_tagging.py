"""PutObjectTagging, GetObjectTagging, DeleteObjectTagging."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.s3.expect import headers, read, refused, status
from tests.s3.store import Client, Store


def tag_set(**tags: str) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def test_life(s3: Client, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="key", Body=b"abc", Metadata={"m": "1"})
    before = s3.head_object(Bucket=bucket, Key="key")
    assert s3.get_object_tagging(Bucket=bucket, Key="key")["TagSet"] == []
    for tags in (tag_set(a="1", b=""), tag_set(c="ü")):
        answer = s3.put_object_tagging(Bucket=bucket, Key="key", Tagging={"TagSet": tags})
        assert status(answer) == 200
        assert s3.get_object_tagging(Bucket=bucket, Key="key")["TagSet"] == tags
    assert headers(s3.head_object(Bucket=bucket, Key="key"))["x-amz-tagging-count"] == "1"
    assert status(s3.delete_object_tagging(Bucket=bucket, Key="key")) == 204
    assert s3.get_object_tagging(Bucket=bucket, Key="key")["TagSet"] == []
    after = s3.head_object(Bucket=bucket, Key="key")
    same = ("ETag", "LastModified", "Metadata", "ContentLength")
    assert [after[name] for name in same] == [before[name] for name in same]
    assert read(s3, bucket, "key") == b"abc"


def test_versions(s3: Client, versioned: str) -> None:
    old = s3.put_object(Bucket=versioned, Key="key", Body=b"1", Tagging="a=1")["VersionId"]
    new = s3.put_object(Bucket=versioned, Key="key", Body=b"2")["VersionId"]
    answer = s3.put_object_tagging(
        Bucket=versioned, Key="key", VersionId=old, Tagging={"TagSet": tag_set(a="2")}
    )
    assert answer["VersionId"] == old
    found = s3.get_object_tagging(Bucket=versioned, Key="key", VersionId=old)
    assert (found["TagSet"], found["VersionId"]) == (tag_set(a="2"), old)
    assert s3.get_object_tagging(Bucket=versioned, Key="key")["TagSet"] == []
    current = s3.put_object_tagging(Bucket=versioned, Key="key", Tagging={"TagSet": tag_set(b="1")})
    assert current["VersionId"] == new
    gone = s3.delete_object_tagging(Bucket=versioned, Key="key", VersionId=old)
    assert gone["VersionId"] == old
    assert s3.get_object_tagging(Bucket=versioned, Key="key")["TagSet"] == tag_set(b="1")


def test_what_is_not_there(s3: Client, versioned: str) -> None:
    marker = s3.delete_object(Bucket=versioned, Key="gone")["VersionId"]
    tagging = {"Tagging": {"TagSet": tag_set(a="1")}}
    for call, more in (
        (s3.get_object_tagging, {}),
        (s3.put_object_tagging, tagging),
        (s3.delete_object_tagging, {}),
    ):
        for key in ("none", "gone"):
            with refused("NoSuchKey", 404):
                call(Bucket=versioned, Key=key, **more)
        with refused("MethodNotAllowed", 405):
            call(Bucket=versioned, Key="gone", VersionId=marker, **more)
        with refused("NoSuchVersion", 404):
            call(Bucket=versioned, Key="gone", VersionId=marker[::-1], **more)


@pytest.mark.parametrize(
    "tags",
    [
        [(f"k{n}", "v") for n in range(11)],
        [("k", "1"), ("k", "2")],
        [("", "v")],
        [("aws:k", "v")],
        [("k", "v" * 257)],
        [("k#", "v")],
    ],
)
def test_bad_tags(s3: Client, bucket: str, tags: list[tuple[str, str]]) -> None:
    s3.put_object(Bucket=bucket, Key="key", Body=b"abc", Tagging="a=1")
    given = [{"Key": key, "Value": value} for key, value in tags]
    with refused("InvalidTag", 400):
        s3.put_object_tagging(Bucket=bucket, Key="key", Tagging={"TagSet": given})
    assert s3.get_object_tagging(Bucket=bucket, Key="key")["TagSet"] == tag_set(a="1")


def test_at_the_same_time_as_overwrites(store: Store, bucket: str) -> None:
    """Tags of one version never end up on the bytes of another."""
    s3 = store.client()
    s3.put_object(Bucket=bucket, Key="key", Body=b"0", Tagging="of=0")

    def put(number: int) -> None:
        s3.put_object(Bucket=bucket, Key="key", Body=b"%d" % number, Tagging=f"of={number}")

    def tag(_: int) -> None:
        s3.put_object_tagging(Bucket=bucket, Key="key", Tagging={"TagSet": tag_set(free="1")})

    with ThreadPoolExecutor(10) as pool:
        jobs = [pool.submit(work, n) for n in range(1, 11) for work in (put, tag)]
        for job in jobs:
            job.result()
    body = read(s3, bucket, "key").decode()
    assert s3.get_object_tagging(Bucket=bucket, Key="key")["TagSet"] in (
        tag_set(of=body),
        tag_set(free="1"),
    )
