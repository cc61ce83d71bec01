"""Conditions of policies: every operator, keys without values, and what cannot be stated."""

from typing import Any

import pytest

from ocean.errors import MalformedPolicy
from ocean.rules.policy import conditions

CONTEXT: dict[str, tuple[str, ...]] = {
    "aws:calledvia": ("athena", "kms"),
    "aws:currenttime": ("2026-03-04T05:06:07Z",),
    "aws:epochtime": ("1772600767",),
    "aws:principalarn": ("arn:aws:iam::1:user/alice",),
    "aws:securetransport": ("true",),
    "aws:sourceip": ("10.1.2.3",),
    "aws:tagkeys": ("color", "size"),
    "aws:useragent": ("Boto3/1.40",),
    "aws:username": ("alice",),
    "aws:vpcsourceip": ("2001:db8::1",),
    "s3:delimiter": ("",),
    "s3:existingobjecttag/Team": ("red",),
    "s3:max-keys": ("10",),
    "s3:prefix": ("home/alice/",),
    "s3:requestobjecttagkeys": (),
    "s3:x-amz-content-sha256": ("bWFu",),
}


def holds(operator: str, key: str, stated: Any, *, variables: bool = True) -> bool:
    block = {operator: {key: stated}}
    (one,) = conditions.parse(block, variables=variables, foreign=False)
    return one.holds(CONTEXT.get)


@pytest.mark.parametrize(
    ("operator", "key", "stated", "wanted"),
    [
        ("StringEquals", "s3:prefix", "home/alice/", True),
        ("StringEquals", "s3:prefix", "HOME/alice/", False),
        ("StringEquals", "s3:prefix", "home/*", False),
        ("StringEquals", "s3:prefix", ["x", "home/${aws:username}/"], True),
        ("StringEquals", "s3:delimiter", "", True),
        ("StringNotEquals", "s3:prefix", "x", True),
        ("StringNotEquals", "s3:prefix", ["x", "home/alice/"], False),
        ("StringEqualsIgnoreCase", "s3:prefix", "HOME/${aws:UserName}/", True),
        ("StringEqualsIgnoreCase", "s3:prefix", "HOME/*/", False),
        ("StringNotEqualsIgnoreCase", "s3:prefix", "HOME/ALICE/", False),
        ("StringLike", "s3:prefix", "home/*", True),
        ("StringLike", "s3:prefix", "home/?lice/", True),
        ("StringLike", "s3:prefix", "home", False),
        ("StringNotLike", "s3:prefix", ["x*", "home*"], False),
        ("StringNotLike", "s3:prefix", "Home*", True),
        ("NumericEquals", "s3:max-keys", "10", True),
        ("NumericEquals", "s3:max-keys", ["9", "10.0"], True),
        ("NumericEquals", "s3:max-keys", "+10.5", False),
        ("NumericNotEquals", "s3:max-keys", ["9", "11"], True),
        ("NumericNotEquals", "s3:max-keys", ["9", "10"], False),
        ("NumericLessThan", "s3:max-keys", "10", False),
        ("NumericLessThan", "s3:max-keys", "10.01", True),
        ("NumericLessThanEquals", "s3:max-keys", "10", True),
        ("NumericLessThanEquals", "s3:max-keys", "9", False),
        ("NumericGreaterThan", "s3:max-keys", "10", False),
        ("NumericGreaterThan", "s3:max-keys", "-10", True),
        ("NumericGreaterThanEquals", "s3:max-keys", "10", True),
        ("NumericGreaterThanEquals", "s3:max-keys", "11", False),
        ("NumericEquals", "s3:prefix", "1", False),
        ("NumericNotEquals", "s3:prefix", "1", True),
        ("NumericLessThan", "s3:delimiter", "1", False),
        ("DateEquals", "aws:CurrentTime", "2026-03-04T05:06:07Z", True),
        ("DateEquals", "aws:CurrentTime", "2026-03-04T06:06:07+01:00", True),
        ("DateEquals", "aws:CurrentTime", "2026-03-04T00:06:07.000-05:00", True),
        ("DateEquals", "aws:CurrentTime", "1772600767", True),
        ("DateEquals", "aws:EpochTime", "2026-03-04T05:06:07Z", True),
        ("DateNotEquals", "aws:CurrentTime", "2026-03-04T05:06:07.5Z", True),
        ("DateLessThan", "aws:CurrentTime", "2026-03-04T05:07Z", True),
        ("DateLessThan", "aws:CurrentTime", "2026-03-04", False),
        ("DateLessThanEquals", "aws:CurrentTime", "2026-03-04T05:06:07Z", True),
        ("DateGreaterThan", "aws:CurrentTime", "2026-03", True),
        ("DateGreaterThan", "aws:CurrentTime", "2026", True),
        ("DateGreaterThan", "aws:CurrentTime", "2027", False),
        ("DateGreaterThanEquals", "aws:CurrentTime", "2026-03-05", False),
        ("DateGreaterThan", "aws:EpochTime", "-1", True),
        ("NumericGreaterThan", "aws:EpochTime", "1772600766", True),
        ("DateLessThan", "s3:prefix", "9999-12-31", False),
        ("Bool", "aws:SecureTransport", "true", True),
        ("Bool", "aws:SecureTransport", "True", True),
        ("Bool", "aws:SecureTransport", True, True),
        ("Bool", "aws:SecureTransport", False, False),
        ("Bool", "aws:SecureTransport", ["false", "true"], True),
        ("Bool", "aws:SecureTransport", "${aws:SecureTransport}", True),
        ("BinaryEquals", "s3:x-amz-content-sha256", "bWFu", True),
        ("BinaryEquals", "s3:x-amz-content-sha256", ["", "bWE="], False),
        ("BinaryEquals", "s3:prefix", "bWFu", False),
        ("IpAddress", "aws:SourceIp", "10.0.0.0/8", True),
        ("IpAddress", "aws:SourceIp", "10.1.2.3", True),
        ("IpAddress", "aws:SourceIp", "10.1.2.4", False),
        ("IpAddress", "aws:SourceIp", "10.9.9.9/8", True),
        ("IpAddress", "aws:SourceIp", ["192.168.0.0/16", "10.1.2.0/30"], True),
        ("IpAddress", "aws:SourceIp", "0.0.0.0/0", True),
        ("IpAddress", "aws:SourceIp", "::ffff:10.0.0.0/104", True),
        ("IpAddress", "aws:SourceIp", "::ffff:10.1.2.3", True),
        ("IpAddress", "aws:SourceIp", "::/0", False),
        ("IpAddress", "aws:VpcSourceIp", "2001:DB8::/32", True),
        ("IpAddress", "aws:VpcSourceIp", "2001:db9::/32", False),
        ("IpAddress", "aws:VpcSourceIp", "0.0.0.0/0", False),
        ("IpAddress", "aws:VpcSourceIp", "::/0", True),
        ("NotIpAddress", "aws:SourceIp", ["192.168.0.0/16", "11.0.0.0/8"], True),
        ("NotIpAddress", "aws:SourceIp", ["192.168.0.0/16", "10.0.0.0/8"], False),
        ("IpAddress", "s3:prefix", "0.0.0.0/0", False),
        ("ArnEquals", "aws:PrincipalArn", "arn:aws:iam::*:user/alice", True),
        ("ArnLike", "aws:PrincipalArn", "arn:aws:iam::1:user/${aws:username}", True),
        ("ArnLike", "aws:PrincipalArn", "arn:aws:iam::2:user/*", False),
        ("ArnNotEquals", "aws:PrincipalArn", "arn:aws:iam::1:user/a*", False),
        ("ArnNotLike", "aws:PrincipalArn", "arn:aws:iam::1:user/b*", True),
        ("Null", "s3:prefix", "false", True),
        ("Null", "s3:prefix", "true", False),
        ("Null", "s3:versionid", True, True),
        ("Null", "s3:versionid", "false", False),
        ("Null", "s3:RequestObjectTagKeys", "true", True),
        ("Null", "s3:prefix", ["true", "false"], True),
    ],
)
def test_operators(operator: str, key: str, stated: Any, wanted: bool) -> None:
    assert holds(operator, key, stated) == wanted


@pytest.mark.parametrize(
    ("operator", "wanted"),
    [
        ("StringEquals", False),
        ("StringLike", False),
        ("ArnLike", False),
        ("NumericLessThan", False),
        ("DateGreaterThan", False),
        ("IpAddress", False),
        ("Bool", False),
        ("BinaryEquals", False),
        ("StringNotEquals", True),
        ("StringNotEqualsIgnoreCase", True),
        ("StringNotLike", True),
        ("NumericNotEquals", True),
        ("DateNotEquals", True),
        ("NotIpAddress", True),
        ("ArnNotEquals", True),
        ("ArnNotLike", True),
        ("StringEqualsIfExists", True),
        ("StringNotEqualsIfExists", True),
        ("BoolIfExists", True),
        ("ForAllValues:StringEquals", True),
        ("ForAllValues:StringNotEquals", True),
        ("ForAnyValue:StringEquals", False),
        ("ForAnyValue:StringNotEquals", False),
        ("ForAnyValue:StringEqualsIfExists", True),
        ("ForAllValues:StringLikeIfExists", True),
    ],
)
@pytest.mark.parametrize("key", ["s3:versionid", "s3:RequestObjectTagKeys"])
def test_keys_without_values(operator: str, wanted: bool, key: str) -> None:
    stated = {"Arn": "arn:aws:s3:::b", "Num": "1", "Dat": "2026", "IpA": "::", "Not": "::"}
    stated |= {"Boo": "true", "Bin": "bWFu"}
    assert holds(operator, key, stated.get(operator[:3], "x")) == wanted


@pytest.mark.parametrize(
    ("operator", "stated", "wanted"),
    [
        ("StringEquals", "color", True),
        ("StringEquals", "shape", False),
        ("StringNotEquals", "color", False),
        ("StringNotEquals", "shape", True),
        ("ForAnyValue:StringEquals", "color", True),
        ("ForAnyValue:StringEquals", ["shape", "x"], False),
        ("ForAnyValue:StringNotEquals", "color", True),
        ("ForAnyValue:StringNotEquals", ["color", "size"], False),
        ("ForAllValues:StringEquals", "color", False),
        ("ForAllValues:StringEquals", ["color", "size", "shape"], True),
        ("ForAllValues:StringLike", "*", True),
        ("ForAllValues:StringNotEquals", "color", False),
        ("ForAllValues:StringNotEquals", "shape", True),
        ("ForAllValues:StringEqualsIfExists", "color", False),
    ],
)
def test_several_values_of_the_request(operator: str, stated: Any, wanted: bool) -> None:
    assert holds(operator, "aws:TagKeys", stated) == wanted


def test_if_exists_asks_what_is_there() -> None:
    assert not holds("StringEqualsIfExists", "s3:prefix", "x")
    assert holds("StringEqualsIfExists", "s3:prefix", "home/alice/")
    assert not holds("StringNotEqualsIfExists", "s3:prefix", "home/alice/")


def test_a_variable_without_a_value_is_like_nothing() -> None:
    assert not holds("StringEquals", "s3:prefix", "${s3:versionid}")
    assert holds("StringNotEquals", "s3:prefix", "${s3:versionid}")
    assert not holds("StringLike", "s3:prefix", "*${s3:versionid}")
    assert holds("StringEquals", "s3:prefix", "${s3:versionid, 'home/alice/'}")


def test_keys_have_no_case_and_tags_have() -> None:
    assert holds("StringEquals", "S3:PREFIX", "home/alice/")
    assert holds("StringEquals", "S3:existingOBJECTtag/Team", "red")
    assert not holds("StringEquals", "s3:ExistingObjectTag/team", "red")


def test_all_keys_and_operators_must_hold() -> None:
    block = {
        "StringLike": {"s3:prefix": "home*", "aws:username": "b*"},
        "Null": {"s3:prefix": False},
    }
    first, second, third = conditions.parse(block, variables=True, foreign=False)
    assert [one.holds(CONTEXT.get) for one in (first, second, third)] == [True, False, True]


def test_what_is_asked_for_is_known() -> None:
    block = {"StringLike": {"s3:Prefix": "${aws:UserName}/${s3:ExistingObjectTag/Team}"}}
    (one,) = conditions.parse(block, variables=True, foreign=False)
    assert one.asks == {"s3:prefix", "aws:username", "s3:existingobjecttag/Team"}
    (one,) = conditions.parse(block, variables=False, foreign=False)
    assert one.asks == {"s3:prefix"}


@pytest.mark.parametrize(
    ("operator", "stated"),
    [
        ("NumericEquals", "abc"),
        ("NumericEquals", ""),
        ("NumericEquals", "nan"),
        ("NumericEquals", "1e3"),
        ("NumericEquals", "1_0"),
        ("NumericEquals", "٣"),
        ("NumericEquals", ["1", "x"]),
        ("NumericEquals", "${aws:EpochTime}"),
        ("DateEquals", "yesterday"),
        ("DateEquals", "2026-13-01"),
        ("DateEquals", "2026-02-30"),
        ("DateEquals", "2026-03-04T05:06:07"),
        ("DateEquals", "2026-03-04T25:06Z"),
        ("DateEquals", "0000"),
        ("DateEquals", "${aws:CurrentTime}"),
        ("Bool", "yes"),
        ("Bool", ""),
        ("BinaryEquals", "a"),
        ("BinaryEquals", "é"),
        ("BinaryEquals", "bWFu\n"),
        ("IpAddress", "123"),
        ("IpAddress", "10.0.0.0/33"),
        ("IpAddress", "10.0.0/8"),
        ("IpAddress", "10.0.0.0/255.0.0.0"),
        ("IpAddress", "2001:db8::/129"),
        ("IpAddress", "fe80::1%eth0"),
        ("IpAddress", "10.0.0.*"),
        ("IpAddress", "${aws:SourceIp}"),
        ("NotIpAddress", ""),
        ("ArnLike", "alice"),
        ("ArnEquals", "*"),
        ("Null", "yes"),
        ("Null", "${aws:SecureTransport}"),
        ("StringEquals", []),
        ("StringEquals", None),
        ("StringEquals", {"a": "b"}),
        ("StringEquals", [["a"]]),
        ("StringEquals", ["a", None]),
        ("StringLike", "${aws:username"),
    ],
)
def test_values_that_an_operator_cannot_use(operator: str, stated: Any) -> None:
    with pytest.raises(MalformedPolicy):
        holds(operator, "aws:userid", stated)


@pytest.mark.parametrize(
    "operator",
    [
        "",
        "stringequals",
        "StringEqual",
        "StringEqualsIfExist",
        "IfExistsStringEquals",
        "NullIfExists",
        "ForAllValues:Null",
        "ForAllValues",
        "ForAllValues:",
        "forAnyValue:StringEquals",
        "ForAnyValue:ForAnyValue:StringEquals",
        ":StringEquals",
        "NumericNotLessThan",
        "BinaryNotEquals",
        "BoolIfExistsIfExists",
    ],
)
def test_unknown_operators(operator: str) -> None:
    with pytest.raises(MalformedPolicy, match=r"^Invalid Condition type : "):
        holds(operator, "aws:userid", "true")


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/",
        "aws:PrincipalTag",
        "aws:SourceIpp",
        "kms:ViaService",
        "prefix",
        "s3:",
        "s3:ExistingObjectTag",
        "s3:ExistingObjectTag/",
        "s3:VersionStatus",
        "s3:prefix/x",
    ],
)
def test_unknown_keys(key: str) -> None:
    with pytest.raises(MalformedPolicy, match="Policy has an invalid condition key"):
        holds("StringEquals", key, "x")


@pytest.mark.parametrize(
    ("key", "good"),
    [
        ("kms:ViaService", True),
        ("sts:authentication", True),
        ("saml:aud", True),
        ("graph.facebook.com:id", True),
        ("s3:VersionStatus", False),
        ("AWS:Nothing", False),
        ("nothing", False),
        (":x", False),
    ],
)
def test_keys_of_other_services_may_be_allowed(key: str, good: bool) -> None:
    block = {"StringEquals": {key: "x"}}
    if good:
        (one,) = conditions.parse(block, variables=True, foreign=True)
        assert not one.holds(CONTEXT.get)
    else:
        with pytest.raises(MalformedPolicy):
            conditions.parse(block, variables=True, foreign=True)


@pytest.mark.parametrize(
    "text", ["10.1.2", "256.0.0.1", "", "10.1.2.3/8", "fe80::1%eth0", "x" * 5000, "\ud800"]
)
def test_addresses_that_are_none_are_in_no_range(text: str) -> None:
    block = {"IpAddress": {"aws:SourceIp": ["0.0.0.0/0", "2001:db8::/32"]}}
    (one,) = conditions.parse(block, variables=True, foreign=False)
    assert not one.holds({"aws:sourceip": (text,)}.get)


def test_mapped_addresses_of_clients_are_those_of_ipv4() -> None:
    block = {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}
    (one,) = conditions.parse(block, variables=True, foreign=False)
    assert one.holds({"aws:sourceip": ("::ffff:10.1.2.3",)}.get)
    assert not one.holds({"aws:sourceip": ("::10.1.2.3",)}.get)


@pytest.mark.parametrize(
    "block", [None, [], "StringEquals", {"StringEquals": None}, {"StringEquals": ["s3:prefix"]}]
)
def test_blocks_that_are_none(block: Any) -> None:
    with pytest.raises(MalformedPolicy):
        conditions.parse(block, variables=True, foreign=False)


def test_no_condition_at_all() -> None:
    assert conditions.parse({}, variables=True, foreign=False) == ()
    assert conditions.parse({"StringEquals": {}}, variables=True, foreign=False) == ()
