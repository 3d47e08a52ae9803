"""Identity: who comes with which token, and what they may do."""

from __future__ import annotations

import re
import secrets
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from hmac import compare_digest
from typing import Any, Final, Self
from uuid import UUID

from psycopg.rows import class_row

from domain.aggregate import Aggregate
from domain.command import Request
from domain.platform.user import User
from infra.database import SCHEMA, pool
from infra.event_store import EventStore

DAYBOOK: Final = UUID(int=0)
"""The actor of what Daybook does by itself: the first user is added by nobody else."""

REMEMBERED: Final = 3.0
"""Seconds for which a caller is not looked up again: so long may a token be used after another process revoked it."""
MOST_REMEMBERED: Final = 10_000

TOKEN: Final = re.compile(r"daybook_([0-9a-f]{16})_([0-9a-f]{64})", re.ASCII)


@dataclass(frozen=True)
class Caller:
    """Somebody who came with a token that holds."""

    user_id: UUID
    administrator: bool
    token_id: str


@dataclass(frozen=True)
class Token:
    """What is known of a token. `state` is valid, expired or revoked."""

    id: str
    name: str
    user_id: UUID
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None

    @property
    def state(self) -> str:
        if self.revoked_at:
            return "revoked"
        return "expired" if self.expires_at and self.expires_at <= datetime.now(UTC) else "valid"


class Identity:
    """Tokens and their users. Used from any thread."""

    def __init__(self, url: str, store: EventStore, schema: str = SCHEMA) -> None:
        self._pool = pool(url, schema, most=4)
        self._store = store
        self._known: dict[bytes, tuple[float, Caller]] = {}
        self._administrators: dict[UUID, float] = {}
        self._lock = threading.Lock()

    def create(self, user_id: UUID, name: str, lasts: timedelta | None = None) -> str:
        """A new token of a user. Its text is told here once, and kept nowhere."""
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
        key, now = _hash(text), time.monotonic()
        with self._lock:
            until, known = self._known.get(key, (0.0, None))
        if now < until:
            return known
        found = self._look_up(parts[1], parts[2])
        with self._lock:
            if found is None:
                self._known.pop(key, None)
                return None
            if len(self._known) >= MOST_REMEMBERED:
                self._known.clear()
            caller, seconds = found
            self._known[key] = (now + seconds, caller)
        return caller

    def tokens(self) -> list[Token]:
        """All tokens there ever were, the newest first."""
        with self._pool.connection() as connection, connection.cursor(row_factory=class_row(Token)) as cursor:
            columns = "id, name, user_id, created_at, expires_at, revoked_at, last_used_at"
            return cursor.execute(f"select {columns} from tokens order by created_at desc, id".encode()).fetchall()

    def revoke(self, token_id: str) -> bool:
        """Let a token hold no more, at once in this process and within seconds in others. False: there is none."""
        found = self._run(
            "update tokens set revoked_at = coalesce(revoked_at, now()) where id = %s returning true", [token_id]
        )
        with self._lock:
            self._known = {key: (t, c) for key, (t, c) in self._known.items() if c.token_id != token_id}
        return bool(found)

    def make_administrator(self, user_id: UUID) -> None:
        """Let a user do everything."""
        self._run("insert into administrators values (%s) on conflict do nothing", [user_id])

    def is_administrator(self, user_id: UUID) -> bool:
        """Whether a user may do everything; so may Daybook itself."""
        now = time.monotonic()
        if user_id == DAYBOOK or self._administrators.get(user_id, 0.0) > now:
            return True
        if self._run("select true from administrators where user_id = %s", [user_id]):
            self._administrators[user_id] = now + REMEMBERED
            return True
        return False

    def allows(self, request: Request, permission: str, subject: Aggregate | None, /) -> bool:
        """The policy of the pipeline until there are roles: administrators may do everything, others nothing."""
        return self.is_administrator(request.actor)

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

    def _look_up(self, token_id: str, secret: str) -> tuple[Caller, float] | None:
        """The caller, and for how many seconds that may be remembered."""
        rows = self._run("select * from use_token(%s)", [token_id])
        if not rows:
            return None
        hash, user_id, administrator, expires_at = rows[0]
        if not compare_digest(hash, _hash(secret)) or not self.works_here(user_id):
            return None
        left = (expires_at - datetime.now(UTC)).total_seconds() if expires_at else REMEMBERED
        return Caller(user_id, administrator, token_id), min(left, REMEMBERED)

    def _run(self, statement: Any, parameters: list[Any]) -> list[tuple[Any, ...]]:
        with self._pool.connection() as connection:
            cursor = connection.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []


def _hash(secret: str) -> bytes:
    return sha256(secret.encode()).digest()
