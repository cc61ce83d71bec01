"""CORS configurations: whether a request from another origin is allowed, and what it is told. Pure.

A rule matches if one of its origins, its methods and, of a preflight, every requested header do;
the first rule that matches answers.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html
"""

from collections.abc import Iterable, Sequence

from metastore.records import CorsRule
from ocean.errors import AccessForbidden, BadRequest, InvalidRequest, MalformedXML

METHODS = frozenset({"DELETE", "GET", "HEAD", "POST", "PUT"})
MAX_RULES = 100
VARY = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"


def check(rules: Sequence[CorsRule]) -> None:
    """Raise MalformedXML or InvalidRequest for a configuration that S3 would not take."""
    if not 1 <= len(rules) <= MAX_RULES:
        raise MalformedXML
    for rule in rules:
        _check_rule(rule)


def _check_rule(rule: CorsRule) -> None:
    if not rule.allowed_origins or not rule.allowed_methods or len(rule.id or "") > 255:
        raise MalformedXML
    for method in rule.allowed_methods:
        if method not in METHODS:
            raise InvalidRequest(
                f"Found unsupported HTTP method in CORS config. Unsupported method is {method}"
            )
    for text in (*rule.allowed_origins, *rule.allowed_headers, *rule.expose_headers):
        if not text.isprintable():  # each may become part of an answer's head
            raise InvalidRequest("A CORS rule has characters that a header cannot carry.")
    _check_wildcards("AllowedOrigin", rule.allowed_origins)
    _check_wildcards("AllowedHeader", rule.allowed_headers)
    for header in rule.expose_headers:
        if "*" in header:
            raise InvalidRequest(
                f'ExposeHeader "{header}" contains wildcard. We currently do not support wildcard '
                "for ExposeHeader."
            )
    if rule.max_age_seconds is not None and rule.max_age_seconds < 0:
        raise MalformedXML


def _check_wildcards(name: str, patterns: Iterable[str]) -> None:
    for pattern in patterns:
        if pattern.count("*") > 1:
            raise InvalidRequest(f'{name} "{pattern}" can not have more than one wildcard.')


def matches(pattern: str, text: str) -> bool:
    """Whether `text` is the pattern with its one `*` replaced by any text."""
    start, star, end = pattern.partition("*")
    if not star:
        return text == pattern
    return len(text) >= len(start) + len(end) and text.startswith(start) and text.endswith(end)


def actual(rules: Iterable[CorsRule], *, origin: str, method: str) -> dict[str, str]:
    """The headers added to the answer of a request with an Origin; none if no rule matches."""
    for rule in rules:
        allowed = _origin(rule, origin)
        if allowed and method in rule.allowed_methods:
            return _answer(rule, origin, allowed)
    return {}


def preflight(
    rules: Iterable[CorsRule], *, origin: str | None, method: str | None, headers: str | None
) -> dict[str, str]:
    """The headers of the answer to OPTIONS; AccessForbidden if no rule matches.

    The arguments are the headers Origin, Access-Control-Request-Method and -Headers.
    """
    if not origin:
        raise BadRequest("Insufficient information. Origin request header needed.")
    if not method or method not in METHODS:
        raise BadRequest(f"Invalid Access-Control-Request-Method: {method or 'null'}")
    wanted = [one for one in (name.strip().lower() for name in (headers or "").split(",")) if one]
    for rule in rules:
        allowed = _origin(rule, origin)
        if allowed and method in rule.allowed_methods and _allows_headers(rule, wanted):
            answer = _answer(rule, origin, allowed)
            if wanted:
                answer["access-control-allow-headers"] = ", ".join(wanted)
            return answer
    raise AccessForbidden


def _origin(rule: CorsRule, origin: str) -> str | None:
    """The rule's origin that matches."""
    return next((one for one in rule.allowed_origins if matches(one, origin)), None)


def _allows_headers(rule: CorsRule, wanted: list[str]) -> bool:
    patterns = [pattern.lower() for pattern in rule.allowed_headers]
    return all(any(matches(pattern, name) for pattern in patterns) for name in wanted)


def _answer(rule: CorsRule, origin: str, allowed: str) -> dict[str, str]:
    answer = {
        "access-control-allow-origin": "*" if allowed == "*" else origin,
        "access-control-allow-methods": ", ".join(rule.allowed_methods),
        "vary": VARY,
    }
    if allowed != "*":
        answer["access-control-allow-credentials"] = "true"
    if rule.expose_headers:
        answer["access-control-expose-headers"] = ", ".join(rule.expose_headers)
    if rule.max_age_seconds is not None:
        answer["access-control-max-age"] = str(rule.max_age_seconds)
    return answer
