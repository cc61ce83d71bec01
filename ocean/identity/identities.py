"""Accounts and access keys over a metadata engine.

Each verb's last swap is what makes its change exist; a crash before it leaves pointers that no
reader follows, a crash after it leaves pointers that lead nowhere.
"""

import secrets
import string
import time
from collections.abc import Callable
from contextlib import suppress

import msgspec

from metastore.codec import decode, encode
from metastore.engine import Corrupt, Engine, Swap, Table
from metastore.listing import Cursor
from metastore.records import Quota
from metastore.rows import replaced, update
from ocean.identity import naming, rows
from ocean.identity.errors import Absent, Reserved, Taken
from ocean.identity.records import AccessKey, Account
from ocean.keys.local import MasterKey

_PAGE = 1000
_ALPHABET = string.ascii_uppercase + string.digits
_SECRET_ALPHABET = string.ascii_letters + string.digits


def new_access_key() -> str:
    """20 characters, as AWS's."""
    return "OCN" + "".join(secrets.choice(_ALPHABET) for _ in range(17))


def new_secret() -> str:
    """40 characters: 238 bits."""
    return "".join(secrets.choice(_SECRET_ALPHABET) for _ in range(40))


def new_edit() -> bytes:
    """Bytes that make a row's value unlike any before it."""
    return secrets.token_bytes(12)


async def quotas(engine: Engine) -> dict[str, Quota | None]:
    """What each account may store, by its id; left out are those whose row cannot be read."""
    found = {}
    async for row in Cursor(engine, Table.IDENTITIES, *rows.accounts(), _PAGE):
        with suppress(Corrupt):
            account = decode(Account, row.value)
            found[account.id] = account.quota
    return found


class Identities:
    """The accounts and pairs of one store."""

    def __init__(
        self, engine: Engine, key: MasterKey, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._engine = engine
        self._key = key
        self._clock = clock

    async def account(self, name: str) -> Account | None:
        """The user of that name."""
        row = await self._engine.get(Table.IDENTITIES, rows.account(name))
        return decode(Account, row) if row else None

    async def account_by_id(self, account_id: str) -> Account | None:
        """The account with a canonical id."""
        row = await self._engine.get(Table.IDENTITIES, rows.id_pointer(account_id))
        found = await self.account(row[1:].decode()) if row else None
        return found if found and found.id == account_id else None

    async def accounts(self, *, after: str = "", limit: int = _PAGE) -> list[Account]:
        """At most `limit` users in the order of their names, those behind `after`."""
        start, stop = rows.accounts()
        if after:
            start = rows.account(after) + b"\0"
        scan = self._engine.scan(Table.IDENTITIES, start, stop, limit=limit)
        return [decode(Account, row.value) async for row in scan]

    async def create_account(
        self,
        name: str,
        *,
        display_name: str = "",
        email: str = "",
        root: bool = False,
        operator: bool = False,
    ) -> Account:
        """A new user with an account of its own; Taken, InvalidIdentity."""
        naming.check_name(name)
        naming.check_text("display name", display_name)
        naming.check_text("e-mail", email)
        account = Account(
            id=secrets.token_hex(32),
            name=name,
            display_name=display_name or name,
            email=email,
            created_ms=self._now(),
            root=root,
            operator=operator,
            edit=new_edit(),
        )
        pointer = rows.id_pointer(account.id)
        await self._engine.write(Table.IDENTITIES, [(pointer, b"\x01" + name.encode())])
        if not await self._swap(rows.account(name), None, encode(account)):
            await self._engine.write(Table.IDENTITIES, [(pointer, None)])
            raise Taken(f"user {name} exists")
        return account

    async def change_account(self, name: str, change: Callable[[Account], Account]) -> Account:
        """What `change` makes of a user's account; Absent, and what it raises."""
        naming.check_name(name)

        async def changed(row: bytes | None) -> bytes:
            account = decode(Account, row) if row else None
            if account is None or account.state == "deleting":
                raise Absent(f"no user {name}")
            return encode(msgspec.structs.replace(change(account), edit=new_edit()))

        row = await update(self._engine, Table.IDENTITIES, rows.account(name), changed)
        assert row is not None
        return decode(Account, row)

    async def delete_account(self, name: str) -> Account:
        """Remove a user and its pairs; whether it may go is the caller's to know. Absent, Reserved.

        The account stops signing with the first swap, before its pairs are looked for: a pair that
        is made meanwhile sees that afterwards, and goes again.
        """
        row = await self._close_account(name)
        account = decode(Account, row)
        for pair in await self.access_keys(account):
            await self._remove_pair(account, pair.access_key)
        await self._swap(rows.account(name), row, None)
        await self._engine.write(Table.IDENTITIES, [(rows.id_pointer(account.id), None)])
        return account

    async def create_access_key(
        self, name: str, *, access_key: str = "", secret: str = ""
    ) -> tuple[AccessKey, str]:
        """A new pair of a user, given or made, and its secret; Absent, Taken, InvalidIdentity."""
        access_key, secret = access_key or new_access_key(), secret or new_secret()
        naming.check_pair(access_key, secret)
        account = await self._living(name)
        pair = AccessKey(
            access_key=access_key,
            user=name,
            account=account.id,
            secret=self._key.seal(secret.encode(), rows.access_key(access_key)),
            created_ms=self._now(),
            edit=new_edit(),
        )
        pointer = rows.owned_pointer(account.id, access_key)
        await self._engine.write(Table.IDENTITIES, [(pointer, b"\x01")])
        if not await self._swap(rows.access_key(access_key), None, encode(pair)):
            raise Taken(f"access key {access_key} exists")
        still = await self.account(name)
        if still is None or still.id != account.id or still.state == "deleting":
            await self._remove_pair(account, access_key)
            raise Absent(f"user {name} is being deleted")
        return pair, secret

    async def access_keys(self, account: Account) -> list[AccessKey]:
        """The pairs of an account."""
        start, stop = rows.owned_pointers(account.id)
        found: list[AccessKey] = []
        while True:
            scan = self._engine.scan(Table.IDENTITIES, start, stop, limit=_PAGE)
            page = [row.key async for row in scan]
            keys = [rows.access_key(rows.owned_key(row)) for row in page]
            values = await self._engine.get_many(Table.IDENTITIES, keys)
            pairs = (decode(AccessKey, value) for value in values if value)
            found += [pair for pair in pairs if pair.account == account.id]
            if len(page) < _PAGE:
                return found
            start = page[-1] + b"\0"

    async def delete_access_key(self, name: str, access_key: str) -> None:
        """Remove one pair of a user; Absent."""
        account = await self.account(name)
        if account is None or not await self._remove_pair(account, access_key):
            raise Absent(f"user {name} has no access key {access_key}")

    async def _living(self, name: str) -> Account:
        account = await self.account(name)
        if account is None or account.state == "deleting":
            raise Absent(f"no user {name}")
        if account.root:
            raise Reserved("root signs with the pair of OCEAN_ROOT_ACCESS_KEY or the generated one")
        return account

    async def _close_account(self, name: str) -> bytes:
        """Set the account to deleting; its row then."""
        while True:
            row = await self._engine.get(Table.IDENTITIES, rows.account(name))
            if row is None:
                raise Absent(f"no user {name}")
            account = decode(Account, row)
            if account.root:
                raise Reserved("root cannot be deleted")
            closed = encode(msgspec.structs.replace(account, state="deleting", edit=new_edit()))
            if await self._swap(rows.account(name), row, closed):
                return closed

    async def _remove_pair(self, account: Account, access_key: str) -> bool:
        """Remove a pair of the account; False when it has none of that name."""
        key = rows.access_key(access_key)
        row = await self._engine.get(Table.IDENTITIES, key)
        if row is None or decode(AccessKey, row).account != account.id:
            return False
        removed = await self._swap(key, row, None)
        pointer = rows.owned_pointer(account.id, access_key)
        await self._engine.write(Table.IDENTITIES, [(pointer, None)])
        return removed

    async def _swap(self, key: bytes, old: bytes | None, new: bytes | None) -> bool:
        change = Swap(Table.IDENTITIES, key, old, new)
        return await replaced(self._engine, change, lambda now: now == new)

    def _now(self) -> int:
        return int(self._clock() * 1000)
