"""What names, access keys and secrets may look like, and which are too well known. Pure."""

import re

from ocean.identity.errors import InvalidIdentity

LEAST_SECRET = 16  # characters, when others can reach the port

_NAME = re.compile(r"[A-Za-z0-9_+=,.@-]{1,64}")  # as IAM user names
_ACCESS_KEY = re.compile(r"[A-Za-z0-9_.-]{3,128}")
_SECRET = re.compile(r"[!-~]{8,128}")
_TEXT = re.compile(r"[^\x00-\x1f\x7f]{0,256}")

# Pairs of documentation and defaults: whoever scans the network tries these first.
EXAMPLE_SECRETS = frozenset(
    {
        "minioadmin",
        "minio123",
        "miniostorage",
        "test",
        "testing",
        "secret",
        "password",
        "changeme",
        "rustfsadmin",
        "versitygw",
        "weed",
        "garage",
        "accessKey1",
        "verySecretKey1",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY",
        "zuf+tfteSlswRu7BJ86wekitnifILbZam1KYY3TG",
        "Q3AM3UQ867SPQQA43P2F/zuf+tfteSlswRu7BJ86wekitnifILbZam1KYY3TG",
        "h7GhxuBLTrlhVUyxSPUKUV8r/2EI4ngqJxD7iBdBYLhwluN30JaT3Q==",
        "ocean-example-secret-key-0123456789abcdef",
    }
)
EXAMPLE_ACCESS_KEYS = frozenset(
    {
        "minioadmin",
        "AKIAIOSFODNN7EXAMPLE",
        "AKIAI44QH8DHBEXAMPLE",
        "Q3AM3UQ867SPQQA43P2F",
        "0555b35654ad1656d804",
        "OCEANEXAMPLEACCESSKEY",
    }
)


def check_name(name: str, noun: str = "user") -> None:
    """InvalidIdentity unless `name` can be a user's, or that of another `noun`."""
    if not _NAME.fullmatch(name):
        raise InvalidIdentity(f"{name!r} is no {noun} name: 1 to 64 of A-Z a-z 0-9 _ + = , . @ -")


def check_text(what: str, text: str) -> None:
    """InvalidIdentity unless `text` can be shown in one line."""
    if not _TEXT.fullmatch(text):
        raise InvalidIdentity(f"the {what} has control characters or more than 256 characters")


def check_pair(access_key: str, secret: str) -> None:
    """InvalidIdentity unless the pair can be signed with. Never echoes the secret."""
    if not _ACCESS_KEY.fullmatch(access_key):
        raise InvalidIdentity("an access key has 3 to 128 of A-Z a-z 0-9 _ . -")
    if not _SECRET.fullmatch(secret):
        raise InvalidIdentity("a secret key has 8 to 128 visible ASCII characters")


def weakness(access_key: str, secret: str) -> str | None:
    """Why a pair must not guard a port that others can reach; None when it may."""
    if access_key in EXAMPLE_ACCESS_KEYS or secret in EXAMPLE_SECRETS:
        return "a pair known from documentation"
    if len(secret) < LEAST_SECRET:
        return f"a secret key under {LEAST_SECRET} characters"
    return None
