"""Ready-to-send HTTP/1.1 requests with what their answers must be."""

import base64
import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from bench.signing import EMPTY_SHA256, UNSIGNED_PAYLOAD, Signer, encode_path, encode_query

Signing = Literal["presigned", "unsigned-payload", "signed-payload"]
SIGNINGS: tuple[Signing, ...] = ("presigned", "unsigned-payload", "signed-payload")

# Bodies above this go out by sendfile from memory, so that the client hardly pays for them.
SENDFILE_FROM = 64 * 1024


class Payload:
    """A request body with its digests; `fd` is a memory file for large ones, else None."""

    def __init__(self, content: bytes) -> None:
        self.size = len(content)
        self.md5 = hashlib.md5(content)
        self.sha256 = hashlib.sha256(content).hexdigest()
        self.content = content
        self.fd: int | None = None
        if self.size > SENDFILE_FROM:
            self.fd = os.memfd_create("bench-payload")
            with os.fdopen(os.dup(self.fd), "wb") as file:
                file.write(content)

    @property
    def etag(self) -> str:
        """The ETag S3 gives this content in a single PUT or part, quotes included."""
        return f'"{self.md5.hexdigest()}"'


@dataclass(slots=True)
class Request:
    """One request and the expectations its answer is held to.

    `length` is the answer's Content-Length (None: any); `content` is compared byte for byte,
    `md5` (of large answers) on a sample; `verify` gets the whole body and returns a complaint
    or None; `then` gets the body and returns the operation's next request, None at its end.
    `moved` counts the object bytes the request carries in either direction.
    """

    kind: str
    head: bytes
    payload: Payload | None = None
    status: int = 200
    length: int | None = None
    no_body: bool = False
    content: bytes | None = None
    md5: bytes | None = None
    moved: int = 0
    verify: Callable[[bytes], str | None] | None = None
    then: "Callable[[bytes], Request | None] | None" = None


@dataclass
class RequestBuilder:
    """Builds signed heads for one bucket, path-style addressed."""

    signer: Signer
    bucket: str
    signing: Signing
    _empty: Payload = field(default_factory=lambda: Payload(b""))

    def head(
        self,
        method: str,
        key: str,
        query: Mapping[str, str] | None = None,
        payload: Payload | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        """The head of a signed request, blank line included; key "" addresses the bucket."""
        path = f"/{self.bucket}/{encode_path(key)}" if key else f"/{self.bucket}"
        query = query or {}
        extra = dict(headers or {})
        if payload is not None:
            extra["Content-Length"] = str(payload.size)
        if self.signing == "presigned":
            target = self.signer.presign(method, path, query)
        else:
            target = f"{path}?{encode_query(query)}" if query else path
            extra |= self.signer.header(method, path, query, self._payload_hash(payload))
        lines = [f"{method} {target} HTTP/1.1", f"Host: {self.signer.host}"]
        lines += [f"{name}: {text}" for name, text in extra.items()]
        return "\r\n".join([*lines, "", ""]).encode()

    def _payload_hash(self, payload: Payload | None) -> str:
        if self.signing == "unsigned-payload":
            return UNSIGNED_PAYLOAD
        return EMPTY_SHA256 if payload is None else payload.sha256

    def put(self, key: str, payload: Payload, query: Mapping[str, str] | None = None) -> Request:
        """PutObject, or UploadPart when `query` names an upload."""
        head = self.head("PUT", key, query, payload)
        return Request("PUT", head, payload, moved=payload.size)

    def get(self, key: str, payload: Payload) -> Request:
        """GetObject of an object that holds `payload`."""
        request = Request("GET", self.head("GET", key), length=payload.size, moved=payload.size)
        if payload.fd is None:
            request.content = payload.content
        else:
            request.md5 = payload.md5.digest()
        return request

    def head_object(self, key: str, payload: Payload) -> Request:
        """HeadObject of an object that holds `payload`."""
        return Request("HEAD", self.head("HEAD", key), length=payload.size, no_body=True)

    def delete(self, key: str) -> Request:
        """DeleteObject."""
        return Request("DELETE", self.head("DELETE", key), status=204, no_body=True)

    def post(self, kind: str, key: str, query: Mapping[str, str], payload: Payload) -> Request:
        """A POST with an XML body (or none), its Content-MD5 given."""
        content_md5 = base64.b64encode(payload.md5.digest()).decode()
        head = self.head("POST", key, query, payload, {"Content-MD5": content_md5})
        return Request(kind, head, payload)
