"""API tokens, as people see them: never what lets anybody in."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from domain.platform.api_token import ApiToken
from projections.view import View


class ApiTokenView(
    View, of=ApiToken, table="api_tokens", needs="platform.tokens", owner="owner_id", indexes=("user_id", "name")
):
    """By it a program comes in as one of us, and reaches no farther than its scopes."""

    user_id: Annotated[UUID, "as whom one comes in with it"]
    name: Annotated[str, "what it is for"]
    scopes: Annotated[frozenset[str], "how far it reaches at most, in order of the alphabet"]
    expires_at: Annotated[datetime | None, "until when it holds; null: for ever"] = None
    last_used_on: Annotated[date | None, "the last day on which somebody came in with it; null: never"] = None
    revoked: Annotated[bool, "whether it holds no more"] = False
