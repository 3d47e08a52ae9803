"""Daybook: wires the rooms of the house, and is the entry point of `daybook`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import cache, partial
from itertools import count
from typing import Any, Final, NoReturn
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg
from anyio import CapacityLimiter, to_thread
from psycopg_pool import PoolTimeout
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request as HTTPRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from strawberry import Schema

from api.catalogue import Views
from api.context import Ports as EndpointPorts
from api.contract import contract_routes
from api.deliverables import deliverable_routes
from api.http import Endpoint
from api.ide import ide_routes
from api.observed import Asked, Observed, asked_now, known_caller, known_code
from api.passwords import TokenAsPassword
from api.persisted import Persisted, load
from api.ports import Authenticate, Caller, NotInReplay, NotReady, Place, Places, Stranger, ViewType, Wait
from api.safety import middleware
from api.schema import build
from api.stream import Events
from domain.catalogue import AGGREGATES
from domain.command import Accepted, Foreseen, Outcome, Refusal, Request, Stopped
from domain.taking_back import Undo, Undone
from domain.undoing import UNDO
from infra import batch, cli, subjects, tracing
from infra.accesses import Accesses, Reader
from infra.admission import Admission, MustWait
from infra.audience import Member, audience
from infra.budget import Budgets
from infra.contract.documents import documents
from infra.database import SCHEMA, connect
from infra.deliverables import CALENDARS, DELIVERABLES
from infra.disclosing import Disclosing
from infra.event_store import EventStore
from infra.identity import TOKEN, Identity
from infra.identity import Caller as Known
from infra.metrics import COMMAND_SECONDS, COMMANDS, MEDIA, metrics
from infra.observing import watch
from infra.oidc import Provider, Unanswered
from infra.pipeline import CommandPipeline
from infra.reading import Reading
from infra.refusals import Refusals
from infra.replays import FIND as REPLAY
from infra.replays import drop_spent
from infra.rights import Directory
from infra.scoped import Scoped
from infra.serving import FIND, question
from infra.serving import Place as Tables
from infra.settings import Settings, WrongSetting
from infra.standing import STANDING, Standing, concerns, standing_of
from infra.stream import EventStream
from infra.undoing import Undoing
from projections.catalogue import REPORTS, VIEWS

AT_ONCE: Final = 64
"""So many commands are decided at the same time; they are recorded together."""
ASKING: Final = 8
"""So many tokens of an identity provider are looked at at the same time."""
LOOK_AGAIN: Final = 1.0
"""Seconds after which a server sees that a view was rebuilt, or that rights have changed."""
WRITE: Final = 5
"""Every so many looks, what was refused is kept, and who read what is personal."""
DROP_REPLAYS: Final = 3600
"""Every so many looks, replays that have expired are dropped."""
ANSWERS_WITHIN: Final = 2.0
"""Seconds; a database that takes longer to say how things stand does not answer."""
NAMED: Final = {view.table: view for view in VIEWS}


@cache
def schema_of(time_zone: str) -> tuple[Schema, Views]:
    """The API of all that is declared."""
    return build(AGGREGATES, VIEWS, REPORTS, ZoneInfo(time_zone))


def sdl() -> str:
    """The schema of the API, as text."""
    return schema_of("UTC")[0].as_str() + "\n"


class Server:
    """One web server: its connections, and what it answers with."""

    def __init__(self, settings: Settings, url: str, schema: str) -> None:
        self.schema, self.views = schema_of(settings.time_zone)
        self.connect = partial(connect, url, schema)
        self.store = EventStore(url, schema)
        self.identity = Identity(url, self.store, schema)
        self.directory = Directory(self.store)
        self.pipeline = CommandPipeline(AGGREGATES, self.store, self.directory, ZoneInfo(settings.time_zone))
        self.admission = Admission(
            self.identity, self.pipeline.run, ZoneInfo(settings.time_zone), self.subjects(settings)
        )
        self.asking = CapacityLimiter(ASKING)
        self.reading = Reading(url, schema, statement_seconds=settings.statement_seconds)
        self.budgets = Budgets(settings.budget_rate, settings.budget_burst)
        self.refusals = Refusals(url, settings.refusal_days, schema)
        self.undoing = Undoing(self.pipeline, self.connect)
        self.accesses = Accesses(url, settings.access_days, schema)
        self.deciding = CapacityLimiter(AT_ONCE)
        self.disclosing = Disclosing(self.store, settings.kafka_prefix, settings.time_zone)
        self.known: dict[ViewType, Place] = {}

    def subjects(self, settings: Settings) -> subjects.Subjects | None:
        """Those whom an identity provider names, where there is one."""
        if settings.oidc_issuer is None or settings.oidc_audience is None:
            return None
        login = subjects.Login(
            settings.oidc_issuer, settings.oidc_email_claim, settings.oidc_groups_claim, settings.oidc_add_users
        )
        provider = Provider(settings.oidc_issuer, settings.oidc_audience)
        return subjects.Subjects(provider, login, self.store, self.identity, self.pipeline.run)

    @asynccontextmanager
    async def life(self, _: Starlette) -> AsyncIterator[None]:
        async with self.reading:
            await self.look()
            await to_thread.run_sync(self.directory.refresh)
            looking = asyncio.create_task(self.keep_looking())
            try:
                yield
            finally:
                looking.cancel()
                with suppress(asyncio.CancelledError):
                    await looking
                await to_thread.run_sync(self.close)

    @contextmanager
    def watch(self, asked: Asked) -> Iterator[None]:
        """Around a request, until it is answered."""
        try:
            with watch(asked):
                yield
        finally:
            self.refusals.note(asked)

    def close(self) -> None:
        self.refusals.close()
        self.accesses.close()
        self.identity.close()
        self.store.close()

    async def look(self) -> None:
        """Which tables answer for each view now."""
        for view, name in await self.reading.rows(FIND, [question(*VIEWS)]):
            self.known[NAMED[view]] = Tables.called(name)

    async def keep_looking(self) -> None:
        for number in count(1):
            await asyncio.sleep(LOOK_AGAIN)
            if number % WRITE == 0:
                await to_thread.run_sync(self.refusals.write)
            if number % WRITE == 0 or self.accesses.pressing:
                await to_thread.run_sync(self.accesses.write)
            with suppress(psycopg.OperationalError, PoolTimeout):
                if number % DROP_REPLAYS == 1:
                    await to_thread.run_sync(self.drop_spent)
                await self.look()
                await to_thread.run_sync(self.directory.refresh)

    def accessed(self, caller: Caller, told: Mapping[str, Sequence[str]]) -> None:
        """A caller is told something personal."""
        asked = asked_now()
        way, address, name = (asked.path, asked.address, asked.operation) if asked else ("", None, None)
        self.accesses.note(Reader(way, caller.user_id, caller.key, address, operation=name), told)

    def drop_spent(self) -> None:
        with self.connect() as connection:
            drop_spent(connection)

    def place(self, view: ViewType) -> Place:
        if view in self.known:
            return self.known[view]
        raise NotReady(f"{view.table} is still being built")

    async def replay(self, name: str) -> Places | None:
        """The tables of a replay. What of it may be seen goes by the live ones."""
        rows = await self.reading.rows(REPLAY, [name, question(*VIEWS)])
        found = {NAMED[view]: (table, until) for until, view, table in rows}

        def place(view: ViewType) -> Place:
            if view not in found:
                raise NotInReplay(f"the replay {name} has no {view.table}: make one that has")
            table, until = found[view]
            return Tables.called(table, self.place(view.within or view).live, until)

        return place if found else None

    async def run(self, request: Request) -> Outcome:
        with COMMAND_SECONDS.time(), tracing.doing(request.command):
            decided = tracing.correlated(request)
            outcome = await to_thread.run_sync(self._decide, decided, limiter=self.deciding)
        self._noted([request], [outcome])
        return outcome

    async def run_all(self, requests: Sequence[Request], together: bool) -> Sequence[Outcome] | Stopped:
        with COMMAND_SECONDS.time(), tracing.doing("batch"):
            decided = [tracing.correlated(request) for request in requests]
            outcomes: Sequence[Outcome] | Stopped = await to_thread.run_sync(
                self._decide_all, decided, together, limiter=self.deciding
            )
        if isinstance(outcomes, Stopped):
            self._noted(requests[outcomes.at or 0 :][:1], [outcomes.refusal])
        else:
            self._noted(requests, outcomes)
        return outcomes

    def _decide(self, request: Request) -> Outcome:
        """Whoever is answered that rights have changed finds that they have."""
        outcome = self.pipeline.run(request)
        self.directory.catch_up()
        return outcome

    def _decide_all(self, requests: Sequence[Request], together: bool) -> Sequence[Outcome] | Stopped:
        carry_out: Any = batch.together if together else batch.one_by_one
        outcomes: Sequence[Outcome] | Stopped = carry_out(self.pipeline, requests)
        self.directory.catch_up()
        return outcomes

    async def audience(self, view: ViewType, owner: UUID | None, position: int | None) -> Sequence[Member]:
        """Who sees a row that is this owner's: now, or when the history ended at a position."""

        def told() -> list[Member]:
            people = self.directory.refresh() if position is None else self.directory.at(position)
            return list(audience(people, view, owner))

        return await to_thread.run_sync(told)

    async def foresee(self, request: Request) -> Foreseen | Refusal:
        return await to_thread.run_sync(self.pipeline.foreseen, request, limiter=self.deciding)

    async def undo(self, undo: Undo) -> Undone:
        with COMMAND_SECONDS.time(), tracing.doing(UNDO):
            undone = await to_thread.run_sync(self._undo, undo, limiter=self.deciding)
        code = undone.refusal.code.name if undone.refusal else "ACCEPTED"
        if undone.refusal:
            known_code(code, UNDO)
        COMMANDS.labels("preview" if undo.preview else UNDO, code).inc()
        if ids := [each.id for each in undone.affected if each.kind in ("User", "ApiToken")]:
            self.admission.changed(ids)
        return undone

    def _undo(self, undo: Undo) -> Undone:
        undone = self.undoing.undo(undo)
        self.directory.catch_up()
        return undone

    def _noted(self, requests: Sequence[Request], outcomes: Sequence[Outcome]) -> None:
        """What came of commands is counted; who comes in is looked up again once users or tokens were changed."""
        for request, outcome in zip(requests, outcomes, strict=True):
            code = outcome.code.name if isinstance(outcome, Refusal) else "ACCEPTED"
            if isinstance(outcome, Refusal):
                known_code(code, request.command)
            COMMANDS.labels(request.command, code).inc()
        changed = (each for outcome in outcomes if isinstance(outcome, Accepted) for each in outcome.changed)
        if ids := [each.id for each in changed if each.kind in ("User", "ApiToken")]:
            self.admission.changed(ids)

    async def authenticate(self, token: str, address: str | None) -> Caller | None:
        known = None if address is None else self.admission.remembered(token, address)
        if known is None:
            ask = partial(self.admission.again, token)
            if address is not None:
                ask = partial(self.admission.admit, token, address)
            try:
                # What asks an identity provider may wait for it, and keeps nobody else waiting.
                ours = token.startswith("daybook_")
                known = await to_thread.run_sync(self._known, ask, limiter=None if ours else self.asking)
            except MustWait as wait:
                raise Wait(wait.seconds) from None
            except Unanswered as error:
                raise NotReady(str(error)) from None
            except subjects.Stranger as error:
                raise Stranger(str(error)) from None
        if known is None:
            shown = TOKEN.fullmatch(token)
            known_caller(None, shown[1] if shown else None)
            return None
        known_caller(known.user_id, known.token_id)
        rights = self.directory.of(known.user_id)
        policy = rights if known.scopes is None else Scoped(rights, known.scopes)
        return Caller(known.user_id, policy, known.token_id, known.scopes, known.expires_at)

    def _known(self, ask: Callable[[], Known | None]) -> Known | None:
        """Who comes. Of whom no rights are known yet, they are looked for."""
        if known := ask():
            self.directory.catch_up(known.user_id)
        return known

    async def healthy(self, _: HTTPRequest) -> Response:
        return JSONResponse({"status": "ok"})

    async def ready(self, _: HTTPRequest) -> Response:
        """Whether it can serve, and what is missing. What is of concern besides keeps nobody from serving."""
        stand = await self.standing()
        missing = [f"{view.table} is still being built" for view in VIEWS if view not in self.known]
        told = {
            "ready": bool(stand) and not missing,
            "missing": missing if stand else ["the database does not answer"],
            "concerns": list(concerns(stand)) if stand else [],
            "building": {view.view: round(view.built or 0, 2) for view in stand.building} if stand else {},
            "parked": {view.view: view.parked for view in stand.live if view.parked} if stand else {},
        }
        return JSONResponse(told, 200 if told["ready"] else 503)

    async def metrics(self, _: HTTPRequest) -> Response:
        """What this server counted, and how things stand, as Prometheus reads it."""
        return Response(metrics(await self.standing()), media_type=MEDIA)

    async def standing(self) -> Standing | None:
        """How things stand; None where the database does not say."""
        try:
            [(text,)] = await asyncio.wait_for(self.reading.rows(STANDING, []), ANSWERS_WITHIN)
        except (psycopg.Error, PoolTimeout, TimeoutError):
            return None
        return standing_of(text)


def persisted(settings: Settings) -> Persisted:
    """The documents that clients name by an id. Raises WrongSetting."""
    try:
        return Persisted(load(settings.documents) if settings.documents else None)
    except ValueError as error:
        raise WrongSetting(f"DAYBOOK_DOCUMENTS is {settings.documents}: {error}") from None


def endpoint_of(server: Server, settings: Settings, authenticate: Authenticate) -> Any:
    """The endpoint of the API, for those whom `authenticate` lets in."""
    return Endpoint(
        server.schema,
        EndpointPorts(
            views=server.views,
            places=server.place,
            replays=server.replay,
            rows=server.reading,
            commands=server.run,
            batches=server.run_all,
            correlates=tracing.together,
            foresees=server.foresee,
            undoes=server.undo,
            log=server.reading,
            authenticate=authenticate,
            budget=server.budgets,
            accessed=server.accessed,
            audience=server.audience,
            disclosing=server.disclosing,
        ),
        persisted(settings),
        settings.operation_seconds,
        settings.cors_origins,
    )


def application(settings: Settings, database_url: str, token: str | None, schema: str = SCHEMA) -> Starlette:
    """What the web server serves."""
    server = Server(settings, database_url, schema)
    endpoint = endpoint_of(server, settings, server.authenticate)
    events = Events(server.views, EventStream(server.reading), server.authenticate, server.reading, server.place)
    routes = [
        Route("/graphql", endpoint),
        WebSocketRoute("/graphql", endpoint),
        Route("/healthz", server.healthy),
        Route("/readyz", server.ready),
        Route("/metrics", server.metrics),
        Route("/events", events.answer),
        *deliverable_routes(endpoint, DELIVERABLES, ZoneInfo(settings.time_zone)),
        *deliverable_routes(endpoint, CALENDARS, ZoneInfo(settings.time_zone), [Middleware(TokenAsPassword)]),
        *contract_routes(documents(AGGREGATES, settings.kafka_prefix)),
        *ide_routes(token),
    ]
    around = [Middleware(Observed, watch=server.watch), *middleware(settings.cors_origins, settings.https)]
    return Starlette(routes=routes, middleware=around, lifespan=server.life)


@asynccontextmanager
async def at_hand(settings: Settings, database_url: str, user_id: UUID) -> AsyncIterator[Starlette]:
    """What the web server would deliver to a user, without one that runs: for whoever sits at this machine."""
    server = Server(settings, database_url, SCHEMA)

    async def authenticate(token: str, address: str | None) -> Caller:
        return Caller(user_id, server.directory.of(user_id), "command line")

    endpoint = endpoint_of(server, settings, authenticate)
    made = Starlette(routes=deliverable_routes(endpoint, (*DELIVERABLES, *CALENDARS), ZoneInfo(settings.time_zone)))
    async with server.life(made):
        yield made


def main() -> NoReturn:
    """The entry point of `daybook`."""
    cli.main(cli.Ports(application, sdl, at_hand))
