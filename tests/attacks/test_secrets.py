"""Planted secrets are looked for wherever they must not be.

Negative tests for Ceph CVE-2018-16889, Swift CVE-2017-8761 and RustFS GHSA-r54g (keys and
signatures in logs), MinIO CVE-2023-28432 (an open route that shows the environment).
"""

import base64
import http.client
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.ops.shapes.copying import CopyObjectInput, UploadPartCopyInput
from gateway.ops.shapes.objects import GetObjectInput, PutObjectInput
from gateway.ops.shapes.postform import PostObjectInput
from gateway.wire.sigv4 import Identity, Scope, Seed, SigningKeys, sign
from metastore.records import EncryptionMode
from ocean.config.schema import Admin, Config, Root
from ocean.identity.records import Account, Credential
from ocean.keys.local import MasterKey
from ocean.keys.provider import DataKey
from ocean.objects.encryption import Cipher, EncryptionRequest
from tests.support import server as servers
from tests.support.inprocess import OWNER, InProcess
from tests.support.posting import TYPE, Form, sign_v2, sign_v4
from tests.support.server import Server
from tests.support.signing import FORMS, Choices

PLANTED = "PlantedPlantedPlanted"


# --- in this process ------------------------------------------------------------------------------


def test_nothing_that_holds_a_secret_shows_it() -> None:
    account = Account(id="0" * 64, name="n", display_name="n", created_ms=0)
    keys = SigningKeys()
    keys.get(Scope("a", "20260101", "r"), PLANTED)
    holders: list[object] = [
        Credential(access_key="a", secret=PLANTED, account=account),
        Identity("a", PLANTED),
        Identity("a", "s", PLANTED),
        Seed(PLANTED.encode(), "t", "s", "x"),
        keys,
        MasterKey(PLANTED.encode().ljust(32)),
        Root(access_key="a", secret_key=PLANTED),
        Admin(access_key="a", secret_key=PLANTED),
        Config(root=Root(access_key="a", secret_key=PLANTED)),
        Config(admin=Admin(access_key="a", secret_key=PLANTED)),
        DataKey(PLANTED.encode(), b"wrapped"),
        Cipher(EncryptionMode.C, PLANTED.encode()),
        EncryptionRequest(EncryptionMode.C, customer_key=PLANTED.encode()),
        PutObjectInput(sse_customer_key=PLANTED),
        GetObjectInput(sse_customer_key=PLANTED),
        PostObjectInput(sse_customer_key=PLANTED),
        CopyObjectInput(copy_source="a/b", copy_source_sse_customer_key=PLANTED),
        UploadPartCopyInput(
            copy_source="a/b", part_number=1, upload_id="u", copy_source_sse_customer_key=PLANTED
        ),
    ]
    for holder in holders:
        assert PLANTED not in f"{holder!r} {holder!s} {[holder]} {holder}", type(holder)


@pytest.mark.parametrize("form", sorted(FORMS))
async def test_an_error_never_tells_the_signature_that_would_have_been_right(
    form: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    gateway = await InProcess.begin()
    choices = Choices().fixed
    right = FORMS[form]("GET", "/bucket/key", {}, choices)
    wrong = FORMS[form]("GET", "/bucket/key", {}, choices._replace(pair=OWNER._replace(secret="x")))
    signature = (right.headers.get("authorization") or right.target).rpartition("=")[2]
    if form == "header-v2":
        signature = right.headers["authorization"].rpartition(":")[2]
    if form == "query-v2":
        signature = right.target.rpartition("Signature=")[2]
    answer = await gateway.ask("GET", *wrong)
    assert answer.code == "SignatureDoesNotMatch"
    said = answer.body.decode() + str(answer.headers) + caplog.text
    assert signature not in said
    assert OWNER.secret not in said


# --- of a server ----------------------------------------------------------------------------------

PLACES = ("User", "Deleted", "Wrong", "Token", "SseKey", "CopyKey", "Password", "Body")
SECRETS = {name: f"{PLANTED}{name}0123456789" for name in PLACES}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    settings = {"OCEAN_LOG_LEVEL": "debug", "OCEAN_LOG_FORMAT": "json", "OCEAN_WORKERS": "1"}
    with Server(Path(tmp_path_factory.mktemp("secrets")), settings) as server:
        yield server


def ocean(server: Server, *arguments: str) -> str:
    """What a command says on both channels."""
    done = server.run(*arguments)
    return done.stdout + done.stderr


def asked(port: int, method: str, target: str, headers: dict[str, str], body: bytes = b"") -> str:
    """Head and body of an answer, as text."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.putrequest(method, target, skip_host="host" in headers, skip_accept_encoding=True)
    for name, value in (headers | {"content-length": str(len(body))}).items():
        connection.putheader(name, value)
    connection.endheaders(body)
    answer = connection.getresponse()
    text = f"{answer.status} {answer.getheaders()} {answer.read().decode(errors='replace')}"
    connection.close()
    return text


def use(server: Server) -> list[str]:
    """Requests of every kind, right and wrong, that carry secrets; all that was answered."""
    answers = []
    root = Identity(servers.ACCESS_KEY, servers.SECRET_KEY)
    wrong = Identity(servers.ACCESS_KEY, SECRETS["Wrong"])
    user = Identity("PLANTEDUSER000000000", SECRETS["User"])
    token = Identity(servers.ACCESS_KEY, servers.SECRET_KEY, SECRETS["Token"])
    sse = base64.b64encode(SECRETS["SseKey"].encode()).decode()
    extra: list[dict[str, str]] = [
        {},
        {"x-amz-server-side-encryption-customer-key": SECRETS["SseKey"]},
        {"x-amz-server-side-encryption-customer-key": sse},
        {"x-amz-copy-source-server-side-encryption-customer-key": SECRETS["CopyKey"]},
        {"range": "bytes=x"},
        {"x-amz-copy-source": "/nowhere/x"},
    ]
    for identity in (root, wrong, user, token):
        for method, path in (("PUT", "/b"), ("PUT", "/b/k"), ("GET", "/b/k"), ("GET", "/none/k")):
            for headers in extra:
                url = f"{server.endpoint}{path}"
                now = Choices().moment
                made = sign(identity, servers.REGION, method, url, headers, now=now)
                answers.append(asked(server.port, method, path, made, SECRETS["Body"].encode()))
    for value in (f"Basic {SECRETS['Password']}", f"Bearer {SECRETS['Password']}"):
        asked(server.port, "GET", "/", {"authorization": value})
    for fields in (sign_v4({"key": "k"}, Choices()), sign_v2({"key": "k"}, Choices())):
        form = Form(fields | {"x-amz-security-token": SECRETS["Token"]})
        answers.append(asked(server.port, "POST", "/b", {"content-type": TYPE}, form.body))
    answers.append(asked(server.port, "GET", "/%zz", {"x": "y"}))
    return answers


def files(folder: Path) -> Iterator[tuple[Path, bytes]]:
    for path in folder.rglob("*"):
        if path.is_file():
            yield path, path.read_bytes()


@pytest.mark.slow
def test_planted_secrets_are_nowhere(server: Server) -> None:
    ready = len(server.said())  # the line that tells root's pair is told before
    for name in ("User", "Deleted"):
        key = f"PLANTED{name.upper()}0000000000000"[:20]
        made = ocean(server, "admin", "user", "create", name.lower(), "--access-key", key,
                     "--secret-key", SECRETS[name])  # fmt: skip
        assert "rror" not in made
    ocean(server, "admin", "user", "delete", "deleted")
    answers = use(server)
    shown = [
        ocean(server, "config", "show"),
        ocean(server, "config", "show", "--json"),
        ocean(server, "config", "check"),
        ocean(server, "admin", "user", "list", "--json"),
        ocean(server, "admin", "user", "show", "user"),
        ocean(server, "admin", "access-key", "list", "user", "--json"),
        *(asked(server.admin_port, "GET", path, {}) for path in ("/", "/health", "/ready")),
        *(asked(server.admin_port, "GET", path, {}) for path in ("/metrics", "/v1/users", "/env")),
    ]
    log = server.said()[ready:]
    at_rest = dict(files(server.folder))
    master = (server.folder / "master.key").read_text().strip()
    held = [servers.SECRET_KEY, SECRETS["User"], SECRETS["Deleted"], master.rpartition(":")[2]]
    for secret in held:  # what the server knows, it tells nobody
        for text in (*answers, *shown, log):
            assert secret not in text, (secret, text)
    for secret in SECRETS.values():  # what clients sent is in no log
        assert secret not in log
    for name in ("User", "Deleted", "Token", "SseKey", "CopyKey", "Password", "Wrong"):
        for path, content in at_rest.items():
            assert SECRETS[name].encode() not in content, (name, path)


@pytest.mark.slow
def test_signatures_that_would_work_again_are_in_no_log(server: Server) -> None:
    client = server.client(signature_version="s3v4", s3={"addressing_style": "path"})
    url = client.generate_presigned_url("get_object", Params={"Bucket": "b", "Key": "k"})
    target = url.removeprefix(server.endpoint)
    asked(server.port, "GET", target, {})
    asked(server.port, "GET", target.replace("/b/", "/none/"), {})
    asked(server.port, "FOO", target, {})
    assert target.rpartition("=")[2] not in server.said()


@pytest.mark.slow
def test_files_are_the_owner_s_alone(server: Server) -> None:
    for path in (server.folder / "master.key", server.data):
        mode = path.stat().st_mode
        allowed = 0o600 if path.is_file() else 0o755
        assert mode & 0o777 & ~allowed == 0, (path, oct(mode))


@pytest.mark.slow
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"])
def test_nothing_of_the_admin_port_is_open_but_health(server: Server, method: str) -> None:
    paths = ["/", "/metrics", "/config", "/env", "/debug", "/debug/pprof", "/v1", "/v1/users",
             "/v1/users/user", "/v1/users/root/access-keys", "/minio/bootstrap/v1/verify", "/..",
             "/health/../v1/users", "/ready/../metrics", "//health", "/health%2f..%2f"]  # fmt: skip
    for path in paths:
        answer = asked(server.admin_port, method, path, {})
        assert answer[:3] in {"400", "403", "404", "405"}, (method, path, answer)
        assert servers.SECRET_KEY not in answer
