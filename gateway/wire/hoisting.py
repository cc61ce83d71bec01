"""Headers that a presigned URL carries in its query: they mean what they would as headers. Pure.

SDKs move `x-amz-` headers of a presigned request there, signed with the rest of the query. That of
JavaScript adds the checksum of no bytes, whose URL is for somebody who has some: S3 passes over it.
"""

from collections.abc import Mapping

from gateway.wire.claims import QUERY_NAMES

# The signature's own parameters as SDKs write them: most presigned queries have no others.
PRESIGNED = QUERY_NAMES | {"X-Amz-Security-Token"}
_SIGNATURE = frozenset(map(str.lower, PRESIGNED))  # parameters of the signature, no headers
_BODY = frozenset(  # of what is to come, which is not known when a URL is signed
    f"x-amz-{name}"
    for name in (
        "sdk-checksum-algorithm",
        "checksum-crc32",
        "checksum-crc32c",
        "checksum-crc64nvme",
        "checksum-sha1",
        "checksum-sha256",
    )
)
_IGNORED = _SIGNATURE | _BODY


def hoisted(query: Mapping[str, str]) -> dict[str, str]:
    """The headers of a query, by name in lower case, with the signature's own parameters."""
    return {
        name.lower(): value for name, value in query.items() if name[:6] in ("x-amz-", "X-Amz-")
    }


def unhoist(headers: dict[str, str], query: Mapping[str, str]) -> dict[str, str]:
    """The headers (names in lower case) with those of the query; a real header wins."""
    if PRESIGNED.issuperset(query):
        return headers
    moved = {name: value for name, value in hoisted(query).items() if name not in _IGNORED}
    return {**moved, **headers} if moved else headers
