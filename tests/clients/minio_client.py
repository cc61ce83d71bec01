"""MinIO's client for Python: it acts for root, and does not try again."""

import io
from typing import Any

import urllib3
from minio import Minio

from tests.support.server import ACCESS_KEY, SECRET_KEY, Server


def minio_of(server: Server, transport: type[urllib3.PoolManager] = urllib3.PoolManager) -> Minio:
    """It asks for the region of each bucket itself."""
    return Minio(
        server.host,
        ACCESS_KEY,
        SECRET_KEY,
        secure=server.certificate is not None,
        http_client=transport(retries=False, maxsize=3, ca_certs=server.certificate),
    )


def put(minio: Minio, bucket: str, key: str, content: bytes, **options: Any) -> str | None:
    """Store an object; its version."""
    return minio.put_object(bucket, key, io.BytesIO(content), len(content), **options).version_id


def read(minio: Minio, bucket: str, key: str, **options: Any) -> bytes:
    """An object's content."""
    answer = minio.get_object(bucket, key, **options)
    try:
        return answer.read()
    finally:
        answer.close()
        answer.release_conn()
