"""ListBuckets (https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html)."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tests.s3.expect import refused
from tests.s3.store import Client


@pytest.fixture(scope="module")
def three(s3: Client, shared: str) -> Iterator[list[str]]:
    """Three buckets whose names begin with the shared one's."""
    names = [f"{shared}-{end}" for end in ("a", "b", "c")]
    for name in reversed(names):
        s3.create_bucket(Bucket=name)
    yield names
    for name in names:
        s3.delete_bucket(Bucket=name)


def test_all_of_the_caller(s3: Client, other: Client, three: list[str]) -> None:
    found = s3.list_buckets()
    listed = [one["Name"] for one in found["Buckets"]]
    assert listed == sorted(listed)
    assert set(three) < set(listed)
    assert len(found["Owner"]["ID"]) == 64
    mine = next(one for one in found["Buckets"] if one["Name"] == three[0])
    assert abs((datetime.now(UTC) - mine["CreationDate"]).total_seconds()) < 300
    of_other = other.list_buckets()
    assert not set(three) & {one["Name"] for one in of_other["Buckets"]}
    assert of_other["Owner"]["ID"] != found["Owner"]["ID"]


def test_prefix(s3: Client, shared: str, three: list[str]) -> None:
    found = s3.list_buckets(Prefix=f"{shared}-")
    assert [one["Name"] for one in found["Buckets"]] == three
    assert found["Prefix"] == f"{shared}-"
    assert {one["BucketRegion"] for one in found["Buckets"]} == {"us-east-1"}
    assert s3.list_buckets(Prefix=f"{shared}-none")["Buckets"] == []


@pytest.mark.parametrize("size", [1, 2, 3])
def test_pages(s3: Client, shared: str, three: list[str], size: int) -> None:
    asked = {"MaxBuckets": size, "Prefix": f"{shared}-"}
    seen: list[str] = []
    found = s3.list_buckets(**asked)
    while True:
        names = [one["Name"] for one in found["Buckets"]]
        assert all(one["BucketRegion"] == "us-east-1" for one in found["Buckets"])
        seen += names
        if "ContinuationToken" not in found:
            break
        assert len(names) == size
        found = s3.list_buckets(**asked, ContinuationToken=found["ContinuationToken"])
    assert seen == three


@pytest.mark.parametrize("size", [0, 10_001])
def test_sizes_out_of_range(s3: Client, size: int) -> None:
    with refused("InvalidArgument", 400):
        s3.list_buckets(MaxBuckets=size)
