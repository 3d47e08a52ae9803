"""What is wrong with a plan: a sentence for who made it, and the field that it is about."""

from __future__ import annotations

from domain.values import WrongPart


class WrongPlan(WrongPart):
    """A plan that cannot be: the message says what would be right."""

    def __init__(self, message: str, field: str) -> None:
        super().__init__(message, field)
        self.field = field


class Cycle(WrongPlan):
    """Tasks that wait for each other: `tasks` in their order, the first being behind the last."""

    def __init__(self, tasks: tuple[str, ...], message: str, field: str) -> None:
        super().__init__(message, field)
        self.tasks = tasks
