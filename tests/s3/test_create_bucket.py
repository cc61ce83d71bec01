"""CreateBucket (https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html)."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.s3.expect import headers, refused, status
from tests.s3.store import Client, Store


@pytest.fixture
def free(s3: Client, name: str) -> Iterator[str]:
    """A name for a bucket that the test makes."""
    yield name
    s3.delete_bucket(Bucket=name)


def test_answer(s3: Client, free: str) -> None:
    answer = s3.create_bucket(Bucket=free)
    assert (status(answer), answer["Location"]) == (200, f"/{free}")
    assert s3.list_objects_v2(Bucket=free)["KeyCount"] == 0


def test_again_by_the_owner(s3: Client, free: str) -> None:
    """In us-east-1 it succeeds, and the bucket stays as it is."""
    s3.create_bucket(Bucket=free)
    s3.put_object(Bucket=free, Key="key", Body=b"x")
    assert status(s3.create_bucket(Bucket=free)) == 200
    assert s3.get_object(Bucket=free, Key="key")["Body"].read() == b"x"
    s3.delete_object(Bucket=free, Key="key")


def test_again_by_another(s3: Client, other: Client, free: str) -> None:
    s3.create_bucket(Bucket=free)
    with refused("BucketAlreadyExists", 409) as caught:
        other.create_bucket(Bucket=free)
    assert caught.response["Error"]["BucketName"] == free


def test_one_of_many_wins(store: Store, s3: Client, other: Client, free: str) -> None:
    """Two accounts want the same name at the same time: one has it, the other hears so."""

    def create(client: Client) -> str:
        try:
            client.create_bucket(Bucket=free)
        except client.exceptions.ClientError as error:
            return str(error.response["Error"]["Code"])
        return "created"

    with ThreadPoolExecutor(10) as pool:
        mine = list(pool.map(create, [s3, other] * 5))
    by_s3, by_other = mine[::2], mine[1::2]
    lost = by_other if "created" in by_s3 else by_s3
    won = by_s3 if "created" in by_s3 else by_other
    assert set(won) == {"created"}
    assert set(lost) == {"BucketAlreadyExists"}
    if won is by_other:  # so that the fixture can remove it
        other.delete_bucket(Bucket=free)
        s3.create_bucket(Bucket=free)


@pytest.mark.parametrize(
    "bad",
    [
        "ab",
        "a" * 64,
        "Upper",
        "under_score",
        "-start",
        "end-",
        ".dot",
        "dot.",
        "two..dots",
        "dash.-dot",
        "192.168.5.4",
        "xn--punycode",
        "sthree-name",
        "amzn-s3-demo-name",
        "name-s3alias",
        "name--ol-s3",
        "name--x-s3",
        "na me",
        "na%me",
        "naïve",
    ],
)
def test_bad_names(store: Store, bad: str) -> None:
    answer = store.send("PUT", f"/{bad}")
    assert (answer.status, answer.error()) == (400, "InvalidBucketName")


@pytest.mark.parametrize("good", ["abc", "a.b-c.d", "1a2", "a" * 63])
def test_odd_good_names(s3: Client, good: str) -> None:
    s3.create_bucket(Bucket=good)
    s3.put_object(Bucket=good, Key="key", Body=b"x")
    s3.delete_object(Bucket=good, Key="key")
    s3.delete_bucket(Bucket=good)


def test_tags(s3: Client, free: str) -> None:
    tags = [{"Key": "team", "Value": "video"}]
    s3.create_bucket(Bucket=free, CreateBucketConfiguration={"Tags": tags})
    assert s3.get_bucket_tagging(Bucket=free)["TagSet"] == tags


@pytest.mark.parametrize(
    ("region", "code"),
    [
        ("eu-west-1", "IllegalLocationConstraintException"),
        ("nowhere", "IllegalLocationConstraintException"),
    ],
)
def test_another_region(s3: Client, name: str, region: str, code: str) -> None:
    with refused(code, 400):
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": region})
    with refused("404", 404):
        s3.head_bucket(Bucket=name)


@pytest.mark.parametrize(
    "body", [b"<Create", b"<Other/>", b"<!DOCTYPE x []><CreateBucketConfiguration/>"]
)
def test_bad_documents(store: Store, name: str, body: bytes) -> None:
    answer = store.send("PUT", f"/{name}", body=body)
    assert (answer.status, answer.error()) == (400, "MalformedXML")
    assert store.send("HEAD", f"/{name}").status == 404


def test_a_deleted_bucket_comes_back_empty(s3: Client, free: str) -> None:
    s3.create_bucket(Bucket=free)
    s3.put_bucket_versioning(Bucket=free, VersioningConfiguration={"Status": "Enabled"})
    s3.delete_bucket(Bucket=free)
    with refused("NoSuchBucket", 404):
        s3.list_objects_v2(Bucket=free)
    s3.create_bucket(Bucket=free)
    assert "Status" not in s3.get_bucket_versioning(Bucket=free)
    assert "x-amz-version-id" not in headers(s3.put_object(Bucket=free, Key="key", Body=b"x"))
    s3.delete_object(Bucket=free, Key="key")
