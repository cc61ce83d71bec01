"""Keys that clients send along and that are never kept (SSE-C).

https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerSideEncryptionCustomerKeys.html
"""

import hashlib
import hmac
import logging
from base64 import b64decode
from functools import cache

from gateway.context import Context
from gateway.ops.shapes.common import CustomerKeyInput
from gateway.ops.shapes.copying import SourceInput
from ocean.body.cipher import KEY_SIZE
from ocean.errors import InvalidArgument, InvalidEncryptionAlgorithmError, S3Error

ALGORITHM = "AES256"
CUSTOMER = "x-amz-server-side-encryption-customer-"
SOURCE = "x-amz-copy-source-server-side-encryption-customer-"

log = logging.getLogger(__name__)


def customer_key(cx: Context, given: CustomerKeyInput) -> bytes:
    """The client's key in a request, empty without one; see `_checked`."""
    return _checked(
        cx,
        given.sse_customer_algorithm,
        given.sse_customer_key,
        given.sse_customer_key_md5,
        CUSTOMER,
    )


def source_key(cx: Context, given: SourceInput) -> bytes:
    """The client's key for the source of a copy, empty without one; see `_checked`."""
    return _checked(
        cx,
        given.copy_source_sse_customer_algorithm,
        given.copy_source_sse_customer_key,
        given.copy_source_sse_customer_key_md5,
        SOURCE,
    )


def _checked(
    cx: Context, algorithm: str | None, key: str | None, md5: str | None, prefix: str
) -> bytes:
    """32 bytes, none where nothing is said of a key; InvalidArgument,
    InvalidEncryptionAlgorithmError. The key is in no message.
    """
    if algorithm is key is md5 is None:
        return b""
    if algorithm is None or key is None or md5 is None:
        missing = "algorithm" if algorithm is None else "key" if key is None else "key-MD5"
        raise _invalid(f"{prefix}{missing}", "A customer's key needs algorithm, key and MD5.")
    if algorithm != ALGORITHM:
        raise InvalidEncryptionAlgorithmError(
            ArgumentName=f"{prefix}algorithm", ArgumentValue=algorithm
        )
    raw, stated = _decoded(key), _decoded(md5)
    if len(raw) != KEY_SIZE:
        raise _invalid(f"{prefix}key", f"The key is not the base64 of {KEY_SIZE} bytes.")
    if not hmac.compare_digest(hashlib.md5(raw, usedforsecurity=False).digest(), stated):
        raise _invalid(f"{prefix}key-MD5", "The MD5 is not that of the key.")
    if not cx.request.secure:
        _warn_of_plain_http()
    return raw


def _decoded(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except ValueError:
        return b""


@cache
def _warn_of_plain_http() -> None:
    log.warning("a client sent its encryption key over plain HTTP, where others can read it")


def _invalid(name: str, message: str) -> S3Error:
    return InvalidArgument(message, ArgumentName=name)
