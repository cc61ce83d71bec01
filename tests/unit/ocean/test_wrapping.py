"""Wrapped data keys: with versions of named keys, and with keys of customers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocean.keys import wrapping
from ocean.keys.provider import UnwrapFailed
from ocean.keys.wrapping import Wrapper, unwrap_with, wrap_with, wrapper_of

CONTEXT = b"bucket, key and operation"


@given(st.integers(0), st.integers(1, 255))
def test_any_changed_byte_of_a_wrapped_key_is_noticed(place: int, change: int) -> None:
    key = bytes(range(32))
    for whole in (
        wrapping.wrap(b"d" * 32, Wrapper("a", 1), key, CONTEXT),
        wrap_with(key, b"d" * 32, CONTEXT),
    ):
        altered = bytearray(whole)
        altered[place % len(altered)] ^= change
        with pytest.raises(UnwrapFailed):
            wrapping.unwrap(bytes(altered), key, CONTEXT)
        with pytest.raises(UnwrapFailed):
            unwrap_with(key, bytes(altered), CONTEXT)


@given(st.binary(max_size=120) | st.binary(max_size=120).map(lambda rest: b"\x01\x01" + rest))
def test_garbage_raises_nothing_else(garbage: bytes) -> None:
    with pytest.raises(UnwrapFailed):
        wrapping.unwrap(garbage, bytes(32), CONTEXT)
    with pytest.raises(UnwrapFailed):
        unwrap_with(bytes(32), garbage, CONTEXT)


def test_a_wrapped_key_of_a_lost_or_invented_version_is_refused() -> None:
    key = bytes(32)
    wrapped = wrapping.wrap(b"d" * 32, Wrapper("a", 1), key, CONTEXT)
    with pytest.raises(UnwrapFailed):
        wrapping.unwrap(wrapped.replace(b"\0\0\0\x01", b"\0\0\0\x02"), key, CONTEXT)
    with pytest.raises(UnwrapFailed):
        wrapping.unwrap(wrapped.replace(b"\x01\x01a", b"\x01\x01b"), key, CONTEXT)


def test_a_customer_s_key_unwraps_what_it_wrapped() -> None:
    key, data_key = bytes(range(32)), b"d" * 32
    wrapped = wrap_with(key, data_key, CONTEXT)
    assert unwrap_with(key, wrapped, CONTEXT) == data_key
    assert wrap_with(key, data_key, CONTEXT) != wrapped
    assert key not in wrapped
    assert data_key not in wrapped
    for wrong, context in ((bytes(32), CONTEXT), (key, b"another object")):
        with pytest.raises(UnwrapFailed):
            unwrap_with(wrong, wrapped, context)
    with pytest.raises(UnwrapFailed):
        wrapper_of(wrapped)


@pytest.mark.parametrize("size", [0, 16, 31, 33, 64])
def test_keys_of_another_size_wrap_nothing(size: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        wrap_with(bytes(size), bytes(32), CONTEXT)
    with pytest.raises(ValueError, match="32 bytes"):
        wrap_with(bytes(32), bytes(size), CONTEXT)
