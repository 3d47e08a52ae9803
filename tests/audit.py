"""Whether anything that is locked is known to be vulnerable: `make audit`, a part of `make check`.

The advisories come from the registries of PyPI and npm. Where those cannot be asked (there is no network, or what
stands for them there has no advisories) this says so, and fails nothing: it is asked again where it can be.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.node import CLIENTS, npm_once

ROOT: Final = Path(__file__).parent.parent
PACKAGES: Final = (ROOT / "graphql" / "api" / "ide", CLIENTS, ROOT / "tests" / "bench" / "peer")
"""Folders with packages of npm."""
ALLOWED: Final[Mapping[str, str]] = {}
"""Advisories that we live with, by their ids: since when (as a date), and why."""
PIP_AUDIT: Final = (
    *(sys.executable, "-m", "pip_audit", "--requirement", "requirements.lock", "--require-hashes", "--disable-pip"),
    *("--format", "json", "--desc", "off", "--progress-spinner", "off", "--vulnerability-service", "pypi"),
)
NPM_AUDIT: Final = ("audit", "--json", "--fetch-retries=0", "--fetch-timeout=15000")


@dataclass(frozen=True)
class Advisory:
    """What is known of a package."""

    package: str
    id: str
    says: str


@dataclass(frozen=True)
class Audited:
    """What an audit found; `told` is how many packages it could be told of, None if it could ask nobody."""

    told: int | None
    advisories: tuple[Advisory, ...] = ()
    untold: tuple[str, ...] = ()

    def unknown(self, allowed: Mapping[str, str] = ALLOWED) -> list[Advisory]:
        """Advisories that nobody decided to live with."""
        return [advisory for advisory in self.advisories if advisory.id not in allowed]


def of_pip_audit(said: str) -> Audited:
    """What pip-audit found."""
    try:
        dependencies = json.loads(said)["dependencies"]
    except (ValueError, KeyError):
        return Audited(None)
    told = [each for each in dependencies if "vulns" in each]
    advisories = (
        Advisory(
            f"{each['name']} {each['version']}", v["id"], f"mended in {', '.join(v['fix_versions']) or 'none yet'}"
        )
        for each in told
        for v in each["vulns"]
    )
    untold = tuple(each["name"] for each in dependencies if "vulns" not in each)
    return Audited(len(told) or None, tuple(advisories), untold)


def of_npm_audit(said: str) -> Audited:
    """What `npm audit` found."""
    try:
        report = json.loads(said)
        return Audited(report["metadata"]["dependencies"]["total"], tuple(_of_npm(report["vulnerabilities"])))
    except (ValueError, KeyError):
        return Audited(None)


def _of_npm(found: Mapping[str, Any]) -> Iterator[Advisory]:
    for name, each in found.items():
        for via in each["via"]:
            if isinstance(via, dict):  # else the name of another package, which is told of itself
                yield Advisory(name, str(via["url"]).rpartition("/")[2], f"{via['severity']}: {via['title']}")


def audits() -> Iterator[tuple[str, Audited]]:
    """What each lock file names, audited."""
    yield "requirements.lock", of_pip_audit(_said(PIP_AUDIT, ROOT))
    for folder in PACKAGES:
        try:
            audited = of_npm_audit(_said((*npm_once(), *NPM_AUDIT), folder))
        except (subprocess.SubprocessError, OSError):
            audited = Audited(None)
        yield f"{folder.relative_to(ROOT)}/package-lock.json", audited


def _said(command: tuple[str, ...], folder: Path) -> str:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True).stdout


def main() -> int:
    """Tell, and fail where something is known that nobody decided to live with."""
    failed = False
    for lock, audited in audits():
        if audited.told is None:
            print(f"{lock}: not audited, for there is nobody here to ask for advisories")
            continue
        unknown = audited.unknown()
        beside = f"; of {len(audited.untold)} nothing could be learned" if audited.untold else ""
        print(f"{lock}: {audited.told} packages, {len(unknown) or 'none'} known to be vulnerable{beside}")
        for advisory in unknown:
            print(f"  {advisory.package}: {advisory.id}, {advisory.says}")
        failed = failed or bool(unknown)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
