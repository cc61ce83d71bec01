"""What is checked of a data folder before a server starts on it."""

import os
from pathlib import Path

import pytest

from metastore.lives import Lives
from ocean.belonging import EMBEDDED
from ocean.engines import begin_anew, check_folder, open_engine, require_metadata
from ocean.starting import StartError, stop_for_good
from tests.support.embedded import begun, config_of, make_bucket, put


async def test_a_folder_that_can_be_written_is_fine(tmp_path: Path) -> None:
    config = config_of(tmp_path)
    check_folder(config)
    async with begun(config):
        pass
    check_folder(config)


@pytest.mark.parametrize("folder", ["", "blobs", "blobs/volumes", "blobs/blobs"])
async def test_a_read_only_folder_is_named(
    tmp_path: Path, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = config_of(tmp_path)
    async with begun(config):
        pass
    refused = config.data / folder
    monkeypatch.setattr(os, "access", lambda path, _mode: Path(path) != refused)
    with pytest.raises(StartError, match=f"^{refused}: cannot be written"):
        check_folder(config)


async def test_blobs_without_metadata_are_not_served(tmp_path: Path) -> None:
    config = config_of(tmp_path)
    async with begun(config) as ocean:
        await put(ocean, await make_bucket(ocean, "bucket"), "key", b"data")
    check_folder(config)
    for lose in (lambda file: file.write_bytes(b""), Path.unlink):
        lose(config.data / "meta" / EMBEDDED)
        for check in (check_folder, require_metadata):
            with pytest.raises(StartError, match="the metadata is gone"):
                check(config)


async def test_no_life_gets_an_epoch_that_a_blob_has(tmp_path: Path) -> None:
    """Also when the metadata is older than the blobs."""
    config = config_of(tmp_path)
    old = tmp_path / "old"
    async with begun(config):
        pass
    old.write_bytes((config.data / "meta" / EMBEDDED).read_bytes())
    async with begun(config):
        pass
    async with begun(config) as ocean:
        await put(ocean, await make_bucket(ocean, "bucket"), "key", b"x" * 300_000)
        last = ocean.meta.life.epoch
    old.replace(config.data / "meta" / EMBEDDED)
    engine = open_engine(config, stop_for_good)
    await begin_anew(engine, config)
    life = await Lives(engine).begin()
    await engine.close()
    assert life.epoch == last + 1
