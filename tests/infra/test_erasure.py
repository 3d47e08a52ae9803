"""Before a forget every place is listed, after it a certificate says that nothing is left; a stranger can check it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import json as msgspec_json
from psycopg.sql import SQL, Identifier

from domain.values import id_text
from infra.accesses import COMMAND_LINE, Reader, note_now
from infra.erasure import BEYOND, Certificate, NotForgotten, certificate, places
from infra.rebuild import rebuild
from infra.tables import Table
from infra.verify import verify
from projections.catalogue import VIEWS
from projections.customers.contact import ContactView
from tests.conftest import ROOT
from tests.infra.past import published, without_views
from tests.infra.searching import TABLES
from tests.infra.test_forgetting import SECRETS, Revised, _much_known, forget, found
from tests.scenario import ME, World

KEY = Ed25519PrivateKey.generate()
PAGE = (ROOT / "docs" / "certificate-format.md").read_text()
STRANGER = next(code for code in re.findall(r"```python\n(.*?)```", PAGE, re.S) if "daybook forget" in code)
"""The program of the page: it imports nothing of ours."""


@pytest.fixture
def company(world: World) -> World:
    without_views(world.connection)
    published(world.connection, VIEWS)
    return world


@pytest.fixture
def zebedee(company: World) -> UUID:
    id = _much_known(company)
    company.given("Contact.link_external", id, system="erp", external_id="17")
    company.given("Interaction.log", kind="call", direction="inbound", contact_id=id, subject="rang Zeb")
    note_now(company.connection, Reader("/graphql", ME), "Contact", [id])
    note_now(company.connection, Reader(COMMAND_LINE, local="root"), "Contact", [id])
    company.projected()
    return id


@pytest.fixture
def neighbour(company: World) -> UUID:
    return company.given("Contact.add", person={"given_name": "Nell"})


def contents(world: World) -> dict[str, str]:
    """What stands in every table, as one digest each."""
    digest = SQL("select md5(coalesce(string_agg(t::text, '|' order by t::text), '')) from {} t")
    tables = [name for (name,) in world.connection.execute(TABLES).fetchall()]
    return {n: str(world.connection.execute(digest.format(Identifier(n))).fetchone()) for n in tables}


def test_every_table_that_holds_something_is_listed_with_how_much(
    company: World, database_url: str, zebedee: UUID, neighbour: UUID
) -> None:
    [schema] = company.connection.execute("select current_schema()").fetchone() or ("",)
    rebuild(database_url, schema, [Revised])  # the tables before are kept for a rollback

    told = {each.place: each for each in places(company.connection, zebedee)}

    holding = {f"table {table}" for table, _ in found(company.connection)}
    assert holding == {name for name, each in told.items() if name.startswith("table ") and each.personal}
    assert {f"table {Table(ContactView).name}", f"table {Table(Revised).name}"} <= holding
    counted = {name: (each.rows, each.personal) for name, each in told.items() if not name.startswith("table ")}
    assert counted == {
        "sealed events of the history": (6, 6),
        "the same events in Kafka's topics and other streams": (6, 6),
        "key of the person": (1, 1),
        "snapshots": (0, 0),
        "external ids and other values that only one may hold": (1, 0),
        "dead letters": (0, 0),
        "rows of the access log": (1, 0),
        "exports and reports that were written": (1, 1),
    }


def test_to_list_them_changes_nothing(company: World, zebedee: UUID) -> None:
    before = contents(company)

    places(company.connection, zebedee)

    assert contents(company) == before


def test_after_a_forget_nothing_is_left_in_any_place_that_is_within_reach(
    company: World, zebedee: UUID, neighbour: UUID
) -> None:
    company.projected()
    others = places(company.connection, neighbour)
    before = {each.place: each for each in places(company.connection, zebedee)}

    forget(company, zebedee)

    after = {each.place: each for each in places(company.connection, zebedee)}
    assert [each for each in after.values() if each.personal and each.becomes != BEYOND] == []
    rows = {name: each.rows for name, each in before.items() if name.startswith("table ")}
    assert rows == {name: each.rows for name, each in after.items() if name.startswith("table ")}
    assert places(company.connection, neighbour) == others


def test_a_certificate_says_who_was_forgotten_by_whom_and_why_and_holds_nothing_personal(
    company: World, zebedee: UUID
) -> None:
    before = company.store.head()
    forget(company, zebedee)

    made = certificate(company.connection, "Contact", zebedee, KEY)

    assert (made.person, made.by, made.reason) == (id_text("Contact", zebedee), id_text("User", ME), "asked for it")
    assert (made.position - 1, made.receipt_before) == (before[0], before[1].hex())
    assert (made.head, made.head_receipt) == (made.position, made.receipt)
    assert sum(left for _, _, left in made.places) == 0 and sum(rows for _, rows, _ in made.places) > 10
    assert not any(secret.lower() in str(made).lower() for secret in SECRETS)


def checked(made: Certificate) -> subprocess.CompletedProcess[str]:
    text = msgspec_json.encode(made).decode()
    return subprocess.run(
        [sys.executable, "-I", "-c", STRANGER], input=text, capture_output=True, text=True, timeout=60
    )


def test_a_stranger_checks_it_with_the_documented_bytes(company: World, zebedee: UUID) -> None:
    forget(company, zebedee)
    made = certificate(company.connection, "Contact", zebedee, KEY)
    told = json.loads(msgspec_json.encode(made))

    said = checked(made)
    changed = [checked(msgspec_json.decode(json.dumps(told | other).encode(), type=Certificate)) for other in OTHERS]

    assert said.returncode == 0 and id_text("Contact", zebedee) in said.stdout, said.stderr
    assert [each.returncode for each in changed] == [1] * len(OTHERS)
    receipts = [(made.position, made.receipt), (made.position - 1, made.receipt_before)]
    assert verify(company.connection, receipts).broken is None


OTHERS: list[dict[str, Any]] = [{"reason": "none"}, {"position": 1}, {"places": []}, {"receipt_before": "00" * 32}]


def test_who_was_not_forgotten_gets_none(company: World, zebedee: UUID) -> None:
    with pytest.raises(NotForgotten, match="was not forgotten"):
        certificate(company.connection, "Contact", zebedee, KEY)


def test_while_something_is_left_there_is_none_and_the_place_is_named(company: World, zebedee: UUID) -> None:
    forget(company, zebedee)
    history = Table(ContactView).history
    company.connection.execute(
        SQL("update {} set family_name = 'Quillfeather' where id = %s").format(Identifier(history)), [zebedee]
    )

    with pytest.raises(NotForgotten, match=f"is still there: table {history}"):
        certificate(company.connection, "Contact", zebedee, KEY)
