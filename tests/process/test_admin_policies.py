"""Identity policies and groups by the command line of a running server."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.server import Server

pytestmark = pytest.mark.slow

DOCUMENT = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}],
}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """Nothing is stored in it, so there is nothing to check at its end."""
    with Server(tmp_path, sound=False) as running:
        yield running


def admin(server: Server, *arguments: str | Path) -> str:
    """What a command printed."""
    done = server.run("admin", *arguments)
    assert (done.returncode, done.stderr) == (0, ""), arguments
    return done.stdout


def refused(server: Server, *arguments: str | Path) -> str:
    """The one line of a command that was refused."""
    done = server.run("admin", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    return line


def test_policies_and_groups_by_the_command_line(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "policy.json"
    file.write_text(json.dumps(DOCUMENT))
    admin(server, "user", "create", "alice")
    assert admin(server, "policy", "put", "readers", file) == "name: readers\n"
    assert json.loads(admin(server, "policy", "show", "readers")) == DOCUMENT
    assert admin(server, "group", "create", "staff") == "name: staff\n"
    admin(server, "policy", "attach", "readers", "--group", "staff")
    admin(server, "policy", "attach", "readers", "--user", "alice")
    shown = json.loads(admin(server, "group", "add", "staff", "alice", "--json"))
    assert (shown["policies"], shown["groups"]) == (["readers"], ["staff"])
    assert "\npolicies:     readers\ngroups:       staff\n" in admin(
        server, "user", "show", "alice"
    )
    assert admin(server, "policy", "list") == "readers  staff\n"
    assert admin(server, "group", "list") == "staff  readers\n"
    assert admin(server, "group", "show", "staff").splitlines()[-1] == "members:  alice"
    assert "attached to the group staff (InUse)" in refused(server, "policy", "delete", "readers")
    admin(server, "policy", "detach", "readers", "--group", "staff")
    assert "attached to the user alice (InUse)" in refused(server, "policy", "delete", "readers")
    admin(server, "policy", "detach", "readers", "--user", "alice")
    admin(server, "policy", "delete", "readers")
    assert "a member of the group staff (InUse)" in refused(server, "group", "delete", "staff")
    admin(server, "group", "remove", "staff", "alice")
    admin(server, "group", "delete", "staff")
    assert admin(server, "policy", "list") == admin(server, "group", "list") == "none\n"


def test_a_policy_comes_from_the_standard_input_or_is_told_to_be_wrong(
    server: Server, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "ocean", "admin", "policy", "put", "readers", "-"]
    for text, status in ((json.dumps(DOCUMENT), 0), ('{"Statement": 1}', 2)):
        done = subprocess.run(
            command, input=text, env=server.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == status, done
    assert done.stderr == "ocean: Invalid policy syntax. (MalformedPolicy)\n"
    assert "No such file" in refused(server, "policy", "put", "readers", tmp_path / "nothing")
    assert json.loads(admin(server, "policy", "show", "readers")) == DOCUMENT
