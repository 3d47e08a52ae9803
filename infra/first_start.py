"""The first start: roles, the first user, who may do everything, and a token for whoever sits at this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Final
from uuid import UUID

from domain.command import Accepted, Request
from infra.data_folder import keep
from infra.default_roles import make_roles
from infra.identity import Identity
from infra.pipeline import CommandPipeline, command_id
from infra.rights import DAYBOOK, Directory

ADMINISTRATOR: Final = Request(
    command="User.add",
    actor=DAYBOOK,
    arguments={"name": "administrator"},
    idempotency_key="the first user",
    origin="first start",
)


def administrator(pipeline: CommandPipeline, identity: Identity, directory: Directory) -> UUID:
    """The first user, added where there is none yet: the same command again is answered with the same user.

    Where that user may not do everything any more, another one who may.
    """
    outcome = pipeline.run(ADMINISTRATOR)
    if not isinstance(outcome, Accepted):
        raise RuntimeError(f"the first user cannot be added: {outcome.message}")
    first, role = outcome.changed[0].id, make_roles(pipeline)
    for former in identity.former_administrators():
        _give(pipeline, former, role)
        identity.drop_former(former)
    _give(pipeline, first, role)
    governors = [user for user, _ in directory.refresh().governors()]
    return first if first in governors or not governors else governors[0]


def local_token(identity: Identity, user_id: UUID, data: Path) -> str:
    """The token in the data folder; a new one where there is none, or where it does not hold any more."""
    path = data / "token"
    if path.exists() and identity.caller(text := path.read_text().strip()):
        return text
    keep(path, text := identity.create(user_id, "local"))
    return text


def _give(pipeline: CommandPipeline, user_id: UUID, role_id: UUID) -> None:
    """Once: from whom it was withdrawn since, or who was put away, does not get it again."""
    key = f"administrator {user_id}"
    if pipeline.store.answer(command_id(DAYBOOK, key)) is None:
        pipeline.run(
            Request(
                command="User.assign_role",
                actor=DAYBOOK,
                id=user_id,
                arguments={"role_id": role_id},
                idempotency_key=key,
                origin="first start",
            )
        )
