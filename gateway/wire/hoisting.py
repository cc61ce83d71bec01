"""Headers that a presigned URL carries in its query: they mean what they would as headers. Pure.

SDKs move `x-amz-` headers of a presigned request there, signed with the rest of the query.
"""

from collections.abc import Mapping

# The signature's own parameters, which are no headers.
_SIGNATURE = frozenset(
    {
        "x-amz-algorithm",
        "x-amz-credential",
        "x-amz-date",
        "x-amz-expires",
        "x-amz-security-token",
        "x-amz-signature",
        "x-amz-signedheaders",
    }
)


def unhoist(headers: dict[str, str], query: Mapping[str, str]) -> dict[str, str]:
    """The headers (names in lower case) with those of the query; a real header wins."""
    moved = {
        lower: value
        for name, value in query.items()
        if name[:6] in ("x-amz-", "X-Amz-") and (lower := name.lower()) not in _SIGNATURE
    }
    return {**moved, **headers} if moved else headers
