"""The master key file, and what it seals."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocean.keys.local import KeyFileError, MasterKey, SealError, open_or_create, read

KEY = MasterKey(bytes(range(32)))


@given(st.binary(max_size=200), st.binary(max_size=40))
def test_what_is_sealed_is_unsealed(secret: bytes, context: bytes) -> None:
    assert KEY.unseal(KEY.seal(secret, context), context) == secret


@given(st.binary(max_size=60), st.integers(0, 400), st.integers(1, 255))
def test_any_changed_byte_is_noticed(secret: bytes, place: int, change: int) -> None:
    sealed = bytearray(KEY.seal(secret, b"row"))
    sealed[place % len(sealed)] ^= change
    with pytest.raises(SealError):
        KEY.unseal(bytes(sealed), b"row")


@given(st.binary(max_size=80))
def test_garbage_raises_nothing_else(garbage: bytes) -> None:
    with pytest.raises(SealError):
        KEY.unseal(garbage, b"row")


def test_another_context_or_key_is_told_apart() -> None:
    sealed = KEY.seal(b"secret", b"row of alice")
    with pytest.raises(SealError, match="altered"):
        KEY.unseal(sealed, b"row of bob")
    other = MasterKey(bytes(32))
    with pytest.raises(SealError, match=f"sealed with master key {KEY.id}, but {other.id} is in"):
        other.unseal(sealed, b"row of alice")


def test_the_key_does_not_leak() -> None:
    assert bytes(range(32)).hex() not in repr(KEY)
    assert b"secret" not in KEY.seal(b"secret", b"")


def test_sealing_twice_differs() -> None:
    assert KEY.seal(b"secret", b"") != KEY.seal(b"secret", b"")


def test_the_file_is_made_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "folder" / "master.key"
    made = open_or_create(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert open_or_create(path).id == made.id == read(path).id
    assert [file.name for file in path.parent.iterdir()] == ["master.key"]


def test_processes_that_start_together_agree(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    code = f"from ocean.keys.local import *; print(open_or_create(Path({str(path)!r})).id)"
    runs = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    assert len({run.communicate()[0] for run in runs}) == 1
    assert [run.returncode for run in runs] == [0] * 4


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "master.key"
    open_or_create(path)
    path.chmod(mode)
    with pytest.raises(KeyFileError, match=f"mode {mode:04o}"):
        read(path)


@pytest.mark.parametrize(
    "content", [b"", b"garbage", b"ocean-master-key-1:AAAA\n", b"ocean-master-key-1:!" + b"A" * 43]
)
def test_a_malformed_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "master.key"
    path.touch(mode=0o600)
    path.write_bytes(content)
    with pytest.raises(KeyFileError, match="not a master key file"):
        open_or_create(path)


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(KeyFileError, match="cannot make a master key"):
        open_or_create(tmp_path / "file" / "master.key")
