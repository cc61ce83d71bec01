"""What tests of clients secure: a server over TLS, and what a bucket keeps."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.certificates import certificate
from tests.support.server import Server


@contextmanager
def over_tls(folder: Path, hosts: Sequence[str] = ("localhost",)) -> Iterator[Server]:
    """A server with a certificate of its own for these names of hosts."""
    chain, key = certificate(folder, hosts=hosts)
    settings = {"OCEAN_TLS_CERTIFICATE": str(chain), "OCEAN_TLS_KEY": str(key)}
    with Server(folder / "server", settings) as running:
        yield running


def encrypt_by_default(client: Any, bucket: str) -> None:
    """SSE-S3 for what says nothing of encryption."""
    algorithm = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    client.put_bucket_encryption(
        Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [algorithm]}
    )
