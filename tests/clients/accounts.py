"""Accounts that clients act for: root's, and others that a test makes."""

import json
import uuid
from typing import NamedTuple

from tests.support.server import ACCESS_KEY, SECRET_KEY, Server


class Account(NamedTuple):
    """A pair to sign with, and the canonical id of whose it is; root's is not needed."""

    access_key: str
    secret_key: str
    id: str = ""


ROOT = Account(ACCESS_KEY, SECRET_KEY)


def new_account(server: Server) -> Account:
    """An account that owns nothing and may nothing."""
    pair = uuid.uuid4().hex[:20], uuid.uuid4().hex
    keys = ("--access-key", pair[0], "--secret-key", pair[1])
    made = server.run("admin", "user", "create", f"user-{pair[0]}", *keys, "--json")
    assert made.returncode == 0, made.stderr
    return Account(*pair, json.loads(made.stdout)["canonical_id"])
