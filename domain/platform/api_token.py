"""An API token: by it a program comes in as one of us, and reaches no farther than its scopes."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Final, Self
from uuid import UUID

from domain.aggregate import Aggregate
from domain.parameters import Actor, HashOfSecret, Moment, NewSecret, Reach, command
from domain.platform.user import User
from domain.rights import EVERYTHING, Scope, Theirs
from domain.scopes import reaches, why_not

SCOPES: Final = "how far it reaches at most: read, sales.*, sales.sell …; * is all that its user may"
TEXT: Final = "daybook_{id}_{secret}"
EXPIRES: Final = "until when it holds; for ever if left out"


class ApiToken(Aggregate):
    needs = "platform.tokens"

    user_id: UUID
    name: str
    scopes: frozenset[str]
    secret_hash: str
    expires_at: datetime | None
    last_used_on: date | None = None
    revoked: bool = False

    class Made(Aggregate.Created):
        user_id: UUID
        owner_id: UUID
        name: str
        scopes: frozenset[str]
        secret_hash: str
        expires_at: datetime | None

    class Renamed(Aggregate.Event):
        name: str

    class Used(Aggregate.Event):
        last_used_on: date

    class Revoked(Aggregate.Event):
        revoked: bool = True

    @classmethod
    @command
    def make(
        cls,
        name: Annotated[str, "what it is for"],
        by: Actor,
        reach: Reach,
        now: Moment,
        secret_hash: Annotated[HashOfSecret, NewSecret(TEXT)],
        scopes: Annotated[frozenset[str], SCOPES] = frozenset({EVERYTHING}),
        expires_at: Annotated[datetime | None, EXPIRES] = None,
    ) -> Self:
        """Make a token by which a program comes in as you. Its text is told once, and kept nowhere."""
        return cls._made(by, name, reach, now, secret_hash, scopes, expires_at)

    @classmethod
    @command(needs="platform.rights")
    def make_for(
        cls,
        user: User,
        name: Annotated[str, "what it is for"],
        reach: Reach,
        now: Moment,
        rights: Theirs,
        secret_hash: Annotated[HashOfSecret, NewSecret(TEXT)],
        scopes: Annotated[frozenset[str], SCOPES] = frozenset({EVERYTHING}),
        expires_at: Annotated[datetime | None, EXPIRES] = None,
    ) -> Self:
        """Make a token by which a program comes in as somebody else, as only who may do everything can. Its text is
        told once, and kept nowhere."""
        cls.require(rights.reach(EVERYTHING) is Scope.ALL, "only who may do everything makes tokens for others")
        return cls._made(user.id, name, reach, now, secret_hash, scopes, expires_at)

    @command
    def rename(self, name: Annotated[str, "what it is for"]) -> None:
        """Say otherwise what it is for."""
        self.trigger_event(self.Renamed, name=name)

    @command(inner=True)
    def note_use(self, now: Moment) -> None:
        """Somebody came in with it. Of a day that is recorded once."""
        if self.last_used_on != now.date():
            self.trigger_event(self.Used, last_used_on=now.date())

    @command
    def revoke(self) -> None:
        """Let it hold no more, for ever."""
        self.require(not self.revoked, "this token is revoked already")
        self.trigger_event(self.Revoked)

    @property
    def usable(self) -> bool:
        return super().usable and not self.revoked

    @classmethod
    def _made(
        cls,
        user_id: UUID,
        name: str,
        reach: frozenset[str] | None,
        now: datetime,
        secret_hash: str,
        scopes: frozenset[str],
        expires_at: datetime | None,
    ) -> Self:
        cls.require(bool(scopes), "a token reaches something: name a scope", "scopes")
        for scope in sorted(scopes):
            cls.require((wrong := why_not(scope)) is None, wrong, "scopes")
            farther = f"{scope} is more than the token by which you came reaches"
            cls.require(reaches(reach, scope), farther, "scopes")
        cls.require(expires_at is None or expires_at > now, "this is over already", "expires_at")
        return cls._create(
            cls.Made,
            user_id=user_id,
            owner_id=user_id,
            name=name,
            scopes=scopes,
            secret_hash=secret_hash,
            expires_at=expires_at,
        )
