"""Failures as answers: S3 errors as they are, others translated, the rest InternalError."""

import logging

from blobstore import base as blobs
from gateway.http import Request, Response
from gateway.wire.target import Target
from gateway.wire.xml import escape
from metastore import engine
from metastore import errors as meta
from ocean import errors
from ocean.errors import S3Error
from ocean.keys import provider as keys

log = logging.getLogger(__name__)

_RETRY = {"retry-after": "1"}
# What rows name is not there, or not what was written; or a data key does not unwrap.
_DAMAGED = (blobs.Corrupt, blobs.NotFound, keys.UnwrapFailed)
_SAY_DAMAGED = "the bytes of %s are damaged: %s (request %s)"


def failure(
    error: BaseException, request: Request, target: Target | None, request_id: str
) -> Response:
    """The answer for an exception."""
    s3_error = translated(error)
    resource = target.raw_path if target else request.target.partition("?")[0]
    if isinstance(error, _DAMAGED):
        log.error(_SAY_DAMAGED, resource, error, request_id)
        s3_error = errors.InternalError()
    elif s3_error is None:
        log.error("request %s failed", request_id, exc_info=error)
        s3_error = errors.InternalError()
    elif s3_error.status == 500:
        log.error("request %s: %s", request_id, error, exc_info=error)
    elif s3_error.status == 503:
        log.warning("request %s: %s: %r", request_id, s3_error.code, error)
    headers = {name.lower(): value for name, value in s3_error.headers.items()}
    if s3_error.status == 304:
        return Response(304, headers)
    headers["content-type"] = "application/xml"
    document = body(s3_error, resource, request_id)
    if request.method == "HEAD":
        return Response(s3_error.status, headers, length=len(document))
    return Response(s3_error.status, headers, document)


def say_broken_off(resource: str, request_id: str, error: blobs.BlobError) -> None:
    """For the operator: an answer that had begun could not be ended."""
    if isinstance(error, _DAMAGED):
        log.error(_SAY_DAMAGED, resource, error, request_id)
    else:
        log.warning("an answer broke off: %s: %r (request %s)", resource, error, request_id)


def translated(error: BaseException) -> S3Error | None:
    """The S3 error that an exception of the layers below means; None for a fault of ours."""
    match error:
        case S3Error():
            return error
        case keys.KeyNotFound():
            return errors.KMSNotFoundException(str(error))
        case keys.KeyDisabled():
            return errors.KMSDisabledException(str(error))
        case meta.NoBucket():
            return errors.NoSuchBucket()
        case meta.Conflict() | engine.Unavailable() | engine.Unknown() | blobs.Unavailable():
            return errors.SlowDown(headers=_RETRY)
        case engine.Full() | blobs.Full():
            return errors.InsufficientStorage()
        case engine.Failed() | blobs.Failed():
            return errors.ServiceUnavailable(headers=_RETRY)
        case _:
            return None


def body(error: S3Error, resource: str, request_id: str) -> bytes:
    """The XML of an error."""
    details = "".join(f"<{name}>{_text(value)}</{name}>" for name, value in error.details.items())
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{error.code}</Code><Message>{_text(error.message)}</Message>{details}"
        f"<Resource>{_text(resource)}</Resource><RequestId>{request_id}</RequestId>"
        f"<HostId>{request_id}</HostId></Error>"
    ).encode()


def _text(value: str) -> str:
    return escape(value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace"))
