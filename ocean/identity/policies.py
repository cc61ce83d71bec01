"""What an operator does with identity policies and groups.

Policies and groups are in one row, whom they count for is in the row of each account. So that
nothing is deleted while it is being attached, whoever attaches swaps both: first the account, then
the common row, which must still have what is attached. Whoever deletes looks through the accounts
between reading the common row and swapping it. What a crash between two swaps may leave is a name
that means nothing: its account is denied everything until it is detached.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Literal, TypeVar

from msgspec.structs import replace

from metastore.engine import Engine
from ocean.identity import naming, policy_book
from ocean.identity.attached import FRESH, policy_of
from ocean.identity.errors import Absent, InUse, InvalidIdentity, Reserved, Taken
from ocean.identity.identities import Identities
from ocean.identity.records import Account, PolicyBook

ATTACHED = 10  # policies of a user, policies of a group, groups of a user
POLICIES = 1000
GROUPS = 300

Field = Literal["policies", "groups"]  # of an account, and of the book
_Value = TypeVar("_Value")
_NOUN: dict[Field, str] = {"policies": "policy", "groups": "group"}


async def _gone_by() -> None:
    """Wait until no process decides by what was stored before."""
    await asyncio.sleep(FRESH)


class Policies:
    """The identity policies and groups of one store.

    A verb answers when every process goes by its change: it awaits `wait` where they may know what
    was before. Names that cannot be are InvalidIdentity everywhere.
    """

    def __init__(
        self,
        engine: Engine,
        identities: Identities,
        *,
        wait: Callable[[], Awaitable[None]] = _gone_by,
    ) -> None:
        self._engine = engine
        self._identities = identities
        self._wait = wait

    async def book(self) -> PolicyBook:
        """All policies and groups, as they are now."""
        return await policy_book.read(self._engine)

    # ------------------------------------------------------------------------- policies

    async def put(self, name: str, text: str) -> None:
        """Make a policy, or put another document in its place; MalformedPolicy."""
        naming.check_name(name, "policy")
        policy_of(text)

        async def changed(now: PolicyBook) -> PolicyBook:
            _check_room(now, "policies", name, POLICIES)
            return replace(now, policies={**now.policies, name: text})

        await self._change(changed)

    async def get(self, name: str) -> str:
        """The document of a policy, as it was given; Absent."""
        book = await self.book()
        _check_there(book, "policies", name)
        return book.policies[name]

    async def delete(self, name: str) -> None:
        """Forget a policy; Absent, InUse."""

        async def changed(now: PolicyBook) -> PolicyBook:
            _check_there(now, "policies", name)
            for group, attached in now.groups.items():
                if name in attached:
                    raise InUse(f"the policy {name} is attached to the group {group}")
            for user in await self._users("policies", name):
                raise InUse(f"the policy {name} is attached to the user {user}")
            return replace(now, policies=_without(now.policies, name))

        await policy_book.change(self._engine, changed)

    async def attach(self, user: str, policy: str) -> Account:
        """Attach a policy to a user; Absent, Reserved, InvalidIdentity."""
        return await self._give(user, "policies", policy)

    async def detach(self, user: str, policy: str) -> Account:
        """Detach a policy from a user; Absent, Reserved."""
        return await self._take(user, "policies", policy)

    # --------------------------------------------------------------------------- groups

    async def create_group(self, name: str) -> None:
        """Make a group without members and policies; Taken, InvalidIdentity."""
        naming.check_name(name, "group")

        async def changed(now: PolicyBook) -> PolicyBook:
            if name in now.groups:
                raise Taken(f"group {name} exists")
            _check_room(now, "groups", name, GROUPS)
            return replace(now, groups={**now.groups, name: ()})

        await policy_book.change(self._engine, changed)

    async def group(self, name: str) -> tuple[tuple[str, ...], list[str]]:
        """The policies and the members of a group; Absent."""
        book = await self.book()
        _check_there(book, "groups", name)
        return book.groups[name], await self._users("groups", name)

    async def delete_group(self, name: str) -> None:
        """Forget a group; Absent, InUse."""

        async def changed(now: PolicyBook) -> PolicyBook:
            _check_there(now, "groups", name)
            for user in await self._users("groups", name):
                raise InUse(f"the user {user} is a member of the group {name}")
            return replace(now, groups=_without(now.groups, name))

        await self._change(changed)

    async def attach_to_group(self, group: str, policy: str) -> tuple[str, ...]:
        """Attach a policy to a group, which has these then; Absent, InvalidIdentity."""

        async def changed(now: PolicyBook) -> PolicyBook:
            _check_there(now, "groups", group)
            _check_there(now, "policies", policy)
            attached = _with(f"group {group}", "policies", now.groups[group], policy)
            return replace(now, groups={**now.groups, group: attached})

        return (await self._change(changed)).groups[group]

    async def detach_from_group(self, group: str, policy: str) -> tuple[str, ...]:
        """Detach a policy from a group, which has these then; Absent."""

        async def changed(now: PolicyBook) -> PolicyBook:
            _check_there(now, "groups", group)
            attached = _less(f"group {group}", "policies", now.groups[group], policy)
            return replace(now, groups={**now.groups, group: attached})

        return (await self._change(changed)).groups[group]

    async def add_member(self, group: str, user: str) -> Account:
        """Put a user into a group; Absent, Reserved, InvalidIdentity."""
        return await self._give(user, "groups", group)

    async def remove_member(self, group: str, user: str) -> Account:
        """Take a user out of a group; Absent, Reserved."""
        return await self._take(user, "groups", group)

    # ----------------------------------------------------------------------------------

    async def _change(self, edit: Callable[[PolicyBook], Awaitable[PolicyBook]]) -> PolicyBook:
        book = await policy_book.change(self._engine, edit)
        await self._wait()
        return book

    async def _give(self, user: str, field: Field, name: str) -> Account:
        _check_there(await self.book(), field, name)
        account = await self._edit(
            user, field, lambda names: _with(f"user {user}", field, names, name)
        )

        async def still(now: PolicyBook) -> PolicyBook:
            _check_there(now, field, name)
            return now

        try:
            await policy_book.change(self._engine, still)
        except Absent:  # deleted meanwhile
            await self._take(user, field, name)
            raise
        return account

    async def _take(self, user: str, field: Field, name: str) -> Account:
        return await self._edit(
            user, field, lambda names: _less(f"user {user}", field, names, name)
        )

    async def _edit(
        self, user: str, field: Field, edit: Callable[[tuple[str, ...]], tuple[str, ...]]
    ) -> Account:
        """Change the policies or the groups in the row of an account; Absent, Reserved."""

        def change(account: Account) -> Account:
            if account.root:
                raise Reserved("root may do everything: it has no policies and no groups")
            after = {field: edit(getattr(account, field))}
            return replace(account, **after)

        return await self._identities.change_account(user, change)

    async def _users(self, field: Field, name: str) -> list[str]:
        """To whom a policy is attached, or who is in a group."""
        return [found.name async for found in self._accounts() if name in getattr(found, field)]

    async def _accounts(self) -> AsyncIterator[Account]:
        after = ""
        while page := await self._identities.accounts(after=after):
            for account in page:
                yield account
            after = page[-1].name


def _check_there(book: PolicyBook, field: Field, name: str) -> None:
    naming.check_name(name, _NOUN[field])
    if name not in getattr(book, field):
        raise Absent(f"no {_NOUN[field]} {name}")


def _check_room(book: PolicyBook, field: Field, name: str, limit: int) -> None:
    there = getattr(book, field)
    if name not in there and len(there) >= limit:
        raise InvalidIdentity(f"there are {limit} {field}, no more can be made")


def _with(whose: str, field: Field, names: tuple[str, ...], name: str) -> tuple[str, ...]:
    """In order, so that users with the same ones share what is kept of them."""
    if name not in names and len(names) >= ATTACHED:
        raise InvalidIdentity(f"{whose} has {ATTACHED} {field}, no more can be given to it")
    return tuple(sorted({*names, name}))


def _less(whose: str, field: Field, names: tuple[str, ...], name: str) -> tuple[str, ...]:
    naming.check_name(name, _NOUN[field])
    if name not in names:
        raise Absent(f"{whose} has no {_NOUN[field]} {name}")
    return tuple(other for other in names if other != name)


def _without(named: dict[str, _Value], name: str) -> dict[str, _Value]:
    return {other: value for other, value in named.items() if other != name}
