"""Documents of policies: what is read, what is refused and how, and what policies say."""

import importlib
import json
import pkgutil
from collections.abc import Mapping
from typing import Any

import pytest

import gateway.ops
from gateway.operations import Level as OperationLevel
from gateway.operations import s3
from ocean.errors import MalformedPolicy
from ocean.rules.policy import compiled
from ocean.rules.policy.actions import ACTIONS, Level
from ocean.rules.policy.compiled import Decision, Policy, Request, Verdict
from ocean.rules.policy.document import LIMITS, MAX_TEXT, Kind, parse

ALICE, BOB = "a" * 64, "b" * 64
VERSION = "The policy must contain a valid version string"
STATEMENT: dict[str, Any] = {
    "Effect": "Allow",
    "Principal": "*",
    "Action": "s3:GetObject",
    "Resource": "arn:aws:s3:::b/*",
}


def without(*names: str, **more: Any) -> dict[str, Any]:
    """The statement without some of its elements and with others."""
    return {name: value for name, value in STATEMENT.items() if name not in names} | more


def document(*statements: Any, version: Any = "2012-10-17", **more: Any) -> str:
    return json.dumps({"Version": version, "Statement": statements} | more)


def bucket_policy(*statements: Any, resolved: dict[str, str] | None = None) -> Policy:
    read = parse(document(*statements), Kind.BUCKET, bucket="b")
    return compiled.compile(read, resolved or {})


def asked(
    policy: Policy,
    action: str = "s3:GetObject",
    key: str | None = "k",
    principal: str | None = None,
    context: Mapping[str, tuple[str, ...]] | None = None,
) -> Decision:
    resource = "arn:aws:s3:::b" if key is None else f"arn:aws:s3:::b/{key}"
    return policy.evaluate(Request(principal, action, resource, dict(context or {}).get)).decision


def nothing(_key: str) -> None:
    """The context of a request that has none."""


def refused(text: str | bytes, kind: Kind = Kind.BUCKET, bucket: str = "b") -> str:
    with pytest.raises(MalformedPolicy) as caught:
        parse(text, kind, bucket=bucket)
    return caught.value.message


# Actions


for module in pkgutil.iter_modules(gateway.ops.__path__):
    importlib.import_module(f"gateway.ops.{module.name}")


@pytest.mark.parametrize("name", sorted(s3.by_name))
def test_every_operations_action_is_known(name: str) -> None:
    operation = s3.by_name[name]
    level = ACTIONS[operation.action]
    # These are of the bucket's URI and of objects.
    if name not in ("DeleteObjects", "PostObject"):
        assert level.name == operation.level
    assert (level is Level.SERVICE) == (operation.level is OperationLevel.SERVICE)


def test_actions_have_one_level_each() -> None:
    assert len({action.lower() for action in ACTIONS}) == len(ACTIONS)
    assert all(action.startswith("s3:") for action in ACTIONS)


@pytest.mark.parametrize(
    ("stated", "covered"),
    [
        ("s3:GetObject", {"s3:GetObject"}),
        ("S3:getobject", {"s3:GetObject"}),
        ("s3:GetObjectA*", {"s3:GetObjectAcl", "s3:GetObjectAnnotation", "s3:GetObjectAttributes"}),
        ("s3:?etObject", {"s3:GetObject"}),
        (["s3:GetObject", "s3:PutObject"], {"s3:GetObject", "s3:PutObject"}),
        ("s3:*", set(ACTIONS)),
        ("*", set(ACTIONS)),
    ],
)
def test_actions_are_covered(stated: Any, covered: set[str]) -> None:
    for changes in ({"Action": stated}, {"NotAction": stated}):
        read = parse(document(without("Action", **changes)), Kind.BUCKET, bucket="b")
        wanted = covered if "Action" in changes else set(ACTIONS) - covered
        assert read.statements[0].actions == wanted


# Documents


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Policies must be valid JSON and the first byte must be '{'"),
        ("[]", "Policies must be valid JSON and the first byte must be '{'"),
        (' {"Statement": []}', "Policies must be valid JSON and the first byte must be '{'"),
        ("\ufeff{}", "Policies must be valid JSON and the first byte must be '{'"),
        (b"\xff", "This policy contains invalid Json"),
        ("{\ud800", "This policy contains invalid Json"),
        ("{", "This policy contains invalid Json"),
        ("{} {}", "This policy contains invalid Json"),
        ('{"Statement": NaN}', "This policy contains invalid Json"),
        ('{"Statement": [1,]}', "This policy contains invalid Json"),
        ('{"Id": "a", "Id": "a"}', "This policy contains invalid Json"),
        ('{"Statement": [{"Sid": "a", "Sid": "b"}]}', "This policy contains invalid Json"),
        ('{"Id": "\t"}', "This policy contains invalid Json"),
        ("{" * 20_000, "This policy contains invalid Json"),
        ('{"Statement":' + "[" * 9_000 + "]" * 9_000 + "}", "This policy contains invalid Json"),
        ('{"Statement":' + "9" * 10_000 + "}", "Invalid policy syntax."),
        ("{}", "Missing required field Statement"),
        ('{"Statement": []}', "Could not parse the policy: Statement is empty!"),
        ('{"Statement": null}', "Invalid policy syntax."),
        ('{"Statement": ["a"]}', "Invalid policy syntax."),
        ('{"Statement": {}}', "Missing required field Effect"),
        (document(STATEMENT, Other=1), "Unknown field Other"),
        (document(STATEMENT, statement=[]), "Unknown field statement"),
        (document(STATEMENT, Id=None), "Invalid policy syntax."),
        (document(STATEMENT, version="2010-10-17"), VERSION),
        (document(STATEMENT, version=None), VERSION),
        (document(STATEMENT, version=["2012-10-17"]), VERSION),
        (document(without(Other="x")), "Unknown field Other"),
        (document(without("Effect")), "Missing required field Effect"),
        (document(without(Effect="allow")), "Invalid effect: allow"),
        (document(without(Effect=["Allow"])), "Invalid policy syntax."),
        (document(without("Principal")), "Missing required field Principal"),
        (document(without(Principal="alice")), "Invalid principal in policy"),
        (document(without(NotPrincipal="*")), "Invalid policy syntax."),
        (
            document(without("Principal", NotPrincipal={"AWS": ALICE})),
            "NotPrincipal must be used with the effect Deny",
        ),
        (document(without("Action")), "Missing required field Action"),
        (document(without(NotAction="s3:*")), "Invalid policy syntax."),
        (document(without(Action=None)), "Invalid policy syntax."),
        (document(without(Action=[])), "Invalid policy syntax."),
        (document(without(Action="")), "Policy has invalid action"),
        (document(without(Action="GetObject")), "Policy has invalid action"),
        (document(without(Action="s3:GetObjects")), "Policy has invalid action"),
        (document(without(Action="s3:Steal*")), "Policy has invalid action"),
        (document(without(Action=["s3:GetObject", "s3:X"])), "Policy has invalid action"),
        (document(without(Action="iam:GetUser")), "Policy has invalid action"),
        (document(without("Action", NotAction="s3:X")), "Policy has invalid action"),
        (document(without("Resource")), "Missing required field Resource"),
        (document(without(NotResource="x")), "Invalid policy syntax."),
        (document(without(Resource={})), "Invalid policy syntax."),
        (document(without(Resource="*")), "Policy has invalid resource"),
        (document(without(Resource="")), "Policy has invalid resource"),
        (document(without(Resource="b/*")), "Policy has invalid resource"),
        (document(without(Resource="arn:aws:s3:::c/*")), "Policy has invalid resource"),
        (document(without(Resource="arn:aws:s3:::bb/*")), "Policy has invalid resource"),
        (document(without(Resource="arn:aws:s3:::B/*")), "Policy has invalid resource"),
        (document(without(Resource="arn:aws:s3:::c*")), "Policy has invalid resource"),
        (document(without(Resource="arn:aws:sqs:::b/*")), "Policy has invalid resource"),
        (document(without(Resource="arn:aws:s3:us-east-1::b/*")), "Policy has invalid resource"),
        (
            document(without(Resource=["arn:aws:s3:::b/*", "arn:aws:s3:::c/*"])),
            "Policy has invalid resource",
        ),
        (
            document(without("Resource", NotResource="arn:aws:s3:::c/*")),
            "Policy has invalid resource",
        ),
        (document(without(Resource="arn:aws:s3:::b/${")), "Policy has an invalid variable"),
        (
            document(without(Resource="arn:aws:s3:::b")),
            "Action does not apply to any resource(s) in statement",
        ),
        (
            document(without(Action="s3:ListBucket")),
            "Action does not apply to any resource(s) in statement",
        ),
        (
            document(without(Action=["s3:GetObject", "s3:ListBucket"])),
            "Action does not apply to any resource(s) in statement",
        ),
        (
            document(without(Action="s3:ListAllMyBuckets")),
            "Action does not apply to any resource(s) in statement",
        ),
        (document(without(Condition=None)), "Invalid policy syntax."),
        (
            document(without(Condition={"StringEquals": {"s3:Foo": "x"}})),
            "Policy has an invalid condition key",
        ),
        (
            document(without(Condition={"Equals": {"s3:prefix": "x"}})),
            "Invalid Condition type : Equals",
        ),
        (document(without(Sid=None)), "Invalid policy syntax."),
        (document(without(Sid=True)), "Invalid policy syntax."),
        (document(without(Principal=None)), "Invalid principal in policy"),
    ],
)  # fmt: skip
def test_documents_that_are_refused(text: str | bytes, message: str) -> None:
    assert refused(text) == message
    if isinstance(text, str) and text.isascii():
        assert refused(text.encode()) == message


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"Sid": "Allow Public Access to All Objects!"},
        {"Sid": 1},
        {"Condition": {}},
        {"Condition": {"NumericLessThan": {"s3:max-keys": [10, 1.5]}}},
        {"Action": "*"},
        {"Action": ["s3:Get*"]},
        {"Action": "s3:*", "Resource": "arn:aws:s3:::b"},
        {"Action": "s3:ListBucket", "Resource": ["arn:aws:s3:::b", "arn:aws:s3:::b/*"]},
        {"Action": "s3:ListBucket", "Resource": ["arn:aws:s3:::*", "arn:aws:s3:::*/*"]},
        {"Action": ["s3:ListBucket", "s3:GetObject"], "Resource": "arn:aws:s3:::*"},
        {"Action": "s3:ListBucket", "Resource": "arn:aws:s3:::?"},
        {"Resource": "arn:aws:s3:::b/"},
        {"Resource": "arn:aws:s3:::b*"},
        {"Resource": "arn:aws:s3:::b/${aws:username}/*"},
        {"Resource": "arn:aws:s3:::*${aws:username}"},
        {"Principal": {"Service": "logging.s3.amazonaws.com"}},
        {"Principal": {"AWS": "arn:aws:iam::s3tenant1:root"}},
    ],
)
@pytest.mark.parametrize("version", ["2012-10-17", "2008-10-17"])
def test_documents_that_are_taken(changes: dict[str, Any], version: str) -> None:
    parse(document(STATEMENT | changes, version=version, Id="a b"), Kind.BUCKET, bucket="b")


def test_statements_of_a_bucket_may_have_one_sid() -> None:
    parse(document(without(Sid="a"), without(Sid="a")), Kind.BUCKET, bucket="b")


def test_a_statement_needs_no_list_and_a_policy_no_version() -> None:
    read = parse(json.dumps({"Statement": STATEMENT}), Kind.BUCKET, bucket="b")
    assert len(read.statements) == 1


@pytest.mark.parametrize("kind", [Kind.IDENTITY, Kind.SESSION])
@pytest.mark.parametrize(
    ("text", "message"),
    [
        (document(STATEMENT), "Policy document should not specify a principal."),
        (
            document(without("Principal", NotPrincipal="*")),
            "Policy document should not specify a principal.",
        ),
        (document(without("Principal", Action="s3:X")), "Policy has invalid action"),
        (document(without("Principal", Action="GetObject")), "Policy has invalid action"),
        (document(without("Principal", Action="iam:Get User")), "Policy has invalid action"),
        (document(without("Principal", Resource="b")), 'Resource must be in ARN format or "*".'),
        (
            document(without("Principal", Sid="a b")),
            (
                "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the "
                "regular expression [0-9A-Za-z]*"
            ),
        ),
        (
            document(without("Principal", Sid="a"), without("Principal", Sid="a")),
            "Statement IDs (SID) in a single policy must be unique.",
        ),
        (document(version="2012-10-17"), "Could not parse the policy: Statement is empty!"),
    ],
)
def test_identities_policies_that_are_refused(kind: Kind, text: str, message: str) -> None:
    assert refused(text, kind, bucket="") == message


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"Sid": "A1"},
        {"Action": "*", "Resource": "*"},
        {"Action": ["iam:ListUsers", "sts:*", "s3:GetObject"]},
        {"Action": "s3:ListBucket"},
        {"Resource": ["arn:aws:s3:::b", "arn:aws:sqs:us-east-1:1:q"]},
        {"Condition": {"BoolIfExists": {"sts:authentication": "false"}}},
    ],
)
def test_identities_policies_that_are_taken(changes: dict[str, Any]) -> None:
    parse(document(without("Principal", **changes)), Kind.IDENTITY)


@pytest.mark.parametrize("kind", list(Kind))
def test_sizes_do_not_count_white_space(kind: Kind) -> None:
    statement = STATEMENT if kind is Kind.BUCKET else without("Principal")
    base = len(document(statement | {"Resource": ["arn:aws:s3:::b/"]}).replace(" ", ""))
    resource = "arn:aws:s3:::b/" + "x" * (LIMITS[kind] - base)
    fits = {"Version": "2012-10-17", "Statement": [statement | {"Resource": [resource]}]}
    text = json.dumps(fits, indent=40)
    parse(text, kind, bucket="b")
    assert refused(document(statement | {"Resource": [f"{resource}x"]}), kind) == (
        f"Normalized policy document exceeds the maximum allowed size of {LIMITS[kind]} bytes"
    )
    assert "exceeds" in refused(text[0] + " " * MAX_TEXT + text[1:], kind)


def test_the_size_of_a_buckets_policy_is_in_bytes() -> None:
    text = document(without(Resource="arn:aws:s3:::b/" + "é" * 15_000))
    assert "exceeds" in refused(text.encode().decode("unicode_escape").encode())


def test_names_of_principals_are_told() -> None:
    read = parse(
        document(
            without(Principal={"AWS": ["arn:aws:iam:::user/alice", "123456789012"]}),
            without("Principal", NotPrincipal={"CanonicalUser": BOB}, Effect="Deny"),
        ),
        Kind.BUCKET,
        bucket="b",
    )
    assert read.names == {"alice", BOB}
    assert parse(document(without("Principal")), Kind.IDENTITY).names == frozenset()


# What policies say


def test_an_explicit_deny_wins_and_silence_is_neither() -> None:
    policy = bucket_policy(
        without(Sid="read"),
        without(Sid="secret", Effect="Deny", Resource="arn:aws:s3:::b/secret/*"),
    )
    read = Request(None, "s3:GetObject", "arn:aws:s3:::b/a", nothing)
    assert policy.evaluate(read) == Verdict(Decision.ALLOW, 0, "read")
    secret = read._replace(resource="arn:aws:s3:::b/secret/a")
    assert policy.evaluate(secret) == Verdict(Decision.DENY, 1, "secret")
    assert policy.evaluate(read._replace(action="s3:PutObject")) == Verdict(Decision.SILENT)
    assert policy.evaluate(read._replace(action="s3:Unknown")) == Verdict(Decision.SILENT)


def test_keys_are_compared_as_they_are() -> None:
    policy = bucket_policy(without(Resource=["arn:aws:s3:::b/*.jpg", "arn:aws:s3:::b/a?c"]))
    for key, wanted in (
        ("x/y:z\n\ud800\x00.jpg", True),
        ("abc", True),
        ("a/c", True),
        ("ac", False),
    ):
        assert asked(policy, key=key) is (Decision.ALLOW if wanted else Decision.SILENT)


def test_resources_may_be_excluded() -> None:
    policy = bucket_policy(without("Resource", NotResource="arn:aws:s3:::b/private/*"))
    assert asked(policy, key="public") is Decision.ALLOW
    assert asked(policy, key="private/x") is Decision.SILENT


def test_principals_may_be_excluded() -> None:
    deny = without("Principal", NotPrincipal={"AWS": "arn:aws:iam:::user/alice"}, Effect="Deny")
    policy = bucket_policy(deny, resolved={"alice": ALICE})
    assert asked(policy, principal=ALICE) is Decision.SILENT
    assert asked(policy, principal=BOB) is Decision.DENY
    assert asked(policy) is Decision.DENY
    assert asked(bucket_policy(deny), principal=ALICE) is Decision.DENY
    nobody = bucket_policy(without("Principal", NotPrincipal="*", Effect="Deny"))
    assert asked(nobody) is Decision.SILENT


def test_principals_are_who_they_were_when_names_were_resolved() -> None:
    allow = without(Principal={"AWS": "arn:aws:iam:::user/alice"})
    policy = bucket_policy(allow, resolved={"alice": ALICE})
    assert asked(policy, principal=ALICE) is Decision.ALLOW
    assert asked(policy, principal=BOB) is Decision.SILENT
    assert asked(policy) is Decision.SILENT


@pytest.mark.parametrize("principal", ["*", {"AWS": "*"}, {"AWS": [ALICE, "*"]}])
def test_everyone_may_be_nobody_who_signed(principal: Any) -> None:
    policy = bucket_policy(without(Principal=principal), resolved={ALICE: ALICE})
    assert asked(policy) is asked(policy, principal=ALICE) is Decision.ALLOW


def test_variables_need_the_version_that_has_them() -> None:
    statement = without(Resource="arn:aws:s3:::b/${aws:username}/*")
    context = {"aws:username": ("alice",)}
    for version, key in (("2012-10-17", "alice/x"), ("2008-10-17", "${aws:username}/x")):
        read = parse(document(statement, version=version), Kind.BUCKET, bucket="b")
        policy = compiled.compile(read, {})
        assert asked(policy, key=key, context=context) is Decision.ALLOW
        other = "alice/x" if version == "2008-10-17" else "${aws:username}/x"
        assert asked(policy, key=other, context=context) is Decision.SILENT
    assert asked(bucket_policy(statement), key="alice/x") is Decision.SILENT


def test_an_excluded_resource_without_a_value_is_none() -> None:
    policy = bucket_policy(without("Resource", NotResource="arn:aws:s3:::b/${aws:username}/*"))
    assert asked(policy, key="alice/x") is Decision.ALLOW
    assert asked(policy, key="alice/x", context={"aws:username": ("alice",)}) is Decision.SILENT


def test_identities_policies_are_about_whom_they_are_attached_to() -> None:
    text = document(without("Principal", Action="s3:List*", Resource="*"))
    policy = compiled.compile(parse(text, Kind.IDENTITY), {})
    everywhere = Request(ALICE, "s3:ListAllMyBuckets", "arn:aws:s3:::*", nothing)
    assert policy.evaluate(everywhere).decision is Decision.ALLOW
    assert asked(policy, "s3:ListBucket", None) is Decision.ALLOW
    assert asked(policy) is Decision.SILENT


def test_actions_of_other_services_are_none_of_s3() -> None:
    text = document(without("Principal", Action=["iam:*", "kms:Decrypt"], Resource="*"))
    policy = compiled.compile(parse(text, Kind.IDENTITY), {})
    assert all(asked(policy, action) is Decision.SILENT for action in ACTIONS)
    text = document(without("Principal", "Action", NotAction="iam:*", Resource="*"))
    policy = compiled.compile(parse(text, Kind.IDENTITY), {})
    assert all(asked(policy, action) is Decision.ALLOW for action in ACTIONS)


def test_it_tells_what_it_may_ask_for() -> None:
    tagged = without(
        Resource="arn:aws:s3:::b/${aws:username}",
        Condition={"StringLike": {"s3:ExistingObjectTag/A": "${aws:PrincipalTag/B}"}},
    )
    listing = without(
        Action="s3:ListBucket",
        Resource="arn:aws:s3:::b",
        Condition={"Null": {"s3:prefix": "true"}},
    )
    writing = tagged | {"Action": "s3:PutObject", "Effect": "Deny"}
    policy = bucket_policy(tagged, listing, writing)
    assert policy.asks == {
        "aws:username",
        "s3:existingobjecttag/",
        "aws:principaltag/",
        "s3:prefix",
    }
    assert policy.asks_of("s3:GetObject")
    assert policy.asks_of("s3:PutObject")
    assert not policy.asks_of("s3:ListBucket")
    assert not policy.asks_of("s3:Unknown")
    in_variable = without(Resource="arn:aws:s3:::b/${s3:ExistingObjectTag/a}")
    assert bucket_policy(in_variable).asks_of("s3:GetObject")


def test_nothing_is_asked_that_no_statement_of_the_action_needs() -> None:
    def fail(key: str) -> tuple[str, ...]:
        raise AssertionError(key)

    policy = bucket_policy(
        without(Action="s3:PutObject", Condition={"StringEquals": {"s3:x-amz-acl": "private"}}),
        without(Resource="arn:aws:s3:::b/x", Condition={"Null": {"s3:versionid": "true"}}),
        STATEMENT,
    )
    request = Request(None, "s3:GetObject", "arn:aws:s3:::b/k", fail)
    assert policy.evaluate(request) == Verdict(Decision.ALLOW, 2)
