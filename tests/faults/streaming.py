"""A house whose views Kafka feeds, with a consumer downstream; and what must hold of the stream."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from http.client import HTTPException
from itertools import count
from pathlib import Path
from threading import Event, Thread
from typing import Any
from uuid import uuid4

from infra.cloud_events import COLUMNS, NotOurs, Published, decode
from infra.database import SCHEMA, connect
from infra.feed import Recorded
from infra.kafka.broker import Broker
from infra.kafka.cluster import Cluster
from infra.lanes import LANES
from infra.topics import kinds_of
from infra.verify_views import verify as verify_view
from projections.sales.opportunity import OpportunityView
from tests.faults.house import ROOT, WITHIN, House, Load, eventually
from tests.infra.daybook import COMMAND, Serving, environment
from tests.infra.streams import messages
from tests.infra.test_processes import pids

CONSUMER = ROOT / "examples" / "consumer" / "deals.py"
DEALS = "select id, name, stage, status, currency, closed_on, amount from deals"
OPPORTUNITIES = """
    select 'Opportunity_' || id, name, stage, status, amount_currency, closed_on::text, amount from opportunities"""
STANDS_AT = "select position from followers where name = 'relay'"
HISTORY = f"select {COLUMNS} from events where split_part(topic, '.', 1) = any(%s) order by position"


@dataclass
class Downstream:
    """The example of a consumer, as a process of its own; it may be started again on the table that it left."""

    brokers: str
    topic: str
    file: Path
    options: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.log = self.file.with_suffix(".log")
        self.start()

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(CONSUMER), self.brokers, self.topic, str(self.file), *self.options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip

    def end(self) -> None:
        self.process.kill()
        self.process.wait(WITHIN)

    def deals(self) -> dict[str, tuple[Any, ...]]:
        """Its table, by the ids."""
        with closing(sqlite3.connect(self.file, timeout=WITHIN)) as own:
            try:
                rows = own.execute(DEALS).fetchall()
            except sqlite3.OperationalError:  # it has not come so far
                return {}
        return {id: (*rest, amount and Decimal(amount)) for id, *rest, amount in rows}

    def comes_to(self, wanted: Mapping[str, tuple[Any, ...]]) -> None:
        """Wait until its table says so."""

        def level() -> bool:
            assert self.process.poll() is None, f"the consumer has stopped: {self.log.read_text()}"
            return self.deals() == wanted

        eventually(level, "the consumer downstream has every deal as the view has it")


def opportunities(url: str) -> dict[str, tuple[Any, ...]]:
    """The view of opportunities, as the consumer's table should be."""
    with connect(url) as connection:
        return {id: tuple(rest) for id, *rest in connection.execute(OPPORTUNITIES)}


@dataclass
class StreamingHouse(House):
    """`daybook serve` with Kafka, which starts a relay and a projector."""

    broker: Broker | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=count)

    def __post_init__(self) -> None:
        assert self.broker is not None
        self.cluster = Cluster(self.broker.address, f"faults{os.getpid()}")
        self.settings = {"kafka": self.broker.address, "kafka_prefix": self.cluster.prefix}
        super().__post_init__()

    def open(self) -> None:
        self.serving = Serving(self.data, port=self.port, settings=self.settings)

    @contextmanager
    def load(self, threads: int = 1) -> Iterator[Load]:
        """Load on accounts, and somebody who sells."""
        with super().load(threads) as load, self.selling():
            yield load

    # -- somebody who sells ---------------------------------------------------------------------------------------

    @contextmanager
    def selling(self) -> Iterator[None]:
        """Deals are opened, moved, won, lost and reopened meanwhile, one after another."""
        over, failed = Event(), list[BaseException]()

        def sell() -> None:
            try:
                pipeline = self.told("definePipeline", name="the way we sell")
                for key in ("first", "second"):
                    self.told("addPipelineStage", id=pipeline, key=key, name=key, probability=50)
                for number in self.numbers:
                    self.sell_one(pipeline, number)
                    if over.wait(0.03):
                        return
            except BaseException as error:
                failed.append(error)

        thread = Thread(target=sell, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join(3 * WITHIN)
        assert not failed, failed
        assert not thread.is_alive()

    def sell_one(self, pipeline: str, number: int) -> None:
        amount = {"amount": f"{number}.50", "currency": "EUR"}
        id = self.told("openOpportunity", pipelineId=pipeline, name=f"deal {number}", amount=amount)
        self.told("moveOpportunityToStage", id=id, stage="second")
        match number % 4:
            case 0:
                self.told("winOpportunity", id=id, amount={**amount, "currency": "USD"})
            case 1:
                self.told("loseOpportunity", id=id, reason="the price")
            case 2:
                self.told("changeOpportunityAmount", id=id, amount=None)
            case _:
                self.told("loseOpportunity", id=id, reason="nobody answered")
                self.told("reopenOpportunity", id=id)

    def told(self, mutation: str, **input: Any) -> str:
        """The id that a mutation changed, once it is acknowledged, however often it has to be sent."""
        kind = f"{mutation[0].upper()}{mutation[1:]}Input!"
        asked = f"{mutation}(input: $input) {{ changed {{ id }} userErrors {{ code }} }}"
        text = f"mutation ($input: {kind}) {{ it: {asked} }}"
        headers = {
            "Authorization": f"Bearer {(self.data / 'token').read_text().strip()}",
            "Content-Type": "application/json",
            "Idempotency-Key": uuid4().hex,
        }
        body = json.dumps({"query": text, "variables": {"input": input}}).encode()

        def acknowledged() -> Any:
            try:
                request = urllib.request.Request(f"{self.serving.address}/graphql", body, headers)
                with urllib.request.urlopen(request, timeout=WITHIN) as answer:
                    told = json.load(answer)
            except (OSError, HTTPException, ValueError):  # an answer cut off in the middle too
                return None
            return (told.get("data") or {}).get("it")

        told = eventually(acknowledged, f"{mutation} is acknowledged")
        assert not told["userErrors"], (mutation, input, told)
        return str(told["changed"][0]["id"])

    # -- what may happen to it ------------------------------------------------------------------------------------

    def relays(self) -> list[int]:
        """The processes beside the server, and beside `daybook relay`, that publish."""
        return pids(self.data, "infra.relaying")

    def kill_relay(self, in_a_transaction: bool = False) -> None:
        """The relay dies; its server starts another one."""
        [relay] = self.relays()
        if in_a_transaction:
            self.a_transaction_is_open(relay)
        os.kill(relay, signal.SIGKILL)
        eventually(lambda: self.relays() not in ([], [relay]), "another relay runs")

    def loses_its_relay(self, position: bool = False, messages: bool = False) -> None:
        """The relay dies, and of what it had done its note in the database is gone, or all messages, or both."""
        [relay] = self.relays()
        with self.looking() as connection, self.cluster.admin() as admin:
            os.kill(relay, signal.SIGKILL)
            if messages:
                admin.delete_records(dict.fromkeys(self.cluster.partitions, -1))
            if position:
                connection.execute("truncate followers, published")
        eventually(lambda: self.relays() not in ([], [relay]), "another relay runs")

    @contextmanager
    def beside(self, command: str) -> Iterator[subprocess.Popen[bytes]]:
        """`daybook relay` or `daybook project`, on the same history; killed at the end if it still runs."""
        seen = environment(self.data, **self.settings)
        with (self.data.parent / f"{command}.log").open("ab") as log:
            process = subprocess.Popen([*COMMAND, command], env=seen, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.kill()
            process.wait(WITHIN)

    def relayed(self) -> None:
        """Wait until all that is recorded now is published."""
        with self.looking() as connection:
            [head] = connection.execute("select position from event_head").fetchone() or (0,)
            eventually(
                lambda: (connection.execute(STANDS_AT).fetchone() or (-1,))[0] >= head, f"position {head} is published"
            )

    def a_transaction_is_open(self, relay: int) -> None:
        """Stop the relay in the middle of a transaction, of which something is in a topic already."""
        partitions, uncommitted = self.cluster.partitions, {"isolation_level": "read_uncommitted"}
        with closing(self.cluster.consumer()) as seen, closing(self.cluster.consumer(**uncommitted)) as there:

            def in_the_middle() -> bool:
                os.kill(relay, signal.SIGSTOP)
                if seen.end_offsets(partitions) != there.end_offsets(partitions):
                    return True
                os.kill(relay, signal.SIGCONT)
                time.sleep(0.02)
                return False

            eventually(in_the_middle, "a transaction is open")

    # -- what must hold -------------------------------------------------------------------------------------------

    def check(self) -> int:
        """The same as of any house; and the view of opportunities is what it is when it is built anew."""
        acknowledged = super().check()
        with self.database() as server:
            shown = verify_view(server.application_url, SCHEMA, OpportunityView, None)
        assert shown.differences == () and shown.aggregates > 0
        return acknowledged

    def check_stream(self, whole: bool = True) -> None:
        """The topics hold the history: each event once, in its partition, in order, and naming the one before it there.

        Where retention has taken away the beginning, what is left is the end of it.
        """
        self.relayed()
        for context in self.cluster.contexts:
            found = self.in_the_topic(context)
            for lane in range(LANES):
                told = [event for event in self.in_the_history(context) if event.lane == lane]
                assert found[lane] == (told if whole else told[len(told) - len(found[lane]) :])

    def in_the_topic(self, context: str) -> dict[int, list[Recorded]]:
        """The events of a context that are in its topic, by partition."""
        found = {lane: list[Recorded]() for lane in range(LANES)}
        for message in messages(self.cluster, self.cluster.topic(context)):
            with suppress(NotOurs):
                recorded, previous = decode(message.value or b"")
                if before := found[message.partition]:
                    assert previous == before[-1].position
                before.append(recorded)
        return found

    def in_the_history(self, context: str) -> list[Recorded]:
        with self.looking() as connection:
            rows = connection.execute(HISTORY.encode(), [kinds_of(context)]).fetchall()
        return [Published(*row).recorded for row in rows]
