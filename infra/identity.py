"""Identity: who comes with which token of ours.

Tokens are aggregates. The table `tokens` holds those that belong to no history: the local token of an installation, and
what was made before there were others.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from hmac import compare_digest
from typing import Any, Final, Self
from uuid import UUID

from psycopg.rows import class_row

from domain.platform.api_token import ApiToken
from domain.platform.user import User
from domain.rights import EVERYTHING
from domain.values import id_text
from infra.database import SCHEMA, pool
from infra.event_store import EventStore
from infra.known import Known

TOKEN: Final = re.compile(r"daybook_([0-9a-f]{16}|[0-9a-f]{32})_([0-9a-f]{64})", re.ASCII)
"""Its id (that of an aggregate has 32 digits) and its secret."""

MADE: Final = """
    select originator_id, recorded_at from events where topic = 'ApiToken.Made' order by position desc"""


@dataclass(frozen=True)
class Caller:
    """Somebody who came with a token that holds, until when it does, and its scopes; None: they limit nothing."""

    user_id: UUID
    token_id: str
    scopes: frozenset[str] | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True)
class Token:
    """What is known of a token. `state` is valid, expired or revoked."""

    id: str
    name: str
    user_id: UUID
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked: bool
    last_used: date | None

    @property
    def state(self) -> str:
        if self.revoked:
            return "revoked"
        return "expired" if self.expires_at and self.expires_at <= datetime.now(UTC) else "valid"


Held = tuple[bytes, UUID, frozenset[str] | None, datetime | None]
"""Of a token that holds: the hash of its secret, whose it is, its scopes, and until when."""


class Identity:
    """Tokens and their users. Used from any thread."""

    def __init__(self, url: str, store: EventStore, schema: str = SCHEMA) -> None:
        self._pool = pool(url, schema, "identity", most=4)
        self._store = store
        self._known = Known[Caller]()

    def create(self, user_id: UUID, name: str, lasts: timedelta | None = None) -> str:
        """A new token that is in no history. Its text is told here once, and kept nowhere."""
        id, secret = secrets.token_hex(8), secrets.token_hex(32)
        self._run(
            """insert into tokens (id, secret_hash, user_id, name, expires_at)
               values (%s, %s, %s, %s, now() + %s::interval)""",
            [id, _hash(secret), user_id, name, lasts],
        )
        return f"daybook_{id}_{secret}"

    def caller(self, text: str) -> Caller | None:
        """Who comes with this token; None if it does not hold, or its user may not work here any more."""
        if not (parts := TOKEN.fullmatch(text)):
            return None
        if known := self.remembered(text):
            return known
        caller = self._look_up(parts[1], parts[2])
        if caller is not None:
            self._known.put(text, caller, caller.expires_at)
        return caller

    def remembered(self, text: str) -> Caller | None:
        """Who came with this token a moment ago: known without waiting for anything."""
        return self._known.get(text)

    def comes(
        self, user_id: UUID, token_id: str, scopes: frozenset[str] | None, expires_at: datetime | None
    ) -> Caller | None:
        """The caller that a user is; None where they do not work here any more."""
        return Caller(user_id, token_id, scopes, expires_at) if self.works_here(user_id) else None

    def was_a_token(self, text: str) -> bool:
        """Whether the secret is right, though the token may hold no more: then whoever shows it does not guess."""
        if not (parts := TOKEN.fullmatch(text)):
            return False
        if len(parts[1]) == 32:
            token = self._store.aggregate(UUID(parts[1]))
            return isinstance(token, ApiToken) and compare_digest(bytes.fromhex(token.secret_hash), _hash(parts[2]))
        rows = self._run("select secret_hash from tokens where id = %s", [parts[1]])
        return bool(rows) and compare_digest(rows[0][0], _hash(parts[2]))

    def tokens(self) -> list[Token]:
        """All tokens there ever were, the newest first."""
        with self._pool.connection() as connection, connection.cursor(row_factory=class_row(Token)) as cursor:
            columns = "id, name, user_id, created_at, expires_at, revoked_at is not null as revoked"
            more = f"array['{EVERYTHING}'] as scopes, last_used_at::date as last_used"
            kept = cursor.execute(f"select {columns}, {more} from tokens order by id".encode()).fetchall()
        made = [self._token(*row) for row in self._run(MADE, [])]
        return sorted([*kept, *made], key=lambda token: token.created_at, reverse=True)

    def revoke(self, token_id: str) -> bool:
        """Let a token that is in no history hold no more, within seconds everywhere. False: there is none."""
        found = self._run(
            "update tokens set revoked_at = coalesce(revoked_at, now()) where id = %s returning true", [token_id]
        )
        self._known.forget(lambda caller: caller.token_id == token_id)
        return bool(found)

    def changed(self, ids: Collection[UUID]) -> None:
        """Users or tokens were changed: who is one of them, or came with one, is looked up again, here and now."""
        named = {id.hex for id in ids}
        self._known.forget(lambda caller: caller.user_id in ids or caller.token_id in named)

    def former_administrators(self) -> list[UUID]:
        """Who might do everything before there were roles, and was not given that of an administrator yet."""
        return [id for (id,) in self._run("select user_id from administrators", [])]

    def drop_former(self, user_id: UUID) -> None:
        """They were given the role."""
        self._run("delete from administrators where user_id = %s", [user_id])

    def works_here(self, user_id: UUID) -> bool:
        """Whether there is such a user, neither archived nor deactivated."""
        user: Any = None
        for event in self._store.events(user_id):
            user = event.mutate(user)
        return isinstance(user, User) and user.usable

    def close(self) -> None:
        """Close every connection. A second time does nothing."""
        self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _look_up(self, token_id: str, secret: str) -> Caller | None:
        held = self._held(token_id) if len(token_id) == 32 else self._kept(token_id)
        if held is None:
            return None
        hash, user_id, scopes, expires_at = held
        if not compare_digest(hash, _hash(secret)):
            return None
        return self.comes(user_id, token_id, scopes, expires_at)

    def _held(self, token_id: str) -> Held | None:
        """What the history says of a token that holds. A rebuild of its view changes nothing about who comes in."""
        token = self._store.aggregate(UUID(token_id))
        if not isinstance(token, ApiToken) or not token.usable:
            return None
        if token.expires_at is not None and token.expires_at <= datetime.now(UTC):
            return None
        scopes = None if EVERYTHING in token.scopes else token.scopes
        return bytes.fromhex(token.secret_hash), token.user_id, scopes, token.expires_at

    def _kept(self, token_id: str) -> Held | None:
        """What the table says of a token that holds; its use is noted."""
        rows = self._run("select secret_hash, user_id, expires_at from use_token(%s)", [token_id])
        return (rows[0][0], rows[0][1], None, rows[0][2]) if rows else None

    def _token(self, id: UUID, made_at: datetime) -> Token:
        token = self._store.aggregate(id)
        assert isinstance(token, ApiToken)
        shown, scopes = id_text("ApiToken", id), tuple(sorted(token.scopes))
        ends = token.expires_at, not token.usable
        return Token(shown, token.name, token.user_id, scopes, made_at, *ends, token.last_used_on)

    def _run(self, statement: Any, parameters: list[Any]) -> list[tuple[Any, ...]]:
        with self._pool.connection() as connection:
            cursor = connection.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []


def _hash(secret: str) -> bytes:
    return sha256(secret.encode()).digest()
