"""Principals of policies: what may be said, whom it means, and names that mean nobody."""

from typing import Any

import pytest

from ocean.errors import MalformedPolicy
from ocean.rules.policy.principals import Principals, User, parse

ALICE, BOB, CAROL = "a" * 64, "b" * 64, "0123456789abcdef" * 4
RESOLVED = {"alice": ALICE, ALICE: ALICE, "bob": BOB, BOB: BOB}


def ids(stated: Any, resolved: dict[str, str] = RESOLVED) -> frozenset[str]:
    return parse(stated, negated=False).ids(resolved)


@pytest.mark.parametrize("stated", ["*", {"AWS": "*"}, {"AWS": [ALICE, "*"]}])
def test_everyone(stated: Any) -> None:
    assert parse(stated, negated=False).everyone


@pytest.mark.parametrize(
    "stated",
    [
        {"CanonicalUser": ALICE},
        {"CanonicalUser": [ALICE]},
        {"AWS": ALICE},
        {"AWS": f"arn:aws:iam::{ALICE}:root"},
        {"AWS": f"arn:aws:iam::{ALICE}:user/alice"},
        {"AWS": f"arn:aws:iam::{ALICE}:user/{ALICE}"},
        {"AWS": "arn:aws:iam:::user/alice"},
        {"AWS": f"arn:aws:iam:::user/{ALICE}"},
        {"AWS": ["arn:aws:iam:::user/alice", "123456789012"], "Service": "s3.amazonaws.com"},
    ],
)
def test_names_of_one_user(stated: Any) -> None:
    found = parse(stated, negated=False)
    assert not found.everyone
    assert found.ids(RESOLVED) == {ALICE}
    assert found.ids({}) == frozenset()


def test_several_users() -> None:
    assert ids({"AWS": ["arn:aws:iam:::user/bob", ALICE], "CanonicalUser": CAROL}) == {ALICE, BOB}


@pytest.mark.parametrize(
    "stated",
    [
        {"AWS": f"arn:aws:iam::{BOB}:user/alice"},
        {"AWS": f"arn:aws:iam::{BOB}:user/{ALICE}"},
        {"AWS": f"arn:aws:iam::{CAROL}:root"},
        {"AWS": "arn:aws:iam:::user/carol"},
        {"AWS": "arn:aws:iam:::user/team/alice"},
        {"AWS": "arn:aws:iam:::role/alice"},
        {"AWS": "arn:aws:iam:::root"},
        {"AWS": "arn:aws:iam::alice:root"},
        {"AWS": "arn:aws:iam::s3tenant1:root"},
        {"AWS": "arn:aws:iam::123456789012:user/alice"},
        {"AWS": "arn:aws-cn:iam:::user/alice"},
        {"AWS": "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1"},
        {"AWS": "arn:aws:sts::123456789012:assumed-role/alice/session"},
        {"AWS": "arn:aws:sts:::federated-user/alice"},
        {"AWS": "123456789012"},
        {"Service": "logging.s3.amazonaws.com"},
        {"Service": ["a.amazonaws.com", "b.amazonaws.com"]},
        {"Federated": "graph.facebook.com"},
    ],
)
def test_names_that_mean_nobody(stated: Any) -> None:
    found = parse(stated, negated=False)
    assert not found.everyone
    assert found.ids(RESOLVED | {"123456789012": ALICE, "s3tenant1": ALICE}) == frozenset()


def test_a_user_whose_name_is_of_another_now_is_not_meant() -> None:
    stated = {"AWS": [f"arn:aws:iam::{ALICE}:user/alice"]}
    assert ids(stated, {"alice": BOB, BOB: BOB}) == frozenset()


def test_what_is_to_be_resolved() -> None:
    stated = {"AWS": [f"arn:aws:iam::{ALICE}:user/alice", f"arn:aws:iam::{BOB}:root", "*"]}
    assert parse(stated, negated=True) == Principals(
        negated=True,
        everyone=True,
        users=frozenset({User("alice", ALICE), User(BOB)}),
        federated=False,
    )


def test_federated_users_are_told() -> None:
    assert parse({"Federated": "cognito-identity.amazonaws.com"}, negated=False).federated
    assert not parse({"AWS": ALICE}, negated=False).federated


@pytest.mark.parametrize(
    "stated",
    [
        "alice",
        "arn:aws:iam:::username",
        "arn:aws:iam:::user/alice",
        ALICE,
        "",
        "**",
        None,
        True,
        [],
        ["*"],
        {},
        {"AWS": "alice"},
        {"AWS": ""},
        {"AWS": []},
        {"AWS": None},
        {"AWS": [["*"]]},
        {"AWS": {"AWS": "*"}},
        {"AWS": "arn:aws:iam::*:root"},
        {"AWS": "arn:aws:iam:::user/*"},
        {"AWS": "arn:aws:iam:::user/"},
        {"AWS": "arn:aws:iam:::group/staff"},
        {"AWS": "arn:aws:iam:us-east-1::user/alice"},
        {"AWS": "arn:aws:s3:::bucket"},
        {"AWS": f"arn:aws:iam::{ALICE}"},
        {"AWS": "12345678901"},
        {"AWS": ALICE.upper()},
        {"AWS": ALICE + "\n"},
        {"CanonicalUser": "alice"},
        {"CanonicalUser": "*"},
        {"CanonicalUser": ALICE[1:]},
        {"Service": "*"},
        {"Service": ""},
        {"Federated": "*"},
        {"aws": "*"},
        {"AWS": "*", "Other": "x"},
    ],
)
def test_principals_that_are_none(stated: Any) -> None:
    with pytest.raises(MalformedPolicy):
        parse(stated, negated=False)


@pytest.mark.parametrize("stated", ["alice", {"AWS": "alice"}, {"CanonicalUser": "x"}, {"x": "*"}])
def test_they_are_refused_in_the_words_of_s3(stated: Any) -> None:
    with pytest.raises(MalformedPolicy, match="Invalid principal in policy"):
        parse(stated, negated=False)
