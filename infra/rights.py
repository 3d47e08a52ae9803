"""Who may see and do what: folded from the events of users, their roles and their teams, now or at any position.

It is made of the history and not of views: that a view is built anew never changes who may see what.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from threading import Lock
from time import monotonic
from typing import Final, cast
from uuid import UUID

from domain.aggregate import Aggregate
from domain.command import Request
from domain.platform.role import Role
from domain.platform.team import Team
from domain.platform.user import User
from domain.rights import EVERYTHING, Rights, Scope, reach, seen_by
from domain.scopes import reaches
from infra.event_store import EventStore
from infra.pipeline import copied
from projections.catalogue import VIEWS, to_see
from projections.masks import masked, names_of
from projections.view import View

DAYBOOK: Final = UUID(int=0)
"""The actor of what Daybook does by itself: the first user is added by nobody else."""

REMEMBERED: Final = 3.0
"""Seconds after which rights are looked at again: so long may be done what another process withdrew."""

OF: Final = frozenset({"User", "Role", "Team"})
"""The kinds of aggregates that rights are made of."""

TOLD: Final = """
    select position, originator_id, originator_version, topic, schema_version, occurred_at, state from events
    where split_part(topic, '.', 1) in ('User', 'Role', 'Team')
      and position > %(after)s and position <= coalesce(%(until)s, 9223372036854775807)
    order by position"""

OWNED: Final = {view.of.__name__: view.owner for view in VIEWS if view.owner and not view.key}
"""The kinds of which somebody may see some and not others, with the attribute that names whose each is."""


@dataclass(frozen=True)
class RoleRights:
    """What one role permits, how far, and which attributes it hides."""

    grants: Mapping[str, Scope]
    hidden: frozenset[str]


@dataclass(frozen=True)
class UserRights:
    """What somebody may see and do: all that any of their roles permits, as far as it permits it.

    An attribute is shown where one of the roles shows it in every row that they see; and what is personal where
    `<context>.personal` reaches as far as `<context>.see`.
    """

    user_id: UUID
    roles: tuple[RoleRights, ...] = ()
    team: frozenset[UUID] = frozenset()
    """Themselves, and whoever is in a team that they are in, or lead."""
    _columns: dict[type[View], frozenset[str]] = field(default_factory=dict, compare=False, repr=False)
    _reached: dict[str, Scope | None] = field(default_factory=dict, compare=False, repr=False)

    def reach(self, permission: str) -> Scope | None:
        """How far a permission reaches; None where they do not have it."""
        if permission not in self._reached:
            found = (scope for role in self.roles if (scope := reach(role.grants, permission)))
            self._reached[permission] = max(found, key=lambda scope: scope.rank, default=None)
        return self._reached[permission]

    def may(self, permission: str) -> bool:
        """Whether they have a permission, upon whichever rows."""
        return self.reach(permission) is not None

    def owners(self, permission: str) -> Collection[UUID] | None:
        """Upon whose rows they have a permission; None: all."""
        match self.reach(permission):
            case Scope.ALL:
                return None
            case Scope.TEAM:
                return self.team | {self.user_id}
            case Scope.OWN:
                return (self.user_id,)
        return ()

    def sees(self, view: type[View]) -> Collection[UUID] | None:
        """Whose rows of a view they see; None: all. What is nobody's in particular is seen by all who may see any."""
        holder = view.within or view
        owners = self.owners(holder.needs)
        return owners if holder.owner or owners == () else None

    def hides(self, view: type[View], column: str) -> bool:
        """Whether a column is hidden from them."""
        if view not in self._columns:
            self._columns[view] = frozenset(self._hidden_of(view))
        return column in self._columns[view]

    def allows(self, permission: str, subject: Aggregate | None) -> bool:
        """Whether they may do it to this one; without one, at all."""
        owners = self.owners(permission)
        if owners is None or owners == ():
            return owners is None
        owner = OWNED.get(type(subject).__name__)
        return subject is None or owner is None or getattr(subject, owner) in owners

    @cached_property
    def hidden(self) -> frozenset[str]:
        """The attributes that are hidden from them in what they see, but for what is personal."""
        every = frozenset[str]().union(*(role.hidden for role in self.roles))
        return frozenset(name for name in every if self._hides(name, seen_by(name)))

    def _hidden_of(self, view: type[View]) -> Iterator[str]:
        holder = view.within or view
        far, personal = self.reach(holder.needs), self.reach(f"{holder.needs.partition('.')[0]}.personal")
        without = far is not None and (personal is None or personal.rank < far.rank)
        for column, names in names_of(view).items():
            if far is None or (without and column in masked(view)) or any(self._hides(n, holder.needs) for n in names):
                yield column

    def _hides(self, name: str, needs: str) -> bool:
        """Whether no role shows an attribute in every row that they see."""
        far = self.reach(needs)
        return far is not None and all(name in r.hidden for r in self.roles if reach(r.grants, needs) is far)


ALL: Final = (RoleRights({EVERYTHING: Scope.ALL}, frozenset()),)


@dataclass(frozen=True)
class People:
    """All users, roles and teams as they were at a position. Values: nobody changes what is in it."""

    position: int = 0
    known: Mapping[UUID, Aggregate] = field(default_factory=dict)
    _rights: dict[UUID, UserRights] = field(default_factory=dict, compare=False, repr=False)

    def after(self, told: Iterable[tuple[int, Aggregate.Event]]) -> People:
        """The same after more events."""
        position, known, mine = self.position, dict(self.known), set[UUID]()
        for at, event in told:
            id = event.originator_id
            if id in known and id not in mine:
                known[id] = copied(known[id])
            mine.add(id)
            position, known[id] = at, cast(Aggregate, event.mutate(known.get(id)))
        return People(position, known)

    def rights(self, user_id: UUID) -> UserRights:
        """What somebody may see and do; nothing, if they do not work here."""
        if user_id not in self._rights:
            self._rights[user_id] = self._made(user_id)
        return self._rights[user_id]

    def governors(self) -> Iterator[tuple[UUID, UUID]]:
        """Who may do everything, and by which role."""
        for user in self.known.values():
            if isinstance(user, User) and user.usable:
                yield from ((user.id, role.id) for role in self.roles(user) if role.governs)

    def roles(self, user: User) -> list[Role]:
        """The roles of a user that hold."""
        found = (self.known.get(role_id) for role_id in user.roles)
        return [role for role in found if isinstance(role, Role) and role.usable]

    def _made(self, user_id: UUID) -> UserRights:
        user = self.known.get(user_id)
        if user_id == DAYBOOK:
            return UserRights(DAYBOOK, ALL)
        if not isinstance(user, User) or not user.usable:
            return UserRights(user_id)
        roles = tuple(RoleRights(role.scopes, role.hidden) for role in self.roles(user))
        teams = (t for t in self.known.values() if isinstance(t, Team) and t.usable)
        mine = (t for t in teams if user_id in t.members or t.lead_id == user_id)
        members = {id for team in mine for id in (*team.members, team.lead_id) if id}
        return UserRights(user_id, roles, frozenset({user_id} | members))


class Directory:
    """Who may do what now, kept in memory, and before. Used from any thread."""

    def __init__(self, store: EventStore) -> None:
        self._store, self._lock = store, Lock()
        self._people, self._until, self._changes = People(), 0.0, 0

    @property
    def people(self) -> People:
        """Everybody as of some moment ago: at most of REMEMBERED, and of none in what this process recorded itself."""
        return self._people if monotonic() < self._until else self.refresh()

    def refresh(self) -> People:
        """Everybody as of now: what was recorded since the last look is added."""
        with self._lock:
            until, changes = monotonic() + REMEMBERED, self._changes
            if told := self._store.told(TOLD, {"after": self._people.position, "until": None}):
                self._people = self._people.after(told)
            self._until = until if self._changes == changes else 0.0
        return self._people

    def catch_up(self, user_id: UUID = DAYBOOK) -> None:
        """Look again, if rights have changed, were not looked at for long, or somebody has none yet."""
        if not self.people.rights(user_id).roles:
            self.refresh()

    def at(self, position: int) -> People:
        """Everybody as it was when the history ended at a position: who could see what then."""
        return People().after(self._store.told(TOLD, {"after": 0, "until": position}))

    def of(self, user_id: UUID) -> Policy:
        """What somebody may see, whenever it is asked."""
        return Policy(self, user_id)

    # -- for the command pipeline -----------------------------------------------------------------

    def allows(self, request: Request, permission: str, subject: Aggregate | None, /) -> bool:
        """Whether the actor may do it: at all, where there is no subject yet, or to this one."""
        return self.people.rights(request.actor).allows(permission, subject)

    def rights(self, request: Request, /) -> Rights:
        """What the actor has, and so may give: as of now, and no more than the token reaches by which they came."""
        rights = self.refresh().rights(request.actor)
        return rights if request.scopes is None else Reached(rights, request.scopes)

    def governors(self, without: UUID, role: UUID | None, /) -> list[tuple[UUID, UUID]] | None:
        """Who may do everything, and by which role, but for this one: a user (or, with a role, by that role) or a role.
        None where they are all the same without it.
        """
        every = [*self.refresh().governors()]
        others = [pair for pair in every if without not in pair or role not in (None, pair[1])]
        return others if len(others) < len(every) else None

    def keeps(self, request: Request, made: Aggregate, /) -> bool:
        """Whether what the actor made becomes theirs: else they would not see it."""
        scope = self.people.rights(request.actor).reach(to_see(type(made)))
        return OWNED.get(type(made).__name__) == "owner_id" and made.owner_id is None and scope is not Scope.ALL

    def recorded(self, kinds: Collection[str], /) -> None:
        """Rights are looked at again before they are used, if they may be others from now on."""
        if not OF.isdisjoint(kinds):
            self._changes, self._until = self._changes + 1, 0.0


@dataclass(frozen=True)
class Reached:
    """What somebody may give who came with a token of these scopes."""

    held: UserRights
    scopes: Collection[str]

    def reach(self, permission: str) -> Scope | None:
        return self.held.reach(permission) if reaches(self.scopes, permission) else None

    @property
    def hidden(self) -> frozenset[str]:
        return self.held.hidden


@dataclass(frozen=True)
class Policy:
    """What somebody may see, as of the moment of asking: what is withdrawn is gone from all that still runs."""

    directory: Directory
    user_id: UUID

    @property
    def now(self) -> UserRights:
        return self.directory.people.rights(self.user_id)

    def may(self, permission: str) -> bool:
        return self.now.may(permission)

    def reach(self, permission: str) -> Scope | None:
        return self.now.reach(permission)

    def sees(self, view: type[View]) -> Collection[UUID] | None:
        return self.now.sees(view)

    def hides(self, view: type[View], column: str) -> bool:
        return self.now.hides(view, column)
