"""The trail of one thing, the audit log as a file, where the history ends: what an auditor asks at a command line."""

from __future__ import annotations

import csv
import io
import json
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from infra.database import connect
from infra.event_store import EventStore
from infra.keys import LENGTH
from infra.trail import Change, Step, trail
from tests.infra.daybook import Said, daybook
from tests.infra.test_anchors import address as address
from tests.infra.test_anchors import company as company
from tests.scenario import ME, World, a_contact, a_user, an_account, an_opportunity


class Auditor:
    """Somebody at the command line of a company."""

    def __init__(self, world: World, company: dict[str, str], address: str, folder: Path) -> None:
        self.world, self.data, self.address, self.key = world, Path(company["DAYBOOK_DATA"]), address, folder / "key"
        self.key.write_text(b64encode(bytes(LENGTH)).decode())

    def says(self, *arguments: object) -> Said:
        told = map(str, arguments)
        return daybook(self.data, "audit", *told, database_url=self.address, master_key_file=self.key)

    def trail(self, id: str, *arguments: object) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.says("trail", id, "--json", *arguments).stdout)["events"]
        return found


@pytest.fixture
def auditor(company: dict[str, str], address: str, tmp_path: Path) -> Iterator[Auditor]:
    """Of a company whose history begins with five products."""
    with EventStore(address) as store, connect(address) as connection:
        yield Auditor(World(store, connection), company, address, tmp_path)


def changes(steps: list[Step], event: str) -> tuple[Change, ...]:
    return next(step.changes for step in steps if step.event == event)


def lost(world: World, by: UUID = ME) -> UUID:
    """An opportunity with a line and an owner, whose amount was changed twice, and which was lost."""
    opportunity = an_opportunity(world, amount={"amount": 5, "currency": "EUR"})
    world.given("Opportunity.assign_owner", opportunity, owner_id=a_user(world, "Grace"))
    world.given("Opportunity.change_amount", opportunity, by=by, amount={"amount": 9, "currency": "EUR"})
    world.given("Opportunity.comment", opportunity, text="They wavered.")
    world.given("Opportunity.lose", opportunity, reason="the price")
    return opportunity


def test_each_event_tells_what_it_changed_from_what_to_what(world: World) -> None:
    opportunity, neighbour = lost(world), lost(world)

    steps = list(trail(world.connection, opportunity))

    assert [step.event for step in steps] == ["Opened", "OwnerAssigned", "AmountChanged", "Commented", "Lost"]
    assert changes(steps, "AmountChanged") == (
        Change("amount", {"amount": "5", "currency": "EUR"}, {"amount": "9", "currency": "EUR"}),
    )
    assert changes(steps, "Commented") == (Change("text", None, "They wavered."),)
    assert Change("status", "open", "lost") in changes(steps, "Lost")
    assert (steps[-1].reason, steps[-1].command) == ("the price", "Opportunity.lose")
    assert steps[-1].position < next(trail(world.connection, neighbour)).position
    recorded = world.connection.execute(
        "select encode(hash, 'hex') from events where originator_id = %s", [opportunity]
    )
    assert {step.receipt for step in steps} == {hash for (hash,) in recorded.fetchall()}


def test_parts_of_values_and_items_come_by_themselves(world: World) -> None:
    account = an_account(world, "Acme", industry="Tea", region="South")
    world.given("Account.change_details", account, details={"region": "North"})

    changed = list(trail(world.connection, account))[-1].changes

    assert changed == (Change("details.region", "South", "North"),)


def test_the_trail_of_nothing_is_empty(world: World) -> None:
    assert list(trail(world.connection, ME)) == []


def test_what_is_personal_is_told_of_and_not_told(world: World) -> None:
    contact = a_contact(world, "Zebedee", title="Buyer")

    [step] = trail(world.connection, contact)
    [opened] = trail(world.connection, contact, world.store.keys)

    assert Change("person", None, None, True) in step.changes and Change("title", None, "Buyer") in step.changes
    assert "Zebedee" not in str(step)
    assert Change("person.given_name", None, "Zebedee") in opened.changes


def test_a_trail_names_who_and_whom(auditor: Auditor) -> None:
    ada = a_user(auditor.world, "Ada")
    opportunity = lost(auditor.world, by=ada)

    told = auditor.says("trail", f"Opportunity_{opportunity}")
    steps = auditor.trail(str(opportunity), "--first", 3)

    assert [step["event"] for step in steps] == ["Opened", "OwnerAssigned", "AmountChanged"]
    assert steps[2]["actor"] == {"id": f"User_{ada}", "name": "Ada"}
    assert steps[1]["changes"][0]["after_name"] == "Grace"
    lines = " ".join(told.stdout.split())
    assert "Ada AmountChanged amount: 5 EUR → 9 EUR" in lines
    assert (
        "owner_id: nothing → Grace" in lines
        and "reason: the price" in lines
        and "text: nothing → They wavered." in lines
    )


def test_what_is_personal_is_opened_on_demand_and_that_is_noted(auditor: Auditor) -> None:
    contact = a_contact(auditor.world, "Zebedee")

    closed = auditor.says("trail", f"Contact_{contact}")
    before = auditor.says("access", "--json")
    opened = auditor.says("trail", f"Contact_{contact}", "--personal")
    after = json.loads(auditor.says("access", "--person", f"Contact_{contact}", "--json").stdout)

    assert ("Zebedee" in closed.stdout, "person: personal, sealed" in closed.stdout) == (False, True)
    assert json.loads(before.stdout) == []
    assert "Zebedee" in opened.stdout
    assert [(each["operation"], each["persons"]) for each in after] == [("audit trail --personal", [str(contact)])]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["trail", "nothing"], "nothing is no id, which looks like Opportunity_<uuid>"),
        (["trail", f"Opportunity_{UUID(int=7)}"], f"nothing is recorded of Opportunity_{UUID(int=7)}"),
    ],
)
def test_a_trail_of_what_is_not_there_is_one_line(auditor: Auditor, arguments: list[str], message: str) -> None:
    said = auditor.says(*arguments)

    assert (said.returncode, said.stdout, said.stderr) == (1, "", f"daybook: {message}\n")


def test_the_log_is_exported_by_who_what_which_and_when(auditor: Auditor) -> None:
    ada = a_user(auditor.world, "=Ada")
    opportunity = lost(auditor.world, by=ada)
    lost(auditor.world)

    def rows(*arguments: object) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(auditor.says("export", *arguments).stdout)))

    [of_ada] = rows("--actor", f"User_{ada}")
    assert (of_ada["command"], of_ada["event"], of_ada["subject"]) == (
        "Opportunity.change_amount",
        "AmountChanged",
        f"Opportunity_{opportunity}",
    )
    assert (of_ada["actor"], of_ada["actor_name"]) == (f"User_{ada}", "'=Ada")
    assert [row["event"] for row in rows("--of", opportunity, "--kind", "Opportunity.Lost")] == ["Lost"]
    assert len(rows("--command", "Opportunity.lose")) == 2
    assert len(rows("--to", 5)) == len(rows("--context", "sales", "--to", 5)) == 5
    assert rows("--correlation", ME) == []
    assert len(rows()) == auditor.world.position
    [line] = auditor.says("export", "--format", "ndjson", "--actor", str(ada)).stdout.splitlines()
    assert json.loads(line)["actor_name"] == "=Ada"
    assert auditor.says("export", "--actor", "nobody").returncode == 2


def test_the_head_says_where_the_history_ends_and_whether_anchors_hold(auditor: Auditor, tmp_path: Path) -> None:
    never = auditor.says("head")
    daybook(auditor.data, "anchor", database_url=auditor.address)
    an_account(auditor.world)
    good = json.loads(auditor.says("head", "--json").stdout)
    said = auditor.says("head")
    auditor.world.connection.execute("alter table events disable trigger append_only")
    auditor.world.connection.execute("update events set hash = sha256('') where position = 5")
    broken = auditor.says("head")
    auditor.world.connection.execute("delete from events where position = 6")
    cut = auditor.says("head")

    assert (never.returncode, "it was never anchored" in never.stdout) == (0, True)
    assert (good["position"], good["whole"], good["anchors"]["last"], good["anchors"]["broken"]) == (6, True, 5, None)
    assert "all anchors hold (1), the last one of position 5" in said.stdout and "1 events were" in said.stdout
    assert (broken.returncode, "the anchor of position 5 does not hold" in broken.stdout) == (1, True)
    assert (cut.returncode, "but there is no such event" in cut.stdout) == (1, True)
