"""Quotas of accounts in the records of their buckets, where requests look for them."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress

from msgspec.structs import replace

from metastore.buckets import Buckets
from metastore.errors import NoBucket
from metastore.records import Bucket, Quota
from metastore.usage import Ledger
from ocean.objects.quotas import of_account

TOGETHER = 64  # buckets changed at once: each change waits until all processes know of it


Find = Callable[[], Awaitable[Mapping[str, Quota | None]]]  # by account id


async def spread(buckets: Buckets, ledger: Ledger, find: Find) -> None:
    """Note in the buckets of the accounts that `find` finds what they may store.

    An account that gets a bucket more is counted anew: what the bucket holds was added by nobody.
    The accounts are read last, or a quota that is set meanwhile would be taken back.
    """
    there = [bucket async for bucket in buckets.list()]
    quotas = await find()
    others: dict[str, list[Bucket]] = {}
    for bucket in there:
        if bucket.owner in quotas and bucket.owner_quota != quotas[bucket.owner]:
            others.setdefault(bucket.owner, []).append(bucket)
    for owner, some in others.items():
        quota = quotas[owner]
        joining = quota is not None and any(bucket.owner_quota is None for bucket in some)
        if joining:
            await ledger.begin_anew(of_account(owner))
        try:
            await _note_all(buckets, some, quota)
        finally:
            if joining:
                await ledger.begin_anew(of_account(owner))


async def _note_all(buckets: Buckets, some: Sequence[Bucket], quota: Quota | None) -> None:
    async def note(bucket: Bucket) -> None:
        with suppress(NoBucket):  # it was deleted meanwhile
            await buckets.change(bucket, lambda one: replace(one, owner_quota=quota))

    for first in range(0, len(some), TOGETHER):
        noting = map(note, some[first : first + TOGETHER])
        for done in await asyncio.gather(*noting, return_exceptions=True):
            if isinstance(done, BaseException):
                raise done
