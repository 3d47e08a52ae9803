"""Follows the README to the letter in a fresh clone of HEAD: `make test-clone`. Needs Python, git, make and curl."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).parent.parent
STARTS_WITHIN, STARTS_AGAIN_WITHIN, ENDS_WITHIN = 600, 60, 30
OURS = ("DAYBOOK_", "MAKE", "MFLAGS", "VIRTUAL_ENV", "PYTHON")


def main() -> None:
    """Clone, start, ask, tell, end, start again, end."""
    with tempfile.TemporaryDirectory(prefix="daybook-clone-") as folder:
        place = Path(folder) / "daybook"
        subprocess.run(["git", "clone", "--quiet", "--no-local", str(ROOT), str(place)], check=True)
        port = free_port()
        environment = {name: text for name, text in os.environ.items() if not name.startswith(OURS)}
        if port != 8000:
            print(f"port 8000 is taken here: the README is followed on {port}", flush=True)
            environment["DAYBOOK_PORT"] = str(port)
        run, test, query, mutation = [block.replace(":8000", f":{port}") for block in commands(place / "README.md")]
        expect((run, test) == ("make run", "make test"), "the README begins with its two commands")

        server = Server(run, place, environment, port)
        first = server.start(STARTS_WITHIN)
        try:
            won = ask(query, place, environment)
            expect(len(won["wonByPeriod"]) >= 4, "the sample company has won something in several quarters")
            told = ask(mutation, place, environment)["registerAccount"]
            expect(told["account"]["name"] == "Harbour Books" and not told["userErrors"], "the account is registered")
            collected = subprocess.run(
                [".venv/bin/pytest", "--collect-only"], cwd=place, env=environment, stdout=subprocess.PIPE
            )
            expect(collected.returncode == 0, "the tests are all there")
        finally:
            server.end()
        left(folder)

        second = server.start(STARTS_AGAIN_WITHIN)
        try:
            again = ask(query, place, environment)
            expect(again == won, "a second start loads nothing twice")
            repeated = ask(mutation, place, environment)["registerAccount"]
            expect(repeated["position"] == told["position"] + 1, "the history goes on where it ended")
        finally:
            server.end()
        left(folder)
        print(f"the README holds: ready after {first:.0f} s, the second time after {second:.1f} s")


def commands(readme: Path) -> list[str]:
    """What the README tells to type."""
    return [block.strip() for block in re.findall(r"```sh\n(.*?)```", readme.read_text(), re.DOTALL)]


class Server:
    """`make run`, as somebody runs it at a terminal: Ctrl-C reaches all of its processes at once."""

    def __init__(self, command: str, place: Path, environment: dict[str, str], port: int) -> None:
        self.command, self.place, self.environment, self.port = command, place, environment, port
        self.said = place.parent / "said"

    def start(self, within: float) -> float:
        """Start and wait until it is ready. Says how many seconds that took."""
        begin = time.monotonic()
        with self.said.open("w") as said:
            self.process = subprocess.Popen(
                self.command.split(), cwd=self.place, env=self.environment, stdin=subprocess.DEVNULL,
                stdout=said, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        while not self.is_ready():
            if self.process.poll() is not None or time.monotonic() - begin > within:
                self.end()
                fail(f"`{self.command}` is not ready after {time.monotonic() - begin:.0f} s:\n{self.said.read_text()}")
            time.sleep(0.1)
        seconds = time.monotonic() - begin
        time.sleep(0.5)
        text, token = self.said.read_text(), (self.place / ".daybook" / "token").read_text().strip()
        expect(
            f"http://127.0.0.1:{self.port}" in text and token in text and "curl" in text,
            f"it says where to go:\n{text}",
        )
        return seconds

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5):
                return True
        except (urllib.error.URLError, OSError):
            return False

    def end(self) -> None:
        """Ctrl-C."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGINT)
        try:
            self.process.wait(ENDS_WITHIN)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            fail(f"Ctrl-C does not end it:\n{self.said.read_text()}")


def ask(command: str, place: Path, environment: dict[str, str]) -> Any:
    """The data that a command of the README brings."""
    done = subprocess.run(["sh", "-c", command], cwd=place, env=environment, capture_output=True, text=True, timeout=60)
    answer = json.loads(done.stdout or "{}")
    expect("data" in answer and "errors" not in answer, f"{command}\nsays {done.stdout or done.stderr}")
    return answer["data"]


def left(folder: str) -> None:
    """Fail if any process of this folder still runs."""
    running = [
        path.read_bytes().replace(b"\0", b" ") for path in Path("/proc").glob("[0-9]*/cmdline") if readable(path)
    ]
    ours = [line.decode(errors="replace") for line in running if folder.encode() in line]
    expect(not ours, f"nothing runs on after Ctrl-C: {ours}")


def readable(path: Path) -> bool:
    try:
        return bool(path.read_bytes())
    except OSError:
        return False


def free_port() -> int:
    """8000, or another where that is taken."""
    for port in (8000, 0):
        with socket.socket() as trial:
            try:
                trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                trial.bind(("127.0.0.1", port))
                return int(trial.getsockname()[1])
            except OSError:
                continue
    fail("there is no free port")


def expect(held: bool, what: str) -> None:
    if not held:
        fail(f"not so: {what}")


def fail(message: str) -> NoReturn:
    sys.exit(f"make test-clone: {message}")


if __name__ == "__main__":
    if not shutil.which("curl"):
        fail("the README uses curl, which is not here")
    main()
