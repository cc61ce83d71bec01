"""`ocean encryption-key` on a store without a server."""

import argparse
import asyncio
import json
from pathlib import Path

import pytest

from metastore.records import EncryptionMode
from ocean.cli import encryption_key
from ocean.config.schema import Config
from ocean.jobs import rewrap
from ocean.objects.encryption import EncryptionRequest
from ocean.starting import StartError
from tests.support.embedded import begun, config_of, make_bucket, put


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """A store at rest that the commands find."""
    made = config_of(tmp_path / "store")
    make(made)
    point(made, monkeypatch)
    return made


def make(config: Config) -> None:
    async def live() -> None:
        async with begun(config):
            pass

    asyncio.run(live())


def point(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCEAN_DATA", str(config.data))
    monkeypatch.setenv("OCEAN_MASTER_KEY_FILE", str(config.master_key_file))
    monkeypatch.setenv("OCEAN_DURABILITY", "relaxed")


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    encryption_key.add(parser.add_subparsers(required=True))
    options = parser.parse_args(["encryption-key", *arguments])
    status: int = options.run(options)
    return status


def test_keys_are_made_rotated_disabled_and_listed(
    config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("create", "a") == run("create", "b") == run("rotate", "b") == 0
    assert run("set-state", "a", "disabled") == 0
    capsys.readouterr()
    assert run("list", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    shown = [(key["name"], key["state"], key["version"]) for key in found]
    assert shown == [("a", "disabled", 1), ("b", "enabled", 2)]
    assert run("list") == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("a  disabled  version 1 of ")
    assert second.startswith("b  enabled  version 2 of ")
    assert run("rotate", "b", "--json") == 0
    assert json.loads(capsys.readouterr().out)["version"] == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["create", "a"], "there is a key a"),
        (["create", "a b"], "no key name"),
        (["rotate", "b"], "there is no key b"),
        (["backup", "/absent/keys"], "/absent/keys: cannot be written"),
        (["restore", "/absent/keys"], "/absent/keys: cannot be read"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    config: Config, arguments: list[str], message: str
) -> None:
    run("create", "a")
    with pytest.raises(StartError, match=message) as caught:
        run(*arguments)
    assert "\n" not in str(caught.value)


def test_a_store_that_is_not_there_is_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    point(config_of(tmp_path / "nowhere"), monkeypatch)
    with pytest.raises(StartError, match="no server ran"):
        run("list")
    assert not (tmp_path / "nowhere").exists()


def test_a_backup_puts_back_what_is_missing(
    config: Config,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    saved = tmp_path / "keys"
    run("create", "a")
    run("create", "b")
    assert run("backup", str(saved)) == 0
    with pytest.raises(StartError, match="File exists"):
        run("backup", str(saved))
    other = config_of(tmp_path / "other")
    other.master_key_file.parent.mkdir()
    other.master_key_file.write_bytes(config.master_key_file.read_bytes())
    other.master_key_file.chmod(0o600)
    make(other)
    point(other, monkeypatch)
    run("create", "b")
    capsys.readouterr()
    assert run("restore", str(saved), "--json") == encryption_key.DIFFERENT
    done = json.loads(capsys.readouterr().out)
    assert done == {"restored": ["a"], "present": [], "different": ["b"]}
    assert run("restore", str(saved)) == encryption_key.DIFFERENT
    assert capsys.readouterr().out == (
        "0 keys restored, 1 were there\nb has other versions than the backup and stays as it is\n"
    )


def test_rewrapping(
    config: Config, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rewrap, "FRESH", 0)

    async def write() -> None:
        async with begun(config) as ocean:
            bucket = await make_bucket(ocean, "bucket")
            for name in ("a", "b"):
                asked = EncryptionRequest(EncryptionMode.KMS, name)
                await put(ocean, bucket, name, b"data", encrypt=asked)

    run("create", "a")
    run("create", "b")
    asyncio.run(write())
    assert run("rotate", "a") == 0
    capsys.readouterr()
    assert run("rewrap", "a", "--json") == 0
    done = json.loads(capsys.readouterr().out)
    assert done == {"rewrapped": 1, "passes": 2, "failed": 0}
    assert run("rewrap", "a") == 0
    assert capsys.readouterr().out == "0 data keys wrapped anew in 1 passes over the rows\n"
    with pytest.raises(StartError, match="there is no key c"):
        run("rewrap", "c")
