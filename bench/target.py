"""The endpoint under test: its address, its credential, and a bucket of the run's own."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

from bench.signing import Signer


@dataclass(frozen=True)
class Target:
    """An S3 endpoint over plain HTTP, path-style addressed."""

    endpoint: str
    access_key: str
    secret_key: str
    region: str = "us-east-1"

    def __post_init__(self) -> None:
        parts = urlsplit(self.endpoint)
        if parts.scheme != "http" or not parts.hostname or parts.path not in ("", "/"):
            raise ValueError(f"{self.endpoint}: an endpoint looks like http://127.0.0.1:9000")

    @property
    def address(self) -> tuple[str, int]:
        """Host and port to connect to."""
        parts = urlsplit(self.endpoint)
        return str(parts.hostname), parts.port or 80

    def signer(self) -> Signer:
        """A signer as of now."""
        timestamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        host = urlsplit(self.endpoint).netloc
        return Signer(host, self.access_key, self.secret_key, timestamp, self.region)

    def client(self) -> Any:
        """A boto3 client, for set-up and clean-up only."""
        config = Config(
            s3={"addressing_style": "path"},
            retries={"max_attempts": 2},
            read_timeout=300,
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            region_name=self.region,
            config=config,
        )

    def keys(self, bucket: str) -> Iterator[str]:
        """All of a bucket."""
        for page in self.client().get_paginator("list_objects_v2").paginate(Bucket=bucket):
            yield from [entry["Key"] for entry in page.get("Contents", [])]


@contextmanager
def own_bucket(target: Target, *, encrypted: bool = False) -> Iterator[str]:
    """A new bucket, with SSE-S3 by default or without; it and all in it is removed at the end."""
    client, name = target.client(), f"bench-{secrets.token_hex(6)}"
    client.create_bucket(Bucket=name)
    try:
        if encrypted:
            rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
            client.put_bucket_encryption(
                Bucket=name, ServerSideEncryptionConfiguration={"Rules": [rule]}
            )
        yield name
    finally:
        empty(client, name)
        client.delete_bucket(Bucket=name)


def empty(client: Any, bucket: str) -> None:
    """Delete all objects and abort all uploads of a bucket."""
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        entries = [{"Key": entry["Key"]} for entry in page.get("Contents", [])]
        if entries:
            answer = client.delete_objects(
                Bucket=bucket, Delete={"Objects": entries, "Quiet": True}
            )
            if answer.get("Errors"):
                raise RuntimeError(f"clean-up of {bucket}: {answer['Errors'][0]}")
    for page in client.get_paginator("list_multipart_uploads").paginate(Bucket=bucket):
        for upload in page.get("Uploads", []):
            client.abort_multipart_upload(
                Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"]
            )
