"""A table of deals of one's own, made from Daybook's topic of sales and from nothing else: see docs/downstream.md.

    pip install confluent-kafka
    python deals.py localhost:9092 daybook.sales.v1 deals.sqlite

What follows the file's name is for the client: `group.id=others`, `security.protocol=SSL`.
"""

import json
import sqlite3
import sys

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

TABLES = """
    create table if not exists deals (id text primary key, name, stage, status, amount, currency, closed_on);
    create table if not exists places (partition integer primary key, position text, next_offset integer)"""
COLUMNS = ("name", "stage", "status", "amount", "currency", "closed_on")
PLACE = "select position, next_offset from places where partition = ?"
NOWHERE = "0" * 19, OFFSET_BEGINNING
NEEDED = {"type", "subject", "data", "position", "previousposition"}


def main(brokers: str, topic: str, file: str, *options: str) -> None:
    own, sought = sqlite3.connect(file), {}
    own.executescript(TABLES)
    given = {"group.id": "deals", "enable.auto.commit": False, "auto.offset.reset": "earliest"}
    given |= {"bootstrap.servers": brokers, "isolation.level": "read_committed"}
    consumer = Consumer(given | dict(option.split("=", 1) for option in options))

    def go_on(_: Consumer, partitions: list[TopicPartition]) -> None:
        """Where our own table says, whatever Kafka thinks."""
        for each in partitions:
            each.offset = (own.execute(PLACE, [each.partition]).fetchone() or NOWHERE)[1]
        consumer.assign(partitions)

    consumer.subscribe([topic], on_assign=go_on)
    while True:
        messages = consumer.consume(500, timeout=1)
        with own:  # rows and places, or nothing
            for message in messages:
                partition, event = message.partition(), event_in(message)
                if event is None:
                    continue
                last, _ = own.execute(PLACE, [partition]).fetchone() or NOWHERE
                if event["position"] <= last:
                    continue
                if event["previousposition"] != last:
                    if sought.get(partition) == last:
                        sys.exit(f"partition {partition} goes on at {event['position']} behind "
                                 f"{event['previousposition']}, and we have {last}: something is missing")  # fmt: skip
                    sought[partition] = last  # the topic may have been made anew: what is missing may be before
                    consumer.seek(TopicPartition(topic, partition, OFFSET_BEGINNING))
                    break
                write(own, event)
                place = partition, event["position"], message.offset() + 1
                own.execute("insert or replace into places values (?, ?, ?)", place)


def event_in(message):
    """The event that a message tells; None if it tells none of these."""
    try:
        event = json.loads(message.value() if not message.error() else b"")
        return event if event["source"] == "/daybook/sales" and event.keys() >= NEEDED else None
    except (TypeError, ValueError, KeyError):
        return None


def write(own: sqlite3.Connection, event: dict) -> None:
    """An event of an opportunity sets what it names."""
    if not event["type"].startswith("daybook.sales.Opportunity."):
        return
    told = dict(event["data"])
    if "amount" in told:
        told |= told["amount"] or {"amount": None, "currency": None}
    own.execute("insert or ignore into deals (id, status) values (?, 'open')", [event["subject"]])
    for column in COLUMNS:
        if column in told:
            own.execute(f"update deals set {column} = ? where id = ?", [told[column], event["subject"]])


if __name__ == "__main__":
    main(*sys.argv[1:])
