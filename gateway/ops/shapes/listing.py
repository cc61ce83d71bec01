"""Inputs and outputs of listings; their pages are written by gateway.wire.listing."""

from typing import Annotated, Literal

from gateway.ops.shapes.common import ObjectInput
from gateway.wire.bind import Body, Header, Output, Query


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
