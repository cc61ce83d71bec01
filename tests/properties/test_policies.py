"""Policies against a slow evaluator that reads their JSON as AWS's pages tell it.

Nothing of the compiled one is used in it: its wildcards match by recursion, its values are read by
the standard library.
"""

import base64
import ipaddress
import json
from collections.abc import Callable
from datetime import UTC, datetime
from fractions import Fraction
from functools import cache
from random import Random
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ocean.errors import MalformedPolicy
from ocean.rules.policy import compiled, keys
from ocean.rules.policy.compiled import Decision, Request
from ocean.rules.policy.document import Kind, parse
from ocean.rules.policy.public import is_public

Json = dict[str, Any]
Values = dict[str, tuple[str, ...]]
Token = tuple[str, str]  # what it is: "is" (a character), "any" or "one"
ALICE, BOB, CAROL = "a" * 64, "b" * 64, "c" * 64
RESOLVED = {"alice": ALICE, ALICE: ALICE, "bob": BOB, BOB: BOB}

# The slow evaluator


def tokens(text: str, values: Values | None, *, wildcards: bool) -> list[Token] | None:
    """A pattern character by character; without `values` there are no variables."""
    found: list[Token] = []
    while text:
        if values is not None and text.startswith("${"):
            inside, text = text[2:].split("}", 1)
            filled = inside if inside in ("*", "?", "$") else variable(inside, values)
            if filled is None:
                return None
            found += [("is", char) for char in filled]
            continue
        char, text = text[0], text[1:]
        kind = {"*": "any", "?": "one"}.get(char, "is") if wildcards else "is"
        found.append((kind, char))
    return found


def variable(inside: str, values: Values) -> str | None:
    name, comma, default = inside.partition(",")
    have = values.get(lower(name.strip()), ())
    return have[0] if len(have) == 1 else default.strip().strip("'") if comma else None


def lower(key: str) -> str:
    first, slash, rest = key.partition("/")
    return first.lower() + slash + rest


def like(pattern: list[Token], text: str) -> bool:
    @cache
    def match(at: int, place: int) -> bool:
        if at == len(pattern):
            return place == len(text)
        kind, char = pattern[at]
        if kind == "any":
            return match(at + 1, place) or (place < len(text) and match(at, place + 1))
        if place == len(text):
            return False
        return (kind == "one" or text[place] == char) and match(at + 1, place + 1)

    return match(0, 0)


def arn_like(pattern: list[Token], text: str) -> bool:
    parts: list[list[Token]] = [[]]
    for token in pattern:
        if token == ("is", ":") and len(parts) < 6:
            parts.append([])
        else:
            parts[-1].append(token)
    found = text.split(":", 5)
    return len(parts) == len(found) == 6 and all(map(like, parts, found))


def text_matches(kind: str, stated: str, value: str, values: Values | None) -> bool:
    pattern = tokens(stated, values, wildcards=kind in ("StringLike", "ArnEquals", "ArnLike"))
    if pattern is None:
        return False
    if kind.startswith("Arn"):
        return arn_like(pattern, value)
    if kind in ("StringEqualsIgnoreCase", "Bool"):
        return "".join(char for _, char in pattern).lower() == value.lower()
    return like(pattern, value)


def moment(text: str) -> Fraction:
    if text.count("-") < 2:
        return Fraction(text)  # seconds since 1970
    found = datetime.fromisoformat(text)
    return Fraction((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())


def in_range(stated: str, value: str) -> bool:
    network = ipaddress.ip_network(stated, strict=False)
    address = ipaddress.ip_address(value)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return address in network


COMPARED: dict[str, Callable[[Fraction, Fraction], bool]] = {
    "Equals": lambda value, stated: value == stated,
    "LessThan": lambda value, stated: value < stated,
    "LessThanEquals": lambda value, stated: value <= stated,
    "GreaterThan": lambda value, stated: value > stated,
    "GreaterThanEquals": lambda value, stated: value >= stated,
}


def value_matches(kind: str, stated: str, value: str, values: Values | None) -> bool:
    if kind.startswith(("String", "Arn", "Bool")):
        return text_matches(kind, stated, value, values)
    try:
        if kind == "IpAddress":
            return in_range(stated, value)
        if kind == "BinaryEquals":
            return base64.b64decode(stated) == base64.b64decode(value, validate=True)
        family, read = ("Numeric", Fraction) if kind.startswith("Numeric") else ("Date", moment)
        return COMPARED[kind.removeprefix(family)](read(value), read(stated))
    except ValueError:
        return False


def condition_holds(name: str, key: str, stated: Any, values: Values, *, new: bool) -> bool:
    listed = [str(one) for one in (stated if isinstance(stated, list) else [stated])]
    have = values.get(lower(key), ())
    if name == "Null":
        return any((one.lower() == "true") == (not have) for one in listed)
    quantifier, _, kind = name.rpartition(":")
    if not have and kind.endswith("IfExists"):
        return True
    kind = kind.removesuffix("IfExists")
    positive = kind.replace("Not", "")
    hits = [
        any(value_matches(positive, one, value, values if new else None) for one in listed)
        for value in have
    ]
    if quantifier == "ForAllValues":
        return all(hits) if kind == positive else not any(hits)
    if quantifier == "ForAnyValue":
        return any(hits) if kind == positive else not all(hits)
    return any(hits) if kind == positive else not any(hits)


def is_named(whom: Any, principal: str | None) -> bool:
    if whom == "*":
        return True
    for kind, names in whom.items():
        for name in names if isinstance(names, list) else [names]:
            if kind == "AWS" and name == "*":
                return True
            for user, canonical in RESOLVED.items():
                known = {canonical, f"arn:aws:iam::{canonical}:root"}
                known |= {f"arn:aws:iam::{canonical}:user/{user}", f"arn:aws:iam:::user/{user}"}
                if canonical == principal and (name in known if kind == "AWS" else False):
                    return True
            if kind == "CanonicalUser" and name == principal and name in RESOLVED:
                return True
    return False


def applies(statement: Json, request: Request, values: Values, *, new: bool) -> bool:
    def listed(name: str) -> list[str]:
        value = statement[name]
        return value if isinstance(value, list) else [value]

    def acts(name: str) -> bool:
        wanted = request.action.lower()
        return any(
            like(tokens(one.lower(), None, wildcards=True) or [], wanted) for one in listed(name)
        )

    def lies(name: str) -> bool:
        patterns = [tokens(one, values if new else None, wildcards=True) for one in listed(name)]
        return any(one is not None and like(one, request.resource) for one in patterns)

    if "Principal" in statement and not is_named(statement["Principal"], request.principal):
        return False
    if "NotPrincipal" in statement and is_named(statement["NotPrincipal"], request.principal):
        return False
    if not (acts("Action") if "Action" in statement else not acts("NotAction")):
        return False
    if not (lies("Resource") if "Resource" in statement else not lies("NotResource")):
        return False
    return all(
        condition_holds(name, key, stated, values, new=new)
        for name, block in statement.get("Condition", {}).items()
        for key, stated in block.items()
    )


def evaluate(policy: Json, request: Request, values: Values) -> tuple[Decision, int | None]:
    """What the policy says, and by which statement."""
    new = policy.get("Version") == "2012-10-17"
    for effect, decision in (("Deny", Decision.DENY), ("Allow", Decision.ALLOW)):
        for number, statement in enumerate(policy["Statement"]):
            if statement["Effect"] == effect and applies(statement, request, values, new=new):
                return decision, number
    return Decision.SILENT, None


# Policies and requests by chance

KEYS = ["a", "a/b", "a/b/c.txt", "home/alice/x", "home/bob", "home/", "*", "a:b", "${aws:username}"]
RESOURCES = [
    "*", "b", "b*", "?", "b/*", "b/a*", "b/*/*", "b/?", "b/a/b", "b/*.txt", "b/${*}", "b/a?b",
    "b/*a*b*", "b/${aws:username, 'home'}*", "b/${s3:prefix}", "b/${aws:PrincipalTag/t}",
    "b/home/${aws:username}/*",
]  # fmt: skip
ACTIONS = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket", "s3:GetBucketAcl"]
STATED_ACTIONS = [*ACTIONS, "s3:*", "*", "s3:Get*", "S3:*object", "s3:?etObject", "s3:*Bucket*"]
PRINCIPALS: list[Any] = [
    "*", {"AWS": "*"}, {"AWS": ["arn:aws:iam:::user/alice", "*"]},
    {"AWS": "arn:aws:iam:::user/alice"}, {"AWS": [BOB, f"arn:aws:iam::{ALICE}:user/alice"]},
    {"AWS": f"arn:aws:iam::{BOB}:root"}, {"AWS": f"arn:aws:iam::{BOB}:user/alice"},
    {"AWS": ["arn:aws:iam:::user/carol", "123456789012"]},
    {"CanonicalUser": [ALICE, CAROL]}, {"Service": "s3.amazonaws.com"},
]  # fmt: skip
TEXTS = ["", "a", "A", "a*", "*", "?", "home/*", "${aws:username}", "${aws:userid, 'a'}", "x${*}"]
REQUESTED: dict[str, list[str]] = {
    "aws:SourceIp": ["10.1.2.3", "192.168.1.1", "2001:db8::1", "::ffff:10.0.0.1", "none"],
    "aws:CurrentTime": ["2026-01-01T00:00:00Z", "2026-06-01T12:00:00+02:00", "1767225600", "x"],
    "aws:PrincipalArn": ["arn:aws:iam::1:user/alice", "arn:aws:iam::2:user/a:b", "alice"],
    "aws:SecureTransport": ["true", "false"],
    "aws:TagKeys": ["a", "A", "b", ""],
    "aws:username": ["alice", "bob", "*", "a"],
    "aws:userid": ["a", "x*"],
    "aws:PrincipalTag/t": ["a", "*"],
    "s3:max-keys": ["1", "10", "010", "1.5", "many", ""],
    "s3:prefix": ["", "a", "home/alice", "home/", "*", "?"],
    "s3:ExistingObjectTag/t": ["a", "b", "$"],
    "s3:ExistingObjectTag/T": ["a"],
    "s3:x-amz-content-sha256": ["YQ==", "Yg==", "?"],
}  # fmt: skip
OPERANDS: dict[str, list[Any]] = {
    "String": TEXTS,
    "Numeric": ["1", "10", "1.50", "-3", "+1"],
    "Date": ["2026-01-01T00:00:00Z", "2026-06-01T10:00:00Z", "2026-03-01", "1767225600"],
    "Bool": ["true", "false", "True", True, "${aws:SecureTransport}"],
    "Binary": ["YQ==", ""],
    "Ip": ["10.0.0.0/8", "10.1.2.3", "0.0.0.0/0", "::/0", "2001:db8::/32", "192.168.1.7/24"],
    "Arn": ["arn:aws:iam::*:user/*", "arn:aws:iam::1:user/${aws:username}", "arn:*:*:*:*:*b"],
    "Null": ["true", "false", True],
}
OPERATORS = {
    "String": ["Equals", "NotEquals", "EqualsIgnoreCase", "NotEqualsIgnoreCase", "Like", "NotLike"],
    "Numeric": [*COMPARED, "NotEquals"],
    "Date": [*COMPARED, "NotEquals"],
    "Bool": [""],
    "Binary": ["Equals"],
    "Ip": ["IpAddress", "NotIpAddress"],
    "Arn": ["Equals", "Like", "NotEquals", "NotLike"],
    "Null": [""],
}
BY_CHANCE = (  # nothing else may be wrong with a policy that is made of these
    "Action does not apply to any resource(s) in statement",
    "Policy has invalid resource",
    "Invalid Boolean in Conditions",
)
FITTING = {  # what is mostly asked of a key
    "aws:SourceIp": "Ip", "aws:CurrentTime": "Date", "aws:PrincipalArn": "Arn",
    "aws:SecureTransport": "Bool", "s3:max-keys": "Numeric", "s3:x-amz-content-sha256": "Binary",
}  # fmt: skip


def some(random: Random, choices: list[Any]) -> Any:
    """One, or a list of some."""
    count = random.choice([0, 0, 1, 2, 3])
    return random.choices(choices, k=count) if count else random.choice(choices)


def condition(random: Random) -> Json:
    block: Json = {}
    for _ in range(random.choice([0, 0, 0, 1, 1, 2])):
        key = random.choice(list(REQUESTED))
        family = FITTING.get(key, "String")
        if random.random() < 0.2:
            family = random.choice(list(OPERATORS))
        how = random.choice(OPERATORS[family])
        name = how if family == "Ip" else family + how
        if family != "Null":
            name = random.choice(["", "", "ForAllValues:", "ForAnyValue:"]) + name
            name += random.choice(["", "", "IfExists"])
        first, slash, rest = key.partition("/")
        key = random.choice([first, first.upper(), first.lower()]) + slash + rest
        block.setdefault(name, {})[key] = some(random, OPERANDS[family])
    return block


def statement(random: Random, kind: Kind) -> Json:
    effect = random.choice(["Allow", "Allow", "Deny"])
    stated: Json = {"Effect": effect, "Condition": condition(random)}
    if kind is Kind.BUCKET:
        negated = effect == "Deny" and random.random() < 0.2
        stated["NotPrincipal" if negated else "Principal"] = random.choice(PRINCIPALS)
    stated[random.choice(["Action"] * 4 + ["NotAction"])] = some(random, STATED_ACTIONS)
    resources = some(random, [f"arn:aws:s3:::{one}" for one in RESOURCES])
    stated[random.choice(["Resource"] * 4 + ["NotResource"])] = resources
    return stated


def policy(random: Random, kind: Kind) -> Json:
    stated: Json = {"Statement": [statement(random, kind) for _ in range(random.randint(1, 6))]}
    version = random.choice(["2012-10-17", "2012-10-17", "2012-10-17", "2008-10-17", None])
    return stated if version is None else stated | {"Version": version}


def good_policy(random: Random, kind: Kind) -> tuple[Json, compiled.Policy]:
    """A policy that S3 takes, and what is made of it."""
    while True:
        stated = policy(random, kind)
        try:
            document = parse(json.dumps(stated), kind, bucket="b")
        except MalformedPolicy as error:
            if error.message not in BY_CHANCE:
                raise
            continue
        return stated, compiled.compile(document, RESOLVED)


def request(random: Random) -> tuple[Request, Values]:
    values: Values = {}
    for key, choices in REQUESTED.items():
        if random.random() < 0.7:
            count = random.choice([0, 1, 1, 2]) if key == "aws:TagKeys" else 1
            values[lower(key)] = tuple(random.choices(choices, k=count))
    action = random.choice(ACTIONS)
    bucket_level = "Bucket" in action
    resource = "arn:aws:s3:::b" if bucket_level else f"arn:aws:s3:::b/{random.choice(KEYS)}"
    principal = random.choice([ALICE, BOB, CAROL, None])
    return Request(principal, action, resource, values.get), values


# What they say


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 10))]
)
def test_policies_say_what_their_json_says(seed: int) -> None:
    random = Random(seed)
    counts = dict.fromkeys(Decision, 0)
    for number in range(500):
        stated, made = good_policy(random, Kind.IDENTITY if number % 4 == 0 else Kind.BUCKET)
        for _ in range(20):
            asked, values = request(random)
            verdict = made.evaluate(asked)
            wanted = evaluate(stated, asked, values)
            assert (verdict.decision, verdict.statement) == wanted, (stated, asked, values)
            counts[verdict.decision] += 1
    assert all(count > 500 for count in counts.values()), "some decision was hardly tried"


randoms = st.integers(0, 1 << 32).map(Random)


def decisions(stated: Json, asked: list[Request]) -> list[Decision]:
    document = parse(json.dumps(stated), Kind.BUCKET, bucket="b")
    made = compiled.compile(document, RESOLVED)
    return [made.evaluate(one).decision for one in asked]


@settings(deadline=None)
@given(randoms)
def test_a_denial_only_takes_away(random: Random) -> None:
    stated, _ = good_policy(random, Kind.BUCKET)
    allowing = [one for one in stated["Statement"] if one["Effect"] == "Allow"]
    assume(allowing)
    asked = [request(random)[0] for _ in range(10)]
    before = decisions(stated | {"Statement": allowing}, asked)
    after = decisions(stated, asked)
    assert all(new in (old, Decision.DENY) for old, new in zip(before, after, strict=True))


@settings(deadline=None)
@given(randoms)
def test_an_explicit_deny_wins(random: Random) -> None:
    stated, _ = good_policy(random, Kind.BUCKET)
    denial = {"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "arn:aws:s3:::*"}
    asked = [request(random)[0] for _ in range(10)]
    found = decisions(stated | {"Statement": [*stated["Statement"], denial]}, asked)
    assert set(found) == {Decision.DENY}


@settings(deadline=None)
@given(randoms)
def test_the_order_of_statements_does_not_matter(random: Random) -> None:
    stated, _ = good_policy(random, Kind.BUCKET)
    asked = [request(random)[0] for _ in range(10)]
    mixed = random.sample(stated["Statement"], k=len(stated["Statement"]))
    assert decisions(stated, asked) == decisions(stated | {"Statement": mixed}, asked)


@settings(deadline=None)
@given(randoms)
def test_only_what_was_told_is_asked_for(random: Random) -> None:
    _, made = good_policy(random, Kind.BUCKET)
    for _ in range(10):
        asked, values = request(random)
        names: list[str] = []

        def context(key: str, values: Values = values, names: list[str] = names) -> Any:
            names.append(key)
            return values.get(key)

        made.evaluate(asked._replace(context=context))
        assert made.asks >= {keys.asked(name) for name in names}
        assert made.asks_of(asked.action) or not any("existing" in name for name in names)


@settings(deadline=None)
@given(randoms)
def test_what_lets_nobody_unknown_in_is_not_public(random: Random) -> None:
    stated, made = good_policy(random, Kind.BUCKET)
    document = parse(json.dumps(stated), Kind.BUCKET, bucket="b")
    if not is_public(document):
        for _ in range(10):
            asked, values = request(random)
            # Of a key that stands for somebody these policies only name where requests come from.
            place = {"aws:sourceip", "aws:principalarn", "aws:userid"}
            rest = {key: value for key, value in values.items() if key not in place}
            unknown = asked._replace(principal=None, context=rest.get)
            assert made.evaluate(unknown).decision is not Decision.ALLOW


# What is no policy

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
ELEMENTS = ["Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction"]
ELEMENTS += ["Resource", "NotResource", "Condition"]


def answered(text: str | bytes) -> None:
    for kind in Kind:
        try:
            document = parse(text, kind, bucket="b")
        except MalformedPolicy:
            continue
        is_public(document)
        compiled.compile(document, {}).evaluate(request(Random(0))[0])


@given(st.text() | st.binary() | st.text().map(lambda text: "{" + text))
def test_any_text_is_a_policy_or_refused(text: str | bytes) -> None:
    answered(text)


@given(st.dictionaries(st.sampled_from(["Version", "Id", "Statement"]), anything))
def test_any_json_is_a_policy_or_refused(stated: Json) -> None:
    answered(json.dumps(stated))


@settings(deadline=None)
@given(randoms, st.sampled_from(ELEMENTS), anything)
def test_any_element_is_good_or_refused(random: Random, name: str, value: Any) -> None:
    stated, _ = good_policy(random, Kind.BUCKET)
    random.choice(stated["Statement"])[name] = value
    answered(json.dumps(stated))


@settings(deadline=None)
@given(randoms, st.sampled_from(list(OPERATORS)), st.sampled_from(list(REQUESTED)), anything)
def test_any_condition_is_good_or_refused(
    random: Random, family: str, key: str, value: Any
) -> None:
    how = random.choice(OPERATORS[family])
    block = {how if family == "Ip" else family + how: {key: value}}
    stated, _ = good_policy(random, Kind.BUCKET)
    stated["Statement"][0]["Condition"] = block
    answered(json.dumps(stated))


@settings(deadline=None)
@given(randoms, st.integers(0, 400), st.text(max_size=3))
def test_any_edit_is_good_or_refused(random: Random, at: int, text: str) -> None:
    stated, _ = good_policy(random, Kind.BUCKET)
    written = json.dumps(stated)
    at %= len(written)
    answered(written[:at] + text + written[at + random.randint(0, 3) :])
