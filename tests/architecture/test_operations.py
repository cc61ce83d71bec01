"""Every declared operation says what S3's own model says; together they are the whole model."""

import re
from typing import Any

import botocore.session
import pytest

from gateway.operations import BodyKind, Operation
from gateway.ops import s3
from gateway.wire.bind import Body, Header, Headers, Member, Payload, Query, members
from gateway.wire.documents import Document, fields_of

MODEL = botocore.session.get_session().get_service_model("s3")
OPERATIONS = sorted(s3.by_name.values(), key=lambda operation: operation.name)
BUILT = [operation for operation in OPERATIONS if operation.handler is not None]

# Deprecated twins with the URI of their successors, one told apart by its host, one of another
# endpoint.
LEFT_OUT = {
    "GetBucketLifecycle",
    "GetBucketNotification",
    "ListDirectoryBuckets",
    "PutBucketLifecycle",
    "PutBucketNotification",
    "WriteGetObjectResponse",
}
# The model says nothing where the documentation and the service say 204.
ANSWERED = {"PutBucketTagging": 204, "PutBucketPolicy": 204}
# Beside the model: what S3 has without an SDK having it.
ADDED = {"PostObject"}
# Headers of answers beside the model, which s3-tests looks for.
ANSWERED_TOO = {
    "CompleteMultipartUpload": {
        ("header", "x-amz-server-side-encryption-customer-algorithm"),
        ("header", "x-amz-server-side-encryption-customer-key-md5"),
    }
}

# Headers of features that are not built (gateway.refusals refuses them in requests) and of framing.
NOT_BUILT = re.compile(
    "x-amz-object-lock-event-hold|"
    "x-amz-grant-|x-amz-website-redirect|x-amz-write-offset|x-amz-mfa$|x-amz-if-match-|"
    "x-amz-checksum-(sha512|md5|xxhash)|x-amz-object-size$|x-amz-restore$|x-amz-missing-meta$|"
    "x-amz-replication-status|x-amz-request-charged|"
    "x-amz-bucket-(location-|arn|namespace)|x-amz-access-point-alias|x-amz-rename|x-amz-object-annotation|"
    "content-length$",
    re.IGNORECASE,
)
# Elements of the same features.
NOT_BUILT_ELEMENTS = {
    "BucketArn",
    "ChecksumMD5",
    "ChecksumSHA512",
    "ChecksumXXHASH128",
    "ChecksumXXHASH3",
    "ChecksumXXHASH64",
    "RestoreStatus",
}
# Documents written by hand; tests/unit/gateway/test_listing_pages.py reads them as clients do.
BY_HAND = {"GetBucketLocation", "ListObjects", "ListObjectsV2", "ListObjectVersions"}


def by_name(operation: Operation) -> str:
    return operation.name


def test_every_operation_of_the_model_is_declared() -> None:
    """By what the server imports: a sub-resource that nobody declares would be taken for none."""
    declared = {operation.name for operation in OPERATIONS} - ADDED
    assert declared == set(MODEL.operation_names) - LEFT_OUT


@pytest.mark.parametrize("operation", [o for o in OPERATIONS if o.name not in ADDED], ids=by_name)
def test_method_uri_and_status(operation: Operation) -> None:
    http = MODEL.operation_model(operation.name).http
    assert (operation.method, operation.uri) == (http["method"], http["requestUri"])
    if operation.handler is not None:
        answered = ANSWERED.get(operation.name, 200)
        assert operation.status == http.get("responseCode", answered)


def wire_names(shape: Any) -> dict[tuple[str, str], bool]:
    """(location, lower-case name) of a shape's members to whether they are required."""
    found = {}
    for name, member in (shape.members if shape else {}).items():
        location = member.serialization.get("location")
        if location in ("header", "headers", "querystring"):
            wire = member.serialization.get("name", name)
            if not NOT_BUILT.match(wire):
                found[location, wire.lower()] = name in shape.required_members
    return found


LOCATIONS: dict[type, str] = {Header: "header", Headers: "headers", Query: "querystring"}


def declared_names(declared: tuple[Member, ...]) -> dict[tuple[str, str], bool]:
    return {
        (LOCATIONS[type(m.mark)], getattr(m.mark, "name", "") or m.mark.prefix): m.required
        for m in declared
        if type(m.mark) in LOCATIONS
    }


def lower(names: dict[tuple[str, str], bool]) -> dict[tuple[str, str], bool]:
    return {(location, name.lower()): needed for (location, name), needed in names.items()}


@pytest.mark.parametrize("operation", [o for o in BUILT if o.name not in ADDED], ids=by_name)
def test_input_members(operation: Operation) -> None:
    shape = MODEL.operation_model(operation.name).input_shape
    assert operation.input is not None
    declared = members(operation.input)
    assert lower(declared_names(declared)) == wire_names(shape)
    queries = [m.mark.name for m in declared if isinstance(m.mark, Query)]
    exact = {
        member.serialization["name"]
        for member in shape.members.values()
        if member.serialization.get("location") == "querystring"
    }
    assert set(queries) == exact, "names of parameters have a case"
    payload = shape.serialization.get("payload")
    if payload is None or shape.members[payload].type_name == "blob":
        assert (operation.body is BodyKind.STREAM) == (payload is not None)
    else:
        assert operation.body is BodyKind.DOCUMENT
        body = next(m for m in declared if isinstance(m.mark, Body))
        member = shape.members[payload]
        if member.type_name == "string":  # a document of another kind
            assert body.kind is str
            return
        assert (body.kind.xml_name or body.kind.__name__) == member.serialization["name"]
        compare(body.kind, member)


@pytest.mark.parametrize("operation", [o for o in BUILT if o.name not in ADDED], ids=by_name)
def test_output_members(operation: Operation) -> None:
    shape = MODEL.operation_model(operation.name).output_shape
    declared = members(operation.output) if operation.output else ()
    too: set[tuple[str, str]] = ANSWERED_TOO.get(operation.name, set())
    assert set(lower(declared_names(declared))) == set(wire_names(shape)) | too
    if shape is None or operation.name in BY_HAND:
        return
    body = next((m for m in declared if isinstance(m.mark, Body)), None)
    payload = shape.serialization.get("payload")
    inside = {n for n, m in shape.members.items() if "location" not in m.serialization}
    if payload and shape.members[payload].type_name in {"blob", "string"}:
        assert any(isinstance(m.mark, Payload) for m in declared)
    elif inside:
        assert body is not None
        compare(body.kind, shape.members[payload] if payload else shape)
    else:
        assert body is None


def compare(kind: type[Document], shape: Any) -> None:
    """The document has the elements of the shape: their names, nesting and lists."""
    declared = {field.wrapper or field.name: field for field in fields_of(kind)}
    wanted = {}
    for name, member in shape.members.items():
        if "location" in member.serialization or name in NOT_BUILT_ELEMENTS:
            continue
        wanted[member.serialization.get("name", name)] = member
    assert set(declared) == set(wanted), kind.__name__
    for name, member in wanted.items():
        field = declared[name]
        inner = member
        assert field.repeated == (member.type_name == "list"), (kind.__name__, name)
        if member.type_name == "list":
            inner = member.member
            if member.serialization.get("flattened"):
                assert not field.wrapper, (kind.__name__, name)
            else:
                assert field.name == inner.serialization["name"], (kind.__name__, name)
        assert issubclass(field.kind, Document) == (inner.type_name == "structure")
        if inner.type_name == "structure":
            compare(field.kind, inner)
