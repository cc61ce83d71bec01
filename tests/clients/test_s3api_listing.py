"""`aws s3api`: objects and versions, listed in pages as the CLI turns them."""

from typing import Any

import pytest

from tests.clients.s3api import S3Api

pytestmark = pytest.mark.slow

KEYS = ["a b+%", "d/1", "d/2", "e/ü", "z"]
Listed = dict[str, list[dict[str, Any]]]


@pytest.fixture
def filled(client: Any, bucket: str) -> tuple[str, str]:
    """The arguments that name a bucket with all of KEYS."""
    for key in KEYS:
        client.put_object(Bucket=bucket, Key=key, Body=key.encode())
    return ("--bucket", bucket)


def keys(told: Listed, kind: str = "Contents") -> list[str]:
    return [one["Key"] for one in told.get(kind, [])]


def test_list_objects(s3api: S3Api, filled: tuple[str, str]) -> None:
    whole = s3api("list-objects", *filled, "--page-size", "2")
    assert keys(whole) == KEYS
    assert [one["Size"] for one in whole["Contents"]] == [len(key.encode()) for key in KEYS]
    top = s3api("list-objects", *filled, "--delimiter", "/", "--no-paginate", "--max-keys", "2")
    assert (keys(top), top["CommonPrefixes"]) == (["a b+%"], [{"Prefix": "d/"}])
    assert (top["IsTruncated"], top["NextMarker"]) == (True, "d/")
    assert keys(s3api("list-objects", *filled, "--marker", "d/1")) == KEYS[2:]
    assert keys(s3api("list-objects", *filled, "--prefix", "e/ü")) == ["e/ü"]
    s3api.refused("NoSuchBucket", "list-objects", "--bucket", f"{filled[1]}-none")


def test_list_objects_v2(s3api: S3Api, filled: tuple[str, str]) -> None:
    assert keys(s3api("list-objects-v2", *filled, "--page-size", "1")) == KEYS
    listed = ("list-objects-v2", *filled)
    first = s3api(*listed, "--max-items", "2")
    assert keys(first) == KEYS[:2]
    assert keys(s3api(*listed, "--starting-token", first["NextToken"])) == KEYS[2:]
    top = s3api(*listed, "--delimiter", "/", "--fetch-owner")
    assert keys(top) == ["a b+%", "z"]
    assert top["CommonPrefixes"] == [{"Prefix": "d/"}, {"Prefix": "e/"}]
    assert all(one["Owner"]["ID"] for one in top["Contents"])
    assert keys(s3api(*listed, "--start-after", "d/2")) == KEYS[3:]
    assert s3api(*listed, "--prefix", "none", "--no-paginate")["KeyCount"] == 0
    s3api.refused("InvalidArgument", *listed, "--continuation-token", "none")
    s3api.refused("NoSuchBucket", "list-objects-v2", "--bucket", f"{filled[1]}-none")


def test_list_object_versions(s3api: S3Api, client: Any, filled: tuple[str, str]) -> None:
    bucket = filled[1]
    enabled = {"Status": "Enabled"}
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration=enabled)
    new = client.put_object(Bucket=bucket, Key="z", Body=b"new")["VersionId"]
    marker = client.delete_object(Bucket=bucket, Key="z")["VersionId"]
    for options in ((), ("--page-size", "1")):
        told = s3api("list-object-versions", *filled, *options)
        assert keys(told, "Versions") == [*KEYS, "z"]
        assert [one["VersionId"] for one in told["Versions"]][-2:] == [new, "null"]
        assert not any(one["IsLatest"] for one in told["Versions"][-2:])
        (found,) = told["DeleteMarkers"]
        assert (found["VersionId"], found["IsLatest"]) == (marker, True)
    listed = ("list-object-versions", *filled)
    top = s3api(*listed, "--delimiter", "/")
    assert top["CommonPrefixes"] == [{"Prefix": "d/"}, {"Prefix": "e/"}]
    after = s3api(*listed, "--key-marker", "z", "--version-id-marker", marker)
    assert [one["VersionId"] for one in after["Versions"]] == [new, "null"]
    s3api.refused("InvalidArgument", *listed, "--version-id-marker", marker)
