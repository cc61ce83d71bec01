"""Object lock through several gateways: what one acknowledged, no other lets anybody break."""

import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from tests.faults.client import Client
from tests.hbase.trio import Trio, checked

pytestmark = pytest.mark.timeout(120)
LOCKED = {"x-amz-bucket-object-lock-enabled": "true"}
FAR = datetime(2090, 1, 1, tzinfo=UTC)

Clients = tuple[Client, ...]


@pytest.fixture
def clients(trio: Trio) -> Iterator[Clients]:
    with trio.clients() as made:
        yield made


def hold(status: str) -> bytes:
    return f"<LegalHold><Status>{status}</Status></LegalHold>".encode()


def retention(until: datetime) -> bytes:
    date = until.strftime("%Y-%m-%dT%H:%M:%SZ")
    return (
        f"<Retention><Mode>COMPLIANCE</Mode><RetainUntilDate>{date}</RetainUntilDate></Retention>"
    ).encode()


def set_lock(client: Client, path: str, what: str, version: str, document: bytes) -> int:
    """Put the retention or the legal hold of a version: the status."""
    target = f"{path}?{what}&versionId={version}"
    return client.ask("PUT", target, document, checked(document)).status


def put(client: Client, path: str, body: bytes = b"x") -> str:
    """The id of a new version."""
    return client.do("PUT", path, body, checked(body)).headers["x-amz-version-id"]


def retained(client: Client, path: str) -> datetime:
    [text] = client.do("GET", f"{path}?retention").texts("RetainUntilDate")
    return datetime.fromisoformat(text)


@pytest.mark.parametrize("current", [True, False])
def test_a_legal_hold_is_respected_everywhere_once_it_is_acknowledged(
    clients: Clients, *, current: bool
) -> None:
    bucket = f"/holds-{current}".lower()
    clients[0].do("PUT", bucket, headers=LOCKED)
    for number in range(30):
        path = f"{bucket}/{number}"
        setter, *others = random.Random(number).sample(clients, 3)
        version = put(setter, path)
        if not current:
            put(others[0], path)
        for client in others:  # so that each knows it as it was, if it keeps anything
            assert client.do("GET", f"{path}?versionId={version}").body == b"x"
        assert set_lock(setter, path, "legal-hold", version, hold("ON")) == 200
        for client in others:
            refused = client.ask("DELETE", f"{path}?versionId={version}")
            assert (refused.status, refused.code) == (403, "AccessDenied")
        assert set_lock(others[0], path, "legal-hold", version, hold("OFF")) == 200
        assert others[1].ask("DELETE", f"{path}?versionId={version}").status == 204


@pytest.mark.parametrize("current", [True, False])
def test_of_a_hold_and_a_deletion_at_once_one_is_refused(
    clients: Clients, *, current: bool
) -> None:
    bucket = f"/races-{current}".lower()
    clients[0].do("PUT", bucket, headers=LOCKED)
    outcomes = {
        held_and_deleted(clients, f"{bucket}/{number}", number, current=current)
        for number in range(80)
    }
    assert outcomes == {(200, 403), (404, 204)}, "each was first at times"


def held_and_deleted(clients: Clients, path: str, number: int, *, current: bool) -> tuple[int, int]:
    """The statuses of a legal hold of a new version and of its deletion, asked for at once."""
    holder, deleter, reader = random.Random(number).sample(clients, 3)
    version = put(reader, path)
    if not current:
        put(reader, path)
    together = threading.Barrier(2)

    def held() -> int:
        together.wait()
        return set_lock(holder, path, "legal-hold", version, hold("ON"))

    def deleted() -> int:
        together.wait()
        return deleter.ask("DELETE", f"{path}?versionId={version}").status

    with ThreadPoolExecutor(2) as threads:
        answers = threads.submit(held), threads.submit(deleted)
    outcome = answers[0].result(), answers[1].result()
    found = reader.ask("GET", f"{path}?versionId={version}").status
    assert found == (200 if outcome[0] == 200 else 404)
    return outcome


def test_a_retention_that_all_extend_at_once_never_gets_shorter(trio: Trio) -> None:
    path = "/retained/key"
    acknowledged: list[datetime] = []
    refused: list[datetime] = []
    seen: list[datetime] = []
    done = threading.Event()
    with trio.clients() as clients:
        clients[0].do("PUT", "/retained", headers=LOCKED)
        version = put(clients[0], path)
        assert set_lock(clients[1], path, "retention", version, retention(FAR)) == 200

    def extend(number: int) -> None:
        chance = random.Random(number)
        with Client(trio.servers[number % 2]) as client:
            for _ in range(100):
                until = FAR + timedelta(days=chance.randrange(1, 3000))
                least = max(acknowledged, default=FAR)
                status = set_lock(client, path, "retention", version, retention(until))
                assert status in {200, 403}
                assert not (status == 200 and until < least), "one was acknowledged before"
                (acknowledged if status == 200 else refused).append(until)

    def watch() -> None:
        with Client(trio.servers[2]) as client:
            while not done.is_set():
                least = max(acknowledged, default=FAR)
                seen.append(retained(client, path))
                assert seen[-1] >= least

    with ThreadPoolExecutor(7) as threads:
        watching = threads.submit(watch)
        for extending in [threads.submit(extend, number) for number in range(6)]:
            extending.result()
        done.set()
        watching.result()
    assert seen == sorted(seen)
    assert refused
    assert all(until <= max(acknowledged) for until in refused)
    with trio.clients() as clients:
        for client in clients:
            assert retained(client, path) == max(acknowledged)
            assert client.ask("DELETE", f"{path}?versionId={version}").status == 403


def test_a_default_retention_holds_for_what_is_written_anywhere_after_it(
    clients: Clients,
) -> None:
    clients[0].do("PUT", "/defaults", headers=LOCKED)
    for number in range(10):
        setter, *others = random.Random(number).sample(clients, 3)
        for client in others:
            client.do("GET", "/defaults?object-lock")
        days = number + 1
        document = (
            "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule>"
            f"<DefaultRetention><Mode>COMPLIANCE</Mode><Days>{days}</Days></DefaultRetention>"
            "</Rule></ObjectLockConfiguration>"
        ).encode()
        setter.do("PUT", "/defaults?object-lock", document, checked(document))
        for client in others:
            version = put(client, f"/defaults/{number}")
            least = datetime.now(UTC) + timedelta(days=days, minutes=-1)
            assert retained(client, f"/defaults/{number}") > least
            gone = setter.ask("DELETE", f"/defaults/{number}?versionId={version}")
            assert gone.status == 403
