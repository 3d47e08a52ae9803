"""`daybook token`: who may come in."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import typer

from domain.command import Accepted, Refusal, Request
from domain.values import id_text, parse
from infra.cli.output import AsJson, Failed, say, table, tell
from infra.cli.running import Running, prepared
from infra.settings import Settings


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(help="Make, list and revoke tokens.", no_args_is_help=True)
    group.command("create")(create)
    group.command("list")(list_)
    group.command("revoke")(revoke)
    app.add_typer(group, name="token")


def create(
    name: Annotated[str, typer.Argument(help="What it is for.")],
    user: Annotated[
        str | None, typer.Option(help="Whose it is, as User_<uuid>; the administrator's if left out.")
    ] = None,
    scope: Annotated[
        list[str] | None,
        typer.Option(
            help="How far it reaches at most: read, sales.*, sales.sell …; all that its user may if left out."
        ),
    ] = None,
    days: Annotated[int | None, typer.Option(min=1, max=36_500, help="For how long; for ever if left out.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a token. It is shown once, and kept nowhere."""
    with prepared(Settings.from_environment()) as parts:
        user_id = _user(user) if user else parts.administrator
        if not parts.identity.works_here(user_id):
            raise Failed(f"there is no active user {id_text('User', user_id)}")
        arguments: dict[str, Any] = {"user_id": user_id, "name": name}
        if scope:
            arguments["scopes"] = scope
        if days:
            arguments["expires_at"] = datetime.now(UTC) + timedelta(days=days)
        made = _done(parts, Request(command="ApiToken.make_for", actor=parts.administrator, arguments=arguments))
        told = {"token": made.secret, "id": id_text("ApiToken", made.changed[0].id)}
        tell(told, as_json, lambda made: made["token"])
        if not as_json:
            say("Keep it: it is not shown again.")


def list_(as_json: AsJson = False) -> None:
    """List all tokens, revoked and expired ones too."""
    with prepared(Settings.from_environment()) as parts:
        tokens = [{**asdict(token), "state": token.state} for token in parts.identity.tokens()]
        shown = ("id", "name", "state", "user_id", "scopes", "created_at", "expires_at", "last_used")

        def cells(token: dict[str, Any]) -> list[Any]:
            return [" ".join(token[key]) if key == "scopes" else token[key] for key in shown]

        tell(tokens, as_json, lambda tokens: table([*shown], [cells(token) for token in tokens]))


def revoke(token: Annotated[str, typer.Argument(help="Its id, as `daybook token list` shows it.")]) -> None:
    """Let a token hold no more: at once, and within three seconds in servers that have just seen it."""
    with prepared(Settings.from_environment()) as parts:
        if id := _api_token(token):
            _done(parts, Request(command="ApiToken.revoke", actor=parts.administrator, id=id))
        elif not parts.identity.revoke(token):
            raise Failed(f"there is no token {token}: `daybook token list` shows what there is")
        say("revoked")


def _api_token(text: str) -> UUID | None:
    """The id of an API token, as it is listed or as it stands in the token itself."""
    try:
        return UUID(text.removeprefix("ApiToken_"))
    except ValueError:
        return None


def _done(parts: Running, request: Request) -> Accepted:
    outcome = parts.pipeline.run(replace(request, origin="daybook token"))
    if isinstance(outcome, Refusal):
        raise Failed(f"{outcome.field or request.command}: {outcome.message}")
    return outcome


def _user(text: str) -> UUID:
    try:
        kind, id = parse(text)
    except ValueError:
        kind, id = "", UUID(int=0)
    if kind != "User":
        raise Failed(f"{text} is not the id of a user, which looks like User_<uuid>")
    return id
