"""Access key to credential, for every request."""

from metastore.codec import decode
from metastore.engine import Engine, Table
from ocean.identity import rows
from ocean.identity.records import AccessKey, Account, Credential
from ocean.keys.local import MasterKey

_KEPT = 10_000  # pairs; about 1 KiB each


class Credentials:
    """Who signs with an access key: two row reads, and no secret is unsealed twice.

    What was decoded is kept by the bytes of its rows, so a change made by any process is seen by
    the next request. Root's pair does not change while a server runs and costs no read.
    """

    def __init__(self, engine: Engine, key: MasterKey, root: Credential) -> None:
        self._engine = engine
        self._key = key
        self.root = root
        self._kept: dict[str, tuple[bytes, bytes, Credential]] = {}

    async def find(self, access_key: str) -> Credential | None:
        """The credential of `access_key`; None when nobody may sign with it."""
        if access_key == self.root.access_key:
            return self.root
        kept = self._kept.get(access_key)
        if kept is None:
            return await self._learn(access_key)
        keys = (rows.access_key(access_key), rows.account(kept[2].account.name))
        pair, account = await self._engine.get_many(Table.IDENTITIES, keys)
        if pair == kept[0] and account == kept[1]:
            return kept[2]
        return await self._learn(access_key)

    async def _learn(self, access_key: str) -> Credential | None:
        """Read and decode from the start; kept only when it can be signed with."""
        self._kept.pop(access_key, None)
        if not access_key.isascii():  # no pair has such a key, and octets that are no UTF-8 no row
            return None
        row = rows.access_key(access_key)
        pair_bytes = await self._engine.get(Table.IDENTITIES, row)
        if pair_bytes is None:
            return None
        pair = decode(AccessKey, pair_bytes)
        account_bytes = await self._engine.get(Table.IDENTITIES, rows.account(pair.user))
        if account_bytes is None:
            return None
        account = decode(Account, account_bytes)
        if (pair.status, account.state, account.id) != ("active", "active", pair.account):
            return None
        secret = self._key.unseal(pair.secret, row).decode()
        credential = Credential(access_key=access_key, secret=secret, account=account)
        if len(self._kept) >= _KEPT:
            self._kept.clear()
        self._kept[access_key] = (pair_bytes, account_bytes, credential)
        return credential
