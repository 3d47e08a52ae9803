"""Who was kept from what is kept, by kind and for a while: for whoever looks after the safety of the company."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import UUID

import psycopg
import pytest
from pytest import MonkeyPatch
from websockets.exceptions import ConnectionClosed

from api.observed import Asked
from domain.values import new_id
from infra import refusals
from infra.database import connect, migrate
from infra.lockout import FREE
from infra.refusals import Refusal, Refusals
from tests.api.client import Api
from tests.api.company import a_user, an_account
from tests.api.test_subscription import receive, socket

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
NUMBERS = count(1)


@pytest.fixture
def kept(database_url: str, schema: str) -> Iterator[Refusals]:
    """The refusals of a company that refused nothing yet."""
    migrate(database_url, schema)
    with Refusals(database_url, 30, schema) as made:
        yield made


def asked(code: str = "FORBIDDEN", what: str | None = "Account.rename", **known: object) -> Asked:
    made = Asked("/graphql", "POST", "x")
    made.refused.append((code, what))
    vars(made).update(known)
    return made


def told(kept: Refusals) -> list[tuple[str, str | None, int]]:
    kept.write()
    return [(each.code, each.what, each.times) for each in kept.since(LONG_AGO, 10_000)]


# -- how it is kept ------------------------------------------------------------------------------------


def test_what_is_alike_is_counted_and_what_is_not_is_told_apart(kept: Refusals) -> None:
    ada, ben = new_id(), new_id()

    for user in (ada, ada, ben, ada):
        kept.note(asked(user_id=user, token="t", address="203.0.113.7"))
    kept.write()

    found = {each.user_id: each for each in kept.since(LONG_AGO, 10)}
    assert {user: each.times for user, each in found.items()} == {ada: 3, ben: 1}
    assert (found[ada].token, found[ada].address, found[ada].path) == ("t", "203.0.113.7", "/graphql")


def test_what_is_no_refusal_is_not_kept(kept: Refusals) -> None:
    for code in ("BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED", "REFUSED", "CONFLICT", "INTERNAL_SERVER_ERROR"):
        kept.note(asked(code))

    assert told(kept) == []


def test_nobody_fills_the_disk_by_asking(kept: Refusals) -> None:
    for number in range(10_000):
        kept.note(asked("UNAUTHENTICATED", None, address=f"203.0.113.{number}"))
        kept.note(asked("FORBIDDEN", "x" * 10_000, path=f"/{number}" * 100))

    rows = told(kept)

    assert len(rows) <= refusals.MOST_AT_ONCE + 2
    assert sum(times for _, _, times in rows) == 20_000
    assert max(len(what or "") for _, what, _ in rows) <= refusals.LONGEST


def test_what_is_old_is_forgotten_and_of_what_is_many_the_oldest(
    kept: Refusals, database_url: str, schema: str, monkeypatch: MonkeyPatch
) -> None:
    kept.note(asked(what="old"))
    kept.write()
    with connect(database_url, schema) as connection:
        connection.execute("update refusals set at = now() - interval '31 days'")
    kept.note(asked(what="new"))
    assert told(kept) == [("FORBIDDEN", "new", 1)]

    monkeypatch.setattr(refusals, "MOST_KEPT", 5)
    for number in range(10):
        kept.note(asked(what=f"number {number}"))

    assert len(told(kept)) == 5


def test_what_cannot_be_kept_now_stops_nobody_and_is_kept_later(kept: Refusals, database_url: str) -> None:
    kept.note(asked(what="first"))
    with kept._pool.connection() as used:
        pid = used.info.backend_pid

    with psycopg.connect(database_url, autocommit=True) as other:
        other.execute("select pg_terminate_backend(%s)", [pid])
    kept.write()
    kept.note(asked(what="later"))

    assert sorted(told(kept)) == [("FORBIDDEN", "first", 1), ("FORBIDDEN", "later", 1)]


# -- what is kept --------------------------------------------------------------------------------------


def latest(api: Api, database_url: str, **wanted: object) -> Refusal | None:
    """The last one that was kept of this kind; it is written every few seconds."""
    with Refusals(database_url, 90, "test_api") as written:
        for each in written.since(datetime.now(UTC) - timedelta(minutes=5), 10_000):
            if vars(each).items() >= wanted.items():
                return each
    return None


def test_whatever_is_refused_is_kept_whichever_way_it_was_asked(api: Api, database_url: str) -> None:
    account, address = an_account(api, "Secret Ltd"), "203.0.113.77"
    user = a_user(api, "Guest")
    secret = api.do("makeApiTokenFor", "secret apiToken { id }", userId=user, name="x")
    guest, token = Api(api.http, secret["secret"], UUID(user[5:])), UUID(secret["apiToken"]["id"][9:]).hex
    wrong = f"daybook_{new_id().hex}_{'0' * 64}"

    guest.post("{ accounts { totalCount } }")
    guest.user_error("registerAccount", name="Mine")
    guest.user_error("renameAccount", id=account, name="Mine")
    api.http.get("/events", params={"after": 0}, headers=guest.headers)
    with socket(api, authorization=f"Bearer {wrong}") as made, pytest.raises(ConnectionClosed):
        receive(made)
    for _ in range(FREE + 2):
        headers = {"x-forwarded-for": address, "authorization": f"Bearer {wrong}"}
        api.http.post("/graphql", json={"query": "{ head { position } }"}, headers=headers)

    theirs = {"user_id": guest.user_id, "token": token, "address": "127.0.0.1"}
    expected: list[dict[str, object]] = [
        {"code": "FORBIDDEN", "what": "customers.see", "path": "/graphql", **theirs},
        {"code": "FORBIDDEN", "what": "Account.register", "path": "/graphql", **theirs},
        {"code": "NOT_FOUND", "what": "Account.rename", "path": "/graphql", **theirs},
        {"code": "FORBIDDEN", "path": "/events", **theirs},
        {"code": "UNAUTHENTICATED", "path": "/graphql", "address": "127.0.0.1", "token": wrong.split("_")[1]},
        {"code": "UNAUTHENTICATED", "address": address, "user_id": None, "token": wrong.split("_")[1]},
        {"code": "THROTTLED", "address": address, "user_id": None},
    ]
    until = datetime.now(UTC) + timedelta(seconds=60)
    while missing := [each for each in expected if latest(api, database_url, **each) is None]:
        assert datetime.now(UTC) < until, missing
    with connect(database_url, "test_api") as connection:
        whole = str(connection.execute("select r::text from refusals r").fetchall())
    assert "Secret Ltd" not in whole and guest.token not in whole and wrong not in whole
