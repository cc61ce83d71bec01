"""Backup and restore of a store on disk, with what may go wrong between their steps."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from blobstore.mirror import Copied, Mirror
from metastore.snapshot import snapshot
from ocean import backup
from ocean.backup import Report, back_up
from ocean.belonging import EMBEDDED
from ocean.config.schema import Config
from ocean.fsck import Fault, Summary
from ocean.objects.verify import FaultKind
from ocean.restore import Restored, restore
from ocean.starting import RESTORING, StartError, refuse_half_restored
from tests.support.embedded import begun, config_of, content, make_bucket, put

SMALL, LARGE = os.urandom(500), os.urandom(300_000)


class Silent:
    """Is told how it goes on and says nothing."""

    def step(self, text: str) -> None: ...

    def count(self, amount: int) -> None: ...

    def rows(self, done: int) -> None: ...


async def save(config: Config, folder: Path) -> Report:
    return await back_up(config, folder, verify=True, notes=Silent())


async def put_back(folder: Path, config: Config) -> Restored:
    return await restore(config, folder, verify=True, notes=Silent())


@pytest.fixture
async def config(tmp_path: Path) -> Config:
    """A store with two objects, at rest."""
    made = config_of(tmp_path / "first")
    async with begun(made) as ocean:
        bucket = await make_bucket(ocean, "bucket")
        await put(ocean, bucket, "small", SMALL)
        await put(ocean, bucket, "large", LARGE)
    return made


def disturb(monkeypatch: pytest.MonkeyPatch, passes: dict[int, Callable[[], None]]) -> list[int]:
    """Have something happen right before a pass of copying; the passes made."""
    made: list[int] = []
    copy = Mirror.copy

    def disturbed(self: Mirror) -> Copied:
        passes.get(len(made), lambda: None)()
        made.append(len(made))
        return copy(self)

    monkeypatch.setattr(Mirror, "copy", disturbed)
    return made


def blobs(config: Config) -> list[Path]:
    return [path for path in (config.data / "blobs" / "blobs").rglob("*") if path.is_file()]


async def test_what_was_saved_comes_back_and_goes_on(config: Config, tmp_path: Path) -> None:
    report = await save(config, tmp_path / "copy")
    assert report.faults == ()
    assert report.summary.versions == 2
    second = config_of(tmp_path / "second")
    second.master_key_file.parent.mkdir()
    os.link(config.master_key_file, second.master_key_file)
    done = await put_back(tmp_path / "copy", second)
    assert (done.faults, done.key_trouble, done.summary.versions) == ((), "", 2)
    async with begun(second) as ocean:
        bucket = await ocean.meta.buckets.find("bucket")
        assert bucket is not None
        await put(ocean, bucket, "new", LARGE[::-1])  # its blobs' names are free
        wanted = {"small": SMALL, "large": LARGE, "new": LARGE[::-1]}
        assert {key: await content(ocean, bucket, key) for key in wanted} == wanted


async def test_a_second_backup_copies_what_is_new_and_removes_what_is_gone(
    config: Config, tmp_path: Path
) -> None:
    await save(config, tmp_path / "copy")
    assert (await save(config, tmp_path / "copy")).copied == Copied(0, 0)
    (old,) = blobs(config)
    async with begun(config) as ocean:
        bucket = await ocean.meta.buckets.find("bucket")
        assert bucket is not None
        gone = await ocean.get.version(bucket, "large", None)
        await put(ocean, bucket, "large", LARGE + b"!")
        await ocean.discard.version(bucket.id, gone.op, gone.manifest)
    report = await save(config, tmp_path / "copy")
    assert report.copied.files == 1
    assert len(LARGE) < report.copied.size < len(LARGE) + 10_000
    assert report.removed == 1
    names = [path.name for path in (tmp_path / "copy/blobs/blobs").rglob("*")]
    assert old.name not in names


async def test_a_blob_deleted_before_it_was_copied_needs_a_new_snapshot(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The snapshot of the first try is older than the deletion, the copying younger."""
    source, early = config.data / "meta" / EMBEDDED, tmp_path / "early"
    snapshot(str(source), str(early), lambda _done, _total: None)
    async with begun(config) as ocean:
        bucket = await ocean.meta.buckets.find("bucket")
        assert bucket is not None
        gone = await ocean.get.version(bucket, "large", None)
        await ocean.delete(bucket, "large", None, guard=lambda _current: None)
        await ocean.discard.version(bucket.id, gone.op, gone.manifest)
    sources = iter([str(early)])
    monkeypatch.setattr(
        "ocean.backup.snapshot",
        lambda path, target, note: snapshot(next(sources, path), target, note),
    )
    made = disturb(monkeypatch, {})
    report = await save(config, tmp_path / "copy")
    assert len(made) == 4
    assert report.faults == ()
    assert report.summary.versions == 1


async def test_faults_of_the_store_itself_are_told_and_the_rest_is_saved(
    config: Config, tmp_path: Path
) -> None:
    blobs(config)[0].unlink()
    report = await save(config, tmp_path / "copy")
    (fault,) = report.faults
    assert (fault.kind, fault.where) == (FaultKind.MISSING, "bucket/large")
    done = await put_back(tmp_path / "copy", config_of(tmp_path / "second"))
    assert done.faults == report.faults
    assert "need master key" in done.key_trouble


async def test_a_store_that_changes_too_fast_is_an_error(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = iter(range(100))

    async def check(self: object, *, verify: bool) -> backup._Checked:
        found = Fault(FaultKind.MISSING, "somewhere", "gone", str(next(tries)))
        return backup._Checked((found,), (), Summary(0, 0, 0, 0, {}), "")

    monkeypatch.setattr(backup._Backup, "_check", check)
    with pytest.raises(StartError, match="deleted before they were copied"):
        await save(config, tmp_path / "copy")
    with pytest.raises(StartError, match="first backup was broken off"):
        await put_back(tmp_path / "copy", config_of(tmp_path / "second"))


async def test_a_backup_that_is_broken_off_leaves_the_one_before_it(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await save(config, tmp_path / "copy")
    async with begun(config) as ocean:
        bucket = await ocean.meta.buckets.find("bucket")
        assert bucket is not None
        await put(ocean, bucket, "new", LARGE[::-1])

    def stop() -> None:
        raise OSError("unplugged")

    with monkeypatch.context() as patch:
        disturb(patch, {1: stop})
        with pytest.raises(OSError, match="unplugged"):
            await save(config, tmp_path / "copy")
    done = await put_back(tmp_path / "copy", config_of(tmp_path / "second"))
    assert done.summary.versions == 2
    assert done.faults == ()


async def test_a_restore_that_is_broken_off_is_run_again(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await save(config, tmp_path / "copy")
    second = config_of(tmp_path / "second")

    def stop() -> None:
        raise OSError("unplugged")

    with monkeypatch.context() as patch:
        disturb(patch, {0: stop})
        with pytest.raises(OSError, match="unplugged"):
            await put_back(tmp_path / "copy", second)
    with pytest.raises(StartError, match="broken off"):
        refuse_half_restored(second.data)
    assert (await put_back(tmp_path / "copy", second)).summary.versions == 2
    refuse_half_restored(second.data)
    assert not (second.data / RESTORING).exists()


async def test_folders_that_must_not_be_used_are_refused(config: Config, tmp_path: Path) -> None:
    await save(config, tmp_path / "copy")
    other = config_of(tmp_path / "other")
    async with begun(other):
        pass
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    for store, folder, words in (
        (other, tmp_path / "copy", "another store"),
        (config, tmp_path / "full", "no backup"),
        (config, config.data / "copy", "hold each other"),
        (config, tmp_path, "hold each other"),
    ):
        with pytest.raises(StartError, match=words):
            await save(store, folder)
    for folder, words in ((tmp_path / "full", "no backup"), (tmp_path / "copy", "not empty")):
        with pytest.raises(StartError, match=words):
            await put_back(folder, other)


async def test_a_restored_store_does_not_continue_the_backup_of_the_first(
    config: Config, tmp_path: Path
) -> None:
    """Both make blobs of the same names from now on."""
    await save(config, tmp_path / "copy")
    second = config_of(tmp_path / "second")
    await put_back(tmp_path / "copy", second)
    with pytest.raises(StartError, match="another store"):
        await save(second, tmp_path / "copy")


async def test_two_at_once_are_refused(config: Config, tmp_path: Path) -> None:
    lock = backup.hold(tmp_path / "copy")
    with pytest.raises(StartError, match="at work"):
        await save(config, tmp_path / "copy")
    os.close(lock)
