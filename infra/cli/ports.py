"""What the command line needs of rooms that infra may not enter: server.py plugs it in."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from uuid import UUID

from starlette.types import ASGIApp

from infra.settings import Settings


@dataclass(frozen=True)
class Ports:
    """`application(settings, database_url, token)` is what the web server serves; `sdl()` the schema of the API;
    `at_hand(settings, database_url, user_id)` answers a user as the web server would, whatever token is shown.

    The token is the local one, for the IDE on this machine; None where the database is not the embedded one.
    """

    application: Callable[[Settings, str, str | None], ASGIApp]
    sdl: Callable[[], str]
    at_hand: Callable[[Settings, str, UUID], AbstractAsyncContextManager[ASGIApp]]
