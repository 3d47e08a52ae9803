"""`daybook serve`: the web server; with the embedded database also the database, a projector and a first user."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from infra.cli.databases import Database, database
from infra.cli.output import Failed, progress, say
from infra.cli.ports import Ports
from infra.cli.projecting import projecting
from infra.cli.running import Running, running
from infra.data_folder import prepare, serving
from infra.database import migrate
from infra.first_start import administrator, local_token
from infra.sample import load
from infra.settings import Settings

CLOSING = 5
"""Seconds that requests and subscriptions get to end."""


def serve(settings: Settings, ports: Ports, sample: bool) -> None:
    """Serve until somebody stops it. Raises Failed, Unusable, InUse or CannotStart."""
    with ExitStack() as stack:
        listening = stack.enter_context(_listen(settings.host, settings.port))
        address = f"http://{_in_address(settings.host)}:{settings.port}"
        data = prepare(settings.data)
        stack.enter_context(serving(data, address))
        used = stack.enter_context(database(settings))
        token = None
        if used.is_embedded:
            migrate(used.owner_url, application_role=used.application_role)
            stack.enter_context(projecting(used.application_url))
            with running(used) as parts:
                token = local_token(parts.identity, administrator(parts.pipeline, parts.identity), data)
                if sample:
                    _load_sample(parts, data)
        elif not used.is_prepared:
            raise Failed("the database is not prepared: run `daybook migrate`")
        app = ports.application(settings, used.application_url, token)
        _Server(app, lambda: _welcome(address, token)).run_on(listening)


def _load_sample(parts: Running, data: Path) -> None:
    """Once only: a crash in between is no harm, for a command that was answered is not carried out again."""
    mark = data / "sample-loaded"
    if mark.exists():
        return
    with progress("Loading the sample company") as advance:
        load(parts.pipeline, administrator(parts.pipeline, parts.identity), advance)
    mark.touch()


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
    def __init__(self, app: ASGIApp, welcome: Callable[[], None]) -> None:
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,
                log_level="warning",
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=CLOSING,
            )
        )
        self._welcome = welcome

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._welcome()

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
