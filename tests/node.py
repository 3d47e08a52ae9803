"""Node, and the packages that `tests/clients` names: fetched once per checkout, and what its scripts say."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from shutil import copy
from typing import Final

import pytest

from api.ide.build import NODE_LOCK, npm
from infra.data_folder import locked

CLIENTS: Final = Path(__file__).parent / "clients"
LOCK: Final = CLIENTS / "package-lock.json"
MODULES: Final = CLIENTS / "node_modules"
PASSED: Final = re.compile(r"^# pass (\d+)$", re.MULTILINE)


@dataclass(frozen=True)
class Node:
    """Node with the packages of `tests/clients`."""

    environment: dict[str, str]

    def run(self, *command: str, **given: str) -> subprocess.CompletedProcess[str]:
        """What a command says; `given` are environment variables."""
        return subprocess.run(
            ["node", *command], cwd=CLIENTS, env=self.environment | given, capture_output=True, text=True, timeout=600
        )

    def tests(self, script: str, **given: str) -> int:
        """How many tests of a script passed. Fails with what it says if one does not."""
        done = self.run("--test-reporter=tap", script, **given)
        passed = PASSED.search(done.stdout)
        assert done.returncode == 0 and passed, f"{script} says:\n{done.stdout}\n{done.stderr}"
        return int(passed[1])


def npm_once() -> list[str]:
    """The command that runs npm. Where this machine has no new Node one is fetched, and kept for the next time."""
    return npm(CLIENTS / ".node" / sha256(NODE_LOCK.read_bytes()).hexdigest()[:8])


def fetch(folder: Path) -> None:
    """Node, and what the lock file of a folder names: checked against its hashes, where it is not there yet.

    Raises SubprocessError or OSError.
    """
    lock, stamp = folder / "package-lock.json", folder / "node_modules" / "package-lock.json"
    with locked(Path(sys.prefix), "node.lock"):  # the tests run in several processes
        command = npm_once()
        if not stamp.exists() or stamp.read_bytes() != lock.read_bytes():
            subprocess.run([*command, "ci", "--silent"], cwd=folder, check=True, capture_output=True, timeout=600)
            copy(lock, stamp)


@pytest.fixture(scope="session")
def node() -> Node:
    """Node with what `tests/clients` names."""
    try:
        fetch(CLIENTS)
    except (subprocess.SubprocessError, OSError) as error:
        pytest.skip(f"npm cannot fetch what tests/clients/package.json names: {error}")
    return Node(dict(os.environ))
