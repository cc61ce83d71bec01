"""The master key of a store: the one its secrets were sealed with, and no other."""

from pathlib import Path
from typing import NamedTuple

from metastore.codec import decode
from metastore.engine import Engine, Table
from ocean.identity import rows
from ocean.identity.records import AccessKey, RootPair
from ocean.keys import local
from ocean.keys import rows as key_rows
from ocean.keys.local import KeyFileError, MasterKey
from ocean.keys.named import stored_keys


async def sealed_with(engine: Engine) -> str:
    """The id of the key that the store's secrets need; empty when it holds none."""
    root = await engine.get(Table.IDENTITIES, rows.ROOT_PAIR)
    if root is not None:
        return local.sealer(decode(RootPair, root).secret)
    start, stop = rows.access_keys()
    async for row in engine.scan(Table.IDENTITIES, start, stop, limit=1):
        return local.sealer(decode(AccessKey, row.value).secret)
    async for key in stored_keys(engine):
        return local.sealer(key.versions[-1].sealed)
    return ""


async def open_key(engine: Engine, path: Path) -> MasterKey:
    """The key in `path`, made only for a store without secrets; KeyFileError for a wrong one."""
    needed = await sealed_with(engine)
    return matching(path, needed) if needed else local.open_or_create(path)


def matching(path: Path, needed: str) -> MasterKey:
    """The key in `path`; KeyFileError unless it has the id `needed` (empty: any)."""
    try:
        key = local.read(path)
    except KeyFileError as error:
        lost = needed and error.__cause__ is not None  # else its mode is wrong
        raise KeyFileError(f"{error}; {_way_out(needed)}" if lost else str(error)) from error
    if needed and key.id != needed:
        raise KeyFileError(f"{path}: this is master key {key.id}; {_way_out(needed)}")
    return key


def _way_out(needed: str) -> str:
    return (
        f"the access keys and encryption keys of this store need master key {needed}: put it back, "
        "or give them all up with `ocean credentials --forget-sealed`"
    )


class Forgotten(NamedTuple):
    """How many access keys, root's included, and encryption keys were removed."""

    access_keys: int
    encryption_keys: int


class EncryptionKeysThere(Exception):
    """There are `count` named encryption keys, and nobody said that they may go."""

    def __init__(self, count: int) -> None:
        super().__init__(f"there are {count} encryption keys")
        self.count = count


async def forget_sealed(engine: Engine, *, encryption_keys: bool = False) -> Forgotten:
    """Remove every pair, for a store whose master key is lost.

    Accounts, buckets and objects stay; root gets a new pair at the next start. Objects under named
    `encryption_keys` are lost with them: EncryptionKeysThere unless these may go.
    """
    named = [key_rows.named_key(key.name) async for key in stored_keys(engine)]
    if named and not encryption_keys:
        raise EncryptionKeysThere(len(named))
    start, stop = rows.access_keys()
    pairs = [row.key async for row in engine.scan(Table.IDENTITIES, start, stop, limit=1_000_000)]
    root = await engine.get(Table.IDENTITIES, rows.ROOT_PAIR)
    if root is not None:
        pairs.append(rows.ROOT_PAIR)
    await engine.write(Table.IDENTITIES, [(row, None) for row in (*pairs, *named)])
    return Forgotten(len(pairs), len(named))
