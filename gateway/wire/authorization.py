"""Which signature a request presents, by header or by query, of either version. Pure.

Invariant: a request that presents anything like a signature is never taken for an anonymous one,
and one that presents two is refused.
"""

from collections.abc import Mapping

from gateway.wire import claims, sigv2
from gateway.wire.target import Target
from ocean.errors import InvalidArgument

V4_QUERY = frozenset(
    {"X-Amz-Algorithm", "X-Amz-Signature", "X-Amz-Credential", "X-Amz-SignedHeaders"}
)
V2_QUERY = frozenset({"Signature", "AWSAccessKeyId"})


def claim(target: Target, headers: Mapping[str, str]) -> claims.Claim | sigv2.Claim | None:
    """The claim of a request, to be verified by its module; None of an anonymous request.

    Raises InvalidArgument, and what `from_header` and `from_query` of the two modules raise.
    """
    authorization = headers.get("authorization")
    query = target.query
    v4 = not V4_QUERY.isdisjoint(query)
    v2 = not V2_QUERY.isdisjoint(query)
    if v4 + v2 + (authorization is not None) > 1:
        raise InvalidArgument(
            "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, "
            "Signature query string parameter or the Authorization header should be specified",
            ArgumentName="Authorization",
            ArgumentValue=claims.printable(authorization or ""),
        )
    if authorization is not None:
        return _from_header(authorization, headers)
    if v4:
        return claims.from_query(target, headers)
    return sigv2.from_query(target, headers) if v2 else None


def _from_header(authorization: str, headers: Mapping[str, str]) -> claims.Claim | sigv2.Claim:
    if authorization.startswith("AWS4-"):
        return claims.from_header(authorization, headers)
    if authorization.startswith("AWS "):
        return sigv2.from_header(authorization, headers)
    raise InvalidArgument(
        "Unsupported Authorization Type",
        ArgumentName="Authorization",
        ArgumentValue=claims.printable(authorization),
    )
