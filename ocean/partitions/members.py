"""Keeps what this process writes to in line with the stored partitions, while it runs."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import NamedTuple

from blobstore.base import BlobError
from blobstore.blobs import ANYWHERE, LOCAL, Blobs, Target
from blobstore.ceph import pools
from blobstore.ceph.session import Address, Session
from blobstore.ceph.striped import Striped
from blobstore.partition import Partition, Stores
from metastore.engine import Engine, EngineError
from ocean.keys.local import MasterKey, SealError
from ocean.partitions import topology
from ocean.partitions.records import LARGE, ROLES, SETTLED, SMALL, Member, Topology
from ocean.rules.placement import choose

FRESH = 20.0  # seconds after a look for which new bytes are placed by it; see verbs.AFTER_DRAIN
POLL = 1.0  # seconds between looks at the stored partitions
SMALL_LIMIT = 1 << 20  # bytes of what a rule may send to volumes
MEASURE = 10.0  # seconds between looks at how full they are

log = logging.getLogger(__name__)


class Settings(NamedTuple):
    """Of every partition: the deadline of an operation, operations at once, bytes of a volume."""

    seconds: float = 5.0
    in_flight: int = 256
    volume_size: int = 64 << 20


class _Open(NamedTuple):
    partition: Partition
    session: Session
    address: tuple[object, ...]


class Members:
    """The partitions of `blobs`, which holds the store's own folder from the beginning."""

    def __init__(
        self,
        engine: Engine,
        blobs: Blobs,
        key: Callable[[], MasterKey],
        settings: Settings | None = None,
    ) -> None:
        self._engine = engine
        self._blobs = blobs
        self._key = key
        self._settings = settings or Settings()
        self._local = blobs.partitions[LOCAL]
        self._open: dict[str, _Open] = {}
        self._seen: bytes | None = None
        self._looking = asyncio.Lock()
        self._fresh_until = time.monotonic() + FRESH
        self._closing: set[asyncio.Task[None]] = set()
        self.topology = Topology()
        blobs.refresh = self.refresh
        blobs.knows = lambda: time.monotonic() < self._fresh_until

    async def refresh(self) -> None:
        """Look once, and open, change and close what is new, other or gone."""
        async with self._looking:  # or an older answer would come after a newer one
            begun = time.monotonic()
            data = await topology.stored(self._engine)
            if data != self._seen:
                self._follow(data)
            self._fresh_until = begun + FRESH

    def _follow(self, data: bytes | None) -> None:
        self.topology, self._seen = topology.decoded(data), data
        before = dict(self._open)
        for member in self.topology.all():
            if member.pools:
                self._take_in(member)
        for name in before:
            if self.topology.member(name) is None:
                del self._open[name]
        self._arrange()
        for name, one in before.items():
            if self._open.get(name) is not one:
                closing = asyncio.create_task(_close(one))
                self._closing.add(closing)
                closing.add_done_callback(self._closing.discard)

    def place(self, bucket: str, key: str, size: int | None, storage_class: int) -> Target:
        """Where new bytes of an object may go, by the rules as they are now."""
        rules = self.topology.rules
        if not rules:
            return ANYWHERE
        rule = choose(rules, bucket, key, size, self.topology.class_name(storage_class))
        if rule is None:
            return ANYWHERE
        return Target(frozenset(rule.partitions), self._threshold(rule.pool))

    def _threshold(self, pool: str) -> int | None:
        if pool == SMALL:
            return max(self._blobs.threshold, SMALL_LIMIT)
        return 0 if pool == LARGE else None

    async def run(self) -> None:
        """Look for ever."""
        measured = asyncio.create_task(self._measure())
        try:
            while True:
                await asyncio.sleep(POLL)
                try:
                    await self.refresh()
                except EngineError as error:
                    log.warning("the partitions could not be read: %s", error)
        finally:
            measured.cancel()

    async def close(self) -> None:
        """End the connections; the partitions are closed with the blobs."""
        for one in self._open.values():
            await one.session.close()

    def _arrange(self) -> None:
        local = self.topology.member(LOCAL)
        assert local is not None
        self._local.state, self._local.weight = local.state, local.weight
        known = {member.name for member in self.topology.all() if member.pools}
        self._blobs.closed = frozenset(known - self._open.keys())
        self._blobs.arrange([self._local, *(one.partition for one in self._open.values())])

    def _take_in(self, member: Member) -> None:
        address = (member.mon_host, member.user, member.key, member.pools)
        known = self._open.get(member.name)
        if known is None or known.address != address:
            try:
                known = self._opened(member, address)
            except SealError as error:  # its objects cannot be had, those of others can
                log.warning("the partition %s cannot be used: %s", member.name, error)
                return
            self._open[member.name] = known
        known.partition.state, known.partition.weight = member.state, member.weight

    def _opened(self, member: Member, address: tuple[object, ...]) -> _Open:
        session = opened(member, self._key(), self._settings)
        of = {
            role: Striped(
                session,
                member.pool(role).pool,
                name=f"{member.name}.{role}",
                stripe=member.pool(role).stripe,
            )
            for role in ROLES
        }
        partition = Partition(
            member.name,
            Stores(of[SMALL], of[LARGE], of[SETTLED]),
            self._blobs.names,
            volume_limit=self._settings.volume_size,
            answers=session.answers,
        )
        return _Open(partition, session, address)

    async def _measure(self) -> None:
        """How full each is, for ever."""
        while True:
            await asyncio.gather(*(_fullness(one) for one in list(self._open.values())))
            await asyncio.sleep(MEASURE)


def opened(member: Member, key: MasterKey, settings: Settings) -> Session:
    """A connection to a partition's cluster; SealError."""
    secret = key.unseal(member.key, context(member.name)).decode()
    return Session(
        Address(member.mon_host, member.user, secret),
        name=member.name,
        seconds=settings.seconds,
        limit=settings.in_flight,
    )


def context(name: str) -> bytes:
    """What a partition's key is sealed for."""
    return b"partition\0" + name.encode()


async def _fullness(one: _Open) -> None:
    try:
        space = await one.session.blocking(pools.space)
    except BlobError:
        return  # what is known stays
    one.partition.fullness = space.used / max(space.total, 1)


async def _close(one: _Open) -> None:
    await one.partition.close()
    await one.session.close()
