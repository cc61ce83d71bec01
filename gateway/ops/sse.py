"""Server-side encryption as requests ask for it, and as answers tell of it.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/serv-side-encryption.html
"""

from base64 import b64decode
from collections.abc import Mapping
from typing import Any

import msgspec

from gateway.context import Context
from gateway.ops.customerkeys import customer_key
from gateway.ops.shapes.common import CustomerKeyInput
from metastore.records import Bucket, Encryption, EncryptionMode, Upload, Version
from ocean import errors
from ocean.errors import AccessDenied, InvalidArgument, InvalidRequest, S3Error
from ocean.objects.encryption import Cipher, EncryptionRequest, Subject, unlocked

AES256, KMS = "AES256", "aws:kms"
NOT_BUILT = frozenset({"aws:kms:dsse", "aws:fsx", "aws:backup"})
MODES: dict[str, EncryptionMode] = {AES256: EncryptionMode.S3, KMS: EncryptionMode.KMS}
KEY_ID_LIMIT = 256  # characters: of the longest name in an ARN, and some
CONTEXT_LIMIT = 2048  # characters in base64: a label has to hold it, beside a key of 1,024 bytes

_SSE = "x-amz-server-side-encryption"
# Said again with parts and at their completion by some clients, though an upload keeps to what it
# was begun with; AWS refuses them there.
REPEATED = frozenset(
    {_SSE, f"{_SSE}-aws-kms-key-id", f"{_SSE}-bucket-key-enabled", f"{_SSE}-context"}
)
NAMES = {mode: name for name, mode in MODES.items()}
_NOTHING: Mapping[str, Any] = {}

# -- what is to be written ---------------------------------------------------------------------


def wanted(cx: Context, given: Any) -> EncryptionRequest | None:
    """How the object that a request makes is to be encrypted; None: not at all.

    Raises InvalidArgument, InvalidEncryptionAlgorithmError, AccessDenied for a client's key where
    the bucket takes none, and NotImplemented for what is none of the three modes.
    """
    key, named = customer_key(cx, given), given.server_side_encryption
    mode = None if named is None else mode_of(named)
    with_kms = given.sse_kms_key_id is not None or given.sse_kms_encryption_context is not None
    if with_kms and mode is not EncryptionMode.KMS:
        raise _invalid(_SSE, named or "", f"A key id or a context is of {_SSE}: {KMS} alone.")
    if key:
        if named is not None:
            raise _invalid(_SSE, named, "A customer's key excludes other kinds of encryption.")
        if cx.bucket.encryption is not None and cx.bucket.encryption.blocks_sse_c:
            raise AccessDenied("The bucket takes no objects with customers' keys.")
        return EncryptionRequest(EncryptionMode.C, customer_key=key)
    if mode is None:
        return default_of(cx.bucket)
    if mode is not EncryptionMode.KMS:
        return EncryptionRequest(mode)
    return EncryptionRequest(
        mode,
        checked_key_id(given.sse_kms_key_id, f"{_SSE}-aws-kms-key-id"),
        _context(given.sse_kms_encryption_context),
        bucket_key=bool(given.bucket_key_enabled),
    )


def changes(encrypt: EncryptionRequest | None, given: Any, source: Version) -> bool:
    """Whether a copy of an object onto itself would encrypt it in another way, or is told how."""
    if given.server_side_encryption is not None or given.sse_customer_key is not None:
        return True
    before, after = source.encryption, encrypt
    if before is None or after is None:
        return (before is None) is not (after is None)
    return (before.mode, before.key_id) != (after.mode, after.key_id)


def default_of(bucket: Bucket) -> EncryptionRequest | None:
    """How a bucket's objects are encrypted whose request does not say it."""
    default = bucket.encryption
    if default is None or default.mode is None:
        return None
    return EncryptionRequest(default.mode, default.key_id, bucket_key=default.bucket_key)


def mode_of(name: str) -> EncryptionMode:
    """The mode that x-amz-server-side-encryption names; InvalidArgument, NotImplemented."""
    if name in NOT_BUILT:
        raise errors.NotImplemented(f"{name} is not implemented.", Header=_SSE)
    mode = MODES.get(name)
    if mode is None:
        raise _invalid(_SSE, name, "The encryption method specified is not supported.")
    return mode


def checked_key_id(key_id: str | None, name: str) -> str:
    """A key's id as it can be stored and sent again; InvalidArgument. Whether there is such a key
    is known when it is used."""
    if key_id is None:
        return ""
    if not (key_id.isascii() and key_id.isprintable() and 0 < len(key_id) <= KEY_ID_LIMIT):
        raise _invalid(name, key_id[:KEY_ID_LIMIT], "This is no id of a key.")
    return key_id


def _context(given: str | None) -> str:
    """An encryption context as it was given: base64 of a JSON object of strings."""
    if given is None:
        return ""
    if len(given) <= CONTEXT_LIMIT:
        try:
            msgspec.json.decode(b64decode(given, validate=True), type=dict[str, str])
        except (ValueError, msgspec.MsgspecError):
            pass
        else:
            return given
    raise _invalid(
        f"{_SSE}-context",
        given[:CONTEXT_LIMIT],
        f"An encryption context is base64, up to {CONTEXT_LIMIT} characters, of a JSON object of "
        "strings.",
    )


# -- what was written ----------------------------------------------------------------------------


def concerns(given: CustomerKeyInput, version: Version) -> bool:
    """Whether a request to read a version has to do with encryption."""
    return (
        version.encryption is not None
        or given.sse_customer_algorithm is not None
        or given.sse_customer_key is not None
        or given.sse_customer_key_md5 is not None
    )


def check(cx: Context, given: CustomerKeyInput, version: Version) -> None:
    """That the request has the key of a version which a client's key encrypts, and else none."""
    subject = Subject.of(cx.bucket.id, cx.key, version)
    unlocked(version.encryption, subject, customer_key(cx, given))


async def opened(
    cx: Context, bucket: Bucket, key: str, version: Version, customers: bytes
) -> Cipher | None:
    """What opens the bytes of a version, with the client's key if it sent one; None of plain ones.

    See `ocean.objects.encryption.unlocked`; KeyNotFound, KeyDisabled, UnwrapFailed.
    """
    subject = Subject.of(bucket.id, key, version)
    if version.encryption is None:
        return unlocked(None, subject, customers)
    return await cx.ocean.ciphers.opened(version.encryption, subject, customers)


def check_upload(
    cx: Context, given: CustomerKeyInput, upload: Upload, *, required: bool = True
) -> Cipher | None:
    """The cipher that a client's key gives to an upload's parts; None where none is needed.

    InvalidRequest for another key than the upload was begun with, or for none where one is
    `required`; InvalidArgument when other encryption is named than was begun with.
    """
    encryption, key = upload.draft.encryption, customer_key(cx, given)
    if not REPEATED.isdisjoint(cx.given):
        named = cx.given.get(_SSE, KMS)  # of which the others tell more
        if encryption is None or NAMES.get(encryption.mode) != named:
            raise _invalid(_SSE, named, "The upload was not initiated with this encryption.")
    if not key and (encryption is None or not required):
        return None
    try:
        return unlocked(encryption, Subject.of_upload(cx.bucket.id, upload), key)
    except (AccessDenied, InvalidRequest):
        raise InvalidRequest(
            "The encryption parameters are not those that the multipart upload was initiated with."
        ) from None


async def of_upload(cx: Context, given: CustomerKeyInput, upload: Upload) -> Cipher | None:
    """What seals the parts of an upload; None: nothing. See `check_upload`."""
    cipher, encryption = check_upload(cx, given, upload), upload.draft.encryption
    if cipher is not None or encryption is None:
        return cipher
    subject = Subject.of_upload(cx.bucket.id, upload)
    return await cx.ocean.ciphers.opened(encryption, subject)


# -- answers -------------------------------------------------------------------------------------


def answer(
    encryption: Encryption | EncryptionRequest | None, given: CustomerKeyInput
) -> Mapping[str, Any]:
    """The fields of an output that tell how bytes are encrypted, by name."""
    if encryption is None:
        return _NOTHING
    if encryption.mode is EncryptionMode.C:
        return {
            "sse_customer_algorithm": given.sse_customer_algorithm,
            "sse_customer_key_md5": given.sse_customer_key_md5,
        }
    return {
        "server_side_encryption": NAMES[encryption.mode],
        "sse_kms_key_id": encryption.key_id or None,
        "bucket_key_enabled": encryption.bucket_key or None,
    }


def made(encryption: EncryptionRequest | None, given: CustomerKeyInput) -> Mapping[str, Any]:
    """Those of an output that repeats the encryption context as well."""
    if encryption is None or not encryption.context:
        return answer(encryption, given)
    return {**answer(encryption, given), "sse_kms_encryption_context": encryption.context}


def _invalid(name: str, value: str, message: str) -> S3Error:
    return InvalidArgument(message, ArgumentName=name, ArgumentValue=value)
