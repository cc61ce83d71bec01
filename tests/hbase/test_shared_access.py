"""Access control through several gateways: once a change is acknowledged every gateway rules by it.

A gateway may act on a bucket's record that is up to 50 ms old (ocean/design/0009-cache.md), and on
identity policies that are up to two seconds old; a change waits longer before it is acknowledged.
So whoever asks after that finds the new ruling everywhere: no answer may be older.
"""

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import pytest

from tests.faults.client import Client
from tests.hbase.trio import Trio, checked
from tests.s3.access import allow, deny, policy
from tests.support.server import Server
from tests.support.waiting import eventually

pytestmark = pytest.mark.timeout(120)
SETTLED = 0.15  # seconds in which the gateways are asked after a change
PAUSE = 0.004  # between requests of one who asks
ENOUGH = 10  # requests that tell how all rule
BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")

Change = Callable[[Client, bool], object]
Ask = Callable[[], int]


class Note(NamedTuple):
    """A request: when it began and ended, and its status."""

    begun: float
    ended: float
    status: int


class Changed(NamedTuple):
    """A change: when it was asked for and acknowledged, and whether access is granted since."""

    begun: float
    ended: float
    granted: bool


@contextmanager
def asked(asks: Sequence[Ask]) -> Iterator[list[Note]]:
    """Ask again and again, each in a thread, until it is left."""
    notes: list[Note] = []
    done = threading.Event()

    def run(ask: Ask) -> None:
        while not done.is_set():
            begun = time.monotonic()
            status = ask()
            notes.append(Note(begun, time.monotonic(), status))
            time.sleep(PAUSE)

    threads = [threading.Thread(target=run, args=(ask,)) for ask in asks]
    for thread in threads:
        thread.start()
    try:
        yield notes
    finally:
        done.set()
        for thread in threads:
            thread.join()


def count_since(notes: Sequence[Note], change: Changed) -> int:
    """How many requests began after a change, and have ended."""
    return sum(change.ended < note.begun for note in notes)


def check(notes: Sequence[Note], changes: Sequence[Changed]) -> None:
    """Each request between two changes was ruled on by the first of them, at every gateway."""
    ends = [*(change.begun for change in changes[1:]), time.monotonic()]
    for change, end in zip(changes, ends, strict=True):
        between = [note for note in notes if change.ended < note.begun and note.ended < end]
        assert len(between) > ENOUGH, "too few to tell"
        wrong = {note.status for note in between} - {200 if change.granted else 403}
        assert not wrong, f"{wrong} after {change}"


def flipped(trio: Trio, change: Change, asks: Sequence[Ask], times: int = 6) -> None:
    """Grant and deny by turns, through each gateway, while all are asked."""
    changes: list[Changed] = []
    with trio.clients() as clients:
        change(clients[0], True)
        with asked(asks) as notes:
            for number in range(times):
                granted, begun = number % 2 == 1, time.monotonic()
                change(clients[number % len(clients)], granted)
                changes.append(Changed(begun, time.monotonic(), granted))
                time.sleep(SETTLED)
                eventually(lambda: count_since(notes, changes[-1]) > ENOUGH)
    check(notes, changes)


def unsigned(server: Server, path: str) -> Ask:
    """A GET that nobody signs."""
    connection = http.client.HTTPConnection(server.host, timeout=30)

    def ask() -> int:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        return answer.status

    return ask


def put(client: Client, target: str, document: bytes) -> None:
    client.do("PUT", target, document, checked(document))


def filled(trio: Trio, bucket: str) -> str:
    """The path of an object in a new bucket."""
    with trio.clients() as (one, *_):
        one.do("PUT", f"/{bucket}")
        one.do("PUT", f"/{bucket}/key", b"x")
    return f"/{bucket}/key"


def test_a_denial_of_the_bucket_s_policy(trio: Trio) -> None:
    path = filled(trio, "denying")
    statement = deny("denying", "s3:GetObject")

    def change(client: Client, granted: bool) -> None:
        if granted:
            client.do("DELETE", "/denying?policy")
        else:
            put(client, "/denying?policy", policy(statement).encode())

    with trio.clients() as clients:

        def get(client: Client) -> Ask:
            return lambda: client.ask("GET", path).status

        flipped(trio, change, [get(client) for client in clients])


def test_a_policy_that_makes_a_bucket_public(trio: Trio) -> None:
    path = filled(trio, "public")
    statement = allow("public", "s3:GetObject")

    def change(client: Client, granted: bool) -> None:
        if granted:
            put(client, "/public?policy", policy(statement).encode())
        else:
            client.do("DELETE", "/public?policy")

    flipped(trio, change, [unsigned(server, path) for server in trio.servers])


def test_a_public_access_block(trio: Trio) -> None:
    path = filled(trio, "blocked")
    with trio.clients() as (one, *_):
        statement = allow("blocked", "s3:GetObject")
        put(one, "/blocked?policy", policy(statement).encode())

    def change(client: Client, granted: bool) -> None:
        state = str(not granted).lower()
        switches = "".join(f"<{name}>{state}</{name}>" for name in BLOCKS)
        document = f"<PublicAccessBlockConfiguration>{switches}</PublicAccessBlockConfiguration>"
        put(client, "/blocked?publicAccessBlock", document.encode())

    flipped(trio, change, [unsigned(server, path) for server in trio.servers])


@pytest.mark.parametrize("of", ["bucket", "object"])
def test_an_acl(trio: Trio, of: str) -> None:
    bucket = f"acl-of-{of}"
    path = filled(trio, bucket)
    target = path if of == "object" else f"/{bucket}"

    def change(client: Client, granted: bool) -> None:
        acl = "public-read" if granted else "private"
        client.do("PUT", f"{target}?acl", headers={"x-amz-acl": acl})

    flipped(trio, change, [unsigned(server, target) for server in trio.servers])


def test_ownership_that_switches_acls_off(trio: Trio) -> None:
    path = filled(trio, "owned")
    with trio.clients() as (one, *_):
        one.do("PUT", f"{path}?acl", headers={"x-amz-acl": "public-read"})

    def change(client: Client, granted: bool) -> None:
        rule = "ObjectWriter" if granted else "BucketOwnerEnforced"
        document = (
            f"<OwnershipControls><Rule><ObjectOwnership>{rule}</ObjectOwnership></Rule>"
            "</OwnershipControls>"
        )
        put(client, "/owned?ownershipControls", document.encode())

    flipped(trio, change, [unsigned(server, path) for server in trio.servers])


def test_an_identity_policy_of_a_group(trio: Trio) -> None:
    path = filled(trio, "grouped")
    reader = trio.user("reader")
    allowed = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
    file = trio.servers[0].folder / "readers.json"
    file.write_text(json.dumps({"Version": "2012-10-17", "Statement": allowed}))
    trio.admin("policy", "put", "readers", file)
    trio.admin("group", "create", "staff")
    trio.admin("group", "add", "staff", "reader")

    def change(_client: Client, granted: bool) -> None:
        trio.admin("policy", "attach" if granted else "detach", "readers", "--group", "staff")

    with trio.clients(reader) as clients:

        def get(client: Client) -> Ask:
            return lambda: client.ask("GET", path).status

        flipped(trio, change, [get(client) for client in clients], times=1)
