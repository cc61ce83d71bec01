"""SigV4 signing of benchmark requests; pure: the same arguments always give the same text.

The benchmark signs with code of its own, not with the server's, so that it can drive any
endpoint and so that an error in the server's signer cannot hide itself. It is checked against
botocore's signer. Source: AWS "Authenticating Requests (Signature Version 4)".
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import quote

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()


def encode_path(key: str) -> str:
    """Percent-encode an object key for a path, slashes kept."""
    return quote(key, safe="-_.~/")


def encode_query(query: Mapping[str, str]) -> str:
    """The canonical query string: encoded, then sorted by name."""
    pairs = sorted(
        (quote(name, safe="-_.~"), quote(text, safe="-_.~")) for name, text in query.items()
    )
    return "&".join(f"{name}={text}" for name, text in pairs)


@dataclass(frozen=True)
class Signer:
    """Signs requests to one host for one credential at one instant.

    `timestamp` is ISO 8601 basic in UTC (20130524T000000Z). Header signatures made with it are
    good for 15 minutes, presigned targets for `expires` seconds.
    """

    host: str
    access_key: str
    secret_key: str
    timestamp: str
    region: str = "us-east-1"
    expires: int = 3600

    @cached_property
    def _scope(self) -> str:
        return f"{self.timestamp[:8]}/{self.region}/s3/aws4_request"

    @cached_property
    def _key(self) -> bytes:
        key = b"AWS4" + self.secret_key.encode()
        for part in (self.timestamp[:8], self.region, "s3", "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        return key

    def _signature(self, canonical_request: str) -> str:
        hashed = hashlib.sha256(canonical_request.encode()).hexdigest()
        text = f"{ALGORITHM}\n{self.timestamp}\n{self._scope}\n{hashed}"
        return hmac.digest(self._key, text.encode(), "sha256").hex()

    def presign(self, method: str, path: str, query: Mapping[str, str]) -> str:
        """The request target (path and query) of a presigned request; `path` is encoded."""
        canonical_query = encode_query(
            {
                **query,
                "X-Amz-Algorithm": ALGORITHM,
                "X-Amz-Credential": f"{self.access_key}/{self._scope}",
                "X-Amz-Date": self.timestamp,
                "X-Amz-Expires": str(self.expires),
                "X-Amz-SignedHeaders": "host",
            }
        )
        signature = self._signature(
            f"{method}\n{path}\n{canonical_query}\nhost:{self.host}\n\nhost\n{UNSIGNED_PAYLOAD}"
        )
        return f"{path}?{canonical_query}&X-Amz-Signature={signature}"

    def header(
        self, method: str, path: str, query: Mapping[str, str], payload_hash: str
    ) -> dict[str, str]:
        """The three headers of a header-signed request: Authorization, date, payload hash."""
        signed = "host;x-amz-content-sha256;x-amz-date"
        signature = self._signature(
            f"{method}\n{path}\n{encode_query(query)}\nhost:{self.host}\n"
            f"x-amz-content-sha256:{payload_hash}\nx-amz-date:{self.timestamp}\n\n"
            f"{signed}\n{payload_hash}"
        )
        return {
            "Authorization": f"{ALGORITHM} Credential={self.access_key}/{self._scope}, "
            f"SignedHeaders={signed}, Signature={signature}",
            "x-amz-content-sha256": payload_hash,
            "x-amz-date": self.timestamp,
        }
