"""Policies of POST uploads: who signed the form, and whether it is what was signed. Pure.

Invariant: a form passes only if every field of it, and the bucket, is named by a condition of the
policy, every condition holds, and the policy has not expired.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
"""

import binascii
import json
import re
from base64 import b64decode
from collections.abc import Mapping

import msgspec

from gateway.wire import dates, sigv2
from gateway.wire.claims import Malformed, check_scope, check_signature, parse_scope, printable
from gateway.wire.sigv4 import ALGORITHM, Scope, SigningKeys, signature
from ocean import errors
from ocean.errors import (
    AccessDenied,
    AuthorizationQueryParametersError,
    EntityTooLarge,
    EntityTooSmall,
    InvalidArgument,
    InvalidPolicyDocument,
    S3Error,
)

_V4_FIELDS = ("x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature")
_V2_FIELDS = ("awsaccesskeyid", "signature")
_EXEMPT = frozenset({"policy", "x-amz-signature", "awsaccesskeyid", "signature"})
_SIZE = re.compile(r"[0-9]{1,18}")
_malformed = Malformed(
    AuthorizationQueryParametersError, "Error parsing the X-Amz-Credential parameter; "
)


class Claim(msgspec.Struct, frozen=True):
    """A signature as the form states it, not yet verified; `scope` is None of SigV2."""

    access_key: str
    signature: str
    policy: str
    scope: Scope | None
    timestamp: str
    token: str | None


class Condition(msgspec.Struct, frozen=True):
    """One condition: the field `name` (in lower case) is, or begins with, `value`."""

    operator: str  # "eq" or "starts-with"
    name: str
    value: str

    def holds(self, value: str) -> bool:
        if self.operator == "eq":
            return value == self.value
        if self.name == "content-type":
            # AWS reads commas there as a list, of which each must match.
            return all(part.strip().startswith(self.value) for part in value.split(","))
        return value.startswith(self.value)


class Policy(msgspec.Struct, frozen=True):
    """What may be uploaded: until `expiration` (seconds since 1970), of `low` to `high` bytes."""

    expiration: float
    conditions: tuple[Condition, ...]
    low: int = 0
    high: int | None = None

    def check(self, fields: Mapping[str, str], bucket: str, now: float) -> None:
        """Check the expanded fields of a form sent to `bucket`; raises AccessDenied."""
        if now >= self.expiration:
            raise _denied("Policy expired.")
        values = {**fields, "bucket": bucket}
        for condition in self.conditions:
            if not condition.holds(values.get(condition.name, "")):
                shown = json.dumps([condition.operator, "$" + condition.name, condition.value])
                raise _denied(f"Policy Condition failed: {shown}")
        named = {condition.name for condition in self.conditions} | _EXEMPT
        extra = [name for name in values if name not in named and not _ignored(name)]
        if extra:
            raise _denied(f"Extra input fields: {', '.join(sorted(extra))}")

    def check_growth(self, size: int) -> None:
        """Check the bytes received so far; raises EntityTooLarge."""
        if self.high is not None and size > self.high:
            raise EntityTooLarge(ProposedSize=str(size), MaxSizeAllowed=str(self.high))

    def check_size(self, size: int) -> None:
        """Check the bytes of the whole file; raises EntityTooLarge or EntityTooSmall."""
        self.check_growth(size)
        if size < self.low:
            raise EntityTooSmall(ProposedSize=str(size), MinSizeAllowed=str(self.low))


class _Document(msgspec.Struct):
    expiration: str
    conditions: list[dict[str, str | int] | list[str | int]]


def claim(fields: Mapping[str, str]) -> Claim | None:
    """The claim of a form, None of an anonymous one; `fields` are by name in lower case.

    Raises InvalidArgument for a signature that is not whole, AuthorizationQueryParametersError or
    NotImplemented (ECDSA).
    """
    v4 = any(name in fields for name in _V4_FIELDS)
    v2 = any(name in fields for name in _V2_FIELDS)
    if v4 and v2:
        raise InvalidArgument("Only one auth mechanism allowed", ArgumentName="x-amz-signature")
    if not v4 and not v2 and "policy" not in fields:
        return None
    for name in ("policy", *(_V4_FIELDS if v4 else _V2_FIELDS)):
        if name not in fields:
            raise InvalidArgument(
                f"Bucket POST must contain a field named '{name}'.  "
                "If it is specified, please check the order of the fields.",
                ArgumentName=name,
                ArgumentValue="",
            )
    return _claim_v4(fields) if v4 else _claim_v2(fields)


def _claim_v4(fields: Mapping[str, str]) -> Claim:
    if fields["x-amz-algorithm"] != ALGORITHM:
        raise errors.NotImplemented(f"Only {ALGORITHM} is implemented.")
    if dates.parse_basic(fields["x-amz-date"]) is None:
        raise AuthorizationQueryParametersError(
            "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""
        )
    scope = parse_scope(fields["x-amz-credential"], _malformed)
    return Claim(
        scope.access_key,
        fields["x-amz-signature"],
        fields["policy"],
        scope,
        fields["x-amz-date"],
        fields.get("x-amz-security-token"),
    )


def _claim_v2(fields: Mapping[str, str]) -> Claim:
    token = fields.get("x-amz-security-token")
    return Claim(fields["awsaccesskeyid"], fields["signature"], fields["policy"], None, "", token)


def verify(claim: Claim, *, secret: str, keys: SigningKeys, region: str) -> None:
    """Check the signature of the policy.

    Raises SignatureDoesNotMatch or AuthorizationQueryParametersError (wrong scope). When it was
    signed does not matter: the policy tells its end itself.
    """
    if claim.scope is None:
        computed = sigv2.signature(secret, claim.policy)
    else:
        check_scope(claim.scope, claim.timestamp, region, _malformed)
        computed = signature(keys.get(claim.scope, secret), claim.policy)
    check_signature(computed, claim.signature, claim.access_key, claim.policy)


def parse(policy: str) -> Policy:
    """Read a policy from its base64; raises InvalidPolicyDocument."""
    try:
        text = b64decode("".join(policy.split()), validate=True)
        document = msgspec.json.decode(text, type=_Document)
    except (binascii.Error, ValueError, RecursionError):
        raise InvalidPolicyDocument("Invalid Policy: Invalid JSON or base64.") from None
    expiration = dates.parse_iso(document.expiration)
    if expiration is None:
        raise InvalidPolicyDocument("Invalid Policy: Invalid 'expiration' value.")
    if not document.conditions:
        raise InvalidPolicyDocument("Invalid Policy: Invalid 'conditions' value.")
    conditions, lows, highs = [], [0], []
    for stated in document.conditions:
        if isinstance(stated, list) and stated and _lower(stated[0]) == "content-length-range":
            low, high = _range(stated)
            lows.append(low)
            highs.append(high)
        else:
            conditions.append(_condition(stated))
    return Policy(expiration, tuple(conditions), max(lows), min(highs, default=None))


def _condition(stated: dict[str, str | int] | list[str | int]) -> Condition:
    if isinstance(stated, dict):
        if len(stated) != 1:
            raise InvalidPolicyDocument(
                "Invalid Policy: Invalid Simple-Condition: "
                "Simple-Conditions must have exactly one property specified."
            )
        [(name, value)] = stated.items()
        return Condition("eq", name.lower(), str(value))
    if len(stated) != 3:
        raise InvalidPolicyDocument("Invalid Policy: A condition has three elements.")
    operator, name, value = _lower(stated[0]), _lower(stated[1]), str(stated[2])
    if operator not in {"eq", "starts-with"} or not name.startswith("$"):
        raise InvalidPolicyDocument(
            f"Invalid Policy: Invalid condition: {printable(json.dumps(stated))}"
        )
    return Condition(operator, name[1:], value)


def _range(stated: list[str | int]) -> tuple[int, int]:
    sizes = [str(size) for size in stated[1:]]
    if len(sizes) != 2 or not all(map(_SIZE.fullmatch, sizes)):
        raise InvalidPolicyDocument("Invalid Policy: Invalid content-length-range.")
    return int(sizes[0]), int(sizes[1])


def _lower(value: str | int) -> str:
    return str(value).lower()


def _ignored(name: str) -> bool:
    return name.startswith("x-ignore-")


def _denied(text: str) -> S3Error:
    return AccessDenied(f"Invalid according to Policy: {printable(text)}")
