"""Root: its account, made once for a store, and the pair it signs with."""

import time

from metastore.codec import decode, encode
from metastore.engine import Engine, Swap, Table
from metastore.rows import replaced
from ocean.config.schema import Root
from ocean.identity import naming, rows
from ocean.identity.errors import Taken
from ocean.identity.identities import Identities, new_access_key, new_edit, new_secret
from ocean.identity.records import Account, Credential, RootPair
from ocean.keys.local import MasterKey

NAME = "root"


async def open_root(engine: Engine, key: MasterKey, given: Root) -> Credential:
    """Root's credential; account and pair are made when they are not there yet.

    A pair given by configuration always counts, and then no other pair is root's.
    """
    if given.access_key:
        naming.check_pair(given.access_key, given.secret_key)
    account = await _account(engine, key)
    if given.access_key:
        return _given(given, account)
    return _unsealed(await _pair(engine, key), key, account)


async def find_root(engine: Engine, key: MasterKey, given: Root) -> Credential | None:
    """Root's credential without making anything; None before a server ran on the store."""
    account = await Identities(engine, key).account(NAME)
    if account is None:
        return None
    if given.access_key:
        return _given(given, account)
    row = await engine.get(Table.IDENTITIES, rows.ROOT_PAIR)
    return _unsealed(decode(RootPair, row), key, account) if row else None


async def _account(engine: Engine, key: MasterKey) -> Account:
    identities = Identities(engine, key)
    while True:
        found = await identities.account(NAME)
        if found is not None:
            return found
        try:
            return await identities.create_account(NAME, root=True)
        except Taken:
            continue  # another gateway was first


async def _pair(engine: Engine, key: MasterKey) -> RootPair:
    row = await engine.get(Table.IDENTITIES, rows.ROOT_PAIR)
    if row is None:
        pair = encode(
            RootPair(
                access_key=new_access_key(),
                secret=key.seal(new_secret().encode(), rows.ROOT_PAIR),
                created_ms=int(time.time() * 1000),
                edit=new_edit(),
            )
        )
        await replaced(
            engine, Swap(Table.IDENTITIES, rows.ROOT_PAIR, None, pair), lambda now: now == pair
        )
        row = await engine.get(Table.IDENTITIES, rows.ROOT_PAIR) or pair
    return decode(RootPair, row)


def _given(given: Root, account: Account) -> Credential:
    return Credential(access_key=given.access_key, secret=given.secret_key, account=account)


def _unsealed(pair: RootPair, key: MasterKey, account: Account) -> Credential:
    secret = key.unseal(pair.secret, rows.ROOT_PAIR).decode()
    return Credential(access_key=pair.access_key, secret=secret, account=account)
