"""The order of everything, once: target, operation, signature, authorization, input, handler.

Deny by default: nothing of a request is acted on before its signature and its right are known,
and a denied request has read the credential and the bucket's record at most.
"""

import logging
import secrets
import time
from contextlib import suppress
from itertools import count

from gateway import refusals
from gateway.authenticate import Authenticator, Verified, body_of
from gateway.body import check_length
from gateway.conditionkeys import LOCK, TAGS
from gateway.context import Context
from gateway.cors import Cors
from gateway.failures import failure
from gateway.form import begin
from gateway.http import Headers, Request, Response
from gateway.metrics import Metrics
from gateway.operations import BodyKind, Level, Operation, Registry
from gateway.wire import target as targets
from gateway.wire.hoisting import unhoist
from gateway.wire.target import Domains, Target
from metastore.engine import EngineError
from metastore.records import Bucket
from ocean import errors
from ocean.body import digests
from ocean.body.digests import CHECKSUMS, MD5
from ocean.errors import AccessDenied, NoSuchBucket
from ocean.identity.accounts import Accounts
from ocean.identity.attached import AttachedPolicies
from ocean.identity.credentials import Credentials
from ocean.rules import access
from ocean.rules.access import Principal
from ocean.store import Ocean

log = logging.getLogger(__name__)


class Pipeline:
    """Answers requests of the S3 port."""

    def __init__(
        self,
        ocean: Ocean,
        credentials: Credentials,
        attached: AttachedPolicies,
        accounts: Accounts,
        registry: Registry,
        *,
        region: str,
        domains: tuple[str, ...],
        metrics: Metrics | None = None,
    ) -> None:
        self._ocean = ocean
        self._attached = attached
        self._accounts = accounts
        self._registry = registry
        self._region = region
        self._domains = Domains(domains)
        self._authenticate = Authenticator(credentials, region)
        self._cors = Cors(ocean)
        self._metrics = metrics
        self._prefix = secrets.token_hex(6).upper()
        self._count = count(1)

    async def handle(self, request: Request) -> Response:
        """The answer to `request`; every failure is an answer too."""
        begun = time.perf_counter()
        request_id = f"{self._prefix}{next(self._count):08X}"
        target: Target | None = None
        try:
            target = targets.parse(request.target, request.headers.get("host", ""), self._domains)
            if request.method == "OPTIONS":
                response = await self._cors.preflight(request, target)
            else:
                response = await self._answer(request, request_id, target)
            if "origin" in request.headers:
                await self._cors.add(request, target, response)
        except Exception as error:  # noqa: BLE001 - whatever it is, the client gets an S3 error
            response = failure(error, request, target, request_id)
            if "origin" in request.headers and target is not None:
                with suppress(EngineError):
                    await self._cors.add(request, target, response)
        response.headers["x-amz-request-id"] = request_id
        if self._metrics is not None:
            self._metrics.record(
                request.operation,
                response.status,
                seconds=time.perf_counter() - begun,
                received=request.length or 0,
                sent=response.length or 0,
            )
        return response

    async def _answer(self, request: Request, request_id: str, target: Target) -> Response:
        level = _level(target)
        verified = await self._authenticate(request, target)
        request.headers = unhoist(request.headers, target.query)
        operation = self._registry.resolve(request.method, level, target.query, request.headers)
        request.operation = operation.name
        if not operation.keys.isdisjoint(verified.uncovered):
            raise AccessDenied("The signature does not cover what the query asks for.")
        cx = Context(
            self._ocean, self._accounts, request, request_id, target, operation, self._region
        )
        cx.account, cx.claim = verified.account, verified.claim
        if operation.body is BodyKind.FORM:
            form = await begin(request)
            cx.account, cx.claim = await self._authenticate.form(form, request, target)
            cx.body, cx.key_name, cx.given = form, form.key, _as_headers(form.fields)
        if cx.account is not None:
            policies = await self._attached.of(cx.account)
            cx.principal = Principal(cx.account.id, cx.account.root, policies)
        await self._authorize(cx, operation, target)
        if operation.handler is None or operation.bind is None:
            raise errors.NotImplemented(
                f"{operation.name} is not implemented.", Operation=operation.name
            )
        classes = self._ocean.topology().classes
        refusals.refuse(request.headers, target.query, classes, operation.headers)
        if operation.body is BodyKind.FORM:
            refusals.refuse_fields(cx.given, classes)
        document = await self._body(cx, operation, verified)
        taken = operation.bind(cx.given, target.query, document)
        output = await operation.handler(cx, taken)
        rendered = operation.render(output)
        body, stream = rendered.body, rendered.stream
        if isinstance(stream, bytes):
            body, stream = stream, None
        return Response(
            rendered.status or operation.status,
            rendered.headers,
            body,
            stream=stream,
            length=rendered.length,
        )

    async def _authorize(self, cx: Context, operation: Operation, target: Target) -> None:
        """Find the bucket, and the object where that has a say, and decide; NoSuchBucket."""
        name = target.bucket
        if name is None or operation.name == "CreateBucket":
            cx.authorize(operation.action, access.Target(name=name or "*"))
            return
        bucket = await self._ocean.meta.buckets.find(name)
        if bucket is None:
            raise NoSuchBucket(BucketName=name)
        expected = cx.request.headers.get("x-amz-expected-bucket-owner")
        if expected is not None and expected != bucket.owner:
            raise AccessDenied
        cx.bucket_record = bucket
        if not _decided_by_document(cx, bucket):
            if operation.action in access.ON_OBJECT:
                cx.found = await cx.find(operation.action, bucket, cx.key, cx.version_id)
            else:
                self._authorize_here(cx, bucket)

    def _authorize_here(self, cx: Context, bucket: Bucket) -> None:
        """Decide on what is no object yet, or no more. Who may upload may be whose upload it is."""
        target = access.Target(bucket, cx.key_name)
        ruling = cx.rule(cx.action, target, version_id=cx.version_id)
        if not ruling.allowed and cx.action in access.OF_INITIATOR and not ruling.explicit:
            ruling = cx.rule("s3:PutObject", target)
        ruling.check()

    async def _body(self, cx: Context, operation: Operation, verified: Verified) -> bytes | None:
        """The document of a request, or None with the stream left in the context."""
        if operation.body is BodyKind.NONE or operation.body is BodyKind.FORM:
            return None
        body = body_of(cx.request, verified)
        if operation.body is BodyKind.STREAM:
            check_length(cx.request)
            cx.body = body
            return None
        data = await body.read(operation.document_limit)
        _check_document(cx.request.headers, data, operation)
        return data


# What policies may ask of what these documents would set, and a field of a form that is one.
_DOCUMENTS = {
    "PostObject": TAGS,
    "PutObjectLegalHold": LOCK,
    "PutObjectRetention": LOCK,
    "PutObjectTagging": TAGS,
}


def _decided_by_document(cx: Context, bucket: Bucket) -> bool:
    """Whether a policy may ask for what is only in the document: then the handler decides."""
    name = cx.operation.name
    if name in _DOCUMENTS:
        return access.asks_about(cx.principal, bucket, _DOCUMENTS[name])
    return name == "DeleteObjects" and access.has_policies(cx.principal, bucket)


def _as_headers(fields: Headers) -> Headers:
    """A form's fields as the headers that say the same."""
    return {"x-amz-acl" if name == "acl" else name: value for name, value in fields.items()}


def _check_document(headers: Headers, data: bytes, operation: Operation) -> None:
    """Compare a document with the digests that the client sent of it."""
    stated = headers.get("content-md5")
    if stated is not None:
        digests.verify(MD5, digests.digest(MD5, data), digests.decode_md5(stated))
    if operation.sums_object:
        return
    sent = digests.expected({name: headers.get(digests.header(name)) for name in CHECKSUMS})
    if sent is not None:
        digests.verify(sent[0], digests.digest(sent[0], data), sent[1])


def _level(target: Target) -> Level:
    if target.key is not None:
        return Level.OBJECT
    return Level.BUCKET if target.bucket is not None else Level.SERVICE
