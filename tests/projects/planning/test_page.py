"""docs/schedule.md: its examples print what it says."""

from __future__ import annotations

import re
from contextlib import redirect_stdout
from io import StringIO
from typing import Any

from domain.projects.planning.earned_value import EarningRule
from domain.projects.planning.plan import DependencyKind
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "schedule.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```\n```text\n(.*?)```", PAGE, re.S)


def test_every_example_prints_what_stands_below_it() -> None:
    names: dict[str, Any] = {}
    assert len(EXAMPLES) == PAGE.count("```python")

    for code, said in EXAMPLES:
        with redirect_stdout(StringIO()) as printed:
            exec(compile(code, "docs/schedule.md", "exec"), names)

        assert printed.getvalue() == said


def test_it_tells_of_every_kind_of_dependency_and_of_every_rule() -> None:
    assert re.findall(r"^\| (\w\w), ", PAGE, re.M)[: len(DependencyKind)] == list(DependencyKind)
    assert re.findall(r"^\| `([\w/]+)` \|", PAGE, re.M) == list(EarningRule)
