"""Folders of files to store, and digests to compare them by."""

import hashlib
import random
from pathlib import Path
from typing import Any

# What clients escape, each in its own way: blanks, plus, percent, quotes, letters beyond ASCII.
AWKWARD = ("a b+c%2F.txt", "ü/ñandú & co.txt", 'quote\'d "x".txt', "日本/語.txt", "a/b", "a.b/c")


def make_tree(folder: Path, count: int, size: int, seed: int = 0) -> dict[str, str]:
    """Write `count` files of about `size` random bytes and the awkward ones; their digests."""
    dice = random.Random(seed)
    names = [*AWKWARD, "empty", *(f"many/{number:04}.bin" for number in range(count))]
    for name in names:
        length = 0 if name == "empty" else dice.randrange(size // 2, size + 1)
        write(folder / name, dice.randbytes(length))
    return digests(folder)


def write(path: Path, content: bytes) -> Path:
    """Write a file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def digest(content: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(content).hexdigest()


def digests(folder: Path) -> dict[str, str]:
    """The digest of each file by its path below `folder`."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): digest(path.read_bytes()) for path in files}


def stored(client: Any, bucket: str, prefix: str = "") -> dict[str, str]:
    """The digest of each object by the rest of its key after `prefix`, read through boto3."""
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
    return {key.removeprefix(prefix): fetched(client, bucket, key) for key in keys}


def fetched(client: Any, bucket: str, key: str) -> str:
    """The digest of one object's content."""
    return digest(client.get_object(Bucket=bucket, Key=key)["Body"].read())
