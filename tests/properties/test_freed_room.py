"""What quotas are told to be gone is gone, and told once, whoever takes part.

Two processes act on the versions of one key: one stands still at its n-th call, for every n, while
the other does all of its own. Told may be less than what is gone (a count settles that), not more.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest
from msgspec.structs import replace

from metastore.errors import StoreError
from metastore.leftovers import Leftovers
from metastore.memory import Faults
from metastore.records import Bucket, Kind, Version, Versioning
from ocean.objects.get import version_id_of
from tests.properties.test_expirations import ENABLED, KEY, SUSPENDED, Client, acts_of, begun
from tests.support.aging import rule
from tests.support.virtual import World, run_virtual

pytestmark = pytest.mark.usefixtures("virtual")
SIZES = (100, 10)  # of the first version, which is null, and of the second
DUE = rule(expiration_days=1, noncurrent_days=1)


class Key:
    """A null version below another one, and what two processes do to them."""

    def __init__(self, mode: Versioning) -> None:
        self.mode = mode
        self.world = World(1, Faults(), slow=0.0)
        self.stored: list[Version] = []
        self.told: list[tuple[int, int]] = []

    async def begin(self) -> list[Client]:
        processes = [await begun(self.world), await begun(self.world)]
        first = await Client.create(processes[0], Versioning.OFF, DUE)
        await self.put(first, SIZES[0])
        await self.turn(first, ENABLED)
        await self.put(first, SIZES[1])
        await self.turn(first, self.mode)
        await asyncio.sleep(2)
        for process in processes:
            process.meta.objects.gone = self.tell
        return [first, Client(processes[1], first.bucket)]

    async def turn(self, client: Client, mode: Versioning) -> None:
        buckets = client.process.meta.buckets
        await buckets.change(client.bucket, lambda bucket: replace(bucket, versioning=mode))

    def tell(self, _bucket: Bucket, size: int, count: int) -> None:
        self.told.append((size, count))

    async def put(self, client: Client, size: int = 1) -> None:
        self.stored.append(await client.put(KEY, "x" * size))

    async def delete(self, client: Client) -> None:
        await client.delete()

    async def erase_null(self, client: Client) -> None:
        await client.delete(KEY, "null")

    async def erase_second(self, client: Client) -> None:
        await client.delete(KEY, version_id_of(self.stored[1]))

    async def expire(self, client: Client) -> None:
        head = await client.objects.head(client.bucket.id, KEY)
        bucket = await client.process.meta.buckets.find("bucket")
        assert bucket is not None
        await acts_of(client.process).key(bucket, KEY, head)

    async def gone(self, client: Client) -> tuple[int, int]:
        """Bytes and versions of what was put and is not stored."""
        sizes = []
        for version in self.stored:
            found = await client.find(version)
            if found is None or found.kind is not Kind.OBJECT or found.seq != version.seq:
                sizes.append(version.size)
        return sum(sizes), len(sizes)


Verb = Callable[[Key, Client], Awaitable[None]]
VERBS: list[Verb] = [Key.put, Key.delete, Key.erase_null, Key.erase_second, Key.expire]


async def run(mode: Versioning, first: Verb, second: Verb, point: int) -> bool:
    """Whether the first one reached `point`. AssertionError when too much was told."""
    key = Key(mode)
    try:
        clients = await key.begin()

        async def act() -> None:
            with suppress(StoreError):
                await first(key, clients[0])

        one = clients[0].process
        acting = asyncio.create_task(act())
        one.stop_at(point, acting)
        await asyncio.wait([acting, one.stopped], return_when=asyncio.FIRST_COMPLETED)
        reached = one.stopped.done()
        if reached:
            await second(key, clients[1])
            one.go_on()
        await acting
        gone = await key.gone(clients[1])
        told = sum(size for size, _ in key.told), sum(count for _, count in key.told)
        words = f"told {told} of {gone} at {point}"
        assert told[0] <= gone[0], words
        assert told[1] <= gone[1], words
        assert reached or told == gone, words
        return reached
    finally:
        key.world.over = True


@pytest.mark.parametrize("second", VERBS)
@pytest.mark.parametrize("first", VERBS)
@pytest.mark.parametrize("mode", [ENABLED, SUSPENDED])
def test_no_more_is_told_than_is_gone(mode: Versioning, first: Verb, second: Verb) -> None:
    point = 0
    while run_virtual(run(mode, first, second, point)):
        point += 1
    assert point > 2


def test_told_by_whoever_removes_a_row_it_is_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    drop = Leftovers.drop

    async def always(self: Leftovers, bucket_id: bytes, key: str, seq: int) -> bool:
        await drop(self, bucket_id, key, seq)
        return True

    monkeypatch.setattr(Leftovers, "drop", always)
    with pytest.raises(AssertionError, match="told"):
        test_no_more_is_told_than_is_gone(SUSPENDED, Key.erase_null, Key.put)
