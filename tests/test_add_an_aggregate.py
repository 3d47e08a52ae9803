"""docs/add-an-aggregate.md, followed to the letter in a copy of the repository: two files, two lines, nothing else."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "add-an-aggregate.md").read_text()
TRIED = """
import json, sys
from zoneinfo import ZoneInfo
from domain.catalogue import AGGREGATES
from projections.catalogue import REPORTS, VIEWS
from api.schema import build
from graphql import parse, validate
schema, _ = build(AGGREGATES, VIEWS, REPORTS, ZoneInfo("UTC"))
query = "{ competitors(filter: {threat: {eq: HIGH}}, orderBy: [{field: NAME}], asOf: {position: 1}) { totalCount } }"
for text in (sys.stdin.read(), query):
    assert not (wrong := validate(schema._schema, parse(text))), wrong
print("understood")
"""


def block(after: str, language: str) -> str:
    """The first block of a language behind a sentence of the page."""
    found = re.search(rf"{re.escape(after)}.*?```{language}\n(.*?)```", PAGE, re.S)
    assert found, after
    return found[1]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository, with a competitor in it."""
    place = tmp_path_factory.mktemp("copy")
    known = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(known, cwd=ROOT, capture_output=True, text=True, check=True)
    for name in listed.stdout.split("\n"):
        if name and (ROOT / name).is_file():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, place / name)
    (place / "tests/test_add_an_aggregate.py").unlink()
    for path in ("domain/sales/competitor.py", "projections/sales/competitor.py"):
        (place / path).write_text(block(f"`{path}`", "python"))
    (place / "tests/sales/test_competitor.py").write_text(block("high threat needs a reason", "python"))
    for catalogue, name in (("domain/catalogue.py", "AGGREGATES"), ("projections/catalogue.py", "VIEWS")):
        line = block(f"In `{catalogue}`", "python")
        text = (place / catalogue).read_text()
        listing = re.search(rf"^{name}[^=]*= \((.*?)\n?\)", text, re.S | re.M)
        assert listing
        text = text.replace(listing[1], f"{listing[1].rstrip().rstrip(',')}, {line.split()[-1]}")
        (place / catalogue).write_text(re.sub(r"^(from )", rf"{line}\1", text, count=1, flags=re.M))
    subprocess.run(["git", "init", "--quiet"], cwd=place, check=True)
    subprocess.run(["git", "add", "."], cwd=place, check=True)
    return place


def run(copy: Path, *command: str, given: str = "") -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(copy), str(copy / "graphql")])
    environment = {**os.environ, "PYTHONPATH": path}
    return subprocess.run(
        [sys.executable, *command], cwd=copy, env=environment, input=given, capture_output=True, text=True, timeout=300
    )


def test_the_api_knows_it(copy: Path) -> None:
    mutation = block("## 5. Use it", "graphql")

    tried = run(copy, "-c", TRIED, given=mutation)

    assert tried.stdout == "understood\n", tried.stderr


def test_its_golden_files_are_accepted_and_all_that_holds_for_every_aggregate_holds_for_it(
    copy: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAYBOOK_TEST_DATABASE_URL", database_url)

    files = ("tests/test_every_aggregate.py", "tests/sales/test_competitor.py", "tests/test_architecture.py")
    accepted = run(copy, "-m", "pytest", "-p", "no:cacheprovider", "--accept-golden")
    checked = run(
        copy, "-m", "pytest", "-p", "no:cacheprovider", *files, "-k", "(ompetitor or architecture) and not wheel"
    )

    assert accepted.returncode == 0, accepted.stdout
    assert checked.returncode == 0, checked.stdout
    golden, before = copy / "tests" / "golden", ROOT / "tests" / "golden"
    paths = [path.relative_to(golden) for path in golden.rglob("*.*") if path.is_file()]
    changed = {
        str(f) for f in paths if not (before / f).exists() or (before / f).read_text() != (golden / f).read_text()
    }
    folders = ("payloads", "schemas")
    of_each = {f"{folder}/Competitor.{event}.1.json" for folder in folders for event in ("Spotted", "Judged")}
    of_all = {"events.json", "schema.graphql", "asyncapi.json"}
    assert of_all | of_each <= changed
    assert all(name in of_all or name.split("/")[1].startswith("Competitor.") for name in changed)


def test_its_types_and_its_style_are_those_of_the_house(copy: Path) -> None:
    files = ["domain/sales/competitor.py", "projections/sales/competitor.py"]

    typed = run(copy, "-m", "mypy", "--cache-dir", os.devnull, *files)
    linted = run(copy, "-m", "ruff", "check", "--no-cache", *files)
    formatted = run(copy, "-m", "ruff", "format", "--check", "--no-cache", *files)

    assert (typed.returncode, linted.returncode, formatted.returncode) == (0, 0, 0), typed.stdout + linted.stdout
