"""`daybook serve`, the web server, which brings everything with it where the database is the embedded one; and
`daybook project`, a projector by itself."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from logging import WARNING
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer
import uvicorn
from starlette.types import ASGIApp

from infra import logs, tracing
from infra.cli.databases import Database, database
from infra.cli.output import Failed, progress, say
from infra.cli.running import Running, running
from infra.data_folder import prepare, serving
from infra.database import SCHEMA, connect
from infra.default_templates import make_templates
from infra.embedded import forget
from infra.first_start import local_token
from infra.instants import ViewBehind, wait_for_all
from infra.projecting import PROJECTOR_SERVICE, check, projecting, source_of
from infra.projector import run
from infra.sample.loading import load
from infra.settings import Settings
from projections.catalogue import VIEWS

CLOSING = 5
"""Seconds that requests and subscriptions get to end."""
SEEN_WITHIN = 60
"""Seconds for which the sample is waited for."""
WEB: dict[str, Any] = {"log_level": "warning", "ws_per_message_deflate": False}
"""Of uvicorn. Where frames are compressed, Node's own WebSocket may take the end of a connection for a fault, and its
clients give up what they follow: it unpacks the last frame only when the connection is gone."""


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(serve)
    app.command()(project)
    app.command()(reset)


def serve(
    context: typer.Context,
    sample: Annotated[bool, typer.Option("--sample", help="Load a sample company first, if it is not there.")] = False,
) -> None:
    """Serve until somebody stops it."""
    settings, ports = Settings.from_environment(), context.obj
    logs.begin(settings.log)
    tracing.begin("daybook-server")
    with ExitStack() as stack:
        listening = stack.enter_context(_listen(settings.host, settings.port))
        address = f"http://{_in_address(settings.host)}:{settings.port}"
        data = prepare(settings.data)
        stack.enter_context(serving(data, address))
        used = stack.enter_context(database(settings, keep=True))
        token = _prepare(settings, used, data, sample, stack)
        app = ports.application(settings, used.application_url, token)
        _Server(app, settings.trusted_proxies, lambda: _welcome(address, token)).run_on(listening)


def project() -> None:
    """Keep the views up to date until somebody stops it. `daybook serve` does so itself with the embedded database."""
    settings, stop = Settings.from_environment(), threading.Event()
    logs.begin(settings.log, WARNING)
    tracing.begin(PROJECTOR_SERVICE)
    check(settings)
    with ExitStack() as stack:
        parts = stack.enter_context(running(settings, stack.enter_context(database(settings, keep=True))))
        run(parts.database.application_url, SCHEMA, VIEWS, stop, source_of(settings))


def reset(
    yes: Annotated[bool, typer.Option("--yes", help="It is meant: all data are gone afterwards.")] = False,
) -> None:
    """Forget the embedded database, with its history, and the local token."""
    data = Settings.from_environment().data
    if not yes:
        raise Failed(f"this forgets everything in {data}: say so with --yes")
    if data.exists():
        with serving(prepare(data), "a reset"):
            forget(data)


def _prepare(settings: Settings, used: Database, data: Path, sample: bool, stack: ExitStack) -> str | None:
    """A projector for as long as the stack stands, the first user, what a company begins with, the sample; the local
    token, if there is one.
    """
    with running(settings, used) as parts:
        if used.is_embedded:
            stack.enter_context(projecting(used.application_url, settings))
        token = local_token(parts.identity, parts.administrator, data) if used.is_embedded else None
        make_templates(parts.pipeline)
        if sample:
            _load_sample(parts)
        return token


def _load_sample(parts: Running) -> None:
    """Load it if it is not there, and wait a while until it can be seen: whoever tries the first query sees it."""
    with progress("Loading the sample company") as advance:
        loaded = load(parts.pipeline, parts.store, parts.administrator, parts.zone, advance)
    if loaded.events:
        with connect(parts.database.application_url) as connection, suppress(ViewBehind):
            wait_for_all(connection, VIEWS, parts.store.head()[0], SEEN_WITHIN)


def _listen(host: str, port: int) -> socket.socket:
    """Take the port first: if it is taken, nothing has been started that would have to be ended."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(socket.SOMAXCONN)
    except OSError as error:
        listening.close()
        raise Failed(
            f"cannot listen on port {port} of {host} ({error.strerror}):"
            f" end what uses it, or choose another: DAYBOOK_PORT={port + 1}"
        ) from None
    return listening


def _in_address(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)


class _Server(uvicorn.Server):
    def __init__(self, app: ASGIApp, trusted_proxies: str, welcome: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                **WEB,
                log_config=None,
                access_log=False,
                server_header=False,
                forwarded_allow_ips=trusted_proxies,
                timeout_graceful_shutdown=CLOSING,
            )
        )
        self._welcome = welcome

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._welcome()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Whoever is impatient and asks twice gets the same good order: it takes no longer than CLOSING."""
        self.should_exit = True

    def run_on(self, listening: socket.socket) -> None:
        """Serve; being told to stop is no failure."""
        try:
            self.run(sockets=[listening])
        except (KeyboardInterrupt, SystemExit):
            if not self.started:
                raise
        if not self.started:
            raise Failed("the web server does not start; the reason stands above")


def _welcome(address: str, token: str | None) -> None:
    if token is None:
        say(f"Daybook is at {address}; `daybook token create` makes a token.")
        return
    query = '{"query": "{ opportunities(first: 3) { totalCount nodes { id name status } } }"}'
    say(
        f"""
Daybook is at {address}  (in a browser: queries by hand; Ctrl-C ends everything)

Your token:
  {token}

A first query:
  curl -s {address}/graphql \\
    -H 'Authorization: Bearer {token}' \\
    -H 'Content-Type: application/json' \\
    -d '{query}'
"""
    )
