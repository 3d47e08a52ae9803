"""Load: several threads that send commands through the API, each until it is acknowledged, and write down what was.

`python -m tests.faults.load ADDRESS FILE THREADS` reads a token from its standard input, and goes on until that closes.
Then every command that it ever sent has been acknowledged, or it ends with code 1. Each command has a key of its own,
under which it is sent again, and gives an account a name that nobody else gives: the key.
"""

from __future__ import annotations

import json
import os
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
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
ACCOUNTS = 60
ASKED = "version position receipt changed { id } userErrors { code message }"
REGISTER, RENAME = (
    f"mutation ($input: {name[0].upper()}{name[1:]}Input!) {{ {name}(input: $input) {{ {ASKED} }} }}"
    for name in ("registerAccount", "renameAccount")
)
TRY_AGAIN = {"CONFLICT", "THROTTLED"}


class Wrong(Exception):
    """An answer that no fault excuses."""


@dataclass
class Load:
    """What the threads have in common."""

    host: str
    token: str
    file: Path
    over: Event = field(default_factory=Event)
    accounts: list[str] = field(default_factory=list)
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
            known = [*self.accounts]
        if len(known) < ACCOUNTS:
            told = self.acknowledged(key, REGISTER, {"name": key})
            with self.lock:
                self.accounts.append(told["changed"][0]["id"])
        else:
            told = self.acknowledged(key, RENAME, {"id": random.choice(known), "name": key})
        line = {"key": key, "id": told["changed"][0]["id"], **{n: told[n] for n in ("version", "position", "receipt")}}
        with self.lock, self.file.open("a") as file:
            file.write(json.dumps(line) + "\n")

    def acknowledged(self, key: str, mutation: str, asked: dict[str, Any]) -> dict[str, Any]:
        """The payload of a mutation that was carried out, however often it had to be sent."""
        body = json.dumps({"query": mutation, "variables": {"input": asked}})
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
                    if refusals[0]["code"] not in TRY_AGAIN:
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
