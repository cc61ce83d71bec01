"""Which master key a store needs, and what goes with it when it is lost."""

import argparse
import asyncio
from pathlib import Path

import pytest

from metastore.memory import MemoryEngine
from ocean.cli import credentials
from ocean.config.schema import Config, Root
from ocean.engines import open_engine
from ocean.identity.identities import Identities
from ocean.identity.root import open_root
from ocean.identity.sealed import (
    EncryptionKeysThere,
    Forgotten,
    forget_sealed,
    open_key,
    sealed_with,
)
from ocean.keys import local
from ocean.keys.local import KeyFileError, MasterKey
from ocean.keys.named import NamedKey, NamedKeys, stored_keys
from ocean.starting import StartError, stop_for_good
from tests.support.embedded import begun, config_of

MASTER = MasterKey(bytes(32))


async def test_named_keys_need_the_master_key_as_pairs_do(tmp_path: Path) -> None:
    """Of a store whose pairs are all given by configuration, too: no new key is made for it."""
    engine = MemoryEngine()
    assert await sealed_with(engine) == ""
    await NamedKeys(engine, MASTER).create("a")
    assert await sealed_with(engine) == MASTER.id
    with pytest.raises(KeyFileError, match=f"need master key {MASTER.id}"):
        await open_key(engine, tmp_path / "master.key")
    assert not (tmp_path / "master.key").exists()


async def test_what_is_forgotten() -> None:
    engine = MemoryEngine()
    await open_root(engine, MASTER, Root())
    identities = Identities(engine, MASTER)
    await identities.create_account("alice")
    await identities.create_access_key("alice")
    assert await forget_sealed(engine) == Forgotten(2, 0)
    await identities.create_access_key("alice")
    for name in ("a", "b"):
        await NamedKeys(engine, MASTER).create(name)
    with pytest.raises(EncryptionKeysThere, match="2 encryption keys"):
        await forget_sealed(engine)
    assert await sealed_with(engine) == MASTER.id, "and nothing went"
    assert await forget_sealed(engine, encryption_keys=True) == Forgotten(1, 2)
    assert await sealed_with(engine) == ""
    assert await identities.account("alice") is not None


# --- `ocean credentials` --------------------------------------------------------------------------


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """A store with an encryption key, at rest, that the command finds; its master key is lost."""
    made = config_of(tmp_path / "store")

    async def live() -> None:
        async with begun(made) as ocean:
            key = local.read(made.master_key_file)
            await NamedKeys(ocean.meta.engine, key).create("a")

    asyncio.run(live())
    monkeypatch.setenv("OCEAN_DATA", str(made.data))
    monkeypatch.setenv("OCEAN_MASTER_KEY_FILE", str(made.master_key_file))
    monkeypatch.setenv("OCEAN_DURABILITY", "relaxed")
    made.master_key_file.unlink()
    return made


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    credentials.add(parser.add_subparsers(required=True))
    options = parser.parse_args(["credentials", *arguments])
    status: int = options.run(options)
    return status


async def there(config: Config) -> list[NamedKey]:
    engine = open_engine(config, stop_for_good)
    try:
        return [key async for key in stored_keys(engine)]
    finally:
        await engine.close()


def test_encryption_keys_go_only_when_it_is_said(
    config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(StartError, match=r"there are 1 encryption keys.*--forget-encryption-keys"):
        run("--forget-sealed")
    with pytest.raises(StartError, match="goes with --forget-sealed"):
        run("--forget-encryption-keys")
    assert len(asyncio.run(there(config))) == 1
    assert run("--forget-sealed", "--forget-encryption-keys") == 0
    told = capsys.readouterr().out
    assert told.startswith("1 encryption keys removed: what is under them is lost.\n1 access keys")
    assert asyncio.run(there(config)) == []
