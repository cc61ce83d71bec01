"""Encryption of versions: their data keys, and what their bytes are sealed with.

Every version, or multipart upload, has a data key of its own, wrapped for it alone: for another
bucket, key, write, mode or encryption context it does not unwrap. Its bytes are streams, one for a
whole object and one for each part, each under a key that the data key and the stream's salt give.
"""

import hmac
import secrets
from dataclasses import dataclass, field
from typing import NamedTuple, Self

from metastore.records import Encryption, EncryptionMode, Upload, Version
from ocean.body.cipher import KEY_SIZE, Opening, Sealing, Window, stream_key
from ocean.errors import AccessDenied, InvalidRequest
from ocean.keys.provider import DataKey, KeyProvider, UnwrapFailed
from ocean.keys.wrapping import unwrap_with, wrap_with


@dataclass(frozen=True, slots=True)
class EncryptionRequest:
    """How new bytes are to be encrypted: what a request, or the default of its bucket, says.

    `key_id` empty: the key of who names none. `customer_key` is of mode C alone, 32 bytes.
    """

    mode: EncryptionMode
    key_id: str = ""
    context: str = ""
    bucket_key: bool = False
    customer_key: bytes = field(default=b"", repr=False)


class Subject(NamedTuple):
    """What a data key is for: `write` is the id of the operation or upload that the bytes come by,
    which no other has."""

    bucket_id: bytes
    key: str
    write: bytes

    @classmethod
    def of(cls, bucket_id: bytes, key: str, version: Version) -> Self:
        """A version as it is stored."""
        return cls(bucket_id, key, version.upload or version.op)

    @classmethod
    def of_upload(cls, bucket_id: bytes, upload: Upload) -> Self:
        """What a multipart upload is to become."""
        return cls(bucket_id, upload.key, upload.id)


@dataclass(frozen=True, slots=True)
class Cipher:
    """An opened data key: what the streams of a version are sealed and opened with."""

    mode: EncryptionMode
    data_key: bytes = field(repr=False)

    def sealing(self, salt: bytes) -> Sealing:
        """Of a new stream; a salt is used once."""
        return Sealing(stream_key(self.data_key, salt))

    def opening(self, salt: bytes, size: int, within: Window) -> Opening:
        """Of a window of a stream of `size` bytes of plaintext."""
        return Opening(stream_key(self.data_key, salt), size, within)

    def etag(self, md5: bytes) -> bytes:
        """The ETag of a stream with that MD5: only of SSE-S3 it is the MD5 itself.

        https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html
        """
        if self.mode is EncryptionMode.S3:
            return md5
        return hmac.digest(self.data_key, md5, "sha256")[: len(md5)]


def wrap_context(encryption: Encryption | EncryptionRequest, subject: Subject) -> bytes:
    """What a data key is wrapped for."""
    key = subject.key.encode()
    return b"".join(
        (
            bytes((encryption.mode, len(subject.write))),
            subject.bucket_id,
            subject.write,
            len(key).to_bytes(2, "big"),
            key,
            encryption.context.encode(),
        )
    )


def unlocked(
    encryption: Encryption | None, subject: Subject, customer_key: bytes = b""
) -> Cipher | None:
    """The cipher that a client's key gives (SSE-C); None where none is needed.

    AccessDenied for another key than it was; InvalidRequest for none, or for one too many.
    """
    if encryption is None or encryption.mode is not EncryptionMode.C:
        if customer_key:
            raise InvalidRequest("The encryption parameters are not applicable to this object.")
        return None
    if not customer_key:
        raise InvalidRequest(
            "The object was stored using a form of Server Side Encryption. The correct parameters "
            "must be provided to retrieve the object."
        )
    context = wrap_context(encryption, subject)
    try:
        return Cipher(encryption.mode, unwrap_with(customer_key, encryption.wrapped, context))
    except UnwrapFailed:
        raise AccessDenied from None


class Ciphers:
    """Makes data keys and opens stored ones, by what keeps the keys that they are wrapped with."""

    def __init__(self, keys: KeyProvider) -> None:
        self._keys = keys

    async def begin(self, wanted: EncryptionRequest, subject: Subject) -> tuple[Encryption, Cipher]:
        """A new data key, as it is stored and as it is used; KeyNotFound, KeyDisabled."""
        context = wrap_context(wanted, subject)
        if wanted.mode is EncryptionMode.C:
            plaintext = secrets.token_bytes(KEY_SIZE)
            made = DataKey(plaintext, wrap_with(wanted.customer_key, plaintext, context))
        else:
            made = await self._keys.generate(wanted.key_id or None, context)
        stored = Encryption(
            wanted.mode, made.wrapped, wanted.key_id, wanted.context, wanted.bucket_key
        )
        return stored, Cipher(wanted.mode, made.plaintext)

    async def opened(
        self, encryption: Encryption, subject: Subject, customer_key: bytes = b""
    ) -> Cipher:
        """The cipher of stored bytes; see `unlocked`. KeyNotFound, KeyDisabled, UnwrapFailed."""
        cipher = unlocked(encryption, subject, customer_key)
        if cipher is not None:
            return cipher
        context = wrap_context(encryption, subject)
        return Cipher(encryption.mode, await self._keys.unwrap(encryption.wrapped, context))
