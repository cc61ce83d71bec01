"""Accounts, access keys and root over an engine."""

import asyncio

import pytest

from metastore.engine import Swap, Table
from metastore.memory import MemoryEngine
from ocean.config.schema import Root
from ocean.identity import rows
from ocean.identity.credentials import Credentials
from ocean.identity.errors import Absent, InvalidIdentity, Reserved, Taken
from ocean.identity.identities import Identities
from ocean.identity.naming import EXAMPLE_ACCESS_KEYS, EXAMPLE_SECRETS, weakness
from ocean.identity.root import find_root, open_root
from ocean.keys.local import MasterKey, SealError

KEY = MasterKey(bytes(range(32)))


async def store() -> tuple[MemoryEngine, Identities, Credentials]:
    engine = MemoryEngine()
    root = await open_root(engine, KEY, Root())
    return engine, Identities(engine, KEY), Credentials(engine, KEY, root)


async def test_a_user_owns_an_account_of_its_own() -> None:
    _, identities, _ = await store()
    made = await identities.create_account("alice", display_name="Alice A.", email="a@example.com")
    other = await identities.create_account("bob")
    assert len(made.id) == 64
    assert made.id != other.id
    assert other.display_name == "bob"
    assert await identities.account("alice") == made
    assert await identities.account_by_id(made.id) == made
    assert await identities.account_by_id("0" * 64) is None
    assert [account.name for account in await identities.accounts()] == ["alice", "bob", "root"]
    page = await identities.accounts(after="alice", limit=1)
    assert [account.name for account in page] == ["bob"]


async def test_names_and_access_keys_have_one_winner() -> None:
    _, identities, _ = await store()
    results = await asyncio.gather(
        *(identities.create_account("alice") for _ in range(8)), return_exceptions=True
    )
    assert sum(isinstance(result, Taken) for result in results) == 7
    await identities.create_account("bob")
    await identities.create_access_key("alice", access_key="SHARED", secret="alices-secret")
    with pytest.raises(Taken):
        await identities.create_access_key("bob", access_key="SHARED", secret="bobs-own-secret")


async def test_a_pair_signs_until_it_is_deleted() -> None:
    engine, identities, credentials = await store()
    account = await identities.create_account("alice")
    pair, secret = await identities.create_access_key("alice")
    for _ in range(2):  # read, then kept
        found = await credentials.find(pair.access_key)
        assert found is not None
        assert (found.secret, found.account) == (secret, account)
    assert secret not in repr(found)
    elsewhere = Identities(engine, KEY)  # another process
    await elsewhere.delete_access_key("alice", pair.access_key)
    assert await credentials.find(pair.access_key) is None
    assert await identities.access_keys(account) == []
    assert await credentials.find("NEVER-MADE") is None


async def test_an_access_key_made_again_for_another_user_is_the_other_s_at_once() -> None:
    _, identities, credentials = await store()
    for name in ("alice", "bob"):
        await identities.create_account(name)
        await identities.create_access_key(name, access_key="MOVED", secret=f"secret-of-{name}")
        found = await credentials.find("MOVED")
        assert found is not None
        assert (found.account.name, found.secret) == (name, f"secret-of-{name}")
        await identities.delete_access_key(name, "MOVED")


async def test_a_deleted_user_signs_nothing_and_leaves_no_row() -> None:
    engine, identities, credentials = await store()
    before = [row async for row in engine.scan(Table.IDENTITIES, b"", None, limit=100)]
    await identities.create_account("alice")
    pairs = [await identities.create_access_key("alice") for _ in range(3)]
    assert await credentials.find(pairs[0][0].access_key) is not None
    await identities.delete_account("alice")
    for pair, _ in pairs:
        assert await credentials.find(pair.access_key) is None
    assert [row async for row in engine.scan(Table.IDENTITIES, b"", None, limit=100)] == before
    with pytest.raises(Absent):
        await identities.delete_account("alice")
    with pytest.raises(Absent):
        await identities.create_access_key("alice")


async def test_pairs_of_a_user_being_deleted_sign_nothing() -> None:
    """A crash right after the first swap of a deletion must leave no way in."""
    engine, identities, credentials = await store()
    await identities.create_account("alice")
    pair, _ = await identities.create_access_key("alice")
    await identities._close_account("alice")
    assert await credentials.find(pair.access_key) is None
    with pytest.raises(Absent):
        await identities.create_access_key("alice")
    assert (await identities.delete_account("alice")).name == "alice"
    assert await engine.get(Table.IDENTITIES, rows.access_key(pair.access_key)) is None


async def test_pointers_without_what_they_point_to_mean_nothing() -> None:
    engine, identities, _ = await store()
    account = await identities.create_account("alice")
    await engine.write(Table.IDENTITIES, [(rows.owned_pointer(account.id, "GONE"), b"\x01")])
    await engine.write(Table.IDENTITIES, [(rows.id_pointer("f" * 64), b"\x01alice")])
    assert await identities.access_keys(account) == []
    assert await identities.account_by_id("f" * 64) is None


async def test_secrets_at_rest_are_sealed_to_their_row() -> None:
    engine, identities, credentials = await store()
    for name in ("alice", "mallory"):
        await identities.create_account(name)
    await identities.create_access_key("alice", access_key="ALICE", secret="planted-secret-1")
    values = [row.value async for row in engine.scan(Table.IDENTITIES, b"", None, limit=100)]
    assert not any(b"planted-secret-1" in value for value in values)
    row = await engine.get(Table.IDENTITIES, rows.access_key("ALICE"))
    assert await engine.swap(Swap(Table.IDENTITIES, rows.access_key("STOLEN"), None, row))
    with pytest.raises(SealError):
        await credentials.find("STOLEN")


@pytest.mark.parametrize("name", ["", "a" * 65, "a/b", "a b", "ä", "a\0b", "a\n"])
async def test_names_that_cannot_be_used(name: str) -> None:
    _, identities, _ = await store()
    with pytest.raises(InvalidIdentity):
        await identities.create_account(name)


@pytest.mark.parametrize(
    ("key", "secret"), [("a/b", ""), ("AB", ""), ("", "short"), ("", "a b c d e f g")]
)
async def test_pairs_that_cannot_be_used(key: str, secret: str) -> None:
    _, identities, _ = await store()
    await identities.create_account("alice")
    with pytest.raises(InvalidIdentity) as caught:
        await identities.create_access_key("alice", access_key=key, secret=secret)
    assert not secret or secret not in str(caught.value)


async def test_root_is_made_once() -> None:
    engine = MemoryEngine()
    assert await find_root(engine, KEY, Root()) is None
    first, *others = await asyncio.gather(*(open_root(engine, KEY, Root()) for _ in range(4)))
    assert (len(first.access_key), len(first.secret)) == (20, 40)
    assert first.account.root
    assert all(other == first for other in others)
    assert await find_root(engine, KEY, Root()) == first


async def test_a_given_root_pair_always_wins_and_is_the_only_one() -> None:
    engine = MemoryEngine()
    made = await open_root(engine, KEY, Root())
    given = Root(access_key="GIVEN", secret_key="given-secret-key")
    root = await open_root(engine, KEY, given)
    assert (root.access_key, root.secret, root.account) == (
        "GIVEN",
        "given-secret-key",
        made.account,
    )
    credentials = Credentials(engine, KEY, root)
    assert await credentials.find("GIVEN") == root
    assert await credentials.find(made.access_key) is None
    assert await open_root(engine, KEY, Root()) == made


async def test_root_cannot_be_touched() -> None:
    _, identities, _ = await store()
    with pytest.raises(Reserved):
        await identities.delete_account("root")
    with pytest.raises(Reserved):
        await identities.create_access_key("root")


def test_known_and_short_pairs_are_weak() -> None:
    assert weakness("AKEY", "s" * 16) is None
    assert weakness("AKEY", "s" * 15) == "a secret key under 16 characters"
    for secret in EXAMPLE_SECRETS:
        assert weakness("AKEY", secret)
    for access_key in EXAMPLE_ACCESS_KEYS:
        assert weakness(access_key, "s" * 40) == "a pair known from documentation"
