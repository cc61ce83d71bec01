"""Deleting: a marker, or a version for good."""

from collections.abc import Sequence
from dataclasses import dataclass

from metastore.objects import Deletion, Guard
from metastore.records import Bucket, Kind, Version
from metastore.store import MetaStore
from ocean.objects.get import version_id_of
from ocean.ports import Clock
from ocean.rules.naming import check_version_id


@dataclass(frozen=True, slots=True)
class Deleted:
    """What a deletion did: the version id and marker flag that the answer carries."""

    version_id: str | None = None
    marker: bool = False


class Delete:
    """Deletes objects and versions."""

    def __init__(self, meta: MetaStore, clock: Clock) -> None:
        self._meta = meta
        self._clock = clock

    async def __call__(
        self, bucket: Bucket, key: str, version_id: str | None, guard: Guard
    ) -> Deleted:
        """Delete `key`, or one version of it; deleting what is not there succeeds."""
        if version_id is not None:
            check_version_id(version_id)
            gone = await self._meta.objects.erase(bucket, key, version_id, guard)
            return Deleted(version_id, gone is not None and gone.kind is Kind.MARKER)
        return _answered(await self._meta.objects.delete(bucket, key, self._marker(bucket), guard))

    async def many(
        self, bucket: Bucket, wanted: Sequence[tuple[str, Guard]]
    ) -> list[Deleted | Exception]:
        """Delete each key without a version id; what deleting it raised instead."""
        deletions = [Deletion(key, self._marker(bucket), guard) for key, guard in wanted]
        made = await self._meta.objects.delete_many(bucket, deletions)
        return [one if isinstance(one, Exception) else _answered(one) for one in made]

    def _marker(self, bucket: Bucket) -> Version:
        return Version(
            kind=Kind.MARKER,
            op=self._meta.edits.next(),
            owner=bucket.owner,
            modified_ms=self._clock.now_ms(),
        )


def _answered(made: Version | None) -> Deleted:
    return Deleted() if made is None else Deleted(version_id_of(made), marker=True)
