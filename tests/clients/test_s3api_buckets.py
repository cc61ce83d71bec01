"""`aws s3api`: buckets, their versioning and their CORS rules."""

import json
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.clients.accounts import new_account
from tests.clients.preloaded import Preloaded
from tests.clients.programs import s3api_of
from tests.clients.s3api import S3Api
from tests.support.server import REGION, Server

pytestmark = pytest.mark.slow


@pytest.fixture
def name() -> str:
    """A name that no bucket has."""
    return f"b-{uuid.uuid4().hex[:12]}"


def test_a_bucket_is_made_and_deleted(s3api: S3Api, client: Any, name: str) -> None:
    named = ("--bucket", name)
    assert s3api.refused("404", "head-bucket", *named) == "Not Found"
    assert s3api("create-bucket", *named) == {"Location": f"/{name}"}
    assert s3api("head-bucket", *named)["BucketRegion"] == REGION
    client.put_object(Bucket=name, Key="key", Body=b"x")
    s3api.refused("BucketNotEmpty", "delete-bucket", *named)
    client.delete_object(Bucket=name, Key="key")
    assert s3api("delete-bucket", *named) is None
    s3api.refused("NoSuchBucket", "delete-bucket", *named)
    assert name not in {one["Name"] for one in client.list_buckets()["Buckets"]}


def test_buckets_that_cannot_be_made(
    s3api: S3Api, preloaded: Preloaded, store: Server, bucket: str, name: str, tmp_path: Path
) -> None:
    other = s3api_of(preloaded, store, tmp_path, new_account(store))
    other.refused("BucketAlreadyExists", "create-bucket", "--bucket", bucket)
    other.refused("403", "head-bucket", "--bucket", bucket)
    s3api.refused("InvalidBucketName", "create-bucket", "--bucket", "Upper_case")
    elsewhere = ("--create-bucket-configuration", "LocationConstraint=eu-west-1")
    refusal = "IllegalLocationConstraintException"
    s3api.refused(refusal, "create-bucket", "--bucket", name, *elsewhere)
    s3api.refused("404", "head-bucket", "--bucket", name)


def test_a_bucket_is_made_with_its_settings(s3api: S3Api, client: Any, name: str) -> None:
    tags = ("--create-bucket-configuration", "Tags=[{Key=team,Value=ü x}]")
    lock = "--object-lock-enabled-for-bucket"
    owned = ("--object-ownership", "BucketOwnerPreferred")
    s3api("create-bucket", "--bucket", name, *tags, lock, *owned)
    assert client.get_bucket_tagging(Bucket=name)["TagSet"] == [{"Key": "team", "Value": "ü x"}]
    assert client.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    controls = client.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"]
    assert controls["Rules"] == [{"ObjectOwnership": "BucketOwnerPreferred"}]


def test_buckets_are_listed(s3api: S3Api, client: Any, name: str) -> None:
    made = [f"{name}-{letter}" for letter in "abc"]
    for one in made:
        client.create_bucket(Bucket=one)
    chosen = ("list-buckets", "--prefix", f"{name}-")
    whole = s3api("list-buckets", "--prefix", f"{name}-")
    assert [one["Name"] for one in whole["Buckets"]] == made
    assert whole["Owner"]["ID"] == client.list_buckets()["Owner"]["ID"]
    first = s3api(*chosen, "--max-items", "2", "--page-size", "1")
    assert [one["Name"] for one in first["Buckets"]] == made[:2]
    rest = s3api(*chosen, "--starting-token", first["NextToken"])
    assert [one["Name"] for one in rest["Buckets"]] == made[2:]
    assert s3api(*chosen, "--query", "Buckets[].Name | length(@)") == 3
    s3api.refused("InvalidArgument", *chosen, "--no-paginate", "--max-buckets", "10001")


def test_what_all_buckets_answer(s3api: S3Api, bucket: str) -> None:
    named = ("--bucket", bucket)
    assert s3api("get-bucket-location", *named) == {"LocationConstraint": None}
    assert s3api("get-bucket-request-payment", *named) == {"Payer": "BucketOwner"}
    assert s3api("get-bucket-accelerate-configuration", *named) is None
    for command in ("location", "request-payment", "accelerate-configuration"):
        s3api.refused("NoSuchBucket", f"get-bucket-{command}", "--bucket", f"{bucket}-none")


def test_versioning(s3api: S3Api, client: Any, bucket: str) -> None:
    named = ("--bucket", bucket)
    assert s3api("get-bucket-versioning", *named) is None
    for status in ("Enabled", "Suspended"):
        chosen = ("--versioning-configuration", f"Status={status}")
        assert s3api("put-bucket-versioning", *named, *chosen) is None
        assert s3api("get-bucket-versioning", *named) == {"Status": status}
        assert client.get_bucket_versioning(Bucket=bucket)["Status"] == status
    refused = ("put-bucket-versioning", *named, "--versioning-configuration")
    s3api.refused("MalformedXML", *refused, "Status=Off")
    s3api.refused("NotImplemented", *refused, "Status=Enabled,MFADelete=Enabled", "--mfa", "1 2")
    assert s3api("get-bucket-versioning", *named) == {"Status": "Suspended"}


def test_cors(s3api: S3Api, client: Any, bucket: str) -> None:
    named = ("--bucket", bucket)
    rules = [
        {
            "ID": "site",
            "AllowedMethods": ["GET", "PUT"],
            "AllowedOrigins": ["https://*.example.org"],
            "AllowedHeaders": ["x-amz-*"],
            "ExposeHeaders": ["ETag"],
            "MaxAgeSeconds": 60,
        }
    ]
    put = ("put-bucket-cors", *named, "--cors-configuration")
    s3api.refused("NoSuchCORSConfiguration", "get-bucket-cors", *named)
    text = json.dumps({"CORSRules": rules})
    assert s3api("put-bucket-cors", *named, "--cors-configuration", text) is None
    assert s3api("get-bucket-cors", *named)["CORSRules"] == rules
    assert client.get_bucket_cors(Bucket=bucket)["CORSRules"] == rules
    s3api.refused("InvalidRequest", *put, "CORSRules=[{AllowedMethods=PATCH,AllowedOrigins=*}]")
    assert s3api("delete-bucket-cors", *named) is None
    s3api.refused("NoSuchCORSConfiguration", "get-bucket-cors", *named)
