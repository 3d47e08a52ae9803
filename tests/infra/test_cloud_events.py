"""Events as CloudEvents, and back: nothing is lost, and what is not ours is not taken for it."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.catalogue import AGGREGATES
from domain.customers.account import Account
from domain.declaration import context_of
from domain.sales.opportunity import Opportunity
from infra.cloud_events import COLUMNS, NotOurs, Published, decode, encode
from infra.database import migrate
from infra.event_store import EventStore
from infra.lanes import lane_of
from infra.mapper import TooNew
from infra.topics import contexts, kafka_topic
from tests.conftest import ROOT
from tests.infra.history import ANN, a_product, asked, commit
from tests.infra.sale import Sale

ID = UUID("018f0000-0000-7000-8000-000000000001")
NOW, EARLIER = datetime(2024, 2, 29, 12, 34, 56, 789012, UTC), datetime(2024, 1, 31, tzinfo=UTC)
EVENTS = [event.TOPIC for aggregate in AGGREGATES for event in aggregate.events().values()]
STATE = b'{"amount":{"amount":"1234.50","currency":"EUR"},"status":"won"}'
WON = Published(
    42, ID, 3, "Opportunity.Won", 1, STATE, NOW, EARLIER, lane_of(ID),
    UUID(int=7), "Opportunity.win", ANN, None, None, None,
)  # fmt: skip

MOMENTS = st.datetimes(timezones=st.just(UTC))
NUMBERS = st.integers(1, 2**63 - 1)
TOLD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
STATES = st.one_of(
    TOLD.map(lambda told: json.dumps(told, ensure_ascii=False).encode("utf-8", "surrogatepass")),
    TOLD.map(lambda told: json.dumps(told, indent=1).encode()),
    st.binary(),
)


@st.composite
def rows(draw: st.DrawFn) -> Published:
    id = draw(st.uuids())
    return Published(
        position=draw(NUMBERS),
        originator_id=id,
        originator_version=draw(NUMBERS),
        topic=draw(st.sampled_from(EVENTS)),
        schema_version=draw(st.integers(1, 2**31 - 1)),
        state=draw(STATES),
        recorded_at=draw(MOMENTS),
        occurred_at=draw(MOMENTS),
        lane=lane_of(id),
        command_id=draw(st.uuids()),
        command=draw(st.text()),
        actor=draw(st.uuids()),
        on_behalf_of=draw(st.none() | st.uuids()),
        correlation_id=draw(st.none() | st.uuids()),
        causation_id=draw(st.none() | st.uuids()),
    )


# -- contexts and topics ---------------------------------------------------------------------------


def test_a_context_is_the_folder_of_a_module() -> None:
    modules = (ROOT / "domain").glob("*/*.py")
    folders = {path.parent.name for path in modules if path.name != "__init__.py"}

    assert (context_of(Opportunity), context_of(Account), context_of(Sale)) == ("sales", "customers", "infra")
    assert set(contexts(AGGREGATES)) == folders
    assert kafka_topic("sales") == "daybook.sales.v1"


def test_no_two_events_have_one_name() -> None:
    assert len(EVENTS) == len(set(EVENTS))


# -- there and back --------------------------------------------------------------------------------


@given(rows(), st.integers(0, 2**63 - 1))
@settings(max_examples=300)
def test_whatever_is_recorded_comes_back_as_it_was(row: Published, previous: int) -> None:
    value = encode(row, previous)

    assert decode(value) == (row.recorded, previous)
    assert b"\n" not in value and b"\r" not in value
    assert json.loads(value)["specversion"] == "1.0"


def test_an_event_is_told_by_attributes_of_cloudevents() -> None:
    assert json.loads(encode(WON, 41)) == {
        "specversion": "1.0",
        "id": f"{ID}/3",
        "source": "/daybook/sales",
        "type": "daybook.sales.Opportunity.Won",
        "subject": f"Opportunity_{ID}",
        "time": "2024-01-31T00:00:00Z",
        "recordedtime": "2024-02-29T12:34:56.789012Z",
        "datacontenttype": "application/json",
        "dataschema": "/schemas/Opportunity.Won/1",
        "position": "0000000000000000042",
        "previousposition": "0000000000000000041",
        "lane": lane_of(ID),
        "sequence": "0000000000000000003",
        "actor": f"User_{ANN}",
        "command": "Opportunity.win",
        "commandid": "00000000-0000-0000-0000-000000000007",
        "data": {"amount": {"amount": "1234.50", "currency": "EUR"}, "status": "won"},
    }


def test_what_is_known_of_a_request_is_told() -> None:
    row = WON._replace(on_behalf_of=ID, correlation_id=UUID(int=1), causation_id=UUID(int=2))

    told = json.loads(encode(row, 0))

    assert (told["onbehalfof"], told["previousposition"]) == (f"User_{ID}", "0000000000000000000")
    assert (told["correlationid"], told["causationid"]) == (str(UUID(int=1)), str(UUID(int=2)))


def test_attributes_have_names_and_types_that_cloudevents_knows() -> None:
    row = WON._replace(position=2**63 - 1, on_behalf_of=ID, correlation_id=UUID(int=1), causation_id=UUID(int=2))

    told = {name: value for name, value in json.loads(encode(row, 2**63 - 2)).items() if name != "data"}

    assert [name for name in told if not re.fullmatch("[a-z0-9]{1,20}", name)] == []
    assert [v for v in told.values() if not (v if isinstance(v, str) else isinstance(v, int) and abs(v) < 2**31)] == []


def test_what_was_recorded_is_told_byte_for_byte() -> None:
    state = '{ "name" : "M\\u00fcller & Søn" }'.encode()

    assert encode(WON._replace(state=state), 0).endswith(b',"data":' + state + b"}")


@pytest.mark.parametrize(
    "state", [b"", b"no JSON", b'{"a":', b'{"a":"\xff"}', b'{\n"a":1}', b' {"a":1}', b"[" * 100_000]
)
def test_what_is_no_json_in_one_line_is_told_all_the_same(state: bytes) -> None:
    row = WON._replace(state=state)

    told = json.loads(encode(row, 41))

    assert (told["datacontenttype"], "data" in told) == ("application/octet-stream", False)
    assert decode(encode(row, 41)) == (row.recorded, 41)


def test_an_event_that_nobody_knows_here_is_of_a_newer_daybook() -> None:
    with pytest.raises(TooNew, match=r"Ghost\.Seen is of no kind"):
        encode(WON._replace(topic="Ghost.Seen"), 0)


# -- what is not ours ------------------------------------------------------------------------------

WHOLE = json.loads(encode(WON, 41))


@pytest.mark.parametrize("attribute", [name for name in WHOLE if name != "data"])
def test_without_an_attribute_it_is_not_ours(attribute: str) -> None:
    told = {name: value for name, value in WHOLE.items() if name != attribute}

    with pytest.raises(NotOurs, match=attribute):
        decode(json.dumps(told).encode())


@pytest.mark.parametrize(
    "changed",
    [
        {"specversion": "0.3"},
        {"source": "/daybook/customers"},
        {"source": "https://example.org/sales"},
        {"type": "daybook.sales.Opportunity"},
        {"type": "org.example.Opportunity.Won"},
        {"dataschema": "/schemas/Opportunity.Lost/1"},
        {"dataschema": "/schemas/Opportunity.Won/x"},
        {"subject": f"Account_{ID}"},
        {"subject": "Opportunity_1"},
        {"id": f"{ID}/4"},
        {"position": 42},
        {"position": "42"},
        {"position": "-000000000000000042"},
        {"previousposition": None},
        {"lane": 6},
        {"time": "yesterday"},
        {"data_base64": "?"},
    ],
)
def test_with_a_foreign_attribute_it_is_not_ours(changed: dict[str, Any]) -> None:
    told = {k: v for k, v in (WHOLE | changed).items() if not (k == "data" and "data_base64" in changed)}

    with pytest.raises(NotOurs):
        decode(json.dumps(told).encode())


@pytest.mark.parametrize("value", [b"", b"no JSON", b"[]", b"null", b"{}", b"\xff", b'{"data":' + b"[" * 100_000])
def test_what_is_no_cloudevent_is_not_ours(value: bytes) -> None:
    with pytest.raises(NotOurs):
        decode(value)


def test_what_a_later_daybook_adds_is_no_obstacle() -> None:
    assert decode(json.dumps(WHOLE | {"traceparent": "00-1", "later": 1}, separators=(",", ":")).encode()) == (
        WON.recorded,
        41,
    )


# -- out of a real history -------------------------------------------------------------------------


def test_a_row_of_the_history_is_told(database_url: str, schema: str) -> None:
    migrate(database_url, schema)
    with EventStore(database_url, schema) as store:
        product = a_product("MAT")
        by = asked(correlation_id=UUID(int=5))
        receipt = store.append(commit(product, by=by)).result()
        rows = store._rows(f"select {COLUMNS} from events")

    [row] = [Published(*row) for row in rows]
    recorded, previous = decode(encode(row, 0))

    assert (recorded, previous) == (row.recorded, 0)
    assert (recorded.position, recorded.originator_id) == (receipt.position, product.id)
    assert json.loads(encode(row, 0))["correlationid"] == str(UUID(int=5))
    assert recorded.lane == lane_of(product.id)
