"""docs/downstream.md, followed to the letter: the consumer of a stranger, and heads of the history kept elsewhere."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from infra.embedded import embedded
from infra.kafka.cluster import Cluster
from tests.conftest import ROOT
from tests.faults.streaming import Downstream, opportunities
from tests.infra.daybook import Serving, environment
from tests.infra.streams import messages

PAGE = ROOT / "docs" / "downstream.md"


@dataclass(frozen=True)
class Place:
    """A Daybook with the sample company, and the page as it reads there."""

    data: Path
    cluster: Cluster
    blocks: dict[str, list[str]]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, brokers: str) -> Iterator[Place]:
    data, cluster = tmp_path_factory.mktemp("downstream") / "data", Cluster(brokers, f"downstream{os.getpid()}")
    page = PAGE.read_text().replace("localhost:9092", brokers).replace("daybook.", f"{cluster.prefix}.")
    blocks = {kind: re.findall(rf"```{kind}\n(.*?)```", page, re.DOTALL) for kind in ("sh", "python", "json")}
    serving = Serving(data, ["--sample"], settings={"kafka": brokers, "kafka_prefix": cluster.prefix})
    try:
        yield Place(data, cluster, blocks)
    finally:
        assert serving.told(signal.SIGINT) == 0, serving.log.read_text()


def test_the_consumer_of_the_page_has_every_deal_as_daybook_has_it(place: Place, tmp_path: Path) -> None:
    [consume, _] = place.blocks["sh"]
    python, program, brokers, topic, file = consume.split()
    assert (python, ROOT / program) == (".venv/bin/python", ROOT / "examples/consumer/deals.py")

    consumer = Downstream(brokers, topic, tmp_path / file)
    try:
        with embedded(place.data) as server:
            deals = opportunities(server.application_url)
        assert {status for _, _, status, *_ in deals.values()} == {"open", "won", "lost"}
        consumer.comes_to(deals)
    finally:
        consumer.end()


def test_a_consumer_that_missed_something_stops_and_says_what(place: Place, tmp_path: Path) -> None:
    told = [json.loads(message.value) for message in messages(place.cluster, place.cluster.topic("sales"))]
    first = next(event for event in told if event["lane"] == 0)
    short = Cluster(place.cluster.brokers, f"{place.cluster.prefix}-short", contexts=("sales",))
    short.prepare()
    producer = short.producer()
    for event in told:
        if event is not first:
            producer.send(short.topic("sales"), json.dumps(event).encode(), partition=event["lane"])
    producer.close()

    consumer = Downstream(short.brokers, short.topic("sales"), tmp_path / "deals.sqlite", ("group.id=short",))
    try:
        assert consumer.process.wait(60) == 1
    finally:
        consumer.end()
    says = f"behind {first['position']}, and we have {'0' * 19}: something is missing"
    assert re.search(rf"^partition 0 goes on at \d+ {says}$", consumer.log.read_text(), re.MULTILINE)


def test_heads_are_kept_elsewhere_and_checked_against_the_history(place: Place, tmp_path: Path) -> None:
    [keep], [_, verify], [head] = place.blocks["python"], place.blocks["sh"], place.blocks["json"]

    subprocess.run([sys.executable, "-c", keep], cwd=tmp_path, check=True, timeout=120)
    kept = (tmp_path / "heads.txt").read_text()
    assert re.fullmatch(r"(\d+:[0-9a-f]{64}\n)+", kept)
    message = messages(place.cluster, place.cluster.heads)[0]
    assert shape(json.loads(message.value)) == shape(json.loads(head))

    assert ran(verify, place, tmp_path).startswith("the history is whole up to position")
    (tmp_path / "heads.txt").write_text(re.sub(r":.", lambda found: ":0" if found[0] != ":0" else ":1", kept, count=1))
    assert ran(verify, place, tmp_path).startswith("the history is broken at position")


def shape(value: object) -> object:
    """The names in a message, whatever they hold."""
    return {name: shape(each) for name, each in value.items()} if isinstance(value, dict) else type(value)


def ran(command: str, place: Place, folder: Path) -> str:
    """What a command of the page says."""
    told = command.replace(".venv/bin/", f"{Path(sys.executable).parent}/")
    seen = environment(place.data, kafka=place.cluster.brokers, kafka_prefix=place.cluster.prefix)
    return subprocess.run(["sh", "-c", told], cwd=folder, env=seen, capture_output=True, text=True, timeout=120).stdout
