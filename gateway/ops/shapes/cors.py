"""Inputs, outputs and documents of CORS configurations."""

from typing import Annotated

from gateway.ops.shapes.common import BucketInput
from gateway.wire.bind import Body, Header, Output
from gateway.wire.documents import Document, Element


class CORSRule(Document):
    id: Annotated[str | None, Element("ID")] = None
    allowed_headers: Annotated[tuple[str, ...], Element("AllowedHeader")] = ()
    allowed_methods: Annotated[tuple[str, ...], Element("AllowedMethod")]
    allowed_origins: Annotated[tuple[str, ...], Element("AllowedOrigin")]
    expose_headers: Annotated[tuple[str, ...], Element("ExposeHeader")] = ()
    max_age_seconds: int | None = None


class CORSConfiguration(Document):
    cors_rules: Annotated[tuple[CORSRule, ...], Element("CORSRule")]


class GetBucketCorsInput(BucketInput):
    pass


class GetBucketCorsOutput(Output):
    document: Annotated[CORSConfiguration, Body()]


class PutBucketCorsInput(BucketInput):
    cors_configuration: Annotated[CORSConfiguration, Body()]
    content_md5: Annotated[str | None, Header("Content-MD5")] = None
    checksum_algorithm: Annotated[str | None, Header("x-amz-sdk-checksum-algorithm")] = None


class DeleteBucketCorsInput(BucketInput):
    pass
