"""The admin API of identity policies and groups."""

import re

from gateway.admin.answers import Route, json_answer
from gateway.admin.shapes import GroupDetails, GroupShown, PolicyShown, UserShown
from gateway.http import Response
from ocean import errors
from ocean.identity import naming
from ocean.identity.identities import Identities
from ocean.identity.policies import Policies
from ocean.identity.records import Account


class PoliciesApi:
    """Handlers by route. Only root attaches to operators and detaches from them, as with keys."""

    def __init__(self, policies: Policies, identities: Identities) -> None:
        self._policies = policies
        self._identities = identities
        policy = "/v1/policies/(?P<policy>[^/]+)"
        of_user = "/v1/users/(?P<user>[^/]+)/policies/(?P<policy>[^/]+)"
        group = "/v1/groups/(?P<group>[^/]+)"
        of_group = f"{group}/policies/(?P<policy>[^/]+)"
        member = f"{group}/members/(?P<user>[^/]+)"
        self.routes: list[Route] = [
            ("GET", re.compile("/v1/policies"), self._list),
            ("GET", re.compile(policy), self._show),
            ("PUT", re.compile(policy), self._put),
            ("DELETE", re.compile(policy), self._delete),
            ("PUT", re.compile(of_user), self._attach),
            ("DELETE", re.compile(of_user), self._detach),
            ("GET", re.compile("/v1/groups"), self._list_groups),
            ("GET", re.compile(group), self._show_group),
            ("PUT", re.compile(group), self._create_group),
            ("DELETE", re.compile(group), self._delete_group),
            ("PUT", re.compile(of_group), self._attach_to_group),
            ("DELETE", re.compile(of_group), self._detach_from_group),
            ("PUT", re.compile(member), self._add_member),
            ("DELETE", re.compile(member), self._remove_member),
        ]

    async def _list(self, _by: Account, _body: bytes, _query: dict[str, str]) -> Response:
        return json_answer({"policies": PolicyShown.all(await self._policies.book())})

    async def _show(
        self, _by: Account, _body: bytes, _query: dict[str, str], policy: str
    ) -> Response:
        """The document, byte for byte as it was put."""
        text = await self._policies.get(policy)
        return Response(200, {"Content-Type": "application/json"}, text.encode())

    async def _put(
        self, _by: Account, body: bytes, _query: dict[str, str], policy: str
    ) -> Response:
        try:
            text = body.decode()
        except UnicodeDecodeError as error:
            raise errors.MalformedPolicy("This policy contains invalid Json") from error
        await self._policies.put(policy, text)
        return json_answer({"name": policy})

    async def _delete(
        self, _by: Account, _body: bytes, _query: dict[str, str], policy: str
    ) -> Response:
        await self._policies.delete(policy)
        return json_answer({"name": policy})

    async def _attach(
        self, by: Account, _body: bytes, _query: dict[str, str], user: str, policy: str
    ) -> Response:
        await self._check_may_change(by, user)
        return json_answer(UserShown.of(await self._policies.attach(user, policy)))

    async def _detach(
        self, by: Account, _body: bytes, _query: dict[str, str], user: str, policy: str
    ) -> Response:
        await self._check_may_change(by, user)
        return json_answer(UserShown.of(await self._policies.detach(user, policy)))

    async def _list_groups(self, _by: Account, _body: bytes, _query: dict[str, str]) -> Response:
        groups = (await self._policies.book()).groups
        return json_answer({"groups": [GroupShown(*one) for one in sorted(groups.items())]})

    async def _show_group(
        self, _by: Account, _body: bytes, _query: dict[str, str], group: str
    ) -> Response:
        policies, members = await self._policies.group(group)
        return json_answer(GroupDetails(group, policies, members))

    async def _create_group(
        self, _by: Account, _body: bytes, _query: dict[str, str], group: str
    ) -> Response:
        await self._policies.create_group(group)
        return json_answer({"name": group}, 201)

    async def _delete_group(
        self, _by: Account, _body: bytes, _query: dict[str, str], group: str
    ) -> Response:
        await self._policies.delete_group(group)
        return json_answer({"name": group})

    async def _attach_to_group(
        self, _by: Account, _body: bytes, _query: dict[str, str], group: str, policy: str
    ) -> Response:
        attached = await self._policies.attach_to_group(group, policy)
        return json_answer(GroupShown(group, attached))

    async def _detach_from_group(
        self, _by: Account, _body: bytes, _query: dict[str, str], group: str, policy: str
    ) -> Response:
        attached = await self._policies.detach_from_group(group, policy)
        return json_answer(GroupShown(group, attached))

    async def _add_member(
        self, by: Account, _body: bytes, _query: dict[str, str], group: str, user: str
    ) -> Response:
        await self._check_may_change(by, user)
        return json_answer(UserShown.of(await self._policies.add_member(group, user)))

    async def _remove_member(
        self, by: Account, _body: bytes, _query: dict[str, str], group: str, user: str
    ) -> Response:
        await self._check_may_change(by, user)
        return json_answer(UserShown.of(await self._policies.remove_member(group, user)))

    async def _check_may_change(self, by: Account, user: str) -> None:
        """AccessDenied for an operator to whom only root gives."""
        naming.check_name(user)
        account = await self._identities.account(user)
        if account is not None and account.operator and not by.root:
            raise errors.AccessDenied("only root changes policies and groups of operators")
