"""Subjects: which of our users somebody is who comes with a token of an identity provider."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from domain.aggregate import Claim
from domain.command import Accepted, Outcome, Request
from domain.platform.team import Team
from domain.platform.user import User
from domain.values import Email
from infra.event_store import EventStore
from infra.identity import Caller, Identity
from infra.known import Known
from infra.oidc import LEEWAY, Provider
from infra.rights import DAYBOOK

MOST_SEEN: Final = 10_000
"""So many tokens are remembered of which the groups were looked at."""

log = logging.getLogger("daybook.oidc")


class Stranger(Exception):
    """The provider knows them, and we do not. Says why, for whoever comes."""


@dataclass(frozen=True)
class Login:
    """How an operator wants to let in whom the provider names.

    `system` is under which name their external ids are linked: the issuer. `email` and `groups` are claims; `adds`,
    whether who is not known is added.
    """

    system: str
    email: str
    groups: str
    adds: bool


class Subjects:
    """Users by the subject that a provider names: by their external id, or once by an address that it verified."""

    def __init__(
        self,
        provider: Provider,
        login: Login,
        store: EventStore,
        identity: Identity,
        run: Callable[[Request], Outcome],
    ) -> None:
        self._provider, self._login = provider, login
        self._store, self._identity, self._run = store, identity, run
        self._known = Known[Caller]()
        self._seen: OrderedDict[bytes, None] = OrderedDict()

    def caller(self, text: str) -> Caller | None:
        """Who comes with a token of the provider; None if it does not hold. Raises Over, Unanswered and Stranger."""
        if known := self.remembered(text):
            return known
        claims = self._provider.claims(text)
        if claims is None:
            return None
        user_id = self._user(claims)
        self._follow_groups(text, user_id, claims)
        ends = datetime.fromtimestamp(claims["exp"], UTC) + timedelta(seconds=LEEWAY)
        caller = self._identity.comes(user_id, f"oidc-{self._digest(claims)[:16]}", None, ends)
        if caller is None:
            raise Stranger("you do not work here any more: ask whoever manages users")
        self._known.put(text, caller, ends)
        return caller

    def remembered(self, text: str) -> Caller | None:
        """Who came with this token a moment ago: known without waiting for anything."""
        return self._known.get(text)

    def changed(self, ids: Collection[UUID]) -> None:
        """These users were changed: they are looked up again."""
        self._known.forget(lambda caller: caller.user_id in ids)

    def _user(self, claims: Mapping[str, Any]) -> UUID:
        linked = self._store.holder(Claim("User", f"external_ids.{self._login.system}", claims["sub"]))
        return linked or self._by_email(claims) or self._added(claims)

    def _by_email(self, claims: Mapping[str, Any]) -> UUID | None:
        """The user of an address that the provider verified; from now on known by the subject, whatever its address."""
        email = self._verified(claims)
        holder = email and self._store.holder(Claim("User", "email", str(email)))
        if not holder:
            return None
        user = self._store.aggregate(holder)
        if isinstance(user, User) and self._login.system in user.external_ids:
            raise Stranger("somebody else comes in with your address: ask whoever manages users")
        return holder if self._link(holder, claims) else None

    def _added(self, claims: Mapping[str, Any]) -> UUID:
        if not self._login.adds:
            raise Stranger("you are not known here: ask whoever manages users to add you")
        email, name = self._verified(claims), claims.get("name")
        named = name if isinstance(name, str) and name.strip() else email or claims["sub"]
        outcome = self._run(
            Request(
                command="User.add",
                actor=DAYBOOK,
                arguments={"name": named[:200], "email": email},
                idempotency_key=f"oidc {self._digest(claims)}",
                origin="oidc",
            )
        )
        if not isinstance(outcome, Accepted) or not self._link(outcome.changed[0].id, claims):
            raise Stranger("you cannot be added here: ask whoever manages users")
        return outcome.changed[0].id

    def _digest(self, claims: Mapping[str, Any]) -> str:
        """What stands for whom the token names: that may be a person's name, and no place of ours shows it."""
        return sha256(f"{self._login.system} {claims['sub']}".encode()).hexdigest()

    def _verified(self, claims: Mapping[str, Any]) -> Email | None:
        """The address, if the provider says that it is theirs."""
        if claims.get("email_verified") is not True:
            return None
        try:
            return Email(str(claims.get(self._login.email)))
        except ValueError:
            return None

    def _link(self, user_id: UUID, claims: Mapping[str, Any]) -> bool:
        told = {"system": self._login.system, "external_id": claims["sub"]}
        outcome = self._run(
            Request(command="User.link_external", actor=DAYBOOK, id=user_id, arguments=told, origin="oidc")
        )
        if not isinstance(outcome, Accepted):
            log.warning("user %s cannot be linked to the identity provider: %s", user_id, outcome.code)
        return isinstance(outcome, Accepted)

    def _follow_groups(self, text: str, user_id: UUID, claims: Mapping[str, Any]) -> None:
        """Who is in a group is in the team that is linked to it, and who is not is not. Looked at once per token."""
        groups, token = claims.get(self._login.groups), sha256(text.encode()).digest()
        if not isinstance(groups, list) or token in self._seen:
            return
        for team_id in self._store.holders("Team", f"external_ids.{self._login.system}"):
            team = self._store.aggregate(team_id)
            if not isinstance(team, Team):
                continue
            wanted = team.external_ids[self._login.system] in groups
            if wanted != (user_id in team.members):
                command = "Team.add_member" if wanted else "Team.remove_member"
                given = {"user_id": user_id}
                self._run(Request(command=command, actor=DAYBOOK, id=team_id, arguments=given, origin="oidc"))
        self._seen[token] = None
        if len(self._seen) > MOST_SEEN:
            self._seen.popitem(last=False)
