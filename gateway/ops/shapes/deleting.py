"""Inputs, outputs and documents of DeleteObject and DeleteObjects."""

from datetime import datetime
from typing import Annotated

from gateway.ops.shapes.common import ObjectInput
from gateway.wire.bind import Body, Header, Output, Query
from gateway.wire.documents import Document, Element


class ObjectIdentifier(Document):
    key: str
    version_id: str | None = None
    etag: Annotated[str | None, Element("ETag")] = None
    last_modified_time: datetime | None = None
    size: int | None = None


class Delete(Document):
    objects: Annotated[tuple[ObjectIdentifier, ...], Element("Object")]
    quiet: bool | None = None


class DeletedObject(Document):
    key: str | None = None
    version_id: str | None = None
    delete_marker: bool | None = None
    delete_marker_version_id: str | None = None


class DeleteError(Document):
    key: str | None = None
    version_id: str | None = None
    code: str | None = None
    message: str | None = None


class DeleteResult(Document):
    deleted: tuple[DeletedObject, ...] = ()
    errors: Annotated[tuple[DeleteError, ...], Element("Error")] = ()


class DeleteObjectInput(ObjectInput):
    version_id: Annotated[str | None, Query("versionId")] = None
    if_match: Annotated[str | None, Header("If-Match")] = None
    bypass_governance_retention: Annotated[
        bool | None, Header("x-amz-bypass-governance-retention")
    ] = None


class DeleteObjectOutput(Output):
    delete_marker: Annotated[bool | None, Header("x-amz-delete-marker")] = None
    version_id: Annotated[str | None, Header("x-amz-version-id")] = None


class DeleteObjectsInput(ObjectInput):
    delete: Annotated[Delete, Body(limit=4 << 20)]
    bypass_governance_retention: Annotated[
        bool | None, Header("x-amz-bypass-governance-retention")
    ] = None
    checksum_algorithm: Annotated[str | None, Header("x-amz-sdk-checksum-algorithm")] = None


class DeleteObjectsOutput(Output):
    document: Annotated[DeleteResult, Body()]
