"""Accounts as access control lists and policies name them."""

from collections.abc import Iterable

from ocean.identity.errors import InvalidIdentity
from ocean.identity.identities import Identities
from ocean.identity.naming import check_name

_KEPT = 10_000  # names


class Accounts:
    """Who a canonical id or a name is. A display name never changes."""

    def __init__(self, identities: Identities) -> None:
        self._identities = identities
        self._names: dict[str, str] = {}

    async def exists(self, account_id: str) -> bool:
        """Whether an account has that canonical id now."""
        return is_id(account_id) and await self._identities.account_by_id(account_id) is not None

    async def display_name(self, account_id: str) -> str:
        """The display name, empty for an account that is no more."""
        name = self._names.get(account_id)
        if name is None:
            account = await self._identities.account_by_id(account_id)
            if account is None:
                return ""
            if len(self._names) >= _KEPT:
                self._names.clear()
            name = self._names[account_id] = account.display_name
        return name

    async def resolve(self, names: Iterable[str]) -> tuple[tuple[str, str], ...]:
        """(name, canonical id) for those of `names`, ids or names of users, that there are.

        What looks like an id is one: a user may be called as another's id is.
        """
        found = []
        for name in sorted(names):
            account = None
            if is_id(name):
                account = await self._identities.account_by_id(name)
            elif is_name(name):
                account = await self._identities.account(name)
            if account is not None:
                found.append((name, account.id))
        return tuple(found)


def is_id(text: str) -> bool:
    """Whether it looks like a canonical id: 64 hex digits."""
    return len(text) == 64 and frozenset("0123456789abcdef").issuperset(text)


def is_name(text: str) -> bool:
    """Whether a user may be called so."""
    try:
        check_name(text)
    except InvalidIdentity:
        return False
    return True
