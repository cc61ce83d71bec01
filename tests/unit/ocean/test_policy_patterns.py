"""Patterns of policies: wildcards, ARNs by component, and variables."""

import re
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocean.errors import MalformedPolicy
from ocean.rules.policy.patterns import Automaton, Patterns, arn, caseless, glob, plain

CONTEXT = {
    "aws:username": ("alice",),
    "aws:userid": ("*",),
    "aws:principaltag/Team": ("red",),
    "aws:tagkeys": ("one", "two"),
    "aws:calledvia": (),
    "aws:principalarn": ("arn:aws:iam::1:user/alice",),
}


def matches(pattern: str, text: str, *, variables: bool = True, wildcards: bool = True) -> bool:
    patterns = Patterns([pattern], variables=variables, wildcards=wildcards)
    return patterns.matches(text, CONTEXT.get)


def expression(pattern: str) -> str:
    return "".join({"*": ".*", "?": "."}.get(char, re.escape(char)) for char in pattern)


@given(st.text("ab*?", max_size=9), st.text("ab*\n", max_size=12))
def test_wildcards_stand_for_any_text_and_one_character(pattern: str, text: str) -> None:
    wanted = re.fullmatch(expression(pattern), text, re.DOTALL) is not None
    assert matches(pattern, text) == wanted
    assert (
        bool(Automaton([plain(pattern)]).after(text) & sum(Automaton([plain(pattern)]).finals))
        == wanted
    )


@given(st.lists(st.text("ab*?", max_size=5), max_size=5), st.text("ab", max_size=6))
def test_of_several_patterns_any_may_match(patterns: list[str], text: str) -> None:
    wanted = [re.fullmatch(expression(one), text, re.DOTALL) is not None for one in patterns]
    assert glob(map(plain, patterns))(text) == any(wanted)
    automaton = Automaton(map(plain, patterns))
    state = automaton.after(text)
    assert [state & final != 0 for final in automaton.finals] == wanted


@given(st.text("ab*?", max_size=6), st.text("ab", max_size=4), st.text("ab", max_size=8))
def test_what_a_pattern_cannot_reach_it_does_not_match(pattern: str, start: str, rest: str) -> None:
    if matches(pattern, start + rest):
        assert Automaton([plain(pattern)]).after(start)


@pytest.mark.parametrize("pattern", ["*a" * 200 + "*b", "*a?" * 200 + "*b", "*" + "a" * 199 + "b"])
def test_no_pattern_takes_long(pattern: str) -> None:
    matcher = glob([plain(pattern)])
    took = []
    for _ in range(5):
        start = perf_counter()
        assert not matcher("a" * 200)
        assert not matcher("a" * 1000)
        took.append(perf_counter() - start)
    assert min(took) < 0.005


@pytest.mark.parametrize("length", [1, 10, 100])
def test_many_patterns_take_no_longer_than_one_as_long(length: int) -> None:
    patterns = Patterns(["*?" + "a" * length + "*"] * (8000 // length), variables=True)
    took = []
    for _ in range(5):
        start = perf_counter()
        assert not patterns.matches("b" * 8192, CONTEXT.get)
        took.append(perf_counter() - start)
    assert min(took) < 0.2


def test_lone_surrogates_and_nuls_are_characters() -> None:
    assert matches("a?b*", "a\ud800b\x00")
    assert matches("a\x00?", "a\x00\udfff")


@pytest.mark.parametrize(
    ("pattern", "text", "wanted"),
    [
        ("home/${aws:username}/*", "home/alice/x", True),
        ("home/${aws:username}/*", "home/bob/x", False),
        ("home/${AWS:UserName}", "home/alice", True),
        ("${aws:username}-${aws:username}", "alice-alice", True),
        ("${ aws:username }", "alice", True),
        ("${aws:PrincipalTag/Team}", "red", True),
        ("${aws:PrincipalTag/team}", "red", False),
        ("${aws:PrincipalTag/team, 'blue'}", "blue", True),
        ("${aws:PrincipalTag/Team, 'blue'}", "red", True),
        ("${aws:PrincipalTag/team,''}x", "x", True),
        ("${aws:PrincipalTag/team, '*'}", "anything", False),
        ("${aws:PrincipalTag/team, '*'}", "*", True),
        ("${aws:sourceip}", "", False),
        ("${aws:calledvia}", "", False),
        ("${aws:tagkeys}", "one", False),
        ("${aws:tagkeys, 'none'}", "none", True),
        ("${aws:userid}", "*", True),
        ("${aws:userid}", "anything", False),
        ("${aws:userid}?", "*a", True),
        ("a${*}b", "a*b", True),
        ("a${*}b", "axb", False),
        ("a${?}b", "a?b", True),
        ("a${?}b", "axb", False),
        ("${$}{aws:username}", "${aws:username}", True),
        ("$a$", "$a$", True),
        ("$*", "$", True),
    ],
)
def test_variables(pattern: str, text: str, wanted: bool) -> None:
    assert matches(pattern, text) == wanted


@pytest.mark.parametrize(
    "pattern",
    ["${", "${}", "${ }", "${a", "${a{}", "${a,b}", "${a, 'b}", "x${aws:username", "${''}"],
)
def test_what_begins_like_a_variable_must_be_one(pattern: str) -> None:
    with pytest.raises(MalformedPolicy):
        Patterns([pattern], variables=True)
    assert matches(pattern, pattern, variables=False)


def test_without_variables_they_are_text() -> None:
    assert matches("${aws:username}", "${aws:username}", variables=False)
    assert not matches("${aws:username}", "alice", variables=False)
    assert matches("${*}", "${anything}", variables=False)


def test_without_wildcards_they_are_text() -> None:
    assert matches("a*", "a*", wildcards=False)
    assert not matches("a*", "ab", wildcards=False)
    assert matches("${*}?", "*?", wildcards=False)


def test_a_variable_is_asked_for_only_where_the_rest_may_match() -> None:
    def context(key: str) -> tuple[str, ...]:
        raise AssertionError(key)

    patterns = Patterns(["a/${aws:username}"], variables=True)
    assert patterns.asks == {"aws:username"}
    assert not patterns.matches("b/alice", context)


@pytest.mark.parametrize(
    ("pattern", "text", "wanted"),
    [
        ("arn:aws:iam::*:user/*", "arn:aws:iam::1:user/a", True),
        ("arn:*:iam::1:user/a", "arn:aws:iam::1:user/a", True),
        ("arn:aws:iam:*:user/a", "arn:aws:iam::1:user/a", False),
        ("arn:aws:x:*:1:f/*", "arn:aws:x:us:9:s/abc:1:f/d", False),
        ("arn:aws:s3:::b/a*", "arn:aws:s3:::b/a:c:d", True),
        ("arn:aws:s3:::?", "arn:aws:s3:::b", True),
        ("arn:aws:s3:::?", "arn:aws:s3:::bb", False),
        ("*", "arn:aws:s3:::b", False),
        ("*:*:*:*:*:*", "arn:aws:s3:::b", True),
        ("*:*:*:*:*:*", "alice", False),
        ("${aws:PrincipalArn}", "arn:aws:iam::1:user/alice", True),
        ("arn:aws:iam::1:user/${aws:username}", "arn:aws:iam::1:user/alice", True),
        ("arn:aws:iam::1:user/${aws:userid}", "arn:aws:iam::1:user/alice", False),
    ],
)
def test_arns_match_by_their_six_components(pattern: str, text: str, wanted: bool) -> None:
    assert Patterns([pattern], variables=True, build=arn).matches(text, CONTEXT.get) == wanted


def test_case_may_not_matter() -> None:
    patterns = Patterns(["A${aws:UserName}*"], variables=True, wildcards=False, build=caseless)
    assert patterns.matches("aALICE*", CONTEXT.get)
    assert not patterns.matches("aALICEb", CONTEXT.get)
    assert caseless([plain("A*")])("ab")
