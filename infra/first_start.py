"""The first start: the first user, who may do everything, and a token for whoever sits at this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Final
from uuid import UUID

from domain.command import Accepted, Request
from infra.data_folder import keep
from infra.identity import DAYBOOK, Identity
from infra.pipeline import CommandPipeline

ADMINISTRATOR: Final = Request(
    command="User.add",
    actor=DAYBOOK,
    arguments={"name": "administrator"},
    idempotency_key="the first user",
    origin="first start",
)


def administrator(pipeline: CommandPipeline, identity: Identity) -> UUID:
    """The first user, added where there is none yet: the same command again is answered with the same user."""
    outcome = pipeline.run(ADMINISTRATOR)
    if not isinstance(outcome, Accepted):
        raise RuntimeError(f"the first user cannot be added: {outcome.message}")
    user_id = outcome.changed[0].id
    identity.make_administrator(user_id)
    return user_id


def local_token(identity: Identity, user_id: UUID, data: Path) -> str:
    """The token in the data folder; a new one where there is none, or where it does not hold any more."""
    path = data / "token"
    if path.exists() and identity.caller(text := path.read_text().strip()):
        return text
    keep(path, text := identity.create(user_id, "local"))
    return text
