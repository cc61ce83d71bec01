"""Backups of named keys: what they put back, and which are refused."""

import json
from pathlib import Path

import pytest

from metastore.memory import MemoryEngine
from ocean.keys import backup
from ocean.keys.backup import BackupError
from ocean.keys.local import MasterKey
from ocean.keys.named import NamedKey, NamedKeys
from ocean.keys.provider import UnwrapFailed

MASTER = MasterKey(bytes(range(32)))


def new_keys() -> NamedKeys:
    """Those of a store without any."""
    return NamedKeys(MemoryEngine(), MASTER)


async def stored(keys: NamedKeys) -> list[NamedKey]:
    return [key async for key in keys.list()]


async def test_missing_keys_are_put_back_as_they_were() -> None:
    keys, others = new_keys(), new_keys()
    for name in ("a", "b", "c"):
        await keys.create(name)
    await keys.rotate("b")
    await keys.set_state("c", "disabled")
    saved = await stored(keys)
    data = backup.document(saved, keys.master_id)
    await others.put_back(saved[0])
    done = await backup.put_back(others, backup.parsed(data, MASTER.id))
    assert done == (["b", "c"], ["a"], [])
    assert await stored(others) == saved
    assert [others.unsealed(saved[1], n) for n in (1, 2)] == [
        keys.unsealed(saved[1], n) for n in (1, 2)
    ]


async def test_a_key_with_other_versions_stays_as_it_is() -> None:
    keys, others = new_keys(), new_keys()
    for name in ("a", "b"):
        await keys.create(name)
    saved = await stored(keys)
    there = await others.create("a")
    await others.put_back(saved[1])
    await others.rotate("b")  # it has what the backup has, and more
    assert await backup.put_back(others, saved) == ([], ["b"], ["a"])
    assert await others.find("a") == there


async def test_a_backup_is_of_no_use_without_its_master_key() -> None:
    keys = new_keys()
    key = await keys.create("a")
    data = backup.document([key], MASTER.id)
    assert keys.unsealed(key, 1) not in key.versions[0].sealed
    other = NamedKeys(MemoryEngine(), MasterKey(bytes(32)))
    with pytest.raises(
        BackupError, match=f"it needs master key {MASTER.id}, but {other.master_id}"
    ):
        backup.parsed(data, other.master_id)
    lying = backup.parsed(data, MASTER.id)
    with pytest.raises(UnwrapFailed):
        await backup.put_back(other, lying)
    assert await stored(other) == []


async def test_nothing_is_stored_of_a_backup_with_a_key_that_cannot_be_unsealed() -> None:
    keys, others = new_keys(), new_keys()
    good, bad = await keys.create("a"), await keys.create("b")
    renamed = NamedKey(name="c", versions=bad.versions)
    with pytest.raises(UnwrapFailed):
        await backup.put_back(others, [good, renamed])
    assert await stored(others) == []


async def test_any_altered_backup_is_refused() -> None:
    keys = new_keys()
    await keys.create("a")
    await keys.create("b")
    data = backup.document(await stored(keys), MASTER.id)
    lines = data.splitlines(keepends=True)
    assert [json.loads(line)["name"] for line in lines[1:-1]] == ["a", "b"]
    newer = lines[0].replace(b'"format":1', b'"format":2')
    for altered in (
        b"",
        b"\n",
        b"\xff" * 100,
        b"[" * 100_000,
        data[:-5],
        b"".join(lines[:-1]),
        b"".join([lines[0], *lines[2:]]),
        b"".join([lines[0], lines[2], lines[1], lines[3]]),
        data.replace(b"enabled", b"disabled", 1),
        newer + b"".join(lines[1:]),
    ):
        with pytest.raises(BackupError):
            backup.parsed(altered, MASTER.id)


def test_a_backup_s_file_is_private_whole_and_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    backup.write(path, b"first")
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        backup.write(path, b"second")
    assert path.read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(FileNotFoundError):
        backup.write(tmp_path / "absent" / "keys", b"")
