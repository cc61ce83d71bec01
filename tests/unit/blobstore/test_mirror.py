"""A mirror of a folder of blobs: equal after each pass, and only what is new is written."""

import os
from pathlib import Path

from blobstore.mirror import Copied, Mirror, identity

MIB = 1 << 20


def store(root: Path, files: dict[str, bytes]) -> Path:
    for name, data in {"format": b"ocean-blobs 1\n", **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root


def found(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }


def mirror(tmp_path: Path) -> Mirror:
    return Mirror(tmp_path / "a", tmp_path / "b", lambda _size: None)


def test_a_pass_copies_all_and_the_next_nothing(tmp_path: Path) -> None:
    files = {"volumes/x/1": os.urandom(3 * MIB + 7), "blobs/y/2": b"2", "blobs/z/3": b""}
    store(tmp_path / "a", files)
    assert mirror(tmp_path).copy() == Copied(2, 3 * MIB + 8)
    assert found(tmp_path / "b") == found(tmp_path / "a")
    assert mirror(tmp_path).copy() == Copied(0, 0)


def test_copies_are_no_links(tmp_path: Path) -> None:
    store(tmp_path / "a", {"blobs/y/2": b"22"})
    mirror(tmp_path).copy()
    (tmp_path / "a/blobs/y/2").write_bytes(b"xx")
    assert (tmp_path / "b/blobs/y/2").read_bytes() == b"22"


def test_only_the_tail_of_a_grown_volume_is_copied(tmp_path: Path) -> None:
    store(tmp_path / "a", {"volumes/x/1": os.urandom(12 * MIB)})
    mirror(tmp_path).copy()
    with (tmp_path / "a/volumes/x/1").open("ab") as volume:
        volume.write(b"more")
    copied = mirror(tmp_path).copy()
    assert 4 <= copied.size < 6 * MIB
    assert found(tmp_path / "b") == found(tmp_path / "a")


def test_an_append_that_was_taken_back_is_not_kept(tmp_path: Path) -> None:
    """A writer that found no room cuts its volume and later writes something else there."""
    whole = os.urandom(5 * MIB)
    store(tmp_path / "a", {"volumes/x/1": whole + b"torn" * 1000})
    mirror(tmp_path).copy()
    for tail in (b"", b"other" * 500, b"fresh" * 2000):
        (tmp_path / "a/volumes/x/1").write_bytes(whole + tail)
        mirror(tmp_path).copy()
        assert found(tmp_path / "b") == found(tmp_path / "a")


def test_a_copy_that_was_broken_off_is_finished(tmp_path: Path) -> None:
    files = {"blobs/y/2": os.urandom(6 * MIB)}
    store(tmp_path / "a", files)
    store(tmp_path / "b", {"blobs/y/2": files["blobs/y/2"][: 5 * MIB]})
    mirror(tmp_path).copy()
    assert found(tmp_path / "b") == found(tmp_path / "a")


def test_pruning_leaves_what_any_pass_met(tmp_path: Path) -> None:
    store(tmp_path / "a", {"blobs/y/1": b"1", "blobs/y/2": b"2"})
    mirror(tmp_path).copy()
    (tmp_path / "a/blobs/y/1").unlink()
    late = mirror(tmp_path)
    late.copy()
    (tmp_path / "a/blobs/y/2").unlink()
    late.copy()
    assert late.prune() == 1
    assert set(found(tmp_path / "b")) == {"format", "blobs/y/2"}


def test_an_identity_stays_and_is_not_copied(tmp_path: Path) -> None:
    store(tmp_path / "a", {})
    first = identity(tmp_path / "a")
    assert len(bytes.fromhex(first)) == 16
    assert identity(tmp_path / "a") == first
    mirror(tmp_path).copy()
    assert identity(tmp_path / "b") != first
