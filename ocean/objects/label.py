"""Labels: what is written beside an object's bytes about whose they are. Pure.

A blob whose row is lost can be judged, or its row rebuilt, from its label alone. No seq: a commit
that is tried again under contention changes it.
"""

import msgspec

from metastore.records import Version


class Label(msgspec.Struct, frozen=True, array_like=True):
    """Owner of a blob: the key, the upload and part (if any), and the operation that wrote it."""

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


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Label).decode


def encode(bucket_id: bytes, key: str, draft: Version) -> bytes:
    """The label of the bytes of `draft`."""
    return _encode(
        Label(
            bucket_id,
            key,
            draft.op,
            owner=draft.owner,
            created_ms=draft.modified_ms,
            headers=draft.headers,
            metadata=draft.metadata,
            tags=draft.tags,
        )
    )


def encode_part(bucket_id: bytes, key: str, op: bytes, upload: bytes, part: int) -> bytes:
    """The label of a part's bytes."""
    return _encode(Label(bucket_id, key, op, upload, part))


def decode(data: bytes) -> Label | None:
    """The label in `data`; None when it is none of ours."""
    try:
        return _decode(data)
    except msgspec.MsgspecError:
        return None
