"""Named keys over an engine, the data keys that they wrap, and their backups."""

import asyncio
import logging
from random import Random

import pytest

from metastore.codec import encode
from metastore.engine import Table
from metastore.memory import Faults, FaultyEngine, MemoryEngine
from ocean.identity import rows as identity_rows
from ocean.keys import named, rows, wrapping
from ocean.keys.local import MasterKey
from ocean.keys.named import (
    DEFAULT,
    FRESH,
    KEPT,
    InvalidKeyName,
    KeyExists,
    LocalKeys,
    NamedKey,
    NamedKeys,
    TooManyVersions,
    key_name,
)
from ocean.keys.provider import DataKey, KeyDisabled, KeyNotFound, KeyProvider, UnwrapFailed
from ocean.keys.wrapping import Wrapper, unwrap_with, wrap_with, wrapper_of

MASTER = MasterKey(bytes(range(32)))
CONTEXT = b"bucket, key and operation"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Store:
    """Keys, and a provider as one process has it."""

    def __init__(self, engine: MemoryEngine | None = None) -> None:
        self.engine = engine or MemoryEngine()
        self.keys = NamedKeys(self.engine, MASTER)
        self.clock = Clock()
        self.local = LocalKeys(self.keys, clock=self.clock)

    @property
    def reads(self) -> int:
        return self.engine.counters.reads


async def names(keys: NamedKeys) -> list[str]:
    return [key.name async for key in keys.list()]


# ------------------------------------------------------------------------------------ named keys


async def test_keys_are_made_found_and_listed() -> None:
    keys = Store().keys
    for name in ("b", "a", "team/a.1"):
        made = await keys.create(name)
        assert made == await keys.find(name)
        assert (made.name, made.current, made.state) == (name, Wrapper(name, 1), "enabled")
    assert await names(keys) == ["a", "b", "team/a.1"]
    assert await keys.find("c") is None
    with pytest.raises(KeyExists):
        await keys.create("a")


async def test_more_keys_than_a_page_are_listed_once_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(named, "_PAGE", 2)
    keys = Store().keys
    for number in range(5):
        await keys.create(f"k{number}")
    assert await names(keys) == [f"k{number}" for number in range(5)]


async def test_of_those_who_make_a_key_one_wins() -> None:
    keys = Store().keys
    done = await asyncio.gather(*(keys.create("a") for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(one, KeyExists) for one in done) == 4


@pytest.mark.parametrize(
    "name",
    ["", "a" * 129, "/a", ".a", "-a", "a b", "a\n", "a\0", "ä", "a\udcff", "a:b", "a*", "alias/a"],
)
async def test_names_that_no_key_has(name: str) -> None:
    store = Store()
    with pytest.raises(InvalidKeyName):
        await store.keys.create(name)
    assert await names(store.keys) == []
    if name != "alias/a":  # which names the key a
        with pytest.raises(KeyNotFound):
            await store.local.generate(name, CONTEXT)


@pytest.mark.parametrize(
    "key_id",
    [
        "team/a",
        "alias/team/a",
        "arn:aws:kms:::key/team/a",
        "arn:aws:kms:us-east-1:111122223333:key/team/a",
        "arn:aws-cn:kms:cn-north-1:111122223333:alias/team/a",
    ],
)
def test_key_ids_that_mean_a_name(key_id: str) -> None:
    assert key_name(key_id) == "team/a"


@pytest.mark.parametrize(
    "key_id",
    [
        "arn:aws:kms:::team/a",
        "arn:aws:s3:::key/a",
        "arn:aws:kms:key/a",
        "arn:aws:kms:::key/",
        "arn:aws:kms:::key/a:b",
        "alias/",
        "alias/alias/a",
        "arn:aws:kms:::key/" + "a" * 100_000,
        ":" * 100_000,
    ],
)
def test_key_ids_that_mean_none(key_id: str) -> None:
    with pytest.raises(KeyNotFound):
        key_name(key_id)


async def test_a_rotated_key_keeps_its_older_versions() -> None:
    keys = Store().keys
    first = await keys.create("a")
    second = await keys.rotate("a")
    assert second == await keys.find("a")
    assert second.current == Wrapper("a", 2)
    assert second.versions[:1] == first.versions
    assert keys.unsealed(second, 1) == keys.unsealed(first, 1) != keys.unsealed(second, 2)
    with pytest.raises(KeyNotFound):
        await keys.rotate("b")


async def test_rotations_at_once_all_count_even_by_a_faulty_engine() -> None:
    for seed in range(20):
        faults = Faults(lost_reply=0.2, dropped=0.1, repeated=0.1)
        keys = NamedKeys(FaultyEngine(faults, Random(seed)), MASTER)
        created = await asyncio.gather(
            *(keys.create("a") for _ in range(3)), return_exceptions=True
        )
        if await keys.find("a") is None:  # nobody learned what became of the swap
            continue
        assert sum(isinstance(one, NamedKey) for one in created) <= 1
        done = await asyncio.gather(*(keys.rotate("a") for _ in range(4)), return_exceptions=True)
        made = [one.current.version for one in done if isinstance(one, NamedKey)]
        found = await keys.find("a")
        assert found is not None
        assert len(made) == len(set(made))
        assert found.current.version >= max(made, default=1)
        assert {keys.unsealed(found, version) for version in made}


async def test_versions_of_a_key_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(named, "VERSIONS", 2)
    keys = Store().keys
    await keys.create("a")
    await keys.rotate("a")
    with pytest.raises(TooManyVersions):
        await keys.rotate("a")


async def test_versions_are_sealed_for_their_row_and_number() -> None:
    store = Store()
    await store.keys.create("a")
    key = await store.keys.rotate("a")
    moved = NamedKey(name="b", versions=key.versions)
    swapped = NamedKey(name="a", versions=key.versions[::-1])
    for wrong in (moved, swapped):
        for version in (1, 2):
            with pytest.raises(UnwrapFailed, match="cannot be unsealed"):
                store.keys.unsealed(wrong, version)
    for version in (-1, 0, 3):
        with pytest.raises(UnwrapFailed, match="no version"):
            store.keys.unsealed(key, version)
    other = NamedKeys(store.engine, MasterKey(bytes(32)))
    with pytest.raises(UnwrapFailed, match=f"sealed with master key {MASTER.id}"):
        other.unsealed(key, 1)


def test_rows_lie_apart_from_those_of_identities() -> None:
    start, stop = rows.named_keys()
    assert start < rows.named_key("a") < rows.named_key("z/.") < stop
    others = [
        identity_rows.account("e"),
        identity_rows.access_key("e"),
        identity_rows.id_pointer("e"),
        identity_rows.owned_pointer("e", "e"),
        identity_rows.ROOT_PAIR,
    ]
    assert not any(start <= other < stop for other in others)


# -------------------------------------------------------------------------------------- data keys


async def test_a_data_key_is_unwrapped_with_its_context_only() -> None:
    store = Store()
    provider: KeyProvider = store.local
    await store.keys.create("a")
    made = await provider.generate("alias/a", CONTEXT)
    assert len(made.plaintext) == 32
    assert wrapper_of(made.wrapped) == Wrapper("a", 1)
    assert await Store(store.engine).local.unwrap(made.wrapped, CONTEXT) == made.plaintext
    for context in (b"", CONTEXT + b"\0", CONTEXT[1:]):
        with pytest.raises(UnwrapFailed):
            await provider.unwrap(made.wrapped, context)
    again = await provider.generate("a", CONTEXT)
    assert again.plaintext != made.plaintext


async def test_the_default_key_is_made_when_it_is_first_asked_for() -> None:
    store = Store()
    others = [Store(store.engine) for _ in range(4)]
    made = await asyncio.gather(*(one.local.generate(None, CONTEXT) for one in others))
    assert await names(store.keys) == [DEFAULT]
    assert {wrapper_of(one.wrapped) for one in made} == {Wrapper(DEFAULT, 1)}
    assert [await store.local.unwrap(one.wrapped, CONTEXT) for one in made] == [
        one.plaintext for one in made
    ]


async def test_no_other_key_is_made_by_asking_for_it() -> None:
    store = Store()
    for key_id in ("a", DEFAULT):
        with pytest.raises(KeyNotFound):
            await store.local.generate(key_id, CONTEXT)
    lost = wrapping.wrap(bytes(32), Wrapper(DEFAULT, 1), bytes(32), CONTEXT)
    for act in (store.local.unwrap, store.local.rewrap):
        with pytest.raises(KeyNotFound):
            await act(lost, CONTEXT)
    assert await names(store.keys) == []


async def test_a_rotation_is_followed_within_a_second() -> None:
    store = Store()
    elsewhere = Store(store.engine)
    old = await store.local.generate(None, CONTEXT)
    await elsewhere.keys.rotate(DEFAULT)
    store.clock.now += FRESH - 0.01
    assert wrapper_of((await store.local.generate(None, CONTEXT)).wrapped).version == 1
    store.clock.now += 0.02
    new = await store.local.generate(None, CONTEXT)
    assert wrapper_of(new.wrapped).version == 2
    for one in (old, new):
        assert await store.local.unwrap(one.wrapped, CONTEXT) == one.plaintext


async def test_unwrapping_reads_no_row_for_a_minute() -> None:
    store = Store()
    made = [await Store(store.engine).local.generate(None, CONTEXT) for _ in range(5)]
    await store.local.unwrap(made[0].wrapped, CONTEXT)
    before = store.reads
    for one in made:
        await store.local.unwrap(one.wrapped, CONTEXT)
    store.clock.now += KEPT - 0.01
    await store.local.unwrap(made[0].wrapped, CONTEXT)
    assert store.reads == before
    store.clock.now += 0.02
    await store.local.unwrap(made[0].wrapped, CONTEXT)
    assert store.reads == before + 1


async def test_wrapping_reads_one_row_a_second() -> None:
    store = Store()
    await store.local.generate(None, CONTEXT)
    before = store.reads
    for _ in range(5):
        await store.local.generate(None, CONTEXT)
    assert store.reads == before
    store.clock.now += FRESH
    for _ in range(5):
        await store.local.generate(None, CONTEXT)
    assert store.reads == before + 1


async def test_what_is_kept_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(named, "_KEYS_KEPT", 3)
    store = Store()
    for number in range(10):
        await store.keys.create(f"k{number}")
        made = await store.local.generate(f"k{number}", CONTEXT)
        assert await store.local.unwrap(made.wrapped, CONTEXT) == made.plaintext
        assert max(len(store.local._current), len(store.local._unsealed)) <= 3


async def test_a_disabled_key_is_not_used() -> None:
    store = Store()
    made = await store.local.generate(None, CONTEXT)
    disabled = await store.keys.set_state(DEFAULT, "disabled")
    assert disabled == await store.keys.find(DEFAULT)
    store.clock.now += KEPT
    for act in (store.local.unwrap, store.local.rewrap):
        with pytest.raises(KeyDisabled):
            await act(made.wrapped, CONTEXT)
    with pytest.raises(KeyDisabled):
        await store.local.generate(None, CONTEXT)
    await store.keys.set_state(DEFAULT, "enabled")
    assert await store.local.unwrap(made.wrapped, CONTEXT) == made.plaintext
    with pytest.raises(KeyNotFound):
        await store.keys.set_state("a", "disabled")


async def test_a_data_key_is_rewrapped_under_the_current_version() -> None:
    store = Store()
    made = await store.local.generate(None, CONTEXT)
    assert await store.local.rewrap(made.wrapped, CONTEXT) is None
    await store.keys.rotate(DEFAULT)
    store.clock.now += FRESH
    rewrapped = await store.local.rewrap(made.wrapped, CONTEXT)
    assert rewrapped is not None
    assert wrapper_of(rewrapped) == Wrapper(DEFAULT, 2)
    assert await store.local.unwrap(rewrapped, CONTEXT) == made.plaintext
    assert await store.local.rewrap(rewrapped, CONTEXT) is None
    with pytest.raises(UnwrapFailed):
        await store.local.rewrap(made.wrapped, b"another")


# ---------------------------------------------------------------------------------------- secrets


async def test_bytes_of_keys_are_nowhere_but_where_they_must_be(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    store = Store()
    customer = Random(3).randbytes(32)
    made = await store.local.generate(None, CONTEXT)
    key = await store.keys.rotate(DEFAULT)
    secrets = [customer, made.plaintext, *(store.keys.unsealed(key, n) for n in (1, 2))]
    for_customer = wrap_with(customer, made.plaintext, CONTEXT)
    errors: list[BaseException] = []
    for failing in (
        store.local.unwrap(made.wrapped, b"another"),
        store.local.generate("absent", CONTEXT),
        store.keys.create(DEFAULT),
    ):
        with pytest.raises(Exception) as caught:
            await failing
        errors.append(caught.value)
    with pytest.raises(UnwrapFailed) as refused:
        unwrap_with(bytes(32), for_customer, CONTEXT)
    errors.append(refused.value)
    errors += [error.__cause__ for error in errors if error.__cause__]
    holders = [made, store.keys, store.local, key, *errors]
    shown = "".join(f"{holder!r} {holder!s} {[holder]}" for holder in holders) + caplog.text
    stored = [row.value async for row in store.engine.scan(Table.IDENTITIES, b"", None, limit=100)]
    kept = b"".join([*stored, made.wrapped, for_customer, encode(key)])
    for secret in secrets:
        assert secret not in kept
        assert secret.hex() not in shown
        assert repr(secret)[2:-1] not in shown
    assert "plaintext" not in repr(DataKey(bytes(32), b"wrapped"))
