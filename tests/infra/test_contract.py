"""The contract of the event streams: schemas and AsyncAPI, held against their standards and what is recorded."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from jsonschema import Draft7Validator, Draft202012Validator, FormatChecker, ValidationError

from domain.aggregate import Aggregate
from domain.catalogue import AGGREGATES
from infra.cloud_events import encode
from infra.contract.asyncapi import asyncapi
from infra.contract.documents import documents
from infra.contract.notices import Head, Parked
from infra.contract.schemas import envelope, every, schemas
from tests.conftest import ROOT
from tests.contract import SCHEMAS, problems
from tests.infra.test_cloud_events import WON
from tests.infra.test_upcasts import Kite
from tests.node import MODULES, Node

PAYLOADS = sorted((ROOT / "tests" / "golden" / "payloads").glob("*.json"))
DOCUMENTS = documents(AGGREGATES)
EVERY = [(topic, version) for topic, version, _ in every(SCHEMAS)]


def document(address: str) -> Any:
    return json.loads(DOCUMENTS[address])


@pytest.fixture(scope="session")
def asyncapi_schema(node: Node) -> Any:
    """The JSON Schema of AsyncAPI 3.0, of those who make AsyncAPI."""
    return json.loads((MODULES / "@asyncapi" / "specs" / "schemas" / "3.0.0.json").read_text())


# -- golden files ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("topic", "version"), EVERY)
def test_golden_schema_is_as_it_was_released(topic: str, version: int, golden: Callable[[str, str], None]) -> None:
    golden(f"schemas/{topic}.{version}.json", DOCUMENTS[f"/schemas/{topic}/{version}"].decode() + "\n")


def test_golden_asyncapi_is_as_it_was_released(golden: Callable[[str, str], None]) -> None:
    golden("asyncapi.json", DOCUMENTS["/asyncapi.json"].decode() + "\n")


# -- schemas ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("topic", "version"), EVERY)
def test_a_schema_is_one_by_its_own_standard(topic: str, version: int) -> None:
    schema = document(f"/schemas/{topic}/{version}")

    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"/schemas/{topic}/{version}"
    assert "$ref" not in json.dumps(schema)


@pytest.mark.parametrize("path", PAYLOADS, ids=lambda path: path.stem)
def test_whatever_was_released_is_valid_by_its_schema(path: Path) -> None:
    aggregate, event, version = path.stem.split(".")

    assert f"{aggregate}.{event}" in SCHEMAS
    assert problems(f"{aggregate}.{event}", int(version), path.read_bytes()) == []


def test_every_version_that_was_released_has_a_schema() -> None:
    assert {f"{topic}.{version}" for topic, version in EVERY} == {path.stem for path in PAYLOADS}


@pytest.mark.parametrize("path", PAYLOADS, ids=lambda path: path.stem)
def test_what_is_of_another_type_is_not_valid(path: Path) -> None:
    aggregate, event, version = path.stem.split(".")
    told = json.loads(path.read_bytes())

    for name in told:
        wrong = json.dumps(
            told | {name: {"of": ["another", "type"]}} if not isinstance(told[name], dict) else {name: 1}
        )
        assert problems(f"{aggregate}.{event}", int(version), wrong.encode()), name


def test_what_must_be_told_is_required_and_what_came_later_is_not() -> None:
    schema = SCHEMAS["Opportunity.Won"][1]

    assert schema["required"] == ["amount", "closed_on"]
    assert schema["properties"]["status"]["default"] == "won"
    assert problems("Opportunity.Won", 1, b'{"amount":{"amount":"1","currency":"EUR"}}')


def test_a_field_of_a_later_daybook_is_tolerated_at_any_depth() -> None:
    state = b'{"amount":{"amount":"1","currency":"EUR","later":1},"closed_on":"2024-02-29","later":{}}'

    assert problems("Opportunity.Won", 1, state) == []
    assert all(part["additionalProperties"] for part in objects(SCHEMAS) if "properties" in part)


def objects(part: Any) -> Iterator[Mapping[str, Any]]:
    """The schemas of objects inside of something."""
    if isinstance(part, dict):
        if part.get("type") == "object":
            yield part
        for inner in part.values():
            yield from objects(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from objects(inner)


def test_what_is_personal_is_marked_with_whose_it_is() -> None:
    person = SCHEMAS["Contact.Added"][1]["properties"]["person"]
    body = SCHEMAS["Interaction.Logged"][1]["properties"]["body"]

    assert (person["x-personal"], person["x-personal-of"]) == (True, "id")
    assert (body["x-personal"], body["x-personal-of"]) == (True, "sealed_for")
    assert body["anyOf"] == [{"type": "string"}, {"type": "null"}]
    assert "x-personal" not in SCHEMAS["Interaction.Logged"][1]["properties"]["sealed_for"]


def test_every_instant_says_so() -> None:
    held = SCHEMAS["Interaction.Logged"][1]["properties"]["held_at"]

    assert (held["type"], held["format"]) == ("string", "date-time")


def test_a_version_that_is_no_longer_written_keeps_the_schema_it_had(tmp_path: Path) -> None:
    first = {"$id": "/schemas/Kite.Flown/1", "title": "as it was"}
    for event in Kite.events().values():
        for version in range(1, event.schema_version):
            (tmp_path / f"{event.TOPIC}.{version}.json").write_text(json.dumps(first))
    newest = {event.TOPIC: event.schema_version for event in Kite.events().values()}
    changed = next(topic for topic, version in newest.items() if version > 1)

    found = schemas([Kite], tmp_path)

    assert set(found[changed]) == set(range(1, newest[changed] + 1))
    assert found[changed][1] == first
    assert found[changed][newest[changed]]["$id"] == f"/schemas/{changed}/{newest[changed]}"


def test_a_version_whose_schema_nobody_kept_is_found_at_start(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"Kite\..*\.1\.json"):
        schemas([Kite], tmp_path)


# -- the envelope ----------------------------------------------------------------------------------


def test_what_is_published_is_valid_by_the_schema_of_all_events() -> None:
    row = WON._replace(on_behalf_of=UUID(int=1), correlation_id=UUID(int=2), causation_id=UUID(int=3))
    validator = Draft202012Validator(envelope(), format_checker=FormatChecker())

    for told in (encode(WON, 41), encode(row, 0), encode(row._replace(state=b"no JSON"), 0)):
        validator.validate(json.loads(told))
    with pytest.raises(ValidationError):
        validator.validate(json.loads(encode(WON, 41)) | {"position": 42})


def test_every_attribute_is_described() -> None:
    found = envelope()["properties"]

    assert set(found) >= set(json.loads(encode(WON, 41)))
    assert [name for name, attribute in found.items() if not attribute["description"]] == []


# -- AsyncAPI --------------------------------------------------------------------------------------


def test_the_document_is_asyncapi(asyncapi_schema: Any) -> None:
    assert [e.message for e in Draft7Validator(asyncapi_schema).iter_errors(document("/asyncapi.json"))] == []
    assert list(Draft7Validator(asyncapi_schema).iter_errors(document("/asyncapi.json") | {"channels": []}))


def test_all_that_it_refers_to_is_in_it() -> None:
    told = document("/asyncapi.json")

    for reference in references(told):
        part: Any = told
        for step in reference.removeprefix("#/").split("/"):
            part = part[step]
        assert part, reference
    assert {f"#/components/messages/{name}" for name in told["components"]["messages"]} <= set(references(told))


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if "$ref" in part:
            yield part["$ref"]
        for inner in part.values():
            yield from references(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from references(inner)


def test_each_context_has_a_channel_with_its_own_events() -> None:
    channels = document("/asyncapi.json")["channels"]
    notices = {channel: channels.pop(channel) for channel in ("audit.heads", "dead")}

    assert {name: channel["address"] for name, channel in channels.items()} == {
        "customers": "daybook.customers.v1",
        "platform": "daybook.platform.v1",
        "projects": "daybook.projects.v1",
        "sales": "daybook.sales.v1",
    }
    assert "Opportunity.Won.1" in channels["sales"]["messages"]
    assert "Opportunity.Won.1" not in channels["customers"]["messages"]
    assert sum(len(channel["messages"]) for channel in channels.values()) == len(EVERY)
    assert {channel["bindings"]["kafka"]["partitions"] for channel in channels.values()} == {6}
    assert {channel["address"]: channel["bindings"]["kafka"]["partitions"] for channel in notices.values()} == {
        "daybook.audit.heads.v1": 1,
        "daybook.dead.v1": 6,
    }


def test_where_topics_have_another_prefix_the_document_says_so() -> None:
    told = json.loads(documents(AGGREGATES, "north")["/asyncapi.json"])

    assert {channel["address"].partition(".")[0] for channel in told["channels"].values()} == {"north"}


@pytest.mark.parametrize(
    "notice",
    [
        Head(7, "01" * 32, datetime(2026, 1, 1, tzinfo=UTC)),
        Parked("sales", UUID(int=1), "Sale.Won", 7, "why", datetime(2026, 1, 1, tzinfo=UTC)),
    ],
)
def test_what_is_told_beside_the_events_is_as_the_document_says(notice: Head | Parked) -> None:
    told, message = document("/asyncapi.json"), json.loads(notice.message())
    payload = told["components"]["messages"][type(notice).__name__]["payload"]
    validator = Draft202012Validator({"components": told["components"], **payload})

    validator.validate(message)
    Draft202012Validator(document(message["dataschema"])).validate(message["data"])
    changes: list[dict[str, Any]] = [{"type": "daybook.Other"}, {"data": {}}]
    for changed in changes:
        with pytest.raises(ValidationError):
            validator.validate(message | changed)


def test_a_message_is_known_by_the_document_alone() -> None:
    told = document("/asyncapi.json")
    payload = told["components"]["messages"]["Opportunity.Won.1"]["payload"]
    event = json.loads(
        encode(WON._replace(state=b'{"amount":{"amount":"1","currency":"EUR"},"closed_on":"2024-02-29"}'), 0)
    )
    validator = Draft202012Validator({"components": told["components"], **payload})

    validator.validate(event)
    changes: list[dict[str, Any]] = [{"type": "daybook.sales.Opportunity.Lost"}, {"data": {}}, {"lane": 6}]
    for changed in changes:
        with pytest.raises(ValidationError):
            validator.validate(event | changed)


def test_the_index_names_every_schema() -> None:
    index = document("/schemas/")

    assert [address for addresses in index["events"].values() for address in addresses] == [
        f"/schemas/{topic}/{version}" for topic, version in EVERY
    ]
    assert index["notices"] == {"Head": ["/schemas/Head/1"], "Parked": ["/schemas/Parked/1"]}
    assert {index["asyncapi"], index["envelope"], "/schemas/Head/1", "/schemas/Parked/1"} <= set(DOCUMENTS)


def test_an_event_that_is_described_in_its_class_is_described_here() -> None:
    class Told(Aggregate):
        class Begun(Aggregate.Created):
            """It began."""

    found = schemas([Told])

    assert found[Told.Begun.TOPIC][1]["description"] == "It began."
    assert "description" not in SCHEMAS["Opportunity.Won"][1]
    assert asyncapi((Told,), found)["components"]["messages"][f"{Told.Begun.TOPIC}.1"]["description"] == "It began."
