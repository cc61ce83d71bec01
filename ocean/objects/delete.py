"""Deleting: a marker, or a version for good."""

from collections.abc import Sequence
from dataclasses import dataclass

from metastore.objects import Guard
from metastore.records import Bucket, Kind, Version
from metastore.store import MetaStore
from metastore.versions import Deletion
from ocean.objects.get import version_id_of
from ocean.ports import Clock
from ocean.rules import retention
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
        self,
        bucket: Bucket,
        key: str,
        version_id: str | None,
        guard: Guard,
        *,
        bypass: bool = False,
    ) -> Deleted:
        """Delete `key`, or one version of it; deleting what is not there succeeds.

        AccessDenied for a version under object lock; `bypass` is of a retention in GOVERNANCE mode.
        """
        if version_id is not None:
            check_version_id(version_id)
            unlocked = self._unlocked(guard, bypass=bypass)
            gone = await self._meta.objects.erase(bucket, key, version_id, unlocked)
            return Deleted(version_id, gone is not None and gone.kind is Kind.MARKER)
        return _answered(await self._meta.objects.delete(bucket, key, self._marker(bucket), guard))

    async def many(
        self, bucket: Bucket, wanted: Sequence[tuple[str, Guard]]
    ) -> list[Deleted | Exception]:
        """Delete each key without a version id; what deleting it raised instead."""
        deletions = [Deletion(key, self._marker(bucket), guard) for key, guard in wanted]
        made = await self._meta.objects.delete_many(bucket, deletions)
        return [one if isinstance(one, Exception) else _answered(one) for one in made]

    def _unlocked(self, guard: Guard, *, bypass: bool) -> Guard:
        """`guard`, and that no lock forbids the deletion."""

        def both(version: Version | None) -> None:
            guard(version)
            if version is not None:
                retention.check_delete(
                    version.retention,
                    legal_hold=version.legal_hold,
                    now_ms=self._clock.now_ms(),
                    bypass=bypass,
                )

        return both

    def _marker(self, bucket: Bucket) -> Version:
        return Version(
            kind=Kind.MARKER,
            op=self._meta.edits.next(),
            owner=bucket.owner,
            modified_ms=self._clock.now_ms(),
        )


def _answered(made: Version | None) -> Deleted:
    return Deleted() if made is None else Deleted(version_id_of(made), marker=True)
