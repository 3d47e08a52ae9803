"""docs/auditors.md, done to the letter: its commands in one shell, against a real server with the sample company."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.infra.daybook import Serving, environment

PAGE = (ROOT / "docs" / "auditors.md").read_text()
STEPS = re.findall(r"```sh\n(.*?)```(?:\n\n```text\n(.*?)```)?", PAGE, re.S)
"""Each command of the page, with the lines that it is said to tell."""
NEXT = "~~~ next ~~~"


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """What each command of the page tells, one after another."""
    folder = tmp_path_factory.mktemp("auditors")
    serving = Serving(folder / ".daybook", ["--sample"])
    try:
        yield done(folder, serving)
    finally:
        serving.process.terminate()
        serving.process.wait(30)


def done(folder: Path, serving: Serving) -> list[str]:
    """The page in one shell, where the repository is; who reads it types `.venv/bin/daybook`."""
    (folder / ".venv").symlink_to(Path(sys.prefix))
    (folder / "docs").symlink_to(ROOT / "docs")
    script = "set -e\n" + f"echo '{NEXT}'\n".join(command for command, _ in STEPS)
    seen = environment(folder / ".daybook", port=serving.port) | {"no_proxy": "*", "PATH": os.environ["PATH"]}
    shell = subprocess.run(
        ["bash", "-c", script.replace("http://127.0.0.1:8000", serving.address)],
        cwd=folder, env=seen, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert shell.returncode == 0, f"{shell.stdout[-2000:]}\n{shell.stderr}"
    return shell.stdout.split(f"{NEXT}\n")


@pytest.mark.parametrize("number", range(len(STEPS)))
def test_a_command_tells_what_the_page_says(told: list[str], number: int) -> None:
    command, expected = STEPS[number]
    lines = [line.strip() for line in told[number].splitlines()]

    for line in expected.splitlines():
        pattern = ".*".join(map(re.escape, line.strip().split("…")))
        assert any(re.fullmatch(pattern, each) for each in lines), f"{command}\ntells\n{told[number]}\nand not {line}"
