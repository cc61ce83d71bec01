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


def hoisted(query: Mapping[str, str]) -> dict[str, str]:
    """The headers of a query, by name in lower case, with the signature's own parameters."""
    return {
        name.lower(): value for name, value in query.items() if name[:6] in ("x-amz-", "X-Amz-")
    }


def unhoist(headers: dict[str, str], query: Mapping[str, str]) -> dict[str, str]:
    """The headers (names in lower case) with those of the query; a real header wins."""
    found = hoisted(query) if query else {}
    moved = {name: value for name, value in found.items() if name not in _SIGNATURE}
    return {**moved, **headers} if moved else headers
