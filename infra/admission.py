"""Admission: who is let in by which token, who is not, and who has to wait before another one is looked at."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection
from datetime import date, datetime, tzinfo
from hashlib import sha256
from typing import Final
from uuid import UUID

from domain.command import Outcome, Request
from infra.identity import TOKEN, Caller, Identity
from infra.lockout import LockOut, neighbourhood
from infra.oidc import Over
from infra.rights import DAYBOOK
from infra.subjects import Stranger, Subjects

MOST_KEPT: Final = 10_000
"""So many are remembered who came in from an address, and of so many tokens the day of their use."""

log = logging.getLogger("daybook.admission")


class MustWait(Exception):
    """Too many wrong tokens came from there: nothing is looked at for so many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"wait {seconds:.0f} seconds")
        self.seconds = seconds


class Admission:
    """Lets in who shows a token that holds. Used from any thread.

    Wrong tokens lock out the address that they come from; whoever came in from there before goes on. What was a token
    once and holds no more is no guess, and locks out nobody. `run` carries out commands; `subjects` are those of an
    identity provider, whose tokens are taken too.
    """

    def __init__(
        self,
        identity: Identity,
        run: Callable[[Request], Outcome],
        time_zone: tzinfo,
        subjects: Subjects | None = None,
    ) -> None:
        self._identity, self._subjects, self._run, self._time_zone = identity, subjects, run, time_zone
        self._locks = LockOut()
        self._welcome: OrderedDict[tuple[str | None, bytes], None] = OrderedDict()
        self._noted: dict[str, date] = {}
        self._lock = threading.Lock()

    def admit(self, token: str, address: str) -> Caller | None:
        """Who comes with this token; None if it does not hold. Raises MustWait, and what Subjects raise."""
        place = neighbourhood(address)
        came = (place, sha256(token.encode(errors="replace")).digest())
        if place and (wait := self._locks.wait(place)) and came not in self._welcome:
            raise MustWait(wait)
        try:
            caller = self._known(token)
        except Over:
            return None
        if caller:
            if place:
                self._remember(came)
            self._note_use(caller)
            return caller
        if place and not self._identity.was_a_token(token):
            self._failed(token, place)
        return None

    def remembered(self, token: str, address: str) -> Caller | None:
        """Who came with this token a moment ago, known without waiting; nobody where wrong ones came from."""
        place = neighbourhood(address)
        return None if place and self._locks.wait(place) else self._remembered(token)

    def _remembered(self, token: str) -> Caller | None:
        if self._subjects and not token.startswith("daybook_"):
            return self._subjects.remembered(token)
        return self._identity.remembered(token)

    def again(self, token: str) -> Caller | None:
        """The same of somebody who is in already: how it is with the token now, and nothing else."""
        try:
            return self._known(token)
        except (Over, Stranger):
            return None

    def changed(self, ids: Collection[UUID]) -> None:
        """Users or tokens were changed: who is one of them, or came with one, is looked up again, here and now."""
        self._identity.changed(ids)
        if self._subjects:
            self._subjects.changed(ids)

    def _known(self, token: str) -> Caller | None:
        if self._subjects and not token.startswith("daybook_"):
            return self._subjects.caller(token)
        return self._identity.caller(token)

    def _failed(self, token: str, place: str) -> None:
        self._locks.failed(place)
        if parts := TOKEN.fullmatch(token):
            guessed = f"token {parts[1]}"
            if wait := self._locks.wait(guessed):
                raise MustWait(wait)
            self._locks.failed(guessed)

    def _remember(self, came: tuple[str | None, bytes]) -> None:
        with self._lock:
            self._welcome[came] = None
            self._welcome.move_to_end(came)
            if len(self._welcome) > MOST_KEPT:
                self._welcome.popitem(last=False)

    def _note_use(self, caller: Caller) -> None:
        """Once a day it is recorded that a token was used. Where that cannot be, whoever came in is in all the same."""
        today = datetime.now(self._time_zone).date()
        if len(caller.token_id) != 32 or self._noted.get(caller.token_id) == today:
            return
        if len(self._noted) >= MOST_KEPT:
            self._noted.clear()
        self._noted[caller.token_id] = today
        try:
            self._run(Request(command="ApiToken.note_use", actor=DAYBOOK, id=UUID(caller.token_id), origin="admission"))
        except Exception:
            log.exception("that the token %s was used is not recorded today", caller.token_id)
