"""What the log says of requests, and what it never does."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pytest import LogCaptureFixture

from infra import observing
from infra.logs import Json, Text
from tests.api.client import Api, some
from tests.infra.test_projector_process import eventually


@contextmanager
def logged(log: LogCaptureFixture, many: int) -> Iterator[list[dict[str, Any]]]:
    """So many things that are said of requests meanwhile: how bad it is, the words, and the fields."""
    found: list[dict[str, Any]] = []
    log.clear()
    with log.at_level(logging.INFO, "daybook.requests"):
        yield found
        eventually(lambda: len(said(log)) >= many)
    for record in said(log):
        found.append({"level": record.levelname, "message": record.getMessage(), **vars(record)["told"]})


def said(log: LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in log.records if record.name == "daybook.requests"]


def test_what_is_refused_is_logged_with_who_asked_and_why(api: Api, caplog: LogCaptureFixture) -> None:
    named = some("Broken").replace("-", "_")
    with logged(caplog, 2) as lines:
        api.post(f'query {named} {{ account(id: "secret-9") {{ id }} }}', None, **{"x-request-id": "mine-7"})
        api.ask("query Fine { head { position } }")
        api.http.post("/graphql", json={"query": "{ head { position } }"})

    refused, unknown = lines
    assert (refused["level"], refused["message"]) == ("INFO", "a request was refused")
    assert (refused["request_id"], refused["operation"], refused["kind"]) == ("mine-7", named, "query")
    assert (refused["code"], refused["user"], refused["status"]) == ("BAD_USER_INPUT", api.me, 200)
    assert 0 < refused["seconds"] < 30
    assert (unknown["code"], unknown["status"]) == ("UNAUTHENTICATED", 401)
    assert "user" not in unknown


def test_what_a_command_is_refused_for_is_logged(api: Api, caplog: LogCaptureFixture) -> None:
    with logged(caplog, 1) as lines:
        api.user_error("registerAccount", name="")

    assert [(line["kind"], line["code"], line["user"]) for line in lines] == [("mutation", "INVALID", api.me)]


def test_what_takes_long_is_logged(api: Api, caplog: LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observing, "SLOW", 0.0)
    with logged(caplog, 1) as lines:
        api.ask("query Long { head { position } }")

    assert [(line["level"], line["message"], line["operation"]) for line in lines] == [
        ("WARNING", "a request took long", "Long")
    ]
    assert "code" not in lines[0]


def test_neither_tokens_nor_what_is_asked_are_in_the_log(api: Api, caplog: LogCaptureFixture) -> None:
    forged = api.token[:-4] + "0000"
    with logged(caplog, 4):
        api.post("query Ask($name: String) { nothing(name: $name) }", {"name": "Confidential"})
        api.post("{ head { position } }", authorization=f"Bearer {forged}")
        api.http.get("/graphql", params={"query": '{ account(id: "Confidential") { id } }'}, headers=api.headers)
        api.http.get(f"/events?token={api.token}", headers=api.headers)

    texts = [form.format(record) for form in (Text(), Json()) for record in caplog.records]
    assert len(texts) >= 8
    assert [text for text in texts if api.token in text or forged in text or "Confidential" in text] == []


@pytest.mark.parametrize("given", ["two words", "a" * 101, "a\tb", '"quoted"', ""])
def test_a_request_id_that_would_spoil_a_log_is_replaced(api: Api, given: str) -> None:
    kept = api.post("{ nothing }", None, **{"x-request-id": "9-good.ID_/+=:x"})
    replaced = api.post("{ nothing }", None, **{"x-request-id": given})

    assert kept.headers["x-request-id"] == "9-good.ID_/+=:x"
    assert len(replaced.headers["x-request-id"]) == 32
    assert replaced.json()["errors"][0]["extensions"]["requestId"] == replaced.headers["x-request-id"]


@pytest.mark.parametrize("path", ["/healthz", "/nowhere", "/schemas/nothing"])
def test_every_answer_has_a_request_id(api: Api, path: str) -> None:
    answer = api.http.get(path, headers={"x-request-id": "mine-8"})

    assert answer.headers.get_list("x-request-id") == ["mine-8"]


def test_a_path_cannot_pass_for_another_line(api: Api, caplog: LogCaptureFixture) -> None:
    with logged(caplog, 1) as lines:
        api.http.get("/nowhere%0A2026-01-01 ERROR user=User_0")

    [text] = map(Text().format, said(caplog))
    assert lines[0]["status"] == 404
    assert "\n" not in text and " user=" not in text.replace('"', " ").split("path=")[0]
