"""`daybook role`: who may do what, and how to let somebody do everything again when nobody can."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import typer

from domain.command import Accepted, Request
from domain.platform.role import Role
from domain.platform.user import User
from domain.values import id_text
from infra.cli.output import AsJson, Failed, say, table, tell
from infra.cli.running import Running, prepared
from infra.rights import DAYBOOK
from infra.settings import Settings

ROLE = typer.Argument(help="Its name, or Role_<uuid>.")
USER = typer.Argument(help="Their name, e-mail address, or User_<uuid>.")


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(help="List roles, give them and take them.", no_args_is_help=True)
    group.command("list")(list_)
    group.command("show")(show)
    group.command("give")(give)
    group.command("take")(take)
    app.add_typer(group, name="role")


def list_(as_json: AsJson = False) -> None:
    """List the roles that are in use, with how many have each."""
    with prepared(Settings.from_environment()) as parts:
        _begun(parts)
        roles = sorted((_told(parts, role) for role in _roles(parts)), key=lambda told: str(told["name"]))
        shown = ("name", "holders", "description")
        rows = [[len(told["holders"]) if key == "holders" else told[key] for key in shown] for told in roles]
        tell(roles, as_json, lambda _: table([*shown], rows))


def show(role: Annotated[str, ROLE], as_json: AsJson = False) -> None:
    """Show what a role permits, what it hides, and who has it."""
    with prepared(Settings.from_environment()) as parts:
        _begun(parts)
        told = _told(parts, _role(parts, role))
        rows = [["permits", *pair] for pair in told["grants"].items()]
        rows += [["hides", attribute, ""] for attribute in told["hidden"]]
        rows += [["is had by", name, id] for id, name in told["holders"].items()]
        tell(told, as_json, lambda told: table([told["name"], "", ""], rows))


def give(role: Annotated[str, ROLE], user: Annotated[str, USER]) -> None:
    """Give a user a role, in the name of Daybook itself, which may do everything."""
    with prepared(Settings.from_environment()) as parts:
        _begun(parts)
        found = _role(parts, role)
        _ask(parts, "User.assign_role", _user(parts, user), found.id)
        say(f"{user} has the role {found.name}")


def take(role: Annotated[str, ROLE], user: Annotated[str, USER]) -> None:
    """Take a role from a user. Somebody always remains who may do everything."""
    with prepared(Settings.from_environment()) as parts:
        _begun(parts)
        found = _role(parts, role)
        _ask(parts, "User.withdraw_role", _user(parts, user), found.id)
        say(f"{user} does not have the role {found.name}")


def _begun(parts: Running) -> None:
    """There are roles, and a first user."""
    _ = parts.administrator


def _ask(parts: Running, command: str, user: UUID, role: UUID) -> None:
    request = Request(command=command, actor=DAYBOOK, id=user, arguments={"role_id": role}, origin="daybook role")
    outcome = parts.pipeline.run(request)
    if not isinstance(outcome, Accepted):
        raise Failed(outcome.message)


def _roles(parts: Running) -> list[Role]:
    return [each for each in parts.directory.people.known.values() if isinstance(each, Role) and each.usable]


def _role(parts: Running, text: str) -> Role:
    for role in _roles(parts):
        if text in (role.name, id_text("Role", role.id)):
            return role
    raise Failed(f"there is no role {text}: `daybook role list` shows what there is")


def _user(parts: Running, text: str) -> UUID:
    users = [each for each in parts.directory.people.known.values() if isinstance(each, User)]
    found = [user for user in users if text in (user.name, user.email, id_text("User", user.id))]
    if len(found) != 1:
        many = ", ".join(id_text("User", user.id) for user in found)
        raise Failed(f"{text} is the name of several: say which of {many}" if found else f"there is no user {text}")
    return found[0].id


def _told(parts: Running, role: Role) -> dict[str, Any]:
    users = [each for each in parts.directory.people.known.values() if isinstance(each, User)]
    return {
        "id": id_text("Role", role.id),
        "name": role.name,
        "description": role.description,
        "grants": {grant.permission: str(grant.scope) for grant in role.grants.values()},
        "hidden": sorted(role.hidden),
        "holders": {id_text("User", user.id): user.name for user in users if role.id in user.roles and user.usable},
    }
