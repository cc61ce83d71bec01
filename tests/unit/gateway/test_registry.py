"""Declaring operations, and which one a request asks for."""

from typing import Annotated, Any

import pytest

from gateway.operations import BodyKind, Level, Registry
from gateway.wire.bind import Body, Header, Input, Output, Query
from gateway.wire.documents import Document
from ocean.errors import InvalidArgument, MethodNotAllowed

KEY, BUCKET = "/{Bucket}/{Key+}", "/{Bucket}"


class Part(Input):
    part_number: Annotated[int, Query("partNumber")]
    upload_id: Annotated[str, Query("uploadId")]


class PartCopy(Part):
    copy_source: Annotated[str, Header("x-amz-copy-source")]


class Copy(Input):
    copy_source: Annotated[str, Header("x-amz-copy-source")]


class Upload(Input):
    upload_id: Annotated[str, Query("uploadId")]


class Get(Input):
    part_number: Annotated[int | None, Query("partNumber")] = None


class Doc(Document):
    key: str


class Tag(Input):
    doc: Annotated[Doc, Body(limit=77)]


class Answer(Output):
    etag: Annotated[str | None, Header("ETag")] = None


def registry() -> Registry:
    s3 = Registry()

    @s3.operation("PUT", KEY, action="s3:PutObject", body=BodyKind.STREAM)
    async def put_object(cx: Any) -> Answer:
        return Answer()

    @s3.operation("PUT", KEY, action="s3:PutObject")
    async def copy_object(cx: Any, given: Copy) -> None: ...

    @s3.operation("PUT", KEY, action="s3:PutObject", body=BodyKind.STREAM)
    async def upload_part(cx: Any, given: Part) -> None: ...

    @s3.operation("PUT", KEY, action="s3:PutObject")
    async def upload_part_copy(cx: Any, given: PartCopy) -> None: ...

    @s3.operation("GET", KEY, action="s3:GetObject")
    async def get_object(cx: Any, given: Get) -> Answer:
        return Answer()

    @s3.operation("GET", KEY, action="s3:ListMultipartUploadParts")
    async def list_parts(cx: Any, given: Upload) -> None: ...

    @s3.operation("PUT", f"{KEY}?tagging", action="s3:PutObjectTagging", status=204)
    async def put_object_tagging(cx: Any, given: Tag) -> None: ...

    s3.planned("GetObjectAcl", "GET", f"{KEY}?acl")
    s3.planned("CreateMultipartUpload", "POST", f"{KEY}?uploads", action="s3:PutObject")
    s3.planned("SelectObjectContent", "POST", f"{KEY}?select&select-type=2")
    s3.planned("ListObjects", "GET", BUCKET)
    s3.planned("ListObjectsV2", "GET", f"{BUCKET}?list-type=2")
    s3.planned("GetMetrics", "GET", f"{BUCKET}?metrics", requires="id")
    s3.planned("ListMetrics", "GET", f"{BUCKET}?metrics")
    s3.planned("ListBuckets", "GET", "/")
    return s3


S3 = registry()
SOURCE = {"x-amz-copy-source": "/b/k"}
PART = {"partNumber": "1", "uploadId": "u"}


@pytest.mark.parametrize(
    ("method", "level", "query", "headers", "name"),
    [
        ("PUT", Level.OBJECT, {}, {}, "PutObject"),
        ("PUT", Level.OBJECT, {"x-id": "PutObject"}, {}, "PutObject"),
        ("PUT", Level.OBJECT, {"X-Amz-Signature": "s"}, {}, "PutObject"),
        ("PUT", Level.OBJECT, {}, SOURCE, "CopyObject"),
        ("PUT", Level.OBJECT, PART, {}, "UploadPart"),
        ("PUT", Level.OBJECT, PART, SOURCE, "UploadPartCopy"),
        ("PUT", Level.OBJECT, {"tagging": ""}, {}, "PutObjectTagging"),
        ("PUT", Level.OBJECT, {"tagging": "", "versionId": "v"}, {}, "PutObjectTagging"),
        ("GET", Level.OBJECT, {"partNumber": "3"}, {}, "GetObject"),
        ("GET", Level.OBJECT, {"uploadId": "u"}, {}, "ListParts"),
        ("GET", Level.OBJECT, {"acl": ""}, {}, "GetObjectAcl"),
        ("POST", Level.OBJECT, {"select": "", "select-type": "2"}, {}, "SelectObjectContent"),
        ("GET", Level.BUCKET, {"prefix": "acl"}, {}, "ListObjects"),
        ("GET", Level.BUCKET, {"acl": ""}, {}, "ListObjects"),
        ("GET", Level.BUCKET, {"id": "1"}, {}, "ListObjects"),
        ("GET", Level.BUCKET, {"list-type": "2", "prefix": "a"}, {}, "ListObjectsV2"),
        ("GET", Level.BUCKET, {"metrics": ""}, {}, "ListMetrics"),
        ("GET", Level.BUCKET, {"metrics": "", "id": "1"}, {}, "GetMetrics"),
        ("GET", Level.SERVICE, {}, {}, "ListBuckets"),
    ],
)
def test_the_most_specific_operation_answers(
    method: str, level: Level, query: dict[str, str], headers: dict[str, str], name: str
) -> None:
    assert S3.resolve(method, level, query, headers).name == name


@pytest.mark.parametrize(
    ("method", "level", "query"),
    [
        ("PATCH", Level.OBJECT, {}),
        ("DELETE", Level.SERVICE, {}),
        ("POST", Level.OBJECT, {}),
        ("PUT", Level.OBJECT, {"uploads": ""}),
        ("GET", Level.OBJECT, {"select": ""}),
        ("PUT", Level.BUCKET, {}),
    ],
)
def test_no_operation_takes_the_method(method: str, level: Level, query: dict[str, str]) -> None:
    with pytest.raises(MethodNotAllowed) as caught:
        S3.resolve(method, level, query, {})
    assert caught.value.details == {"Method": method, "ResourceType": level.value}
    allowed = {"OBJECT": "GET, POST, PUT", "BUCKET": "GET", "SERVICE": "GET"}
    assert caught.value.headers == {"allow": allowed[level.value]}


@pytest.mark.parametrize(
    ("level", "method", "query", "name"),
    [
        (Level.OBJECT, "PUT", {"uploadId": "u"}, "uploadId"),
        (Level.OBJECT, "PUT", {"partNumber": "1"}, "partNumber"),
        (Level.BUCKET, "GET", {"list-type": "1"}, "list-type"),
    ],
)
def test_what_makes_another_operation_is_never_ignored(
    level: Level, method: str, query: dict[str, str], name: str
) -> None:
    with pytest.raises(InvalidArgument) as caught:
        S3.resolve(method, level, query, {})
    assert caught.value.details["ArgumentName"] == name


def test_a_declaration_says_all_of_an_operation() -> None:
    tagging = S3.by_name["PutObjectTagging"]
    assert (tagging.body, tagging.document_limit, tagging.status) == (BodyKind.DOCUMENT, 77, 204)
    assert tagging.bind is not None
    assert tagging.bind({}, {}, b"<Doc><Key>k</Key></Doc>") == Tag(doc=Doc(key="k"))
    put = S3.by_name["PutObject"]
    assert (put.body, put.action, put.bind) == (BodyKind.STREAM, "s3:PutObject", None)
    assert put.render(Answer(etag="e")).headers == {"etag": "e"}
    assert S3.by_name["CopyObject"].body is BodyKind.NONE
    acl = S3.by_name["GetObjectAcl"]
    assert (acl.handler, acl.action) == (None, "s3:GetObjectAcl")
    assert acl.render(None) == (None, {}, b"", None, None)


def test_declaring_twice_raises() -> None:
    s3 = registry()
    with pytest.raises(ValueError, match="ListObjects is declared twice"):
        s3.planned("ListObjects", "GET", "/other")
    with pytest.raises(ValueError, match="Other and ListObjects answer the same"):
        s3.planned("Other", "GET", BUCKET)
