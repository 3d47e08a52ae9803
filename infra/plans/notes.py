"""What of a plan's file is not kept, or not as it stands there: it is told, never dropped in silence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

NAMED: Final = 3
"""So many tasks are named with each sentence."""


@dataclass
class Notes:
    """What of a file is not kept, or not as it stands there: each sentence, and the tasks that it is about."""

    about: dict[str, list[str]] = field(default_factory=dict)

    def note(self, sentence: str, task: str | None = None) -> None:
        names = self.about.setdefault(sentence, [])
        if task is not None:
            names.append(task)

    def __iter__(self) -> Iterator[str]:
        for sentence, names in self.about.items():
            more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
            yield f"{sentence}: {', '.join(names[:NAMED])}{more}" if names else sentence
