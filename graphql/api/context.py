"""One request or one connection: who asks, by what it is answered, and what it is plugged into."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.websockets import WebSocket

from api.catalogue import Views
from api.ports import (
    Accessed,
    Audience,
    Authenticate,
    Batches,
    Budget,
    Caller,
    Commands,
    Correlates,
    Disclosing,
    EventLog,
    Foresees,
    Places,
    Replays,
    Rows,
    Undoes,
)
from api.reads import Reads
from api.sessions import Session


@dataclass(frozen=True)
class Ports:
    """What the endpoint is plugged into."""

    views: Views
    places: Places
    replays: Replays
    rows: Rows
    commands: Commands
    batches: Batches
    correlates: Correlates
    foresees: Foresees
    undoes: Undoes
    log: EventLog
    authenticate: Authenticate
    budget: Budget
    accessed: Accessed
    audience: Audience
    disclosing: Disclosing


@dataclass
class Context:
    """What resolvers are given."""

    ports: Ports
    request_id: str
    idempotency_key: str | None = None
    connection_params: dict[str, object] | None = None
    connection: WebSocket | None = None
    session: Session | None = None
    replay: str | None = None
    """The name of the replay that is to answer."""
    replayed: Places | None = None
    """Its tables."""
    resumed: int | None = None
    """The position after which a stream of events that broke off goes on, whatever its arguments say."""
    position: int | None = None
    """The position of the event that was told last."""

    @property
    def caller(self) -> Caller | None:
        """Who asks, with what they may do now: over a connection that lasts, that may change."""
        return self.session.caller if self.session else None

    @property
    def reads(self) -> Reads:
        assert self.caller
        ports = self.ports
        return Reads(ports.rows, self.caller, self.replayed or ports.places, ports.views, ports.accessed)

    @property
    def commands(self) -> Commands:
        return self.ports.commands

    @property
    def batches(self) -> Batches:
        return self.ports.batches

    @property
    def foresees(self) -> Foresees:
        return self.ports.foresees

    @property
    def log(self) -> EventLog:
        return self.ports.log
