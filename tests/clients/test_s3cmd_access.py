"""s3cmd of Debian: ACLs, bucket policies and signed URLs, by two accounts and by nobody."""

import json
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.clients.accounts import ROOT, new_account
from tests.clients.programs import s3cmd_of
from tests.support.files import write
from tests.support.programs import Program
from tests.support.server import Server

pytestmark = pytest.mark.slow

ANYBODY = "ACL:       *anon*: READ\n"


@pytest.fixture
def s3cmd(server: Server, tmp_path: Path) -> Program:
    return s3cmd_of(server, tmp_path, ROOT)


class Other(NamedTuple):
    """What another account calls, and its canonical id."""

    s3cmd: Program
    id: str


@pytest.fixture
def other(server: Server, tmp_path: Path) -> Other:
    account = new_account(server)
    return Other(s3cmd_of(server, tmp_path, account), account.id)


@pytest.fixture
def curl(tmp_path: Path) -> Program:
    """Fails for every status of an error, which it names."""
    return Program(["curl", "--silent", "--show-error", "--fail"], tmp_path)


def test_public_and_private(server: Server, s3cmd: Program, curl: Program, tmp_path: Path) -> None:
    small = write(tmp_path / "small", b"small")
    url = f"{server.endpoint}/public"
    s3cmd("mb", "s3://public")
    s3cmd("put", small, "s3://public/a/key")
    s3cmd("put", "--acl-public", small, "s3://public/shown")
    assert curl(f"{url}/shown") == "small"
    for target, at in (("s3://public", url), ("s3://public/a/key", f"{url}/a/key")):
        assert ANYBODY not in s3cmd("info", target)
        assert "403" in curl.refused(at)
        assert "ACL set to Public" in s3cmd("setacl", "--acl-public", target)
        shown = s3cmd("info", target)
        assert ANYBODY in shown
        assert "FULL_CONTROL" in shown
        curl(at)
        assert "ACL set to Private" in s3cmd("setacl", "--acl-private", target)
        assert ANYBODY not in s3cmd("info", target)
        assert "403" in curl.refused(at)
    told = s3cmd("setacl", "--acl-public", "--recursive", "s3://public/")
    assert told.count("ACL set to Public") == 1, "of what is not public already"
    assert curl(f"{url}/a/key") == "small"


def test_grants_to_another_account(s3cmd: Program, other: Other, tmp_path: Path) -> None:
    small = write(tmp_path / "small", b"small")
    s3cmd("mb", "s3://granted")
    s3cmd("put", small, "s3://granted/key")
    back = tmp_path / "back"
    get = ("get", "--force", "s3://granted/key", back)
    assert "403" in other.s3cmd.refused(*get)
    assert "ACL updated" in s3cmd("setacl", f"--acl-grant=read:{other.id}", "s3://granted/key")
    other.s3cmd(*get)
    assert back.read_bytes() == b"small"
    assert "403" in other.s3cmd.refused("setacl", "--acl-public", "s3://granted/key")
    s3cmd("setacl", f"--acl-grant=all:{other.id}", "s3://granted/key")
    other.s3cmd("setacl", "--acl-public", "s3://granted/key")
    assert ANYBODY in s3cmd("info", "s3://granted/key")
    s3cmd("setacl", "--acl-private", f"--acl-revoke=all:{other.id}", "s3://granted/key")
    assert "403" in other.s3cmd.refused(*get)

    assert "403" in other.s3cmd.refused("put", small, "s3://granted/theirs")
    s3cmd("setacl", f"--acl-grant=write:{other.id}", "s3://granted")
    other.s3cmd("put", small, "s3://granted/theirs")
    assert "403" in other.s3cmd.refused("ls", "s3://granted")
    assert "s3://granted/theirs" in s3cmd("ls", "s3://granted")
    s3cmd("setacl", f"--acl-revoke=write:{other.id}", "s3://granted")
    assert "403" in other.s3cmd.refused("put", small, "s3://granted/theirs")


def test_grants_to_nobody(s3cmd: Program) -> None:
    s3cmd("mb", "s3://nobody")
    for grantee, told in (("a@example.org", "Unresolvable"), ("0" * 64, "Invalid id")):
        assert told in s3cmd.refused("setacl", f"--acl-grant=read:{grantee}", "s3://nobody")
        assert grantee not in s3cmd("info", "s3://nobody")


def test_policies(server: Server, s3cmd: Program, curl: Program, tmp_path: Path) -> None:
    small = write(tmp_path / "small", b"small")
    s3cmd("mb", "s3://ruled")
    for key in ("open/key", "secret/key"):
        s3cmd("put", small, f"s3://ruled/{key}")
    assert "Policy:    none\n" in s3cmd("info", "s3://ruled")
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::ruled/open/*",
    }
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    policy = write(tmp_path / "policy.json", text.encode())
    assert "Policy updated" in s3cmd("setpolicy", policy, "s3://ruled")
    assert f"Policy:    {text}\n" in s3cmd("info", "s3://ruled")
    assert curl(f"{server.endpoint}/ruled/open/key") == "small"
    assert "403" in curl.refused(f"{server.endpoint}/ruled/secret/key")
    bad = write(tmp_path / "bad.json", text.replace("GetObject", "GetNothing").encode())
    assert "Policy has invalid action" in s3cmd.refused("setpolicy", bad, "s3://ruled")
    assert f"Policy:    {text}\n" in s3cmd("info", "s3://ruled/open/key")
    assert "Policy deleted" in s3cmd("delpolicy", "s3://ruled")
    assert "Policy:    none\n" in s3cmd("info", "s3://ruled")
    assert "403" in curl.refused(f"{server.endpoint}/ruled/open/key")


def test_signed_urls(s3cmd: Program, other: Other, curl: Program, tmp_path: Path) -> None:
    """They are as good as who signed them, until they end."""
    s3cmd("mb", "s3://signed")
    s3cmd("put", write(tmp_path / "small", b"small"), "s3://signed/ü key")
    signed = s3cmd("signurl", "s3://signed/ü key", "+60").strip()
    assert curl(signed) == "small"
    assert "403" in curl.refused(signed.partition("?")[0])
    assert "403" in curl.refused(signed.replace("key", "other", 1))
    assert "403" in curl.refused(s3cmd("signurl", "s3://signed/ü key", "1000000000").strip())
    theirs = other.s3cmd("signurl", "s3://signed/ü key", "+60").strip()
    assert "403" in curl.refused(theirs)
    s3cmd("setacl", f"--acl-grant=read:{other.id}", "s3://signed/ü key")
    assert curl(theirs) == "small"
