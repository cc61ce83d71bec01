"""The admin API of quotas: what buckets and accounts may hold, and what they do."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Annotated

import msgspec
from msgspec.structs import replace

from gateway.admin.answers import Route, decoded, json_answer
from gateway.http import Response
from metastore.buckets import Buckets
from metastore.records import Bucket, Quota
from metastore.usage import Ledger
from ocean import errors
from ocean.identity.errors import Absent
from ocean.identity.identities import Identities
from ocean.identity.records import Account
from ocean.objects.owner_quotas import spread
from ocean.objects.quotas import of_account, of_bucket

CREATED = 2.0  # seconds after which a bucket is there whose creation knew the account before
_Amount = Annotated[int, msgspec.Meta(ge=0, le=2**62)]


async def _created() -> None:
    """Wait until the buckets are there whose creation began before."""
    await asyncio.sleep(CREATED)


class QuotaGiven(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A quota to set; neither: none any more."""

    size: _Amount | None = None
    objects: _Amount | None = None

    def record(self) -> Quota | None:
        none = self.size is None and self.objects is None
        return None if none else Quota(self.size, self.objects)


class QuotaShown(msgspec.Struct, frozen=True):
    """A quota and what is used of it: bytes, and versions of objects. Until it was counted nothing
    is refused, and what is used is not known.
    """

    quota_size: int | None
    quota_objects: int | None
    used_size: int | None
    used_objects: int | None
    counted: bool


class QuotasApi:
    """Handlers by route."""

    def __init__(
        self,
        buckets: Buckets,
        identities: Identities,
        ledger: Ledger,
        wait: Callable[[], Awaitable[None]] = _created,
    ) -> None:
        self._wait = wait
        self._buckets = buckets
        self._identities = identities
        self._ledger = ledger
        of_user, of_one = "/v1/users/(?P<name>[^/]+)/quota", "/v1/buckets/(?P<name>[^/]+)/quota"
        self.routes: list[Route] = [
            ("GET", re.compile(of_one), self._show_bucket),
            ("PUT", re.compile(of_one), self._set_bucket),
            ("GET", re.compile(of_user), self._show_user),
            ("PUT", re.compile(of_user), self._set_user),
        ]

    async def _show_bucket(
        self, _by: Account, _body: bytes, _query: dict[str, str], name: str
    ) -> Response:
        bucket = await self._bucket(name)
        return json_answer(await self._shown(of_bucket(bucket.id), bucket.quota))

    async def _set_bucket(
        self, _by: Account, body: bytes, _query: dict[str, str], name: str
    ) -> Response:
        quota = decoded(body, QuotaGiven).record()
        bucket = await self._bucket(name)
        if bucket.quota is None and quota is not None:  # nobody added what came since the last one
            await self._ledger.begin_anew(of_bucket(bucket.id))
        await self._buckets.change(bucket, lambda one: replace(one, quota=quota))
        return json_answer(await self._shown(of_bucket(bucket.id), quota))

    async def _show_user(
        self, _by: Account, _body: bytes, _query: dict[str, str], name: str
    ) -> Response:
        account = await self._identities.account(name)
        if account is None:
            raise Absent(f"no user {name}")
        return json_answer(await self._shown(of_account(account.id), account.quota))

    async def _set_user(
        self, by: Account, body: bytes, _query: dict[str, str], name: str
    ) -> Response:
        quota = decoded(body, QuotaGiven).record()

        def change(account: Account) -> Account:
            if account.operator and not by.root:
                raise errors.AccessDenied("only root sets quotas of operators")
            return replace(account, quota=quota)

        account = await self._identities.change_account(name, change)
        await self._spread(account)
        await self._wait()
        await self._spread(account)
        return json_answer(await self._shown(of_account(account.id), quota))

    async def _spread(self, account: Account) -> None:
        async def now() -> dict[str, Quota | None]:
            """What it may store, which another operator may have changed."""
            found = await self._identities.account(account.name)
            return {} if found is None or found.id != account.id else {found.id: found.quota}

        await spread(self._buckets, self._ledger, now)

    async def _bucket(self, name: str) -> Bucket:
        bucket = await self._buckets.find(name)
        if bucket is None:
            raise errors.NoSuchBucket
        return bucket

    async def _shown(self, scope: bytes, quota: Quota | None) -> QuotaShown:
        usage = await self._ledger.find(scope)
        known = quota is not None and usage.counted
        return QuotaShown(
            quota_size=quota.size if quota else None,
            quota_objects=quota.objects if quota else None,
            used_size=usage.used.size if known else None,
            used_objects=usage.used.objects if known else None,
            counted=known,
        )
