"""Identity policies and groups: what operators do with them, and what every process goes by."""

import asyncio
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from metastore.codec import encode
from metastore.engine import Swap, Table, Unavailable
from metastore.memory import Faults, FaultyEngine, MemoryEngine
from ocean.errors import AccessDenied, MalformedPolicy
from ocean.identity import policies as verbs
from ocean.identity import policy_book, rows
from ocean.identity.attached import FRESH, POLL, AttachedPolicies
from ocean.identity.errors import Absent, IdentityError, InUse, InvalidIdentity, Reserved, Taken
from ocean.identity.identities import Identities
from ocean.identity.policies import Policies
from ocean.identity.records import Account, PolicyBook
from ocean.keys.local import MasterKey
from ocean.rules.policy.compiled import Decision, Policy, Request
from tests.support.virtual import run_virtual

ALLOW = '{"Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}}'
DENY = ALLOW.replace("Allow", "Deny")
NEW = Account(id="", name="carol", display_name="", created_ms=0)


async def nobody() -> None:
    """There is no other process to wait for."""


class Store:
    """Policies and users over a memory engine: alice and bob."""

    def __init__(self, engine: MemoryEngine | None = None) -> None:
        self.engine = engine or MemoryEngine()
        self.identities = Identities(self.engine, MasterKey(bytes(32)))
        self.policies = Policies(self.engine, self.identities, wait=nobody)

    @classmethod
    async def make(cls, engine: MemoryEngine | None = None) -> "Store":
        store = cls(engine)
        for name in ("alice", "bob"):
            await store.identities.create_account(name)
        return store

    async def account(self, name: str) -> Account:
        found = await self.identities.account(name)
        assert found is not None
        return found


def decision(policy: Policy) -> Decision:
    """What a policy says of reading an object."""
    asked = Request("somebody", "s3:GetObject", "arn:aws:s3:::bucket/key", lambda _key: None)
    return policy.evaluate(asked).decision


# ------------------------------------------------------------------------------ policies


async def test_a_policy_is_kept_as_it_was_given_until_it_is_replaced_or_deleted() -> None:
    policies = (await Store.make()).policies
    await policies.put("readers", ALLOW + "\n ")
    assert await policies.get("readers") == ALLOW + "\n "
    await policies.put("readers", DENY)
    await policies.put("others", ALLOW)
    assert (await policies.book()).policies == {"readers": DENY, "others": ALLOW}
    await policies.delete("readers")
    assert (await policies.book()).policies == {"others": ALLOW}
    with pytest.raises(Absent):
        await policies.get("readers")
    with pytest.raises(Absent):
        await policies.delete("readers")


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "{", ALLOW[:-1], ALLOW.replace("Allow", "Maybe"), "\0"]
)
async def test_a_document_that_is_no_policy_changes_nothing(text: str) -> None:
    policies = (await Store.make()).policies
    await policies.put("readers", ALLOW)
    with pytest.raises(MalformedPolicy):
        await policies.put("readers", text)
    assert (await policies.book()).policies == {"readers": ALLOW}


async def test_attachments_are_in_the_account_s_row_in_order_and_once() -> None:
    store = await Store.make()
    policies = store.policies
    for name in ("b", "a"):
        await policies.put(name, ALLOW)
        await policies.create_group(f"group-{name}")
        for _ in range(2):
            await policies.attach("alice", name)
            account = await policies.add_member(f"group-{name}", "alice")
    assert account == await store.account("alice")
    assert (account.policies, account.groups) == (("a", "b"), ("group-a", "group-b"))
    assert await policies.group("group-a") == ((), ["alice"])
    await policies.detach("alice", "b")
    account = await policies.remove_member("group-a", "alice")
    assert (account.policies, account.groups) == (("a",), ("group-b",))
    with pytest.raises(Absent, match="user alice has no policy b"):
        await policies.detach("alice", "b")
    with pytest.raises(Absent, match="user alice has no group group-a"):
        await policies.remove_member("group-a", "alice")
    assert (await store.account("bob")).policies == ()


async def test_policies_of_a_group() -> None:
    policies = (await Store.make()).policies
    await policies.create_group("staff")
    for name in ("b", "a", "b"):
        await policies.put(name, ALLOW)
        attached = await policies.attach_to_group("staff", name)
    assert attached == ("a", "b")
    assert (await policies.book()).groups == {"staff": ("a", "b")}
    assert await policies.detach_from_group("staff", "a") == ("b",)
    with pytest.raises(Absent, match="group staff has no policy a"):
        await policies.detach_from_group("staff", "a")
    with pytest.raises(Taken):
        await policies.create_group("staff")
    assert (await policies.book()).groups == {"staff": ("b",)}


async def test_what_is_in_use_is_not_deleted() -> None:
    policies = (await Store.make()).policies
    await policies.create_group("staff")
    await policies.put("readers", ALLOW)
    await policies.attach_to_group("staff", "readers")
    await policies.add_member("staff", "bob")
    with pytest.raises(InUse, match="group staff"):
        await policies.delete("readers")
    with pytest.raises(InUse, match="user bob"):
        await policies.delete_group("staff")
    await policies.detach_from_group("staff", "readers")
    await policies.attach("alice", "readers")
    with pytest.raises(InUse, match="user alice"):
        await policies.delete("readers")
    await policies.remove_member("staff", "bob")
    await policies.delete_group("staff")
    await policies.detach("alice", "readers")
    await policies.delete("readers")
    book = await policies.book()
    assert (book.policies, book.groups) == ({}, {})


async def test_the_last_of_many_users_is_looked_at() -> None:
    store = await Store.make()
    for number in range(1000):
        await store.identities.create_account(f"user-{number}")
    await store.policies.put("readers", ALLOW)
    await store.identities.create_account("zoe")
    await store.policies.attach("zoe", "readers")
    with pytest.raises(InUse, match="user zoe"):
        await store.policies.delete("readers")


async def test_a_deleted_user_leaves_nothing_attached() -> None:
    store = await Store.make()
    await store.policies.put("readers", ALLOW)
    await store.policies.attach("alice", "readers")
    await store.identities.delete_account("alice")
    await store.policies.delete("readers")


async def test_what_is_not_there_is_not_attached() -> None:
    store = await Store.make()
    policies = store.policies
    await policies.put("readers", ALLOW)
    await policies.create_group("staff")
    await store.identities.create_account("carol")
    await store.identities._close_account("carol")  # as a deletion does first
    missing: list[Coroutine[Any, Any, object]] = [
        policies.attach("alice", "nothing"),
        policies.attach("nobody", "readers"),
        policies.attach("carol", "readers"),
        policies.detach("carol", "readers"),
        policies.add_member("nothing", "alice"),
        policies.add_member("staff", "nobody"),
        policies.attach_to_group("nothing", "readers"),
        policies.attach_to_group("staff", "nothing"),
        policies.detach_from_group("nothing", "readers"),
        policies.delete_group("nothing"),
        policies.group("nothing"),
    ]
    for verb in missing:
        with pytest.raises(Absent):
            await verb
    assert (await store.account("alice")).policies == ()
    assert (await policies.book()).groups == {"staff": ()}


async def test_root_has_neither_policies_nor_groups() -> None:
    store = await Store.make()
    await store.identities.create_account("root", root=True)
    await store.policies.put("readers", ALLOW)
    await store.policies.create_group("staff")
    with pytest.raises(Reserved):
        await store.policies.attach("root", "readers")
    with pytest.raises(Reserved):
        await store.policies.add_member("staff", "root")
    with pytest.raises(Reserved):
        await store.policies.detach("root", "readers")


@pytest.mark.parametrize("name", ["", "a" * 65, "a/b", "ä", "a\0b", "\udcff"])
async def test_names_that_cannot_be(name: str) -> None:
    store = await Store.make()
    policies = store.policies
    await policies.put("readers", ALLOW)
    await policies.create_group("staff")
    before = await policies.book()
    wrong: list[Coroutine[Any, Any, object]] = [
        policies.put(name, ALLOW),
        policies.get(name),
        policies.delete(name),
        policies.attach("alice", name),
        policies.attach(name, "readers"),
        policies.detach("alice", name),
        policies.detach(name, "readers"),
        policies.create_group(name),
        policies.group(name),
        policies.delete_group(name),
        policies.attach_to_group("staff", name),
        policies.attach_to_group(name, "readers"),
        policies.detach_from_group("staff", name),
        policies.detach_from_group(name, "readers"),
        policies.add_member(name, "alice"),
        policies.add_member("staff", name),
        policies.remove_member(name, "alice"),
        policies.remove_member("staff", name),
    ]
    for verb in wrong:
        with pytest.raises(InvalidIdentity):
            await verb
    assert await policies.book() == before


# -------------------------------------------------------------------------------- limits


async def test_how_many_somebody_may_have() -> None:
    policies = (await Store.make()).policies
    for number in range(11):
        await policies.put(f"policy-{number}", ALLOW)
        await policies.create_group(f"group-{number}")
    for number in range(10):
        await policies.attach("alice", f"policy-{number}")
        await policies.attach_to_group("group-0", f"policy-{number}")
        await policies.add_member(f"group-{number}", "alice")
    with pytest.raises(InvalidIdentity, match="user alice has 10 policies"):
        await policies.attach("alice", "policy-10")
    with pytest.raises(InvalidIdentity, match="group group-0 has 10 policies"):
        await policies.attach_to_group("group-0", "policy-10")
    with pytest.raises(InvalidIdentity, match="user alice has 10 groups"):
        await policies.add_member("group-10", "alice")
    await policies.attach("alice", "policy-9")  # one that it has


async def test_how_many_there_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verbs, "POLICIES", 2)
    monkeypatch.setattr(verbs, "GROUPS", 1)
    policies = (await Store.make()).policies
    await policies.put("a", ALLOW)
    await policies.put("b", ALLOW)
    with pytest.raises(InvalidIdentity, match="there are 2 policies"):
        await policies.put("c", ALLOW)
    await policies.put("b", DENY)
    await policies.create_group("a")
    with pytest.raises(InvalidIdentity, match="there are 1 groups"):
        await policies.create_group("b")


async def test_the_row_is_no_larger_than_a_cache_entry() -> None:
    store = await Store.make()
    large = ALLOW.replace('"*"', '["arn:aws:s3:::%s"]' % ("x" * 5000)) + " " * 60_000
    for number in range(8):
        await store.policies.put(f"policy-{number}", large)
    before = await policy_book.stored(store.engine)
    with pytest.raises(InvalidIdentity, match=f"{512 << 10} bytes"):
        await store.policies.put("policy-8", large)
    assert await policy_book.stored(store.engine) == before
    await store.policies.delete("policy-0")
    await store.policies.put("policy-8", large)


# ---------------------------------------------------------------------------- concurrency


async def raced(seed: int) -> tuple[list[object], Store]:
    """Attaching and deleting the same at the same time, in an order that the seed says."""
    store = await Store.make(FaultyEngine(Faults(repeated=0.05), Random(seed)))
    policies = store.policies
    await policies.put("readers", ALLOW)
    await policies.create_group("staff")
    results = await asyncio.gather(
        policies.attach("alice", "readers"),
        policies.add_member("staff", "bob"),
        policies.attach_to_group("staff", "readers"),
        policies.delete("readers"),
        policies.delete_group("staff"),
        return_exceptions=True,
    )
    return list(results), store


async def test_nothing_is_deleted_while_it_is_being_attached() -> None:
    ends = set()
    for seed in range(400):
        results, store = await raced(seed)
        book = await store.policies.book()
        for result in results:
            if isinstance(result, BaseException):
                assert isinstance(result, IdentityError), (seed, result)
        for account in await store.identities.accounts():
            assert book.policies.keys() >= set(account.policies), (seed, results)
            assert book.groups.keys() >= set(account.groups), (seed, results)
        for attached in book.groups.values():
            assert book.policies.keys() >= set(attached), (seed, results)
        ends.add((len(book.policies), len(book.groups)))
    assert len(ends) == 4  # each was deleted in some of them, and not in others


async def test_changes_of_one_account_at_once_are_all_kept() -> None:
    store = await Store.make(FaultyEngine(Faults(), Random(1)))
    for number in range(5):
        await store.policies.put(f"policy-{number}", ALLOW)
        await store.policies.create_group(f"group-{number}")
    await asyncio.gather(
        *(store.policies.attach("alice", f"policy-{number}") for number in range(5)),
        *(store.policies.add_member(f"group-{number}", "alice") for number in range(5)),
    )
    account = await store.account("alice")
    assert (len(account.policies), len(account.groups)) == (5, 5)


# ---------------------------------------------------------------------------- following


async def test_policies_count_with_the_name_of_what_they_come_by() -> None:
    store = await Store.make()
    policies = store.policies
    await policies.put("readers", ALLOW)
    await policies.put("nothing", DENY)
    await policies.create_group("staff")
    await policies.attach_to_group("staff", "nothing")
    await policies.attach("alice", "readers")
    account = await policies.add_member("staff", "alice")
    found = await AttachedPolicies(store.engine).of(account)
    assert [(said, decision(policy)) for said, policy in found] == [
        ("policy readers", Decision.ALLOW),
        ("policy nothing of group staff", Decision.DENY),
    ]


async def test_what_was_looked_up_once_costs_no_row() -> None:
    store = await Store.make()
    await store.policies.put("readers", ALLOW)
    alice = await store.policies.attach("alice", "readers")
    bob = await store.policies.attach("bob", "readers")
    attached = AttachedPolicies(store.engine)
    await attached.refresh()
    found = await attached.of(alice)
    before = store.engine.counters.reads
    assert await attached.of(bob) is found
    assert await attached.of(alice) is found
    await attached.refresh()
    assert await attached.of(alice) is found  # the row is as it was
    assert store.engine.counters.reads == before + 1


async def test_accounts_without_policies_wait_for_nothing() -> None:
    store = await Store.make()
    before = store.engine.counters.reads
    assert await AttachedPolicies(store.engine).of(NEW) == ()
    assert store.engine.counters.reads == before


async def test_what_is_newer_than_the_last_look_is_looked_for() -> None:
    store = await Store.make()
    attached = AttachedPolicies(store.engine)
    await attached.refresh()
    await store.policies.put("readers", ALLOW)
    account = await store.policies.attach("alice", "readers")
    assert [said for said, _ in await attached.of(account)] == ["policy readers"]
    await store.policies.create_group("staff")
    account = await store.policies.add_member("staff", "bob")
    assert await attached.of(account) == ()


@pytest.mark.parametrize("held", ["policies", "groups"])
async def test_what_is_not_there_denies_everything(held: str) -> None:
    store = await Store.make()
    attached = AttachedPolicies(store.engine)
    await attached.refresh()
    account = replace(NEW, **{held: ("gone",)})
    before = store.engine.counters.reads
    with pytest.raises(AccessDenied):
        await attached.of(account)
    assert store.engine.counters.reads == before + 1
    await store.policies.put("gone", ALLOW)
    await store.policies.create_group("gone")
    assert len(await attached.of(account)) == len(account.policies)


async def test_a_document_that_this_release_does_not_understand_denies_everything() -> None:
    store = await Store.make()
    book = PolicyBook(policies={"newer": '{"Version": "2030-01-01"}', "readers": ALLOW})
    await store.engine.swap(Swap(Table.IDENTITIES, rows.POLICIES, None, encode(book)))
    attached = AttachedPolicies(store.engine)
    with pytest.raises(AccessDenied):
        await attached.of(await store.policies.attach("alice", "newer"))
    found = await attached.of(await store.policies.attach("bob", "readers"))
    assert [decision(policy) for _, policy in found] == [Decision.ALLOW]


class Silent(MemoryEngine):
    """An engine whose row of policies can become unreadable."""

    def __init__(self) -> None:
        super().__init__()
        self.silent = False
        self.looks = 0

    async def get(self, table: Table, key: bytes) -> bytes | None:
        if key == rows.POLICIES:
            self.looks += 1
            await asyncio.sleep(0)
            if self.silent:
                raise Unavailable("no answer")
        return await super().get(table, key)


async def test_nothing_is_decided_by_a_look_that_is_too_old() -> None:
    now = 0.0
    engine = Silent()
    store = await Store.make(engine)
    await store.policies.put("readers", ALLOW)
    account = await store.policies.attach("alice", "readers")
    attached = AttachedPolicies(engine, clock=lambda: now)
    await attached.refresh()
    engine.silent = True
    now = FRESH
    assert len(await attached.of(account)) == 1
    now = FRESH + 0.1
    with pytest.raises(Unavailable):
        await attached.of(account)
    engine.silent = False
    await store.policies.put("readers", DENY)
    ((_, policy),) = await attached.of(account)
    assert decision(policy) is Decision.DENY


class Slow(MemoryEngine):
    """An engine whose answers are old when they come."""

    async def get(self, table: Table, key: bytes) -> bytes | None:
        value = await super().get(table, key)
        await asyncio.sleep(FRESH / 2)
        return value


def test_a_look_counts_from_its_beginning() -> None:
    async def main() -> None:
        engine = Slow()
        store = await Store.make(engine)
        await store.policies.put("readers", ALLOW)
        account = await store.policies.attach("alice", "readers")
        attached = AttachedPolicies(engine, clock=asyncio.get_running_loop().time)
        await attached.refresh()
        changing = asyncio.create_task(store.policies.put("readers", DENY))
        await asyncio.sleep(FRESH / 2 + 0.1)
        assert changing.done()
        ((_, policy),) = await attached.of(account)
        assert decision(policy) is Decision.DENY

    run_virtual(main())


async def test_who_waits_for_a_look_shares_it() -> None:
    engine = Silent()
    store = await Store.make(engine)
    await store.policies.put("readers", ALLOW)
    account = await store.policies.attach("alice", "readers")
    attached = AttachedPolicies(engine)
    engine.looks = 0
    results = await asyncio.gather(*(attached.of(account) for _ in range(100)))
    assert all(len(found) == 1 for found in results)
    assert engine.looks <= 2  # the first, which began before some asked, and one for all others


Verb = Callable[[Policies], Coroutine[Any, Any, object]]
CHANGES: dict[str, Verb] = {
    "document": lambda policies: policies.put("readers", DENY),
    "attach": lambda policies: policies.attach_to_group("staff", "nothing"),
    "detach": lambda policies: policies.detach_from_group("staff", "readers"),
}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("silent", [False, True])
def test_a_verb_answers_when_every_process_goes_by_its_change(name: str, silent: bool) -> None:
    """Whether or not the other process could look in the meantime."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        engine = Silent()
        store = await Store.make(engine)
        await store.policies.put("readers", ALLOW)
        await store.policies.put("nothing", DENY)
        await store.policies.create_group("staff")
        await store.policies.attach_to_group("staff", "readers")
        account = await store.policies.add_member("staff", "alice")
        attached = AttachedPolicies(engine, clock=loop.time)
        following = asyncio.create_task(attached.run())
        assert [decision(policy) for _, policy in await attached.of(account)] == [Decision.ALLOW]
        await asyncio.sleep(POLL / 2)
        waiting = Policies(engine, store.identities)
        changing = asyncio.create_task(CHANGES[name](waiting))
        await asyncio.sleep(0.01)
        engine.silent = silent
        begun = loop.time()
        await changing
        assert loop.time() - begun >= FRESH - 0.01
        engine.silent = False
        found = [decision(policy) for _, policy in await attached.of(account)]
        assert found != [Decision.ALLOW]
        following.cancel()

    run_virtual(main())


def test_looking_goes_on_after_an_engine_that_did_not_answer() -> None:
    async def main() -> None:
        engine = Silent()
        store = await Store.make(engine)
        attached = AttachedPolicies(engine, clock=asyncio.get_running_loop().time)
        following = asyncio.create_task(attached.run())
        engine.silent = True
        await asyncio.sleep(10 * POLL)
        engine.silent = False
        await store.policies.put("readers", ALLOW)
        account = await store.policies.attach("alice", "readers")
        await asyncio.sleep(2 * POLL)
        before = engine.looks
        assert len(await attached.of(account)) == 1
        assert engine.looks == before  # it was known
        following.cancel()

    run_virtual(main())
