"""GetBucketLocation, GetBucketRequestPayment, GetBucketAccelerateConfiguration."""

from tests.s3.expect import refused
from tests.s3.store import Client, Store


def test_location(store: Store, s3: Client, bucket: str, name: str) -> None:
    assert s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] is None
    body = store.send("GET", f"/{bucket}", query={"location": ""}).body
    assert b'<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/"' in body
    with refused("NoSuchBucket", 404):
        s3.get_bucket_location(Bucket=f"{name[:-3]}non")


def test_request_payment(s3: Client, bucket: str) -> None:
    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == "BucketOwner"


def test_acceleration(s3: Client, bucket: str) -> None:
    assert "Status" not in s3.get_bucket_accelerate_configuration(Bucket=bucket)
