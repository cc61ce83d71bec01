"""Inputs and outputs of listings; their pages are written by gateway.wire.listing."""

from typing import Annotated, ClassVar, Literal

from gateway.ops.shapes.common import ObjectInput
from gateway.wire.bind import Body, Header, Output, Query
from gateway.wire.documents import Document


class ListBucketResult(Document):
    """The head of a page of ListObjects."""

    name: str
    prefix: str = ""
    marker: str = ""
    next_marker: str | None = None
    max_keys: int
    delimiter: str | None = None
    is_truncated: bool
    encoding_type: str | None = None


class ListBucketResultV2(Document):
    """The head of a page of ListObjectsV2. `key_count` counts rows and common prefixes."""

    xml_name: ClassVar[str] = "ListBucketResult"
    name: str
    prefix: str = ""
    key_count: int
    max_keys: int
    delimiter: str | None = None
    is_truncated: bool
    continuation_token: str | None = None
    next_continuation_token: str | None = None
    start_after: str | None = None
    encoding_type: str | None = None


class ListVersionsResult(Document):
    """The head of a page of ListObjectVersions."""

    name: str
    prefix: str = ""
    key_marker: str = ""
    version_id_marker: str = ""
    next_key_marker: str | None = None
    next_version_id_marker: str | None = None
    max_keys: int
    delimiter: str | None = None
    is_truncated: bool
    encoding_type: str | None = None


class ListObjectsInput(ObjectInput):
    delimiter: Annotated[str | None, Query("delimiter")] = None
    encoding_type: Annotated[Literal["url"] | None, Query("encoding-type")] = None
    marker: Annotated[str | None, Query("marker")] = None
    max_keys: Annotated[int | None, Query("max-keys")] = None
    prefix: Annotated[str | None, Query("prefix")] = None
    optional_object_attributes: Annotated[
        tuple[str, ...] | None, Header("x-amz-optional-object-attributes")
    ] = None


class ListObjectsOutput(Output):
    document: Annotated[bytes, Body()]


class ListObjectsV2Input(ObjectInput):
    delimiter: Annotated[str | None, Query("delimiter")] = None
    encoding_type: Annotated[Literal["url"] | None, Query("encoding-type")] = None
    max_keys: Annotated[int | None, Query("max-keys")] = None
    prefix: Annotated[str | None, Query("prefix")] = None
    continuation_token: Annotated[str | None, Query("continuation-token")] = None
    fetch_owner: Annotated[bool | None, Query("fetch-owner")] = None
    start_after: Annotated[str | None, Query("start-after")] = None
    optional_object_attributes: Annotated[
        tuple[str, ...] | None, Header("x-amz-optional-object-attributes")
    ] = None


class ListObjectsV2Output(Output):
    document: Annotated[bytes, Body()]


class ListObjectVersionsInput(ObjectInput):
    delimiter: Annotated[str | None, Query("delimiter")] = None
    encoding_type: Annotated[Literal["url"] | None, Query("encoding-type")] = None
    key_marker: Annotated[str | None, Query("key-marker")] = None
    max_keys: Annotated[int | None, Query("max-keys")] = None
    prefix: Annotated[str | None, Query("prefix")] = None
    version_id_marker: Annotated[str | None, Query("version-id-marker")] = None
    optional_object_attributes: Annotated[
        tuple[str, ...] | None, Header("x-amz-optional-object-attributes")
    ] = None


class ListObjectVersionsOutput(Output):
    document: Annotated[bytes, Body()]
