"""How objects are encrypted in tests: the options of boto3 for each way, and what is answered."""

import base64
import hashlib
import uuid
from typing import Any, NamedTuple

import pytest

from tests.s3.expect import headers
from tests.s3.store import Store

SSE = "x-amz-server-side-encryption"
CUSTOMER = f"{SSE}-customer-"
CHUNK = 64 << 10  # of what is encrypted at once


class Way(NamedTuple):
    """Options to write, to read and to be the source of a copy; headers that tell of it."""

    put: dict[str, Any]
    get: dict[str, Any]
    source: dict[str, Any]
    told: dict[str, str]

    @property
    def parts(self) -> dict[str, Any]:
        """What is said again with each part."""
        return self.get

    def check(self, answer: Any) -> None:
        """That an answer tells of this way, and of no other."""
        found = {n: v for n, v in headers(answer).items() if n.startswith(SSE)}
        assert found == self.told


def customers(seed: str) -> Way:
    """A key of the client."""
    key = hashlib.sha256(seed.encode()).digest()
    text, md5 = (base64.b64encode(one).decode() for one in (key, hashlib.md5(key).digest()))
    own = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": text, "SSECustomerKeyMD5": md5}
    source = {f"CopySource{name}": value for name, value in own.items()}
    told = {f"{CUSTOMER}algorithm": "AES256", f"{CUSTOMER}key-md5": md5}
    return Way(own, own, source, told)


PLAIN = Way({}, {}, {}, {})
S3 = Way({"ServerSideEncryption": "AES256"}, {}, {}, {SSE: "AES256"})


def named(key_id: str) -> Way:
    """A named key of the store."""
    put = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key_id}
    return Way(put, {}, {}, {SSE: "aws:kms", f"{SSE}-aws-kms-key-id": key_id})


def new_key(store: Store) -> str:
    """The name of a key made for the occasion."""
    if store.server is None:
        pytest.skip("only a server of ours makes keys")
    name = f"key-{uuid.uuid4().hex[:12]}"
    done = store.server.run("encryption-key", "create", name)
    assert done.returncode == 0, done.stderr
    return name
