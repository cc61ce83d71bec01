"""Pages of listings in XML: the head as a document, a thousand rows by a template. Pure.

A page reads as the same document written element by element. Rows are plain tuples, because a page
is written within a millisecond:

    ObjectRow   key, modified, etag, size, checksum algorithm, checksum type, storage class
    VersionRow  key, version id, is latest, modified, etag, size, and the same three

`modified` is in whole seconds since 1970, the etag is without quotes; a version without etag is a
delete marker; an empty checksum algorithm writes none.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import quote

import msgspec

from gateway.wire.documents import NAMESPACE, Document
from gateway.wire.xml import DECLARATION, encode, escape

ObjectRow = tuple[str, int, str, int, str, str, str]
VersionRow = tuple[str, str, bool, int, str, int, str, str, str]
Owner = tuple[str, str]  # canonical id, display name

# The fields of a head that hold keys or parts of keys: encoded with them.
_KEY_FIELDS = frozenset(
    {"delimiter", "key_marker", "marker", "next_key_marker", "next_marker", "prefix", "start_after"}
)
_SECONDS = tuple(f"{second:02}.000Z" for second in range(60))


def url_encode(text: str) -> str:
    """A key as `encoding-type=url` asks for: percent-encoded but for `/`."""
    return quote(text, safe="/")


def encode_head(head: Document) -> Document:
    """The head with its keys percent-encoded, if its `encoding_type` is url."""
    if getattr(head, "encoding_type", None) != "url":
        return head
    names = [name for name in head.__struct_fields__ if name in _KEY_FIELDS]
    texts = {name: getattr(head, name) for name in names}
    return msgspec.structs.replace(head, **{k: url_encode(v) for k, v in texts.items() if v})


def objects_page(
    head: Document,
    rows: Sequence[ObjectRow],
    prefixes: Sequence[str],
    *,
    owners: Sequence[Owner] = (),
) -> bytes:
    """A ListBucketResult; the owner of each row is written if `owners` are given."""
    keys = _written(head, [row[0] for row in rows])
    written = zip(keys, rows, _owned(owners) or [""] * len(keys), strict=True)
    out = [
        f"<Contents><Key>{key}</Key><LastModified>{_moment(modified)}</LastModified>"
        f"<ETag>&quot;{etag}&quot;</ETag>{_checksum(algorithm, kind) if algorithm else ''}"
        f"<Size>{size}</Size>{owned}<StorageClass>{stored}</StorageClass></Contents>"
        for key, (_, modified, etag, size, algorithm, kind, stored), owned in written
    ]
    return _page(head, out, prefixes)


def versions_page(
    head: Document,
    rows: Sequence[VersionRow],
    prefixes: Sequence[str],
    *,
    owners: Sequence[Owner],
) -> bytes:
    """A ListVersionsResult: versions and delete markers in the order given."""
    keys = _written(head, [row[0] for row in rows])
    out = []
    for written, row, owned in zip(keys, rows, _owned(owners), strict=True):
        _, version, latest, modified, etag, size, algorithm, kind, stored = row
        name = "Version" if etag else "DeleteMarker"
        common = (
            f"<{name}><Key>{written}</Key><VersionId>{version}</VersionId><IsLatest>"
            f"{'true' if latest else 'false'}</IsLatest>"
            f"<LastModified>{_moment(modified)}</LastModified>"
        )
        if etag:
            common += (
                f"<ETag>&quot;{etag}&quot;</ETag>"
                f"{_checksum(algorithm, kind) if algorithm else ''}<Size>{size}</Size>"
                f"<StorageClass>{stored}</StorageClass>"
            )
        out.append(f"{common}{owned}</{name}>")
    return _page(head, out, prefixes)


def location(region: str) -> bytes:
    """The LocationConstraint of GetBucketLocation; empty for us-east-1, as S3 writes it."""
    text = "" if region == "us-east-1" else escape(region)
    return (
        f'{DECLARATION}<LocationConstraint xmlns="{NAMESPACE}">{text}</LocationConstraint>'
    ).encode()


def _page(head: Document, rows: list[str], prefixes: Sequence[str]) -> bytes:
    text = url_encode if getattr(head, "encoding_type", None) == "url" else escape
    rows += [f"<CommonPrefixes><Prefix>{text(one)}</Prefix></CommonPrefixes>" for one in prefixes]
    start, closing, root = encode(encode_head(head)).rpartition(b"</")
    return b"".join((start, "".join(rows).encode(), closing, root))


def _written(head: Document, keys: list[str]) -> list[str]:
    """The keys as they are written; one look at all of them tells whether any needs escaping."""
    if getattr(head, "encoding_type", None) == "url":
        return list(map(url_encode, keys))
    joined = "".join(keys)
    if joined.isprintable() and not any(char in joined for char in '&<>"'):
        return keys
    return list(map(escape, keys))


@lru_cache(maxsize=16384)
def _moment(seconds: int) -> str:
    return f"{_minute(seconds // 60)}{_SECONDS[seconds % 60]}"


@lru_cache(maxsize=4096)
def _minute(minute: int) -> str:
    """`2026-01-02T03:04:`"""
    return datetime.fromtimestamp(minute * 60, UTC).strftime("%Y-%m-%dT%H:%M:")


@lru_cache(maxsize=64)
def _checksum(algorithm: str, kind: str) -> str:
    return f"<ChecksumAlgorithm>{algorithm}</ChecksumAlgorithm><ChecksumType>{kind}</ChecksumType>"


def _owned(owners: Sequence[Owner]) -> list[str]:
    """The element of each owner; few write into one bucket."""
    texts = {owner: _owner(*map(escape, owner)) for owner in set(owners)}
    return [texts[owner] for owner in owners]


def _owner(identity: str, name: str) -> str:
    return f"<Owner><ID>{identity}</ID><DisplayName>{name}</DisplayName></Owner>"
