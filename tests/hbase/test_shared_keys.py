"""Named encryption keys through several gateways: made, disabled and rotated for all of them.

A process wraps for a second with what it knew of a key, and unwraps for a minute.
"""

import time
from collections.abc import Iterator
from itertools import product

import pytest

from ocean.keys.named import FRESH
from tests.faults.client import Client
from tests.hbase.trio import Trio, checked

pytestmark = pytest.mark.timeout(120)
KMS = "x-amz-server-side-encryption"
KEY = "shared"
SEALED = {KMS: "aws:kms", f"{KMS}-aws-kms-key-id": KEY}

Clients = tuple[Client, ...]


@pytest.fixture(scope="module")
def clients(trio: Trio) -> Iterator[Clients]:
    with trio.clients() as made:
        made[0].do("PUT", "/keys")
        yield made


def command(trio: Trio, *words: str) -> str:
    done = trio.servers[0].run("encryption-key", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def codes(clients: Clients, name: str) -> set[str]:
    """What each gateway says to a PUT under the key; nothing where it is done."""
    answers = [
        client.ask("PUT", f"/keys/{name}-{number}", b"x", SEALED)
        for number, client in enumerate(clients)
    ]
    return {"" if answer.status == 200 else answer.code for answer in answers}


def read(clients: Clients, name: str) -> set[tuple[int, bytes]]:
    """What each gateway answers for what each of them stored."""
    answers = [
        client.ask("GET", f"/keys/{name}-{number}")
        for client, number in product(clients, range(len(clients)))
    ]
    return {(answer.status, answer.body) for answer in answers}


def test_a_key_s_life_is_followed_by_all(trio: Trio, clients: Clients) -> None:
    assert codes(clients, "before") == {"KMS.NotFoundException"}, "and all know that there is none"
    command(trio, "create", KEY)
    assert codes(clients, "made") == {""}
    assert read(clients, "made") == {(200, b"x")}
    command(trio, "set-state", KEY, "disabled")
    time.sleep(FRESH)
    assert codes(clients, "disabled") == {"KMS.DisabledException"}
    command(trio, "set-state", KEY, "enabled")
    assert codes(clients, "enabled") == {""}
    command(trio, "rotate", KEY)
    time.sleep(FRESH)
    assert codes(clients, "rotated") == {""}
    assert command(trio, "rewrap", KEY).startswith("6 data keys wrapped anew in 2 passes")
    for name in ("made", "enabled", "rotated"):
        assert read(clients, name) == {(200, b"x")}
    assert command(trio, "rewrap", KEY).startswith("0 data keys")


def test_default_encryption_is_of_all_that_is_written_after_it(clients: Clients) -> None:
    clients[0].do("PUT", "/defaults-of-encryption")
    for number in range(8):
        setter, *others = (
            clients[number % 3],
            clients[(number + 1) % 3],
            clients[(number + 2) % 3],
        )
        name = "AES256" if number % 2 else "aws:kms"
        rule = (
            "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>"
            f"<SSEAlgorithm>{name}</SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule>"
            "</ServerSideEncryptionConfiguration>"
        ).encode()
        setter.do("PUT", "/defaults-of-encryption?encryption", rule, checked(rule))
        for client in others:
            answer = client.do("PUT", f"/defaults-of-encryption/{number}", b"x")
            assert answer.headers[KMS] == name
