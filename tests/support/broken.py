"""The safety rules of the commit protocol, each taken away."""

import asyncio
from collections.abc import Callable
from typing import Any
from unittest.mock import ANY

import pytest
from msgspec.structs import replace

from metastore import codec, keys, listing, uploads, versions
from metastore.buckets import Buckets, BucketView
from metastore.codec import VersionRow
from metastore.engine import Swap, Table, Unknown
from metastore.errors import NoUpload
from metastore.heads import Heads, StoredHead
from metastore.lease import Lease
from metastore.leftovers import Leftovers
from metastore.objects import Objects
from metastore.records import Bucket, Upload, Version
from metastore.uploads import Uploads
from ocean.jobs import orphans
from ocean.jobs.relocate import Relocate
from ocean.objects.discard import Discard
from ocean.objects.inflight import InFlight
from ocean.objects.multipart import Multipart

Break = Callable[[pytest.MonkeyPatch], None]


def place_unconditionally(patch: pytest.MonkeyPatch) -> None:
    """A copy goes into `versions` whatever is there."""

    async def place(self: Heads, bucket_id: bytes, key: str, stored: StoredHead) -> bool:
        current = stored.head.current
        assert current is not None
        row = keys.version_row(bucket_id, key, current.seq)
        new = codec.encode_version(VersionRow(current, stored.head.trail[-1:]))
        await self._engine.write(Table.VERSIONS, [(row, new)])
        return True

    patch.setattr(Heads, "place", place)


def copy_without_edit(patch: pytest.MonkeyPatch) -> None:
    """Copies of one version repeat their bytes."""
    place = Heads.place

    async def repeated(self: Heads, bucket_id: bytes, key: str, stored: StoredHead) -> bool:
        head = replace(stored.head, trail=())
        return await place(self, bucket_id, key, StoredHead(stored.data, head))

    patch.setattr(Heads, "place", repeated)


def take_no_answer_for_no(patch: pytest.MonkeyPatch) -> None:
    """A swap without an answer is taken for one that did not happen."""

    async def swapped(self: Heads, swap: Swap, edit: bytes) -> bool:
        try:
            return await self._engine.swap(swap)
        except Unknown:
            return False

    patch.setattr(Heads, "_swapped", swapped)


def believe_false(patch: pytest.MonkeyPatch) -> None:
    """An answer of False is taken for a no, and only a missing one is looked into."""

    async def swapped(self: Heads, swap: Swap, edit: bytes) -> bool:
        try:
            return await self._engine.swap(swap)
        except Unknown:
            return await self._landed(swap, edit)

    patch.setattr(Heads, "_swapped", swapped)


def forget_the_trail(patch: pytest.MonkeyPatch) -> None:
    """Only the row as it is now says whether a swap landed."""

    async def landed(self: Heads, swap: Swap, edit: bytes) -> bool:
        return await self._engine.get(swap.table, swap.key) == swap.new

    patch.setattr(Heads, "_landed", landed)


def leave_the_upload_unsettled(patch: pytest.MonkeyPatch) -> None:
    """Whoever replaces a completed version leaves its upload as it is."""

    async def settle(self: Uploads, bucket_id: bytes, key: str, version: Version) -> None:
        return

    patch.setattr(Uploads, "settle", settle)


def do_not_look_again_after_a_part(patch: pytest.MonkeyPatch) -> None:
    """A part is acknowledged without another look at its upload."""

    async def rested(self: Uploads, bucket_id: bytes, upload: Upload) -> Upload | None:
        return upload

    patch.setattr(Uploads, "_rested", rested)


def abandon_what_was_taken_in(patch: pytest.MonkeyPatch) -> None:
    """A part that is refused after a Complete is deleted at once."""
    patch.setattr(uploads, "TakenIn", NoUpload)


def do_not_look_at_parts_again(patch: pytest.MonkeyPatch) -> None:
    """Complete makes a version of the parts that it read before it said so."""
    begin = Multipart._begin

    async def hasty(
        self: Multipart, bucket: Bucket, upload: Upload, digest: bytes, draft: Any
    ) -> Any:
        return await begin(self, bucket, upload, digest, draft._replace(rows=ANY))

    patch.setattr(Multipart, "_begin", hasty)


def trust_rows_in_reads(patch: pytest.MonkeyPatch) -> None:
    """A row of `versions` is listed whatever the Head says."""

    class Trusting:
        contains = staticmethod(lambda ranges, seq: True)

    patch.setattr(listing, "versions", Trusting)


def do_not_confirm_the_bucket(patch: pytest.MonkeyPatch) -> None:
    """A commit is acknowledged without another look at its bucket."""

    async def confirm(self: Buckets, view: BucketView) -> None:
        return

    patch.setattr(Buckets, "confirm", confirm)


def judge_without_a_fence(patch: pytest.MonkeyPatch) -> None:
    """A blob that no row names is deleted at once."""

    async def fence(meta: Any, owner: Any) -> None:
        return

    patch.setattr(orphans, "fence", fence)


def commit_on_a_dead_life(patch: pytest.MonkeyPatch) -> None:
    """A process does not notice that it was judged dead."""

    async def ensure(self: Lease) -> None:
        return

    patch.setattr(Lease, "ensure", ensure)


def abandon_in_doubt(patch: pytest.MonkeyPatch) -> None:
    """After an unknown outcome the bytes are deleted at once."""

    def doubt(self: InFlight, ticket: int, bucket_id: bytes, key: str, extents: Any) -> None:
        tasks.append(asyncio.ensure_future(last[0].abandoned(extents)))

    last: list[Discard] = []
    tasks: list[Any] = []
    made = Discard.__init__

    def init(self: Discard, *args: Any) -> None:
        made(self, *args)
        last[:] = [self]

    patch.setattr(Discard, "__init__", init)
    patch.setattr(InFlight, "doubt", doubt)


def let_go_in_doubt(patch: pytest.MonkeyPatch) -> None:
    """After an unknown outcome the write counts as over."""
    patch.setattr(InFlight, "doubt", lambda self, *args: None)


def compact_under_a_complete(patch: pytest.MonkeyPatch) -> None:
    """A volume is deleted while a Complete may yet make a version of a part in it."""

    async def nothing(self: Relocate) -> None:
        return

    patch.setattr(Relocate, "_refuse_undecided", nothing)


def remove_fences(patch: pytest.MonkeyPatch) -> None:
    """A Head that says nothing is removed although it was touched since."""
    tidied = Leftovers.tidied

    async def eager(self: Leftovers, bucket_id: bytes, key: str, trash: Any, edit: bytes) -> Any:
        head = (await self._heads.read(bucket_id, key)).head
        return await tidied(self, bucket_id, key, trash, head.trail[-1] if head.trail else edit)

    patch.setattr(Leftovers, "tidied", eager)


def collect_without_looking(patch: pytest.MonkeyPatch) -> None:
    """A collector that comes twice takes the seq for the version that it once was."""

    async def unnamed(self: Leftovers, bucket_id: bytes, key: str, seq: int) -> Any:
        return await self._heads.read_version(bucket_id, key, seq)

    patch.setattr(Leftovers, "unnamed", unnamed)


def drop_without_looking(patch: pytest.MonkeyPatch) -> None:
    """A seq is dropped from the Head whatever its row says."""

    async def drop(self: Leftovers, bucket_id: bytes, key: str, seq: int) -> bool:
        while True:
            data, head = await self._heads.read(bucket_id, key)
            if not versions.contains(head.live, seq):
                return False
            if await self._heads.swap(bucket_id, key, data, versions.drop(head, seq)):
                return True

    patch.setattr(Leftovers, "drop", drop)


def forget_the_guard(patch: pytest.MonkeyPatch) -> None:
    """A condition is judged once, not in each attempt."""
    commit = Objects.commit

    async def once(self: Objects, bucket: Any, key: str, decide: Any, learned: Any = None) -> Any:
        judged = False

        def first(head: Any, current: Any, mode: Any) -> Any:
            nonlocal judged
            if judged:
                free = decide.__closure__
                return _unguarded(free, head, mode)
            judged = True
            return decide(head, current, mode)

        return await commit(self, bucket, key, first, learned)

    def _unguarded(cells: Any, head: Any, mode: Any) -> Any:
        drafts = [c.cell_contents for c in cells if isinstance(c.cell_contents, Version)]
        return versions.put(head, drafts[0], mode)

    patch.setattr(Objects, "commit", once)


def read_a_reference_once(patch: pytest.MonkeyPatch) -> None:
    """A reader that found the current version by reference does not look at the Head again."""

    async def current(self: Objects, bucket_id: bytes, key: str) -> Version | None:
        head = await self.head(bucket_id, key)
        return None if head is None else await self._current_of(bucket_id, key, head)

    patch.setattr(Objects, "current", current)
