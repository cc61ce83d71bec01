"""Headers of features that are not built."""

import botocore.session
import pytest

from gateway.refusals import ENCRYPTION, HANDLED, refuse, refuse_fields
from gateway.wire.hoisting import PRESIGNED
from ocean import errors

REFUSED = [
    ("x-amz-object-lock-event-hold", "ON"),
    ("x-amz-object-lock-event-hold-duration-days", "1"),
    ("x-amz-website-redirect-location", "/"),
    ("x-amz-write-offset-bytes", "0"),
    ("x-amz-storage-class", "GLACIER"),
    ("x-amz-mfa", "1 2"),
    ("x-amz-rename-source", "/a"),
    ("x-amz-if-match-size", "1"),
    ("x-amz-checksum-sha512", "x"),
    ("x-amz-checksum-xxhash3", "x"),
]
ACCEPTED = [
    ("x-amz-acl", "private"),
    ("x-amz-storage-class", "STANDARD"),
    ("x-amz-bucket-object-lock-enabled", "true"),
    ("x-amz-object-lock-legal-hold", "OFF"),
    ("x-amz-object-ownership", "BucketOwnerEnforced"),
    ("x-amz-bypass-governance-retention", "True"),
    ("x-amz-request-payer", "requester"),
    ("x-amz-meta-x-amz-acl", "public-read"),
    ("x-amz-foo", "S3 does not know it either"),
    ("x-amz-date", "20260101T000000Z"),
    ("x-amzn-trace-id", "1"),
    ("content-type", "x-amz-acl"),
]


@pytest.mark.parametrize(("name", "value"), REFUSED)
def test_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(errors.NotImplemented) as caught:
        refuse({"host": "h", name: value}, {})
    assert caught.value.details == {"Header": name}
    with pytest.raises(errors.NotImplemented):
        refuse({}, {name: value})
    with pytest.raises(errors.NotImplemented) as caught:
        refuse({}, {name.replace("x-amz", "X-Amz"): value})
    assert caught.value.details == {"Header": name.replace("x-amz", "X-Amz")}


@pytest.mark.parametrize(("name", "value"), ACCEPTED)
def test_accepted(name: str, value: str) -> None:
    refuse({name: value}, {name: value})


@pytest.mark.parametrize("name", sorted(ENCRYPTION))
def test_encryption_is_refused_where_the_operation_has_none(name: str) -> None:
    """Who sends such a header counts on it; its value, which may be a key, is not repeated."""
    for headers, query in (({name: "secret"}, {}), ({}, {name.title(): "secret"})):
        with pytest.raises(errors.InvalidArgument) as caught:
            refuse(headers, query, taken={"x-amz-acl"})
        assert "secret" not in f"{caught.value} {caught.value.details}"
        refuse(headers, query, taken={name})
    if name.startswith("x-amz-server"):
        refuse_fields({name: "x"})
    else:
        with pytest.raises(errors.InvalidArgument):
            refuse_fields({name: "x"})


def test_a_storage_class_that_is_none() -> None:
    with pytest.raises(errors.InvalidStorageClass):
        refuse({"x-amz-storage-class": "COLD"}, {})


def test_presigned_urls_pass() -> None:
    names = ("Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature",
             "Security-Token", "Content-Sha256")  # fmt: skip
    refuse({}, {f"X-Amz-{name}": "v" for name in names})


def test_each_header_of_the_model_is_handled_or_refused() -> None:
    """No header is ignored: what the model has beside the handled ones raises for an odd value."""
    model = botocore.session.get_session().get_service_model("s3")
    seen = set()
    for operation in model.operation_names:
        shape = model.operation_model(operation).input_shape
        for member in shape.members.values() if shape else ():
            name = member.serialization.get("name", "").lower()
            if member.serialization.get("location") == "header" and name.startswith("x-amz-"):
                seen.add(name)
    assert len(seen) > 50
    for name in seen - HANDLED:
        with pytest.raises(errors.S3Error):
            refuse({name: "odd"}, {})


def test_a_presigned_query_may_be_passed_over() -> None:
    assert set(map(str.lower, PRESIGNED)) <= HANDLED
