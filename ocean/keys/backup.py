"""Copies of all named keys in one file: JSON lines, of no use without the master key.

The first line says which master key that is, the last how many keys there are and the SHA-256 of
all lines before it. The versions in between are sealed as in their rows.
"""

import hashlib
import os
import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from blobstore.mirror import sync_folder
from ocean.keys.named import NamedKey, NamedKeys, check_name

FORMAT = 1


class BackupError(Exception):
    """The file cannot be used; the message says why. Nothing was stored."""


class _First(msgspec.Struct, frozen=True):
    format: int
    master_key: str


class _Last(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    keys: int
    sha256: str


class PutBack(NamedTuple):
    """Names of keys: stored now, there with all versions of the backup, there but different."""

    restored: list[str]
    present: list[str]
    different: list[str]


def document(keys: Sequence[NamedKey], master_id: str) -> bytes:
    """The content of a backup."""
    body = _lines([_First(FORMAT, master_id), *keys])
    return body + _lines([_Last(len(keys), hashlib.sha256(body).hexdigest())])


def parsed(data: bytes, master_id: str) -> list[NamedKey]:
    """The keys in a backup that was made under the master key `master_id`; BackupError."""
    lines = data.splitlines(keepends=True)
    try:
        last = msgspec.json.decode(lines[-1], type=_Last)
        first = msgspec.json.decode(lines[0], type=_First)
        if first.format != FORMAT:
            raise BackupError(f"it has format {first.format}; this release knows {FORMAT}")
        keys = [msgspec.json.decode(line, type=NamedKey) for line in lines[1:-1]]
    except (IndexError, ValueError, msgspec.MsgspecError) as error:
        raise BackupError("it is no whole backup of encryption keys") from error
    whole = hashlib.sha256(b"".join(lines[:-1])).hexdigest()
    if (last.keys, last.sha256) != (len(keys), whole):
        raise BackupError("it was altered")
    if first.master_key != master_id:
        raise BackupError(f"it needs master key {first.master_key}, but {master_id} is in use")
    return keys


def write(path: Path, data: bytes) -> None:
    """Make the file, whole, durable and for its owner only; FileExistsError, OSError."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    finally:
        draft.unlink()
    sync_folder(path.parent)


async def put_back(keys: NamedKeys, saved: Iterable[NamedKey]) -> PutBack:
    """Store the keys that are missing; none that is there is changed. UnwrapFailed when one of
    `saved` cannot be unsealed: then none was stored.
    """
    for key in saved:
        check_name(key.name)
        for number in range(1, len(key.versions) + 1):
            keys.unsealed(key, number)
    done = PutBack([], [], [])
    for key in saved:
        if await keys.put_back(key):
            done.restored.append(key.name)
            continue
        there = await keys.find(key.name)
        same = there is not None and there.versions[: len(key.versions)] == key.versions
        (done.present if same else done.different).append(key.name)
    return done


def _lines(records: Iterable[msgspec.Struct]) -> bytes:
    return b"".join(msgspec.json.encode(record) + b"\n" for record in records)
