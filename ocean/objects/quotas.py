"""Quotas of buckets and accounts: room is taken before a commit, and given back for what is gone.

A bucket's record has its own quota and its owner's, so a bucket without any costs nothing.
"""

from collections.abc import Sequence
from types import TracebackType
from typing import NamedTuple

from metastore.errors import OverQuota, StoreError
from metastore.records import Bucket, Quota
from metastore.usage import Amount, Ledger
from ocean.errors import QuotaExceeded, S3Error


class Scope(NamedTuple):
    """Of what a quota is: its name among the rows of usage."""

    name: bytes
    quota: Quota


def of_bucket(bucket_id: bytes) -> bytes:
    """The name of a bucket's usage."""
    return b"bucket\0" + bucket_id


def of_account(account_id: str) -> bytes:
    """The name of an account's usage, of all its buckets."""
    return b"account\0" + bytes.fromhex(account_id)


def scopes(bucket: Bucket) -> Sequence[Scope]:
    """The quotas that a bucket is under."""
    found = []
    if bucket.quota is not None:
        found.append(Scope(of_bucket(bucket.id), bucket.quota))
    if bucket.owner_quota is not None:
        found.append(Scope(of_account(bucket.owner), bucket.owner_quota))
    return found


class Quotas:
    """What one process stores under quotas."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    async def check(self, bucket: Bucket, size: int | None) -> None:
        """QuotaExceeded when there is no room already: before a body is taken in for nothing."""
        for scope in scopes(bucket):
            usage = await self.ledger.find(scope.name)
            if usage.counted and not usage.used.plus(Amount(size or 0, 1)).fits(scope.quota):
                raise QuotaExceeded

    async def take(self, bucket: Bucket, size: int) -> None:
        """Take room for a version of `size` bytes that is about to be committed; QuotaExceeded."""
        amount = Amount(size, 1)
        taken: list[Scope] = []
        try:
            for scope in scopes(bucket):
                await self.ledger.reserve(scope.name, amount, scope.quota)
                taken.append(scope)
        except BaseException as error:
            for scope in taken:
                self.ledger.give_back(scope.name, amount)
            if isinstance(error, OverQuota):
                raise QuotaExceeded from None
            raise

    def room(self, bucket: Bucket, size: int, refusals: tuple[type[Exception], ...] = ()) -> "Room":
        """Room for the version that is committed within: see Room."""
        return Room(self, bucket, size, (S3Error, StoreError, *refusals))

    def gone(self, bucket: Bucket, size: int, objects: int) -> None:
        """What commits removed from a bucket's versions: `Objects.gone` calls it."""
        self.give_back(bucket, Amount(size, objects))

    def give_back(self, bucket: Bucket, amount: Amount) -> None:
        """Versions are gone, or were not stored after all."""
        for scope in scopes(bucket):
            self.ledger.give_back(scope.name, amount)


class Room:
    """Room for a version, taken when the context is entered; QuotaExceeded.

    It is given back if the commit certainly was not made: one of `refusals` is raised then. Where
    no outcome is known it stays taken, and a count settles it.
    """

    def __init__(
        self, quotas: Quotas, bucket: Bucket, size: int, refusals: tuple[type[Exception], ...]
    ) -> None:
        self._quotas = quotas
        self._bucket = bucket
        self._size = size
        self._refusals = refusals

    async def __aenter__(self) -> None:
        await self._quotas.take(self._bucket, self._size)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, self._refusals):
            self._quotas.give_back(self._bucket, Amount(self._size, 1))
