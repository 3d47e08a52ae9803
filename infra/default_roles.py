"""The roles that every company begins with. Each is made once, and is the company's own from then on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from domain.command import Accepted, Request
from domain.rights import EVERYTHING, Scope
from infra.pipeline import CommandPipeline, command_id
from infra.rights import DAYBOOK

OWN, TEAM, ALL = Scope.OWN, Scope.TEAM, Scope.ALL


@dataclass(frozen=True)
class DefaultRole:
    """A role as it is made: what it permits, and how far."""

    name: str
    description: str
    grants: dict[str, Scope]

    @property
    def key(self) -> str:
        """Under which it is asked for, so that it is made once."""
        return f"the role {self.name}"


DEFAULT_ROLES: Final = (
    DefaultRole("administrator", "Sees and does everything.", {EVERYTHING: ALL}),
    DefaultRole(
        "sales manager",
        "Sees and sells everything, and says what is sold and by which stages.",
        {"sales.*": ALL, "customers.*": ALL, "platform.see": ALL, "platform.tokens": OWN},
    ),
    DefaultRole(
        "sales representative",
        "Sees what is of their teams, and works on what is theirs.",
        {
            "sales.see": TEAM, "sales.sell": OWN, "customers.see": TEAM, "customers.personal": TEAM,
            "customers.edit": OWN, "platform.see": ALL, "platform.tokens": OWN,
        },
    ),
    DefaultRole(
        "marketer",
        "Works on customers, and sees what came of it.",
        {"customers.*": ALL, "sales.see": ALL, "platform.see": ALL, "platform.tokens": OWN},
    ),
    DefaultRole(
        "service agent",
        "Works on customers, and sees what they bought.",
        {"customers.*": ALL, "sales.see": ALL, "platform.see": ALL, "platform.tokens": OWN},
    ),
    DefaultRole(
        "project manager",
        "Works on projects, and sees customers and what they bought.",
        {
            "projects.*": ALL, "customers.see": ALL, "customers.personal": ALL, "sales.see": ALL,
            "platform.see": ALL, "platform.tokens": OWN,
        },
    ),
    DefaultRole(
        "project member",
        "Does the work of projects, and sees customers, but for what is personal.",
        {"projects.see": ALL, "projects.work": ALL, "customers.see": ALL, "platform.see": ALL, "platform.tokens": OWN},
    ),
    DefaultRole(
        "auditor",
        "Reads everything, history included, and changes nothing.",
        {"*.see": ALL, "*.personal": ALL, "platform.audit": ALL},
    ),
    DefaultRole(
        "integration",
        "Another system: reads and writes what is of customers and sales.",
        {"sales.*": ALL, "customers.*": ALL, "platform.see": ALL, "platform.tokens": OWN},
    ),
)  # fmt: skip


def make_roles(pipeline: CommandPipeline) -> UUID:
    """Make what is missing of the default roles, and return that of an administrator. One that was made before is not
    made again, whatever became of it.
    """
    for role in DEFAULT_ROLES:
        if pipeline.store.answer(command_id(DAYBOOK, role.key)) is None:
            made = pipeline.together(_steps(role))
            if not isinstance(made, Accepted):
                raise RuntimeError(f"{role.key} cannot be made: {made.message}")
    return _made(pipeline, DEFAULT_ROLES[0])


def _made(pipeline: CommandPipeline, role: DefaultRole) -> UUID:
    known = pipeline.store.answer(command_id(DAYBOOK, role.key))
    assert known is not None and isinstance(known[1], Accepted)
    return known[1].changed[0].id


def _steps(role: DefaultRole) -> Callable[[Callable[[Request], Accepted]], None]:
    def steps(run: Callable[[Request], Accepted]) -> None:
        made = run(_asked("Role.define", role.key, name=role.name, description=role.description)).changed[0].id
        for permission, scope in role.grants.items():
            run(_asked("Role.grant_permission", f"{role.key}: {permission}", made, permission=permission, scope=scope))

    return steps


def _asked(command: str, key: str, id: UUID | None = None, /, **arguments: str) -> Request:
    return Request(
        command=command, actor=DAYBOOK, id=id, arguments=arguments, idempotency_key=key, origin="first start"
    )
