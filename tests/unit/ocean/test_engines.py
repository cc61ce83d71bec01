"""What is checked of a data folder before a server starts on it."""

import os
from pathlib import Path

import pytest

from ocean.engines import check_blobs
from ocean.starting import StartError
from tests.support.embedded import begun, config_of


async def test_a_folder_that_can_be_written_is_fine(tmp_path: Path) -> None:
    config = config_of(tmp_path)
    check_blobs(config)
    async with begun(config):
        pass
    check_blobs(config)


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
        check_blobs(config)
