"""Which policies count for an account: what every process follows, while it runs."""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Iterator
from functools import lru_cache

from metastore.engine import Engine, EngineError
from ocean.errors import AccessDenied, MalformedPolicy
from ocean.identity import policy_book
from ocean.identity.records import Account, PolicyBook
from ocean.rules.policy import compiled, document
from ocean.rules.policy.compiled import Policy
from ocean.rules.policy.document import Kind

POLL = 1.0  # seconds between looks at the stored policies
FRESH = 2 * POLL  # seconds after the beginning of a look for which it is gone by
_KEPT = 10_000  # sets of policies and groups

Named = tuple[tuple[str, Policy], ...]

log = logging.getLogger(__name__)


@lru_cache(maxsize=1024)
def policy_of(text: str) -> Policy:
    """The identity policy in a document; MalformedPolicy."""
    return compiled.compile(document.parse(text, Kind.IDENTITY), {})


class AttachedPolicies:
    """The stored policies and groups, never older than FRESH when something is decided by them."""

    def __init__(self, engine: Engine, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._clock = clock
        self._book = PolicyBook()
        self._seen: bytes | None = None
        self._kept: dict[tuple[tuple[str, ...], tuple[str, ...]], Named] = {}
        self._looked = -math.inf
        self._looking = asyncio.Lock()

    async def refresh(self) -> None:
        """Look once; the look of another that begins after this call is as good."""
        asked = self._clock()
        async with self._looking:  # or an older answer would come after a newer one
            begun = self._clock()
            if self._looked > asked:
                return
            data = await policy_book.stored(self._engine)
            if data != self._seen:
                self._book, self._seen = policy_book.decoded(data), data
                self._kept = {}
            self._looked = begun

    async def run(self) -> None:
        """Look for ever."""
        while True:
            await asyncio.sleep(POLL)
            try:
                await self.refresh()
            except EngineError as error:
                log.warning("the policies could not be read: %s", error)

    async def of(self, account: Account) -> Named:
        """The policies of an account and of its groups, each after what to call it.

        AccessDenied when one is not there: it might have denied something. EngineError when they
        could not be looked at for FRESH seconds.
        """
        if not (account.policies or account.groups):
            return ()
        if self._clock() - self._looked > FRESH:
            await self.refresh()
        found = self._kept.get((account.policies, account.groups))
        return await self._learn(account) if found is None else found

    async def _learn(self, account: Account) -> Named:
        if not _knows(self._book, account):
            await self.refresh()  # it may be newer than the last look
        try:
            found = tuple((said, policy_of(text)) for said, text in _documents(self._book, account))
        except (KeyError, MalformedPolicy) as error:
            log.warning(
                "all is denied to the user %s for a policy or group: %s", account.name, error
            )
            raise AccessDenied from None
        if len(self._kept) >= _KEPT:
            self._kept.clear()
        self._kept[account.policies, account.groups] = found
        return found


def _knows(book: PolicyBook, account: Account) -> bool:
    policies, groups = set(account.policies), set(account.groups)
    return policies <= book.policies.keys() and groups <= book.groups.keys()


def _documents(book: PolicyBook, account: Account) -> Iterator[tuple[str, str]]:
    """What to call each policy of an account, and its text; KeyError."""
    for name in account.policies:
        yield f"policy {name}", book.policies[name]
    for group in account.groups:
        for name in book.groups[group]:
            yield f"policy {name} of group {group}", book.policies[name]
