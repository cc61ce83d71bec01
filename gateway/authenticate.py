"""Authentication: whose request it is, and how its body is covered by the signature."""

import time
from typing import NamedTuple

import msgspec

from gateway.body import StreamBody
from gateway.form import Form
from gateway.http import Request
from gateway.wire import authorization, chunked, claims, dates, postpolicy, sigv2
from gateway.wire.claims import Payload
from gateway.wire.sigv4 import Seed, SigningKeys
from gateway.wire.target import Target
from ocean.errors import (
    AccessDenied,
    HeadersNotSigned,
    InvalidAccessKeyId,
    InvalidArgument,
    InvalidToken,
)
from ocean.identity.credentials import Credentials
from ocean.identity.records import Account, Credential

EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


class Signing(NamedTuple):
    """How a request was signed, in the words of S3's condition keys; nothing for who did not sign.

    `date` is when, in seconds since 1970; `sha256` what the signature says of the body.
    """

    auth_type: str | None = None
    version: str | None = None
    date: int | None = None
    sha256: str | None = None


Claim = claims.Claim | sigv2.Claim | postpolicy.Claim
_V4, _V2 = "AWS4-HMAC-SHA256", "AWS"


class Verified(msgspec.Struct, frozen=True):
    """Who signed (None: nobody), and what the signature says of the body.

    `claim` is what was found true; `uncovered` are names in the query that the signature says
    nothing of.
    """

    account: Account | None
    mode: Payload
    sha256: str | None
    seed: Seed | None
    claim: Claim | None = None
    uncovered: frozenset[str] = frozenset()


class Authenticator:
    """Verifies every form of signature in one place: an unknown form is never anonymous."""

    def __init__(self, credentials: Credentials, region: str) -> None:
        self._credentials = credentials
        self._region = region
        self._keys = SigningKeys()

    async def __call__(self, request: Request, target: Target) -> Verified:
        """Verify the claim of a request; the S3 error that fits when it is not true."""
        claim = authorization.claim(target, request.headers)
        if claim is None:
            return Verified(None, _unsigned_mode(request), None, None)
        credential = await self._find(claim)
        if isinstance(claim, sigv2.Claim):
            sigv2.verify(
                claim,
                request.method,
                target,
                request.headers,
                secret=credential.secret,
                now=time.time(),
            )
            uncovered = frozenset(sigv2.uncovered(target.pairs))
            mode = _unsigned_mode(request)
            return Verified(credential.account, mode, None, None, claim, uncovered)
        seed = claims.verify(
            claim,
            request.method,
            target,
            request.headers,
            secret=credential.secret,
            keys=self._keys,
            now=time.time(),
            region=self._region,
        )
        sha256 = claim.payload if claim.mode is Payload.HASHED else None
        return Verified(credential.account, claim.mode, sha256, seed, claim)

    async def form(
        self, form: Form, request: Request, target: Target
    ) -> tuple[Account | None, Claim | None]:
        """Verify the policy of a form, which the form then enforces; who signed it, and the claim.

        The request itself must be unsigned, and without headers that a signature would cover.
        """
        if authorization.claim(target, request.headers) is not None:
            raise InvalidArgument("Only one auth mechanism allowed", ArgumentName="Authorization")
        if form.fields.get("bucket", target.bucket) != target.bucket:
            raise AccessDenied("The form names another bucket than the request.")
        if unsigned := [name for name in request.headers if name.startswith("x-amz-")]:
            raise HeadersNotSigned(HeadersNotSigned=claims.printable(", ".join(unsigned)))
        claim = postpolicy.claim(form.fields)
        if claim is None:
            return None, None
        credential = await self._find(claim)
        postpolicy.verify(claim, secret=credential.secret, keys=self._keys, region=self._region)
        form.policy = postpolicy.parse(claim.policy)
        form.policy.check(form.fields, target.bucket or "", time.time())
        return credential.account, claim

    async def _find(self, claim: Claim) -> Credential:
        credential = await self._credentials.find(claim.access_key)
        if credential is None:
            raise InvalidAccessKeyId(AWSAccessKeyId=claims.printable(claim.access_key))
        if claim.token is not None:
            raise InvalidToken
        return credential


def signing(claim: Claim | None) -> Signing:
    """How a request was signed that came with this claim: made when a policy asks."""
    if claim is None:
        return Signing()
    if isinstance(claim, postpolicy.Claim):
        version = _V2 if claim.scope is None else _V4
        return Signing("POST", version, dates.parse_basic(claim.timestamp))
    where = "REST-HEADER" if claim.expires is None else "REST-QUERY-STRING"
    if isinstance(claim, sigv2.Claim):
        return Signing(where, _V2, claim.date or None)
    return Signing(where, _V4, claim.date, claim.payload)


def _unsigned_mode(request: Request) -> Payload:
    """How a body without a SigV4 signature is framed; chunks are never taken for the object."""
    stated = request.headers.get("x-amz-content-sha256", "")
    return claims.payload_mode(stated) if stated.startswith("STREAMING-") else Payload.UNSIGNED


def body_of(request: Request, verified: Verified) -> StreamBody:
    """The decoded body of a request; what the framing's headers raise."""
    decoder = chunked.decoder(verified.mode, request.headers, verified.seed)
    if decoder is not None:
        size = chunked.decoded_length(request.headers)
        return StreamBody(request, size, decoder=decoder)
    return StreamBody(request, request.length, sha256=verified.sha256)
