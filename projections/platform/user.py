"""Users, their skills and their roles, as people see them."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from domain.platform.user import User
from domain.values import Email, Locale, TimeZone
from projections.view import View


class UserView(View, of=User, table="users", needs="platform.see", indexes=("name", "email"), search=("name", "email")):
    """One of us, who works with Daybook."""

    name: str
    email: Email | None = None
    locale: Annotated[Locale | None, "in which language things are shown"] = None
    time_zone: TimeZone | None = None
    active: Annotated[bool, "whether the user is let in"] = True


class UserSkillView(
    View,
    of=User,
    table="user_skills",
    key="skill",
    within=UserView,
    ends=(User.SkillRemoved,),
    indexes=("skill", "level"),
):
    """What somebody can do, and how well."""

    skill: str
    level: Annotated[int, "1 (beginner) to 5 (expert)"]


class UserRoleView(
    View, of=User, table="user_roles", key="role_id", within=UserView, ends=(User.RoleWithdrawn,), indexes=("role_id",)
):
    """A role that somebody has."""

    role_id: UUID
