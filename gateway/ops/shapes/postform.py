"""Input, output and document of PostObject; the fields of a form stand for headers.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html
"""

from typing import Annotated, ClassVar

from gateway.ops.shapes.common import ChecksumOutput, UploadInput
from gateway.wire.bind import Body, Header, Status
from gateway.wire.documents import Document, Element


class PostResponse(Document):
    xml_namespace: ClassVar[str] = ""

    location: str
    bucket: str
    key: str
    etag: Annotated[str, Element("ETag")]


class PostObjectInput(UploadInput):
    key: Annotated[str | None, Header("key")] = None
    bucket: Annotated[str | None, Header("bucket")] = None
    acl: Annotated[str | None, Header("x-amz-acl")] = None
    checksum_algorithm: Annotated[str | None, Header("x-amz-checksum-algorithm")] = None
    success_action_redirect: Annotated[str | None, Header("success_action_redirect")] = None
    redirect: Annotated[str | None, Header("redirect")] = None  # its old name
    success_action_status: Annotated[str | None, Header("success_action_status")] = None
    tagging: Annotated[str | None, Header("tagging")] = None


class PostObjectOutput(ChecksumOutput):
    etag: Annotated[str | None, Header("ETag")] = None
    location: Annotated[str | None, Header("Location")] = None
    expiration: Annotated[str | None, Header("x-amz-expiration")] = None
    checksum_type: Annotated[str | None, Header("x-amz-checksum-type")] = None
    version_id: Annotated[str | None, Header("x-amz-version-id")] = None
    document: Annotated[PostResponse | None, Body()] = None
    status: Annotated[int | None, Status()] = None
