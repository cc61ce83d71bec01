"""The master key in a local file, and the sealing of small secrets with it.

A sealed secret is: format byte 1, key id (8 bytes), nonce (12 bytes), then AES-256-GCM ciphertext
and tag (NIST SP 800-38D). The context is authenticated: what was sealed for one row cannot be
moved to another. Random nonces are safe for 2^32 secrets under one key.
"""

import base64
import binascii
import hashlib
import os
import secrets
import stat
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from blobstore.mirror import sync_folder

KEY_SIZE = 32
_MARK = b"ocean-master-key-1:"
_FORMAT = b"\x01"
_ID_SIZE = 8
_NONCE_SIZE = 12
_HEAD_SIZE = len(_FORMAT) + _ID_SIZE + _NONCE_SIZE


class KeyFileError(Exception):
    """The master key file cannot be used; the message names it and says why."""


class SealError(Exception):
    """A sealed secret cannot be opened: another key, another context, or altered bytes."""


class MasterKey:
    """A key of 32 bytes that seals and unseals. Its id may be shown, the key never is."""

    __slots__ = ("_cipher", "_id")

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_SIZE:
            raise ValueError(f"a master key has {KEY_SIZE} bytes")
        self._cipher = AESGCM(key)
        self._id = hashlib.sha256(b"ocean master key id\0" + key).digest()[:_ID_SIZE]

    def __repr__(self) -> str:
        return f"MasterKey({self.id})"

    @property
    def id(self) -> str:
        """16 hex digits that name the key without giving it away."""
        return self._id.hex()

    def seal(self, plaintext: bytes, context: bytes) -> bytes:
        """The sealed form of `plaintext`, to be opened with the same `context` only."""
        head = _FORMAT + self._id + secrets.token_bytes(_NONCE_SIZE)
        return head + self._cipher.encrypt(head[-_NONCE_SIZE:], plaintext, head + context)

    def unseal(self, sealed: bytes, context: bytes) -> bytes:
        """What was sealed; SealError."""
        head, ciphertext = sealed[:_HEAD_SIZE], sealed[_HEAD_SIZE:]
        if len(head) < _HEAD_SIZE or head[:1] != _FORMAT:
            raise SealError("not a secret sealed by this release")
        sealer = head[1 : 1 + _ID_SIZE]
        if sealer != self._id:
            raise SealError(f"sealed with master key {sealer.hex()}, but {self.id} is in use")
        try:
            return self._cipher.decrypt(head[-_NONCE_SIZE:], ciphertext, head + context)
        except InvalidTag as error:
            raise SealError("the sealed bytes or their context were altered") from error


def sealer(sealed: bytes) -> str:
    """The id of the key that `sealed` was sealed with, empty if it is no sealed secret."""
    return sealed[1 : 1 + _ID_SIZE].hex() if sealed[:1] == _FORMAT else ""


def open_or_create(path: Path) -> MasterKey:
    """The key in `path`, made first if there is none; whoever starts first decides."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _create(path)
    except OSError as error:
        raise KeyFileError(f"{path}: cannot make a master key: {error.strerror}") from error
    return read(path)


def read(path: Path) -> MasterKey:
    """The key in `path`; KeyFileError when it is absent, malformed or readable by others."""
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            content = file.read(256)
    except OSError as error:
        raise KeyFileError(f"{path}: the master key cannot be read: {error.strerror}") from error
    if mode & 0o077:
        raise KeyFileError(f"{path}: mode {mode:04o} lets others at the master key; use 0600")
    try:
        if not content.startswith(_MARK):
            raise ValueError("no mark")
        return MasterKey(base64.b64decode(content.removeprefix(_MARK).strip(), validate=True))
    except (ValueError, binascii.Error) as error:
        raise KeyFileError(f"{path}: this is not a master key file") from error


def _create(path: Path) -> None:
    """Write a new key whole and durable under another name, then link it into place."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(_MARK + base64.b64encode(secrets.token_bytes(KEY_SIZE)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return  # another process was first: its key counts
        sync_folder(path.parent)
    finally:
        draft.unlink()
