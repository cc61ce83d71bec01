"""Named encryption keys over a metadata engine, sealed with the master key; and data keys by them.

A key has versions, each 32 random bytes. The last one wraps new data keys, the others stay for
what they wrapped: none is ever changed or taken away.
"""

import re
import secrets
import time
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import suppress
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec.structs import replace

from metastore.codec import decode, encode
from metastore.engine import Engine, Swap, Table
from metastore.rows import replaced, update
from ocean.body.cipher import KEY_SIZE
from ocean.keys import rows, wrapping
from ocean.keys.local import MasterKey, SealError
from ocean.keys.provider import DataKey, KeyDisabled, KeyNotFound, KeyProviderError, UnwrapFailed
from ocean.keys.wrapping import Wrapper

DEFAULT = "s3-default"  # the key of SSE-S3, and of who asks for SSE-KMS without naming any
VERSIONS = 1000  # of one key, all of which lie in one row
FRESH = 1.0  # seconds for which a process still wraps with a version that was the current one
KEPT = 60.0  # seconds for which it unwraps without looking at the key's row

_KEYS_KEPT = 1000
_PAGE = 1000
_NAME = re.compile(r"(?!alias/)[A-Za-z0-9][A-Za-z0-9/_.-]{0,127}")
_KEY_ID = re.compile(r"(?:arn:[a-z-]+:kms:[^:]*:[^:]*:(?:key|alias)/|alias/)?([^:]+)")

State = Literal["enabled", "disabled"]
_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")


class InvalidKeyName(KeyProviderError):
    """No key can have that name."""


class KeyExists(KeyProviderError):
    """There is a key of that name."""


class TooManyVersions(KeyProviderError):
    """The row of the key holds no more versions."""


class KeyVersion(msgspec.Struct, frozen=True, kw_only=True):
    """32 bytes, sealed with the master key for their key's row and their own number."""

    sealed: bytes
    created_ms: int


class NamedKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key as it is stored: `versions` count from 1, the last is the current one.

    A disabled key neither wraps nor unwraps.
    """

    name: str
    versions: Annotated[tuple[KeyVersion, ...], msgspec.Meta(min_length=1)]
    state: State = "enabled"
    edit: bytes = b""

    @property
    def current(self) -> Wrapper:
        """The version that wraps new data keys."""
        return Wrapper(self.name, len(self.versions))


def check_name(name: str) -> None:
    """InvalidKeyName unless a key may have that name."""
    if not _NAME.fullmatch(name):
        raise InvalidKeyName(
            f"{name!r} is no key name: up to 128 of A-Z a-z 0-9 / _ . -, "
            "of which the first is a letter or digit, not beginning with alias/"
        )


def key_name(key_id: str) -> str:
    """The name in a key id: `x`, `alias/x`, `arn:aws:kms:REGION:ACCOUNT:key/x`; KeyNotFound.

    https://docs.aws.amazon.com/kms/latest/developerguide/concepts-key-id.html
    """
    found = _KEY_ID.fullmatch(key_id)
    if found is None or not _NAME.fullmatch(found[1]):
        raise KeyNotFound(f"{key_id!r} is no key id")
    return found[1]


async def stored_keys(engine: Engine) -> AsyncIterator[NamedKey]:
    """All keys in the order of their names, sealed as they are."""
    start, stop = rows.named_keys()
    while True:
        last = b""
        async for row in engine.scan(Table.IDENTITIES, start, stop, limit=_PAGE):
            last = row.key
            yield decode(NamedKey, row.value)
        if not last:
            return
        start = last + b"\0"


class NamedKeys:
    """The named keys of one store, and what an operator does with them."""

    def __init__(
        self, engine: Engine, master: MasterKey, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._engine = engine
        self._master = master
        self._clock = clock

    @property
    def master_id(self) -> str:
        """The id of the master key that they are sealed with."""
        return self._master.id

    async def find(self, name: str) -> NamedKey | None:
        """The key of that name."""
        row = await self._engine.get(Table.IDENTITIES, rows.named_key(name))
        return decode(NamedKey, row) if row else None

    def list(self) -> AsyncIterator[NamedKey]:
        """All keys in the order of their names."""
        return stored_keys(self._engine)

    async def create(self, name: str) -> NamedKey:
        """A new key with one version; KeyExists, InvalidKeyName."""
        check_name(name)
        made = NamedKey(name=name, versions=(self._version(name, 1),), edit=_new_edit())
        if not await self.put_back(made):
            raise KeyExists(f"there is a key {name}")
        return made

    async def put_back(self, key: NamedKey) -> bool:
        """Store a key as it is; False when there is one of that name, which stays."""
        row, value = rows.named_key(key.name), encode(key)
        change = Swap(Table.IDENTITIES, row, None, value)
        return await replaced(self._engine, change, lambda now: now == value)

    async def rotate(self, name: str) -> NamedKey:
        """Give a key a new current version; KeyNotFound, TooManyVersions."""

        def rotated(key: NamedKey) -> NamedKey:
            number = len(key.versions) + 1
            if number > VERSIONS:
                raise TooManyVersions(f"the key {name} has {VERSIONS} versions")
            return replace(key, versions=(*key.versions, self._version(name, number)))

        return await self._change(name, rotated)

    async def set_state(self, name: str, state: State) -> NamedKey:
        """Say whether a key may be used; KeyNotFound."""
        return await self._change(name, lambda key: replace(key, state=state))

    def unsealed(self, key: NamedKey, version: int) -> bytes:
        """The 32 bytes of a version; UnwrapFailed."""
        if not 0 < version <= len(key.versions):
            raise UnwrapFailed(f"the key {key.name} has no version {version}")
        try:
            return self._master.unseal(
                key.versions[version - 1].sealed, _context(key.name, version)
            )
        except SealError as error:
            raise UnwrapFailed(f"the key {key.name} cannot be unsealed: {error}") from error

    def _version(self, name: str, number: int) -> KeyVersion:
        sealed = self._master.seal(secrets.token_bytes(KEY_SIZE), _context(name, number))
        return KeyVersion(sealed=sealed, created_ms=int(self._clock() * 1000))

    async def _change(self, name: str, edit: Callable[[NamedKey], NamedKey]) -> NamedKey:
        async def changed(row: bytes | None) -> bytes:
            if row is None:
                raise KeyNotFound(f"there is no key {name}")
            return encode(replace(edit(decode(NamedKey, row)), edit=_new_edit()))

        row = await update(self._engine, Table.IDENTITIES, rows.named_key(name), changed)
        assert row is not None
        return decode(NamedKey, row)


class LocalKeys:
    """A KeyProvider by named keys.

    A version never changes, so it is kept unsealed for a while; another process's rotation is
    followed within FRESH seconds, and a key that is disabled unwraps nothing after KEPT.
    """

    def __init__(self, keys: NamedKeys, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._keys = keys
        self._clock = clock
        self._current: dict[str, tuple[float, Wrapper]] = {}
        self._unsealed: dict[Wrapper, tuple[float, bytes]] = {}

    async def generate(self, key_id: str | None, context: bytes) -> DataKey:
        """See KeyProvider; the key of who names none is made when it is first asked for."""
        if key_id is not None:
            wrapper = await self._newest(key_name(key_id))
        else:
            try:
                wrapper = await self._newest(DEFAULT)
            except KeyNotFound:
                with suppress(KeyExists):
                    await self._keys.create(DEFAULT)
                wrapper = await self._newest(DEFAULT)
        plaintext = secrets.token_bytes(KEY_SIZE)
        wrapped = wrapping.wrap(plaintext, wrapper, await self._key(wrapper), context)
        return DataKey(plaintext, wrapped)

    async def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """See KeyProvider."""
        return wrapping.unwrap(wrapped, await self._key(wrapping.wrapper_of(wrapped)), context)

    async def rewrap(self, wrapped: bytes, context: bytes) -> bytes | None:
        """The same data key under the current version; None: it is so already.

        KeyNotFound, KeyDisabled, UnwrapFailed.
        """
        wrapper = wrapping.wrapper_of(wrapped)
        newest = await self._newest(wrapper.name)
        if newest == wrapper:
            return None
        plaintext = await self.unwrap(wrapped, context)
        return wrapping.wrap(plaintext, newest, await self._key(newest), context)

    async def _newest(self, name: str) -> Wrapper:
        until, wrapper = self._current.get(name, (0.0, Wrapper("", 0)))
        now = self._clock()
        if now >= until:
            wrapper = (await self._usable(name)).current
            _keep(self._current, name, (now + FRESH, wrapper))
        return wrapper

    async def _key(self, wrapper: Wrapper) -> bytes:
        until, key = self._unsealed.get(wrapper, (0.0, b""))
        now = self._clock()
        if now >= until:
            key = self._keys.unsealed(await self._usable(wrapper.name), wrapper.version)
            _keep(self._unsealed, wrapper, (now + KEPT, key))
        return key

    async def _usable(self, name: str) -> NamedKey:
        found = await self._keys.find(name)
        if found is None:
            raise KeyNotFound(f"there is no key {name}")
        if found.state != "enabled":
            raise KeyDisabled(f"the key {name} is disabled")
        return found


def _keep(kept: dict[_Key, _Value], key: _Key, value: _Value) -> None:
    if len(kept) >= _KEYS_KEPT:
        kept.clear()
    kept[key] = value


def _context(name: str, version: int) -> bytes:
    """What a version is sealed for."""
    return rows.named_key(name) + b"\0%d" % version


def _new_edit() -> bytes:
    return secrets.token_bytes(12)
