"""The command line: `daybook`. Exit codes: 0 done, 1 refused or failed, 2 called in a wrong way."""

from __future__ import annotations

import logging
import signal
import sys
from importlib.metadata import version
from typing import Annotated, NoReturn

import psycopg
import typer
from psycopg_pool import PoolTimeout

from infra.anchors import NothingToAnchor, WrongAnchor
from infra.backup import BackupFailed
from infra.cli import (
    about,
    audit,
    delivering,
    history,
    persons,
    planning,
    relaying,
    replays,
    roles,
    serving,
    tokens,
    transfer,
    undoing,
    verifying,
    views,
)
from infra.cli.output import Failed, say
from infra.cli.ports import Ports as Ports
from infra.data_folder import InUse, Unusable
from infra.database import WrongMigrations
from infra.embedded import CannotStart
from infra.evidence.manifest import WrongManifest
from infra.exporting import CannotExport
from infra.importing.problems import CannotImport
from infra.kafka import NotReached, WrongTopics
from infra.keys import WrongMasterKey
from infra.settings import WrongSetting
from infra.tracing import WrongTracing

REFUSALS = (
    Failed, Unusable, InUse, CannotStart, WrongMigrations, BackupFailed, CannotImport, CannotExport, WrongAnchor,
    NothingToAnchor, WrongManifest, WrongMasterKey, NotReached, WrongTopics,
)  # fmt: skip
"""What is told in one line, without a traceback: whoever asked can do something about it."""


def main(ports: Ports) -> NoReturn:
    """Run what the command line asks for, and end the process with its exit code."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
    try:
        command_line(ports)()
        sys.exit(0)
    except (WrongSetting, WrongTracing) as error:
        _refuse(str(error), 2)
    except REFUSALS as error:
        _refuse(str(error), 1)
    except psycopg.errors.UndefinedTable:
        _refuse("the database is of an older Daybook: run `daybook migrate`", 1)
    except (psycopg.OperationalError, PoolTimeout) as error:
        _refuse(f"the database does not answer: {str(error).strip().splitlines()[0]}", 1)


def command_line(ports: Ports) -> typer.Typer:
    """The commands, with what they need of other rooms."""
    app = typer.Typer(
        name="daybook",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    @app.callback()
    def begin(
        context: typer.Context,
        version: Annotated[
            bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which Daybook this is.")
        ] = False,
    ) -> None:
        """Daybook: an event-sourced CRM server."""
        context.obj = ports

    for part in (
        serving,
        relaying,
        transfer,
        delivering,
        planning,
        undoing,
        verifying,
        history,
        persons,
        views,
        replays,
        tokens,
        roles,
        audit,
        about,
    ):
        part.add_to(app)
    return app


def _version(wanted: bool) -> None:
    if wanted:
        print(f"daybook {version('daybook')}")
        raise typer.Exit


def _stop(number: int, frame: object) -> None:
    """End in good order, once: whoever is impatient must not interrupt that."""
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    raise SystemExit(128 + number)


def _refuse(message: str, code: int) -> NoReturn:
    say(f"daybook: {message}")
    sys.exit(code)
