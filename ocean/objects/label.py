"""Labels: what is written beside an object's bytes about whose they are. Pure.

A blob whose row is lost can be judged, or its row rebuilt, from its label alone. No seq: a commit
that is tried again under contention changes it.
"""

import msgspec
from msgspec.structs import astuple, replace

from blobstore.frames import LABEL_LIMIT
from metastore.records import Encryption, Version
from metastore.retention_records import Retention
from ocean.body.cipher import opened_size


class Label(msgspec.Struct, frozen=True, array_like=True):
    """Owner of a blob: the key, the upload and part (if any), and the operation that wrote it.

    `size` is that of the whole body, -1 when it was not known beforehand: a write that was broken
    off is told by it. `retention` and `legal_hold` are as of the write; `encryption` is of the
    version, or of the upload, whose data key seals the bytes, salted with `op`. Fields are only
    ever added, at the end; those there that are None are not written.
    """

    bucket_id: bytes
    key: str
    op: bytes
    upload: bytes = b""
    part: int = 0
    owner: str = ""
    created_ms: int = 0
    headers: dict[str, str] = {}
    metadata: dict[str, str] = {}
    tags: tuple[tuple[str, str], ...] = ()
    size: int = -1
    retention: Retention | None = None
    legal_hold: bool | None = None
    encryption: Encryption | None = None

    def body_size(self, stored: int) -> int:
        """Bytes of the body as clients see it, of which so many lie there."""
        return stored if self.encryption is None else opened_size(stored)


_pack = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Label).decode


def _encode(label: Label) -> bytes:
    fields = astuple(label)
    while fields[-1] is None:
        fields = fields[:-1]
    return _pack(fields)


def encode(bucket_id: bytes, key: str, draft: Version, size: int | None) -> bytes:
    """The label of the bytes of `draft`; without headers, metadata and tags if they do not fit."""
    body = -1 if size is None else size
    whole = Label(
        bucket_id,
        key,
        draft.op,
        owner=draft.owner,
        created_ms=draft.modified_ms,
        headers=draft.headers,
        metadata=draft.metadata,
        tags=draft.tags,
        size=body,
        retention=draft.retention,
        legal_hold=draft.legal_hold,
        encryption=draft.encryption,
    )
    data = _encode(whole)
    if len(data) <= LABEL_LIMIT:
        return data
    return _encode(replace(whole, headers={}, metadata={}, tags=()))


def encode_part(
    bucket_id: bytes,
    key: str,
    op: bytes,
    upload: bytes,
    part: int,
    size: int | None,
    draft: Version,
) -> bytes:
    """The label of a part's bytes, with the lock and the encryption of the object's `draft`."""
    return _encode(
        Label(
            bucket_id,
            key,
            op,
            upload,
            part,
            size=-1 if size is None else size,
            retention=draft.retention,
            legal_hold=draft.legal_hold,
            encryption=draft.encryption,
        )
    )


def decode(data: bytes) -> Label | None:
    """The label in `data`; None when it is none of ours."""
    try:
        return _decode(data)
    except msgspec.MsgspecError:
        return None
