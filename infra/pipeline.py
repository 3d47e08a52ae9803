"""The command pipeline: from a request to its outcome, and the only way into the history."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from functools import partial
from hashlib import sha256
from secrets import token_hex
from typing import Any, Final, Protocol, cast
from uuid import UUID, uuid5

import msgspec

from domain.aggregate import Aggregate, Claim, Refused, occurring_at
from domain.command import Accepted, Changed, Code, Command, Foreseen, Outcome, Refusal, Request, describe, index
from domain.history import Told
from domain.parameters import SHORT, Following, FoundBy, FromAttribute, FromHistory, FromRequest, NewSecret, opening
from domain.platform.role import Role
from domain.platform.user import User
from domain.rights import EVERYTHING, Rights, Scope
from domain.scopes import covers
from domain.undoing import commands_of as undone_commands
from domain.values import id_text, new_id
from infra.arguments import Failed, given, instant, invalid, key, patched, text, trimmed
from infra.commit import Asked, Commit, Conflict, Decision, Forgotten, Repeated, Taken, Throttled
from infra.event_store import EventStore
from infra.keys import NoMasterKey
from infra.memory import Memory
from projections.catalogue import to_see

TRIES: Final = 5
"""So often a unit is decided, if others change what it looks at in the meantime."""
AHEAD: Final = timedelta(minutes=1)
"""By so much the clock of a caller may be fast."""
REMEMBERED: Final = 4_096
"""So many aggregates are kept in memory as they were last seen."""
FOLLOWED: Final = 4_000
"""So many aggregates are reached at most from one that a command looks at: no more than are remembered."""
NOBODY: Final = UUID(int=0)

Steps = Callable[[Callable[[Request], Accepted]], None]
"""The commands of a unit: it calls what it is given with one request after the other.

Each answer is provisional (its position is 0): it names what was made, so that the next request can. Whatever is
refused ends the unit by an exception. A unit that lost a race is asked for its steps again.
"""
REPEATED: Final = Refusal(Code.REPEATED_OTHERWISE, "this idempotency key was used for something else")
ENCODE: Final = msgspec.json.Encoder(enc_hook=str, order="sorted").encode


def command_id(actor: UUID, idempotency_key: str) -> UUID:
    """By what a command is known that somebody asks for under a key of theirs."""
    return uuid5(actor, idempotency_key)


class Authority(Protocol):
    """Who may do what."""

    def allows(self, request: Request, permission: str, subject: Aggregate | None, /) -> bool:
        """Whether the actor may do it: at all, where there is no subject yet, or to this one.

        It is also asked who may see what a request names, `sales.see` for what `sales.sell` changes: for whom may
        not, it does not exist.
        """

    def rights(self, request: Request, /) -> Rights:
        """What the actor has, and so may give."""

    def governors(self, without: UUID, role: UUID | None, /) -> Iterable[tuple[UUID, UUID]] | None:
        """Who may do everything, and by which role, but for this one: a user (or, with a role, by that role) or a role.
        None where they are all the same without it.
        """

    def keeps(self, request: Request, made: Aggregate, /) -> bool:
        """Whether what the actor made becomes theirs: else they would not see it."""

    def recorded(self, kinds: Collection[str], /) -> None:
        """Told of which kinds something was recorded: rights may be others from now on."""


class Unlimited:
    """The authority where everybody may do everything."""

    hidden: Final = frozenset[str]()

    def allows(self, request: Request, permission: str, subject: Aggregate | None, /) -> bool:
        return True

    def rights(self, request: Request, /) -> Rights:
        return self

    def reach(self, permission: str) -> Scope:
        return Scope.ALL

    def governors(self, without: UUID, role: UUID | None, /) -> None:
        return None

    def keeps(self, request: Request, made: Aggregate, /) -> bool:
        return False

    def recorded(self, kinds: Collection[str], /) -> None:
        pass


UNLIMITED: Final = Unlimited()


class CommandPipeline:
    """Runs commands. One that loses a race decides again; one that is refused has recorded nothing.

    `time_zone` is where the company's days begin and end.
    """

    def __init__(
        self,
        aggregates: Iterable[type[Aggregate]],
        store: EventStore,
        authority: Authority = UNLIMITED,
        time_zone: tzinfo = UTC,
    ) -> None:
        self.commands = index(aggregates)
        self.store, self.authority, self.time_zone = store, authority, time_zone
        self.memory = Memory(REMEMBERED)

    def run(self, request: Request) -> Outcome:
        """Carry out a command, or say why not. A repeated one gets the first answer."""

        def step(run: Callable[[Request], Accepted]) -> None:
            run(request)

        return Pending(self, step, alone=True).result()

    def together(self, steps: Steps) -> Outcome:
        """Carry out several commands as one: what refuses one refuses all. A repeated unit gets the first answer."""
        return Pending(self, steps).result()

    def answered(self, request: Request) -> Outcome | None:
        """What a request was answered when it was asked before under its idempotency key, or that it was another."""
        known = self.store.answer(command_id(request.actor, request.idempotency_key or ""))
        command = self.commands.get(request.command)
        if known is None or command is None:
            return None
        digest, answer = known
        with suppress(Failed):
            id = None if command.creates else key(request.id, command.aggregate, "id")
            if _asked(request, id, self.store.digest).digest == digest:
                return answer
        return REPEATED

    def foreseen(self, request: Request) -> Foreseen | Refusal:
        """What a command would do, or why it would be refused. Nothing is recorded."""
        unit = Unit(self, fresh=True)
        try:
            accepted = unit.one(request)
        except (Refused, Failed, Forgotten, NoMasterKey) as failure:
            return _refusal(failure, unit)
        return Foreseen(tuple(unit.stood(each.id) for each in accepted.changed))

    def start(self, steps: Steps) -> Pending:
        """Decide several commands as one now, and let them be recorded in the background.

        Many units may be on their way at once. Ask for their results in the order in which they were started: what one
        of them could not see yet because another was on its way, it sees when it is decided again for its result.
        """
        return Pending(self, steps, guessed=True)


class Pending:
    """A unit that was decided, and is being recorded."""

    def __init__(self, pipeline: CommandPipeline, steps: Steps, *, guessed: bool = False, alone: bool = False) -> None:
        self._pipeline, self._steps, self._alone = pipeline, steps, alone
        self._outcome: Outcome | None = None
        self._try(fresh=False, waits=not guessed)
        self._guessed = guessed or self._unit.remembered
        """Whether it relies on what may have changed: then a refusal is not the last word."""

    def result(self) -> Outcome:
        """What came of it. Waits until it is recorded; where others were faster, it is decided again."""
        if self._outcome is None:
            self._outcome = self._settled()
        return self._outcome

    def _try(self, fresh: bool, waits: bool = True) -> None:
        """Decide the unit, and have it recorded: in the background, unless its caller `waits` for the result."""
        self._unit = unit = Unit(self._pipeline, fresh)
        try:
            self._recorded = self._pipeline.store.append(unit.decided(self._steps), waits=waits)
        except (Refused, Failed, Forgotten, NoMasterKey) as failure:
            self._recorded = Future[Accepted]()
            self._recorded.set_exception(failure)
        else:
            self._recorded.add_done_callback(lambda _: self._pipeline.memory.forget(unit.changed))

    def _settled(self) -> Outcome:
        tries = 0
        while True:
            tries += 1
            try:
                accepted = self._unit.telling(self._recorded.result())
                self._pipeline.authority.recorded({each.kind for each in accepted.changed})
                return accepted
            except Throttled as failure:
                return _refusal(failure, self._unit)
            except (Conflict, Refused, Failed, Forgotten, NoMasterKey, Taken, Repeated) as failure:
                if first := self._first_answer():
                    return first
                sure = not self._guessed and not isinstance(failure, Conflict)
                if sure or tries == TRIES:
                    return self._remembered(_refusal(failure, self._unit))
            self._guessed = False
            self._try(fresh=True)

    def _remembered(self, refusal: Refusal) -> Refusal:
        """The same answer goes to whoever asks again under this idempotency key."""
        for asked in self._unit.asked if self._alone and refusal.code in (Code.REFUSED, Code.DUPLICATE) else ():
            if asked.request.idempotency_key:
                with suppress(Throttled):
                    self._pipeline.store.remember(asked, refusal)
        return refusal

    def _first_answer(self) -> Outcome | None:
        """What was answered when the same was asked before."""
        for number, asked in enumerate(self._unit.asked):
            if asked.request.idempotency_key and (known := self._pipeline.store.answer(asked.command_id)):
                digest, answer = known
                if number == 0 and digest == asked.digest:
                    return answer
                return REPEATED
        return None


class Unit:
    """What some commands look at and change, each thing loaded once: a later command sees what earlier ones did."""

    def __init__(self, pipeline: CommandPipeline, fresh: bool) -> None:
        self.pipeline, self.fresh = pipeline, fresh
        self.asked: list[Asked] = []
        self.decisions: list[Decision] = []
        self.remembered = False
        """Whether anything that it looks at is only remembered, and may have changed since."""
        self._secret: tuple[str, str] | None = None
        """What was made for the last command that wanted one, and how it is told."""
        self._failure: Exception | None = None
        self.pasts: dict[UUID, tuple[Told, ...]] = {}
        """What happened to those of which something is undone."""
        self._seen: dict[UUID, Aggregate] = {}
        self._before: dict[UUID, Aggregate | None] = {}
        self._given: set[UUID] = set()
        """Those that the command at hand looks at: it can change no others."""

    @property
    def changed(self) -> list[UUID]:
        return [event.originator_id for decision in self.decisions for event in decision.events]

    def decided(self, steps: Steps) -> Commit:
        """What the commands come to. Raises Refused or Failed, even if the steps went on after it."""
        steps(self.one)
        if self._failure:
            raise self._failure
        claimed: dict[Claim, UUID] = {}
        freed = set[Claim]()
        for id in dict.fromkeys(self.changed):
            before, now = self._before[id], self._seen[id].claims()
            held = before.claims() if before else frozenset[Claim]()
            freed |= held - now
            for claim in now - held:
                if claimed.setdefault(claim, id) != id:
                    raise Failed(Code.DUPLICATE, "two of these would have it", claim.name)
        versions = {id: before.version if before else 0 for id, before in self._before.items()}
        told = (event for decision in self.decisions for event in decision.events)
        forgets = frozenset(event.originator_id for event in told if event.forgets)
        return Commit(tuple(self.decisions), versions, claimed, frozenset(freed), forgets)

    def telling(self, answer: Accepted) -> Accepted:
        """The answer to one command, with its secret. Another's answer, given before, made another secret."""
        if self._secret is None or len(self.decisions) > 1 or answer.changed != self.decisions[0].changed:
            return answer
        secret, told = self._secret
        return replace(answer, secret=told.format(id=answer.changed[0].id.hex, secret=secret))

    def stood(self, id: UUID) -> tuple[Aggregate | None, Aggregate]:
        """An aggregate as it stood before, and as it stands after what was decided."""
        return self._before[id], self._seen[id]

    def one(self, request: Request) -> Accepted:
        """What one command comes to. Raises Refused or Failed."""
        try:
            return self._decide(request)
        except Exception as failure:
            self._failure = failure
            raise

    def tried(self, request: Request) -> Accepted | Refusal:
        """The same, or why it is refused: the unit then goes on without it."""
        try:
            return self._decide(request)
        except (Refused, Failed, Forgotten, NoMasterKey) as failure:
            return _refusal(failure, self)

    def _decide(self, request: Request) -> Accepted:
        command = self.pipeline.commands.get(request.command)
        if command is None:
            raise invalid("there is no such command", "command")
        values, now = given(command, request.arguments), _moment(request.occurred_at, self.pipeline.time_zone)
        if command.creates and request.id is not None:
            raise invalid("what is made anew gets an id of its own", "id")
        id = None if command.creates else key(request.id, command.aggregate, "id")
        self.asked.append(_asked(request, id, self.pipeline.store.digest))
        self._given = set()
        with _occurring(request.occurred_at and now.astimezone(UTC)) as opened:
            if id is None:
                self._reach(request, command.needs)
                self._permit(request, command.needs, None)
            subject = self._subject(command, request, id) if id else None
            parameters = self._parameters(command, request, now, values, subject)
            result = getattr(command.aggregate if subject is None else subject, command.method)(**parameters)
        answered = [subject, *(result if isinstance(result, tuple) else (result,))]
        return self._decision(command, request, [each for each in answered if each is not None], opened)

    def _decision(
        self, command: Command, request: Request, answered: list[Any], opened: list[tuple[Any, str, Any]]
    ) -> Accepted:
        """What a command records. To change or make what it does not return is a mistake in the command."""
        named = {aggregate.id: aggregate for aggregate in answered}
        made = [aggregate for id, aggregate in named.items() if id not in self._before]
        for kind, method, result in opened:
            if not isinstance(kind, type):
                if kind is not answered[0] and kind.id in self._before:
                    self._permit(request, describe(cast(Any, type(kind)), method).needs, kind)
                continue
            first = result[0] if isinstance(result, tuple) else result
            if not (command.creates and first is answered[0]):
                self._permit(request, describe(kind, method).needs, None)
            if first.id not in named:
                raise TypeError(f"{command.name} makes {kind.__name__}, but does not return it")
        for id in self._given - named.keys():
            if self._seen[id].pending_events:
                raise TypeError(f"{command.name} changes {type(self._seen[id]).__name__}, but does not return it")
        for aggregate in made:
            if self.pipeline.authority.keeps(request, aggregate):
                aggregate.trigger_event(type(aggregate).OwnerAssigned, owner_id=request.actor)
        changed = [aggregate for aggregate in named.values() if aggregate.pending_events]
        events = [event for aggregate in reversed(changed) for event in aggregate.collect_events()]
        for id, aggregate in named.items():
            self._seen[id] = aggregate
            self._before.setdefault(id, None)
        told = tuple(Changed(type(a).__name__, a.id, a.version) for a in dict.fromkeys([answered[0], *changed]))
        self.decisions.append(Decision(self.asked[-1], events, told))
        return Accepted(told, 0, "")

    def _subject(self, command: Command, request: Request, id: UUID) -> Aggregate:
        subject = self._named(command.aggregate, id, "id", request, command.needs)
        before = self._before[id]
        known = (None, subject.version, before.version if before else 0)
        if request.expected_version not in known:
            raise Failed(Code.CONFLICT, "this was changed in the meantime", "expected_version", subject.version)
        subject.guard(command.method)
        return subject

    def _parameters(
        self, command: Command, request: Request, now: datetime, values: dict[str, Any], subject: Aggregate | None
    ) -> dict[str, Any]:
        """Every parameter of the command: given, loaded, or taken from the request."""
        for parameter in command.parameters:
            name, kind, value = parameter.asked_as, parameter.aggregate, values.get(parameter.name)
            match parameter.filled_by:
                case FromRequest("occurred_at"):
                    values[parameter.name] = now
                case FromRequest("rights"):
                    values[parameter.name] = self.pipeline.authority.rights(request)
                case FromRequest("everything"):
                    values[parameter.name] = self.pipeline.authority.rights(request).reach(EVERYTHING) is Scope.ALL
                case FromRequest("governed"):
                    values[parameter.name] = self._governed(subject, values.get("role_id"))
                case FromRequest("sight"):
                    values[parameter.name] = partial(self._sees, request)
                case FromHistory() if subject:
                    values[parameter.name] = self._past(subject, request, values["of"])
                case FromRequest(wanted):
                    values[parameter.name] = getattr(request, wanted)
                case Following() as way if kind:
                    start = subject if way.start == "self" else values.get(way.start)
                    values[parameter.name] = tuple(self.reached(start, kind, way))
                case NewSecret(told):
                    secret = token_hex(32)
                    self._secret = secret, told
                    values[parameter.name] = sha256(secret.encode()).hexdigest()
                case FoundBy(unique, pattern) if kind:
                    wanted = pattern.format(kind=command.aggregate.__name__, self=subject, **values)
                    holder = self.holder(Claim(kind.__name__, unique, wanted))
                    values[parameter.name] = holder and self._load(kind, holder)
                case FromAttribute() if kind and parameter.many:
                    held = getattr(subject, parameter.loaded_by(type(subject)))
                    values[parameter.name] = tuple(self._load(kind, id) for id in held)
                case FromAttribute() if kind:
                    id = getattr(subject, name)
                    if id is None and not parameter.optional:
                        raise Failed(Code.REFUSED, f"it has no {parameter.name.replace('_', ' ')}")
                    values[parameter.name] = id and self._load(kind, id)
                case _ if kind and parameter.many and value:
                    values[parameter.name] = tuple(
                        self._usable(kind, id, f"{name}.{i}", request) for i, id in enumerate(value)
                    )
                case _ if kind and value:
                    values[parameter.name] = self._usable(kind, value, name, request)
                case _ if parameter.patch and value is not None:
                    values[parameter.name] = patched(getattr(subject, parameter.name), value, name)
        return values

    def _past(self, subject: Aggregate, request: Request, of: UUID) -> tuple[Told, ...]:
        """What happened to it. Whoever undoes may do what is undone."""
        past = self.pasts[subject.id] = self.pipeline.store.past(subject.id)
        for name in sorted(undone_commands(past, of)):
            if command := self.pipeline.commands.get(name):
                self._permit(request, command.needs, subject, "id")
        return past

    def _usable(self, kind: type[Aggregate], id: UUID, field: str, request: Request) -> Aggregate:
        found = self._named(kind, id, field, request, to_see(kind))
        if not found.usable:
            raise invalid("this is not in use any more", field)
        return found

    def _named(self, kind: type[Aggregate], id: UUID, field: str, request: Request, permission: str) -> Aggregate:
        """What a request names, if its actor may do this to it. Whoever may not see it learns nothing of it."""
        self._reach(request, permission)
        found = self.found(id)
        if found is None:
            raise Failed(Code.NOT_FOUND, "there is no such thing", field)
        if not isinstance(found, kind):
            self._permit(request, to_see(type(found)), found, field)
            raise invalid(f"this is the id of something else, not of {kind.__name__}", field)
        self._permit(request, permission, found, field)
        return found

    def _reach(self, request: Request, permission: str) -> None:
        """Asked before anything is looked at: what a token does not reach it learns nothing of."""
        if not covers(request.scopes, permission):
            raise Failed(Code.FORBIDDEN, f"the token does not reach so far: it needs the scope {permission}")

    def _permit(self, request: Request, permission: str, subject: Aggregate | None, field: str | None = None) -> None:
        if self._allows(request, permission, subject):
            return
        if subject is not None and not self._sees(request, subject):
            raise Failed(Code.NOT_FOUND, "there is no such thing", field)
        raise Failed(Code.FORBIDDEN, f"you may not do this: it needs {permission}")

    def _sees(self, request: Request, aggregate: Aggregate) -> bool:
        return self._allows(request, to_see(type(aggregate)), aggregate)

    def _allows(self, request: Request, permission: str, subject: Aggregate | None) -> bool:
        return covers(request.scopes, permission) and self.pipeline.authority.allows(request, permission, subject)

    def _governed(self, subject: Aggregate | None, had: UUID | None) -> bool:
        """Whether somebody remains who may do everything, whatever becomes of this one, or of their having a role.

        They and their role are looked at, so that it is decided again if either is changed in the meantime.
        """
        governors = self.pipeline.authority.governors(subject.id if subject else NOBODY, had)
        for user_id, role_id in governors or ():
            user, role = self.found(user_id), self.found(role_id)
            if (
                isinstance(user, User) and user.usable and role_id in user.roles
                and isinstance(role, Role) and role.usable and role.governs
            ):  # fmt: skip
                return True
        return governors is None

    def shown(self, taken: Taken) -> str | None:
        """Who holds a value that only one may hold, if the actor may see them."""
        found, request = self.pipeline.store.aggregate(taken.holder), self.asked[-1].request
        if found and self.pipeline.authority.allows(request, to_see(type(found)), found):
            return id_text(taken.claim.kind, taken.holder)
        return None

    def _load(self, kind: type[Aggregate], id: UUID) -> Any:
        """What another aggregate names: it is there, and of this kind."""
        found = self.found(id)
        if not isinstance(found, kind):
            raise TypeError(f"{id} should be one of {kind.__name__}, and is {found!r}")
        return found

    def found(self, id: UUID) -> Aggregate | None:
        """An aggregate as it stands inside of this unit; None where there is none."""
        if id in self._seen:
            self._given.add(id)
            return self._seen[id]
        found = None if self.fresh else self.pipeline.memory.get(id)
        if found is not None:
            self.remembered = True
        else:
            found = self.pipeline.store.aggregate(id)
            if found is None:
                return None
            self.pipeline.memory.put(found)
        self._before[id], self._seen[id] = found, copied(found)
        self._given.add(id)
        return self._seen[id]

    def holder(self, claim: Claim) -> UUID | None:
        """Who holds what must be unique, as it stands inside of this unit."""
        for id in self.changed:
            if type(self._seen[id]).__name__ == claim.kind and claim in self._seen[id].claims():
                return id
        holder = self.pipeline.store.holder(claim)
        let_go = holder in self._seen and claim not in self._seen[holder].claims()
        return None if let_go else holder

    def reached(self, start: Aggregate | None, kind: type[Aggregate], way: Following) -> Iterator[Aggregate]:
        """All that is reached from one, which is not told. Raises Failed where there is too much of it."""
        if start is None:
            return
        up, down = way.turning or (None, None)
        met, left = {start.id}, {start.id}
        waiting = deque([(start, False)])
        while waiting:
            each, turned = waiting.popleft()
            for attribute in way.by:
                if turned and attribute == down:
                    continue
                found = getattr(each, attribute)
                for id in (found,) if isinstance(found, UUID) else found or ():
                    if id in (met if attribute == up else left):
                        continue
                    if len(met) > FOLLOWED:
                        raise Failed(Code.REFUSED, f"more than {FOLLOWED:,} others are tied to this: it is too many")
                    waiting.append((self._load(kind, id), attribute == up))
                    if attribute != up:
                        left.add(id)
                    if id not in met:
                        met.add(id)
                        yield waiting[-1][0]


def copied(aggregate: Aggregate) -> Aggregate:
    """Another of the same, to be changed. Its values are shared: nobody changes them in place."""
    copy = object.__new__(type(aggregate))
    vars(copy).update(vars(aggregate), _pending_events=[])
    return copy


def _moment(given: datetime | None, zone: tzinfo) -> datetime:
    """When it happened, where the company is."""
    now = datetime.now(UTC)
    moment = now if given is None else instant(given, "occurred_at")
    if moment > now + AHEAD:
        raise invalid("this lies in the future", "occurred_at")
    try:
        return moment.astimezone(zone)
    except OverflowError:
        raise invalid("this is too long ago", "occurred_at") from None


@contextmanager
def _occurring(moment: datetime | None) -> Iterator[list[tuple[Any, str, Any]]]:
    """What happens inside happened then. Gives what commands open meanwhile."""
    opened: list[tuple[Any, str, Any]] = []
    time, collecting = occurring_at.set(moment), opening.set(opened)
    try:
        yield opened
    finally:
        occurring_at.reset(time)
        opening.reset(collecting)


def _asked(request: Request, id: UUID | None, digest: Callable[[bytes], bytes]) -> Asked:
    for name in ("idempotency_key", "origin"):
        if (given := trimmed(getattr(request, name), name)) is not None:
            text(given, name, SHORT)
    content = [request.command, id, request.arguments, request.expected_version, request.occurred_at]
    id_of_command = command_id(request.actor, request.idempotency_key) if request.idempotency_key else new_id()
    return Asked(id_of_command, digest(ENCODE(content)), request)


def _refusal(failure: Exception, unit: Unit) -> Refusal:
    match failure:
        case Refused():
            return Refusal(Code.REFUSED, str(failure), failure.field)
        case Failed():
            return Refusal(failure.code, str(failure), failure.field, version=failure.version)
        case Forgotten():
            return Refusal(Code.REFUSED, str(failure))
        case NoMasterKey():
            return Refusal(Code.FORBIDDEN, str(failure))
        case Taken(claim=claim):
            return Refusal(Code.DUPLICATE, "this is in use already", claim.name, unit.shown(failure))
        case Conflict(id=id, version=version):
            of_subject = id is not None and unit.decisions and unit.decisions[0].changed[0].id == id
            busy = "others are changing this at the moment: try again"
            return Refusal(Code.CONFLICT, busy, version=version if of_subject else None)
        case Repeated():
            return REPEATED
    return Refusal(Code.THROTTLED, "there is too much to do at the moment: try again a little later")
