"""The audit of what is locked: what it makes of what the tools say, and that it never fails for want of a network."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests import audit
from tests.audit import Advisory, Audited, of_npm_audit, of_pip_audit
from tests.test_architecture import files

SOUND = {"name": "anyio", "version": "4.12.0", "vulns": []}
VULNERABLE = {"name": "jinja2", "version": "2.4.1", "vulns": [{"id": "PYSEC-2014-8", "fix_versions": ["2.7.2"]}]}
UNTOLD = {"name": "orjson", "skip_reason": "Dependency not found on PyPI and could not be audited: orjson (3.11.0)"}
TITLE = {
    "source": 1,
    "url": "https://example.org/advisories/GHSA-1",
    "severity": "high",
    "title": "It lets everybody in",
}


def pip_audit(*dependencies: Any) -> str:
    return json.dumps({"dependencies": dependencies, "fixes": []})


def npm_audit(**vulnerabilities: Any) -> str:
    return json.dumps({"vulnerabilities": vulnerabilities, "metadata": {"dependencies": {"total": 57}}})


def test_what_is_known_of_a_python_package_is_told() -> None:
    found = of_pip_audit(pip_audit(SOUND, VULNERABLE, UNTOLD))

    assert found == Audited(2, (Advisory("jinja2 2.4.1", "PYSEC-2014-8", "mended in 2.7.2"),), ("orjson",))


def test_what_is_known_of_an_npm_package_is_told_once() -> None:
    found = of_npm_audit(npm_audit(inner={"via": [TITLE]}, outer={"via": ["inner"]}))

    assert found == Audited(57, (Advisory("inner", "GHSA-1", "high: It lets everybody in"),))


@pytest.mark.parametrize("said", ["", "nonsense", pip_audit(UNTOLD), pip_audit()])
def test_where_nobody_can_be_asked_for_advisories_of_python_nothing_is_audited(said: str) -> None:
    assert of_pip_audit(said) == Audited(None, (), of_pip_audit(said).untold)


@pytest.mark.parametrize("said", ["", "nonsense", '{"message": "405", "error": {"code": "ENOAUDIT"}}'])
def test_where_nobody_can_be_asked_for_advisories_of_npm_nothing_is_audited(said: str) -> None:
    assert of_npm_audit(said) == Audited(None)


def test_an_advisory_that_we_decided_to_live_with_is_no_failure() -> None:
    found = of_pip_audit(pip_audit(VULNERABLE))

    assert found.unknown({"PYSEC-2014-8": "2026-11-26: we do not use it so"}) == []
    assert found.unknown({"PYSEC-2014-9": "2026-11-26: another"}) == list(found.advisories)


@pytest.mark.parametrize(
    ("found", "fails", "says"),
    [
        (Audited(2), 0, "2 packages, none known to be vulnerable"),
        (Audited(None), 0, "not audited"),
        (Audited(2, untold=("orjson",)), 0, "of 1 nothing could be learned"),
        (of_pip_audit(pip_audit(VULNERABLE)), 1, "jinja2 2.4.1: PYSEC-2014-8, mended in 2.7.2"),
    ],
)
def test_it_fails_only_for_what_is_known(
    found: Audited, fails: int, says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(audit, "audits", lambda: iter([("requirements.lock", found)]))

    assert audit.main() == fails
    assert says in capsys.readouterr().out


def test_every_lock_file_is_audited() -> None:
    locks = {path.parent for path in files() if path.name == "package-lock.json"}

    assert {folder.relative_to(audit.ROOT) for folder in audit.PACKAGES} == locks


def test_whatever_is_lived_with_has_a_date_and_a_reason() -> None:
    assert [said for said in audit.ALLOWED.values() if len(said.partition(": ")[2]) < 10 or said[4:8:3] != "--"] == []
