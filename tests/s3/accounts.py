"""Fixtures of accounts without privileges: root, the main account of our server, may everything.

A file takes them in by `pytest_plugins = ["tests.s3.accounts"]`.
"""

import uuid
from collections.abc import Iterator

import pytest

from tests.s3.conftest import remove
from tests.s3.store import Client, Pair, Store


def ordinary(store: Store) -> Pair:
    """The pair of a new account that owns nothing and may nothing."""
    if store.server is None:
        pytest.skip("users are made through the admin API of our own server")
    return store.new_user(f"user-{uuid.uuid4().hex[:8]}")


@pytest.fixture(scope="session")
def owner_pair(store: Store) -> Pair:
    """The pair of an account without privileges."""
    return store.pair if store.server is None else ordinary(store)


@pytest.fixture(scope="session")
def owner(store: Store, owner_pair: Pair) -> Client:
    """A client of an account without privileges, for buckets of its own."""
    return store.client(owner_pair)


@pytest.fixture(scope="session")
def third(store: Store) -> Client:
    """A client of one more account, to which nobody granted anything."""
    return store.client(ordinary(store))


@pytest.fixture
def owned(s3: Client, owner: Client, name: str) -> Iterator[str]:
    """An empty bucket of `owner`, removed with all that the test left in it."""
    owner.create_bucket(Bucket=name)
    yield name
    s3.delete_bucket_policy(Bucket=name)
    remove(s3, name)


@pytest.fixture
def full(owner: Client, owned: str) -> str:
    """A bucket of `owner` with the objects `key`, `a/key` and `b/key`."""
    for key in ("key", "a/key", "b/key"):
        owner.put_object(Bucket=owned, Key=key, Body=b"mine")
    return owned
