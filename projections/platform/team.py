"""Teams and their members, as people see them."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from domain.platform.team import Team
from projections.columns import Of
from projections.view import View


class TeamView(View, of=Team, table="teams", needs="platform.see", indexes=("name",), search=("name",)):
    """Users who work together."""

    name: str
    lead_id: Annotated[UUID | None, Of("User"), "who leads them"] = None


class TeamMemberView(
    View,
    of=Team,
    table="team_members",
    key="user_id",
    within=TeamView,
    ends=(Team.MemberRemoved,),
    indexes=("user_id",),
):
    """Somebody in a team."""

    user_id: UUID
    role: Annotated[str | None, "what they do there"] = None
