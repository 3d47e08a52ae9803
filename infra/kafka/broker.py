"""A broker of one's own: Apache Kafka, one node on this machine, for development and tests. `make kafka` runs it.

It comes from Maven Central at the first start and runs on Java 17 or newer. What it holds lies in a folder, and is
there again at the next start, also after a crash.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any

from infra.data_folder import locked

HERE = Path(__file__).parent
LIBRARY = Path(sys.prefix) / "share" / "daybook" / "kafka"
"""Where the broker's own files are kept, for all folders."""
CLUSTER = "ZGF5Ym9vay1kZXZlbG9wLQ"
PORT = 9092
STARTS_WITHIN, ENDS_WITHIN = 120, 60
"""Seconds. After a crash it reads its log first."""

SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "offsets.topic.num.partitions": "4",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    "auto.create.topics.enable": "false",
}


class NoBroker(Exception):
    """The broker cannot be had or does not start: says why, and what to do."""


def missing() -> str | None:
    """What this machine lacks to run a broker; None if nothing."""
    absent = [program for program in ("java", "mvn") if shutil.which(program) is None]
    return f"Java 17 and Maven are needed for a broker: there is no {' and no '.join(absent)}" if absent else None


@dataclass
class Broker:
    """One node, whose data are in a folder. It listens on the loopback interface alone."""

    folder: Path
    port: int = PORT
    settings: Mapping[str, str] = field(default_factory=dict)
    """What differs from the usual settings of a broker. `{port}` stands for the port."""
    environment: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.log = self.folder / "broker.log"

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it answers. Raises NoBroker."""
        fetch()
        self.folder.mkdir(parents=True, exist_ok=True)
        settings = self._settings()
        if not (self.folder / "data" / "meta.properties").exists():
            self._java("kafka.tools.StorageTool", "format", "-t", CLUSTER, "-c", str(settings)).wait(ENDS_WITHIN)
        self.process = self._java("kafka.Kafka", str(settings))
        until = time.monotonic() + STARTS_WITHIN
        while not _answers(self.port):
            if self.process.poll() is not None or time.monotonic() > until:
                raise NoBroker(f"Kafka does not start; its log ends so:\n{self.log.read_text()[-2_000:]}")
            time.sleep(0.05)

    def end(self, number: int = signal.SIGTERM) -> None:
        """Send it a signal and wait until it is gone. What was acknowledged stays, whatever the signal."""
        if self.process is not None:
            self.process.send_signal(number)
            try:
                self.process.wait(ENDS_WITHIN)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None

    def _settings(self) -> Path:
        """The file of settings, written anew at each start."""
        own = {
            "controller.quorum.voters": f"1@127.0.0.1:{a_port()}",
            "listeners": f"PLAINTEXT://127.0.0.1:{self.port}",
            "log.dirs": str(self.folder / "data"),
        }
        told = {**SETTINGS, **own, **{name: text.format(port=self.port) for name, text in self.settings.items()}}
        controller = told["controller.quorum.voters"].partition("@")[2]
        told["advertised.listeners"] = told["listeners"]
        told["listeners"] += f",CONTROLLER://{controller}"
        path = self.folder / "server.properties"
        path.write_text("".join(f"{name}={text}\n" for name, text in told.items()))
        return path

    def _java(self, *command: str) -> subprocess.Popen[bytes]:
        memory = ["-Xms256m", "-Xmx512m", f"-Dlog4j2.configurationFile={HERE / 'log4j2.properties'}"]
        with self.log.open("ab") as log:
            return subprocess.Popen(
                ["java", *memory, "-cp", f"{LIBRARY}/*", *command],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                env={**os.environ, **self.environment},
            )  # fmt: skip


@contextmanager
def running(folder: Path, **options: Any) -> Iterator[Broker]:
    """A broker that runs meanwhile, on a port that nobody else uses unless one is given. Raises NoBroker."""
    broker = Broker(folder, **{"port": a_port(), **options})
    try:
        broker.start()
        yield broker
    finally:
        broker.end()


def fetch() -> None:
    """Bring Kafka here, if it is not. Raises NoBroker."""
    if LIBRARY.is_dir():
        return
    if lacks := missing():
        raise NoBroker(lacks)
    LIBRARY.parent.mkdir(parents=True, exist_ok=True)
    with locked(LIBRARY.parent, "kafka.lock"), TemporaryDirectory(dir=LIBRARY.parent) as draft:
        if LIBRARY.is_dir():
            return
        what = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={draft}/kafka"]
        done = subprocess.run(
            ["mvn", "--quiet", "--batch-mode", f"--file={HERE / 'pom.xml'}", *what],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise NoBroker(f"Maven cannot bring Kafka: {(done.stdout + done.stderr).strip()[-1_000:]}")
        (Path(draft) / "kafka").rename(LIBRARY)


def a_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def main() -> None:
    """Run a broker until somebody stops it. Its data are in the folder that is named, or in `.daybook/kafka`."""
    broker = Broker(Path(sys.argv[1] if sys.argv[1:] else ".daybook/kafka").absolute())
    if _answers(broker.port):
        sys.exit(f"something listens on port {broker.port} already: end it first")

    def stop(number: int, _: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    try:
        print("Starting Kafka (the first time it is fetched from Maven Central)", flush=True)
        broker.start()
        print(f"Kafka is at {broker.address}: DAYBOOK_KAFKA={broker.address}  (Ctrl-C ends it)", flush=True)
        assert broker.process is not None
        sys.exit(broker.process.wait())
    except KeyboardInterrupt:
        pass
    except NoBroker as error:
        sys.exit(str(error))
    finally:
        broker.end()


if __name__ == "__main__":
    main()
