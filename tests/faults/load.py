"""Load: several threads that send commands through the API, each until it is acknowledged, and write down what was.

`python -m tests.faults.load ADDRESS FILE THREADS` reads a token from its standard input, and goes on until that closes.
Then every command that it ever sent has been acknowledged, or it ends with code 1. Each command has a key of its own,
under which it is sent again, and tells it where nothing is sealed: as the name of an account, the title of a contact.

What is personal says of whom it is, by a name that nobody else bears. Some are forgotten, while others write of them.
"""

from __future__ import annotations

import json
import os
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from http.client import HTTPConnection, HTTPException
from itertools import count
from pathlib import Path
from threading import Event, Lock, Thread
from time import monotonic, sleep
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

ANSWERS_WITHIN, CARRIED_OUT_WITHIN = 40, 150
"""Seconds for one try, and for all of them."""
PAUSE, AGAIN = 0.01, 0.05
"""Seconds from one command to the next, and before the same is tried again."""
ACCOUNTS, CONTACTS = 20, 10
ASKED = "version position receipt changed { id } userErrors { code message }"
ADD, FORGET, LOG = "addContact", "forgetContact", "logInteraction"
TRY_AGAIN = {"CONFLICT", "THROTTLED"}
OF_ONE_FORGOTTEN = {"REFUSED", "INVALID"}


class Wrong(Exception):
    """An answer that no fault excuses."""


@dataclass(frozen=True)
class Deed:
    """A mutation with its input. `of` is the contact that it is about, if there is one yet; `who` is its name."""

    mutation: str
    asked: dict[str, Any]
    of: str | None = None
    who: str | None = None

    def told(self) -> dict[str, Any]:
        """What is to be seen of a person afterwards, and where; or who is not to be seen any more."""
        views = {ADD: "contacts", LOG: "interactions"}
        return {
            "tells": [views[self.mutation], self.who] if self.mutation in views else None,
            "forgets": self.who if self.mutation == FORGET else None,
        }


@dataclass
class Load:
    """What the threads have in common."""

    host: str
    token: str
    file: Path
    over: Event = field(default_factory=Event)
    accounts: list[str] = field(default_factory=list)
    contacts: dict[str, str] = field(default_factory=dict)
    forgotten: set[str] = field(default_factory=set)
    lock: Lock = field(default_factory=Lock)

    def work(self) -> None:
        try:
            for key in self.keys():
                self.carry_out(key)
        except Exception as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
            os._exit(1)  # of all threads, at once

    def keys(self) -> Iterator[str]:
        worker = uuid4().hex
        for number in count(1):
            if self.over.wait(PAUSE):
                return
            yield f"key-{worker}-{number}"

    def carry_out(self, key: str) -> None:
        with self.lock:
            deed = self.of_account(key) if random.random() < 0.5 else self.of_contact(key)
        told = self.acknowledged(key, deed)
        if told is None:
            return
        id = told["changed"][0]["id"]
        line = {"key": key, "id": id, **{n: told[n] for n in ("version", "position", "receipt")}, **deed.told()}
        with self.lock, self.file.open("a") as file:
            if deed.mutation == "registerAccount":
                self.accounts.append(id)
            if deed.mutation == ADD and deed.who:
                self.contacts[id] = deed.who
            file.write(json.dumps(line) + "\n")

    def of_account(self, key: str) -> Deed:
        if len(self.accounts) < ACCOUNTS:
            return Deed("registerAccount", {"name": key})
        return Deed("renameAccount", {"id": random.choice(self.accounts), "name": key})

    def of_contact(self, key: str) -> Deed:
        if len(self.contacts) < CONTACTS:
            who = f"who-{sha256(key.encode()).hexdigest()[:24]}"
            person = {"familyName": who, "emails": [f"{who}@hidden.example"]}
            return Deed(ADD, {"person": person, "title": key}, who=who)
        id, who = random.choice([*self.contacts.items()])
        mutation = random.choices((LOG, "changeContactDetails", FORGET), (6, 6, 1))[0]
        if mutation == LOG:
            said = {"subject": f"a word with {who}", "body": f"{who} said: {key}"}
            return Deed(LOG, {"kind": "CALL", "direction": "INBOUND", "contactId": id, "outcome": key} | said, id, who)
        if mutation == FORGET:
            del self.contacts[id]
            self.forgotten.add(id)
            return Deed(FORGET, {"id": id, "reason": key}, id, who)
        return Deed("changeContactDetails", {"id": id, "title": key}, id, who)

    def acknowledged(self, key: str, deed: Deed) -> dict[str, Any] | None:
        """The payload of a mutation that was carried out, however often it had to be sent.

        None where it was refused, and that is right: it is about somebody who is being forgotten.
        """
        name = deed.mutation
        mutation = f"mutation ($input: {name[0].upper()}{name[1:]}Input!) {{ {name}(input: $input) {{ {ASKED} }} }}"
        body = json.dumps({"query": mutation, "variables": {"input": deed.asked}})
        until, last = monotonic() + CARRIED_OUT_WITHIN, "nothing"
        while monotonic() < until:
            try:
                answer = self.sent(key, body)
            except (OSError, HTTPException, ValueError) as error:
                last = repr(error)
            else:
                if payload := answer.get("data") and next(iter(answer["data"].values())):
                    refusals = payload["userErrors"]
                    if not refusals:
                        return dict(payload)
                    code = refusals[0]["code"]
                    if code in OF_ONE_FORGOTTEN and deed.of in self.forgotten and name != FORGET:
                        return None
                    if code not in TRY_AGAIN:
                        raise Wrong(f"{key}: {refusals}")
                last = str(answer)
            sleep(AGAIN)
        raise Wrong(f"{key} was never carried out; at last: {last}")

    def sent(self, key: str, body: str) -> dict[str, Any]:
        connection = HTTPConnection(self.host, timeout=ANSWERS_WITHIN)
        try:
            headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
            connection.request("POST", "/graphql", body, {**headers, "Idempotency-Key": key})
            return dict(json.loads(connection.getresponse().read()))
        finally:
            connection.close()


def main() -> None:
    address, file, threads = sys.argv[1:]
    load = Load(urlsplit(address).netloc, sys.stdin.readline().strip(), Path(file))
    workers = [Thread(target=load.work, daemon=True) for _ in range(int(threads))]
    for worker in workers:
        worker.start()
    sys.stdin.read()
    load.over.set()
    for worker in workers:
        worker.join()


if __name__ == "__main__":
    main()
