"""Daybook: wires the rooms of the house, and is the entry point of `daybook`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, NoReturn
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg
from anyio import CapacityLimiter, to_thread
from starlette.applications import Starlette
from starlette.requests import Request as HTTPRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from strawberry import Schema

from api.catalogue import Views
from api.contract import contract_routes
from api.http import Endpoint
from api.http import Ports as EndpointPorts
from api.ide import ide_routes
from api.ports import Caller, NotReady, Place, ViewType
from api.schema import build
from api.stream import Events
from domain.catalogue import AGGREGATES
from domain.command import Accepted, Outcome, Request, Stopped
from infra import batch, cli
from infra.budget import Budgets
from infra.contract.documents import documents
from infra.database import SCHEMA
from infra.event_store import EventStore
from infra.identity import Identity
from infra.metrics import MEDIA, metrics
from infra.pipeline import CommandPipeline
from infra.reading import Reading
from infra.scoped import Scoped
from infra.serving import FIND, question
from infra.serving import Place as Tables
from infra.settings import Settings
from infra.stream import EventStream
from projections.catalogue import REPORTS, VIEWS

AT_ONCE: Final = 64
"""So many commands are decided at the same time; they are recorded together."""
LOOK_AGAIN: Final = 1.0
"""Seconds after which a server sees that a view was rebuilt."""


@cache
def schema_of(time_zone: str) -> tuple[Schema, Views]:
    """The API of all that is declared."""
    return build(AGGREGATES, VIEWS, REPORTS, ZoneInfo(time_zone))


def sdl() -> str:
    """The schema of the API, as text."""
    return schema_of("UTC")[0].as_str() + "\n"


@dataclass(frozen=True)
class Rights:
    """What a caller may see. Until roles are built an administrator may see all, and others nothing."""

    administrator: bool

    def may(self, permission: str) -> bool:
        return self.administrator

    def sees(self, view: ViewType) -> Collection[UUID] | None:
        return None if self.administrator else ()

    def hides(self, view: ViewType, column: str) -> bool:
        return not self.administrator


class Server:
    """One web server: its connections, and what it answers with."""

    def __init__(self, settings: Settings, url: str, schema: str) -> None:
        self.schema, self.views = schema_of(settings.time_zone)
        self.store = EventStore(url, schema)
        self.identity = Identity(url, self.store, schema)
        self.pipeline = CommandPipeline(AGGREGATES, self.store, self.identity.allows, ZoneInfo(settings.time_zone))
        self.reading = Reading(url, schema)
        self.budgets = Budgets(settings.budget_rate, settings.budget_burst)
        self.deciding = CapacityLimiter(AT_ONCE)
        self.known: dict[ViewType, Place] = {}

    @asynccontextmanager
    async def life(self, _: Starlette) -> AsyncIterator[None]:
        async with self.reading:
            await self.look()
            looking = asyncio.create_task(self.keep_looking())
            try:
                yield
            finally:
                looking.cancel()
                with suppress(asyncio.CancelledError):
                    await looking
                await to_thread.run_sync(self.close)

    def close(self) -> None:
        self.identity.close()
        self.store.close()

    async def look(self) -> None:
        """Which tables answer for each view now."""
        for view in VIEWS:
            asked = question(view)
            rows = await self.reading.rows(PLACES, [asked["view"], asked["columns"], asked["own"]])
            if rows:
                self.known[view] = Tables(rows[0][0], f"{rows[0][0]}_history")

    async def keep_looking(self) -> None:
        while True:
            await asyncio.sleep(LOOK_AGAIN)
            with suppress(psycopg.OperationalError):
                await self.look()

    def place(self, view: ViewType) -> Place:
        if view in self.known:
            return self.known[view]
        raise NotReady(f"{view.table} is still being built")

    async def run(self, request: Request) -> Outcome:
        outcome = await to_thread.run_sync(self.pipeline.run, request, limiter=self.deciding)
        self._look_again([outcome])
        return outcome

    async def run_all(self, requests: Sequence[Request], together: bool) -> Sequence[Outcome] | Stopped:
        carry_out: Any = batch.together if together else batch.one_by_one
        outcomes: Sequence[Outcome] | Stopped = await to_thread.run_sync(
            carry_out, self.pipeline, requests, limiter=self.deciding
        )
        self._look_again(() if isinstance(outcomes, Stopped) else outcomes)
        return outcomes

    def _look_again(self, outcomes: Sequence[Outcome]) -> None:
        """Who comes in is looked up again once users or tokens were changed."""
        changed = (each for outcome in outcomes if isinstance(outcome, Accepted) for each in outcome.changed)
        if ids := [each.id for each in changed if each.kind in ("User", "ApiToken")]:
            self.identity.changed(ids)

    async def authenticate(self, token: str) -> Caller | None:
        known = await to_thread.run_sync(self.identity.caller, token)
        if known is None:
            return None
        rights = Rights(known.administrator)
        policy = rights if known.scopes is None else Scoped(rights, known.scopes)
        return Caller(known.user_id, policy, known.token_id, known.scopes, known.expires_at)

    async def healthy(self, _: HTTPRequest) -> Response:
        return JSONResponse({"status": "ok"})

    async def ready(self, _: HTTPRequest) -> Response:
        """Whether it can serve, and what is missing. Aggregates that a view cannot follow keep nobody from serving."""
        parked: dict[str, int] = {}
        missing = [f"{view.table} is still being built" for view in VIEWS if view not in self.known]
        try:
            asked = self.reading.rows(PARKED, [[place.live for place in self.known.values()]])
            parked = dict(await asyncio.wait_for(asked, 2))
        except (psycopg.Error, TimeoutError):
            missing = ["the database does not answer"]
        stand = {"ready": not missing, "missing": missing, "parked": parked}
        return JSONResponse(stand, 503 if missing else 200)

    async def metrics(self, _: HTTPRequest) -> Response:
        """How things stand, as Prometheus reads it."""
        return Response(await metrics(self.reading.rows), media_type=MEDIA)


PARKED: Final = """
    select p.view, count(*) from dead_letters join projections p using (name) where name = any($1) group by p.view"""

PLACES: Final = (
    FIND.replace("%(view)s", "$1::text").replace("%(columns)s", "$2::jsonb").replace("%(own)s", "$3::text").strip()
)


def application(settings: Settings, database_url: str, token: str | None, schema: str = SCHEMA) -> Starlette:
    """What the web server serves."""
    server = Server(settings, database_url, schema)
    endpoint: Any = Endpoint(
        server.schema,
        EndpointPorts(
            views=server.views,
            places=server.place,
            rows=server.reading,
            commands=server.run,
            batches=server.run_all,
            log=server.reading,
            authenticate=server.authenticate,
            budget=server.budgets,
        ),
    )
    routes = [
        Route("/graphql", endpoint),
        WebSocketRoute("/graphql", endpoint),
        Route("/healthz", server.healthy),
        Route("/readyz", server.ready),
        Route("/metrics", server.metrics),
        Route("/events", Events(server.views, EventStream(server.reading), server.authenticate).answer),
        *contract_routes(documents(AGGREGATES, settings.kafka_prefix)),
        *ide_routes(token),
    ]
    return Starlette(routes=routes, lifespan=server.life)


def main() -> NoReturn:
    """The entry point of `daybook`."""
    cli.main(cli.Ports(application, sdl))
