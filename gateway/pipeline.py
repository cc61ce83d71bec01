"""The order of everything, once: target, operation, signature, authorization, input, handler.

Deny by default: nothing of a request is acted on before its signature and its right are known,
and a denied request has read the credential and the bucket's record at most.
"""

import logging
import secrets
import time
from itertools import count

from gateway import refusals
from gateway.authenticate import Authenticator, Verified, body_of
from gateway.body import check_length
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
from ocean import errors
from ocean.body import digests
from ocean.body.digests import CHECKSUMS, MD5
from ocean.errors import AccessDenied, NoSuchBucket
from ocean.identity.credentials import Credentials
from ocean.rules.access import Principal
from ocean.store import Ocean

log = logging.getLogger(__name__)


class Pipeline:
    """Answers requests of the S3 port."""

    def __init__(
        self,
        ocean: Ocean,
        credentials: Credentials,
        registry: Registry,
        *,
        region: str,
        domains: tuple[str, ...],
        metrics: Metrics | None = None,
    ) -> None:
        self._ocean = ocean
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
        except Exception as error:  # noqa: BLE001 - whatever it is, the client gets an S3 error
            response = failure(error, request, target, request_id)
        response.headers["x-amz-request-id"] = request_id
        if "origin" in request.headers and target is not None:
            await self._cors.add(request, target, response)
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
        cx = Context(self._ocean, request, request_id, target, operation, self._region)
        given = request.headers
        account = verified.account
        if operation.body is BodyKind.FORM:
            form = await begin(request)
            account = await self._authenticate.form(form, request, target)
            cx.body, cx.key_name, given = form, form.key, form.fields
        if account is not None:
            cx.account = account
            cx.principal = Principal(account.id, account.root)
        await self._authorize(cx, operation, target)
        if operation.handler is None or operation.bind is None:
            raise errors.NotImplemented(
                f"{operation.name} is not implemented.", Operation=operation.name
            )
        classes = self._ocean.topology().classes
        refusals.refuse(request.headers, target.query, cx.owner, classes)
        if operation.body is BodyKind.FORM:
            refusals.refuse_fields(given, classes)
        document = await self._body(cx, operation, verified)
        taken = operation.bind(given, target.query, document)
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
        """Find the bucket and decide; NoSuchBucket only to who signed."""
        name = target.bucket
        if name is None or operation.name == "CreateBucket":
            cx.authorize(operation.action, None)
            return
        if cx.principal.account is None:
            raise AccessDenied
        bucket = await self._ocean.meta.buckets.find(name)
        if bucket is None:
            raise NoSuchBucket(BucketName=name)
        cx.authorize(operation.action, bucket)
        expected = cx.request.headers.get("x-amz-expected-bucket-owner")
        if expected is not None and expected != bucket.owner:
            raise AccessDenied
        cx.bucket_record = bucket

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
