"""Rewrapping: after a key's rotation, stored data keys go under its newest version.

Only rows are changed, one swap for each; what is done shows in the rows, so that a run that was
broken off is taken up by the next. What clients' keys or other named keys wrap stays as it is.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from msgspec.structs import replace

from metastore import codec, keys
from metastore.engine import Corrupt, Row, Table
from metastore.errors import Conflict
from metastore.listing import Cursor
from metastore.records import Encryption, EncryptionMode, Upload, UploadState, Version
from metastore.store import MetaStore
from ocean.keys.named import FRESH, LocalKeys
from ocean.keys.provider import UnwrapFailed
from ocean.keys.wrapping import wrapper_of
from ocean.objects.encryption import Subject, wrap_context

TOGETHER = 64  # rows changed at once: they share the engine's commits
TABLES = (Table.UPLOADS, Table.OBJECTS, Table.VERSIONS)  # in the order in which versions move
_OVER = (UploadState.DONE, UploadState.ABORTED)


class Rewrapped(NamedTuple):
    """What was done, and `failed`: rows that cannot be decoded, or whose data key not unwrapped."""

    rewrapped: int
    passes: int
    failed: int


class Rewrap:
    """One run over all buckets, for the key `name`; `progress` is told the rows done so far.

    What was begun before the rotation may be committed after the last pass: it is left to another
    run, and readable meanwhile, since no version of a key goes away.
    """

    def __init__(
        self, meta: MetaStore, local: LocalKeys, name: str, progress: Callable[[int], None]
    ) -> None:
        self._meta = meta
        self._keys = local
        self._name = name
        self._progress = progress
        self._rows = self._done = self._failed = 0
        self._missed = False  # whether a row changed all the time

    async def run(self) -> Rewrapped:
        """Pass over the rows until one finds nothing left; KeyNotFound, KeyDisabled."""
        await self._keys.generate(self._name, b"")  # that there is such a key
        await asyncio.sleep(FRESH)  # after which no process wraps with the version before
        passes = 0
        while True:
            passes += 1
            before, self._failed, self._missed = self._done, 0, False
            for table in TABLES:
                await self._table(table)
            if self._done == before and not self._missed:
                break
        return Rewrapped(self._done, passes, self._failed)

    async def _table(self, table: Table) -> None:
        look = self._upload if table is Table.UPLOADS else self._version
        cursor = Cursor(self._meta.engine, table, b"", None, TOGETHER)
        while rows := await cursor.batch():
            for first in range(0, len(rows), TOGETHER):
                await self._meta.lease.ensure()
                some = rows[first : first + TOGETHER]
                await asyncio.gather(*(self._look(look, table, row) for row in some))
            self._rows += len(rows)
            self._progress(self._rows)

    async def _look(
        self, look: Callable[[Table, Row], Awaitable[bool]], table: Table, row: Row
    ) -> None:
        try:
            done = await look(table, row)
            self._done += done  # in one step: others add to it while this one waits
        except (Corrupt, UnwrapFailed):
            self._failed += 1
        except Conflict:
            self._missed = True

    async def _upload(self, _table: Table, row: Row) -> bool:
        upload = codec.decode(Upload, row.value)
        if upload.state in _OVER:
            return False
        bucket_id = row.key[: keys.ID_SIZE]
        subject = Subject.of_upload(bucket_id, upload)
        anew = await self._anew(upload.draft.encryption, subject)
        if anew is None:
            return False
        draft = replace(upload.draft, encryption=anew)
        if not await self._meta.uploads.amend(bucket_id, upload, draft):
            raise Conflict(upload.key)
        return True

    async def _version(self, table: Table, row: Row) -> bool:
        bucket_id = row.key[: keys.ID_SIZE]
        if table is Table.OBJECTS:
            key, version = keys.object_key(row.key), codec.decode_head_once(row.value).current
        else:
            key, version = keys.version_of(row.key)[0], codec.decode_version(row.value).version
        if version is None:
            return False
        old = version.encryption
        anew = await self._anew(old, Subject.of(bucket_id, key, version))
        if anew is None:
            return False

        changed = False

        def change(now: Version) -> Version:
            nonlocal changed
            changed = now.encryption == old  # not of a row that the Head has outrun
            return replace(now, encryption=anew) if changed else now

        return await self._meta.objects.relocate(bucket_id, key, version.seq, change) and changed

    async def _anew(self, stored: Encryption | None, subject: Subject) -> Encryption | None:
        """The same data key under the newest version; None: it is so, or not to be."""
        if stored is None or stored.mode is EncryptionMode.C:
            return None
        if wrapper_of(stored.wrapped).name != self._name:
            return None
        wrapped = await self._keys.rewrap(stored.wrapped, wrap_context(stored, subject))
        return None if wrapped is None else replace(stored, wrapped=wrapped)
