"""PutBucketTagging, GetBucketTagging, DeleteBucketTagging."""

import pytest

from tests.s3.expect import refused, status
from tests.s3.store import Client


def test_life(s3: Client, bucket: str) -> None:
    with refused("NoSuchTagSet", 404):
        s3.get_bucket_tagging(Bucket=bucket)
    for tags in ([("a", "1"), ("b", "")], [("k" * 128, "v" * 256), ("é", "ü")]):
        wanted = [{"Key": key, "Value": value} for key, value in tags]
        answer = s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": wanted})
        assert status(answer) == 204
        assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == wanted
    assert status(s3.delete_bucket_tagging(Bucket=bucket)) == 204
    with refused("NoSuchTagSet", 404):
        s3.get_bucket_tagging(Bucket=bucket)
    assert status(s3.delete_bucket_tagging(Bucket=bucket)) == 204


def test_fifty(s3: Client, bucket: str) -> None:
    fifty = [{"Key": f"k{n}", "Value": "v"} for n in range(50)]
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": fifty})
    with refused("InvalidTag", 400):
        more = [*fifty, {"Key": "k50", "Value": "v"}]
        s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": more})
    assert len(s3.get_bucket_tagging(Bucket=bucket)["TagSet"]) == 50


@pytest.mark.parametrize(
    "tags",
    [
        [("", "v")],
        [("k" * 129, "v")],
        [("k", "v" * 257)],
        [("aws:k", "v")],
        [("k", "1"), ("k", "2")],
        [("k", "<v>")],
    ],
)
def test_bad_tags(s3: Client, bucket: str, tags: list[tuple[str, str]]) -> None:
    given = [{"Key": key, "Value": value} for key, value in tags]
    with refused("InvalidTag", 400):
        s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": given})
