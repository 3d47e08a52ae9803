"""What the event store promises to whoever records through it, one command after the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from domain.aggregate import occurring_at
from domain.command import Accepted, Changed, Code, Refusal
from domain.values import new_id
from infra.commit import Commit, Conflict, Repeated, Taken
from infra.database import connect, migrate
from infra.event_store import EventStore
from infra.group_commit import Append, CommandRow, EventRow, appended
from infra.lanes import lane_of
from tests.infra.history import ANN, a_product, asked, code, commit, count, decision


@pytest.fixture
def store(database_url: str, schema: str) -> Iterator[EventStore]:
    migrate(database_url, schema)
    with EventStore(database_url, schema) as store:
        yield store


@pytest.fixture
def history(store: EventStore, database_url: str, schema: str) -> Iterator[Connection[Any]]:
    with connect(database_url, schema) as connection:
        yield connection


def test_events_come_back_as_they_were_recorded(store: EventStore) -> None:
    product, neighbour = a_product("MAT"), a_product("TUB")
    product.discontinue()
    events = list(product.pending_events)

    store.append(commit(product)).result(60)
    store.append(commit(neighbour)).result(60)

    recorded = store.events(product.id)
    assert [(type(e), e.originator_version) for e in recorded] == [(type(e), e.originator_version) for e in events]
    assert recorded[0].code == "MAT"  # type: ignore[attr-defined]
    assert len(store.events(neighbour.id)) == 1
    assert store.events(new_id()) == []


def test_positions_have_no_holes(store: EventStore, history: Connection[Any]) -> None:
    first, second = a_product(), a_product()
    first.discontinue()

    answers = [store.append(commit(first)).result(60)]
    with pytest.raises(Conflict):
        store.append(commit(second, looked={first.id: 1})).result(60)
    answers.append(store.append(commit(a_product())).result(60))

    assert [a.position for a in answers] == [2, 3]
    assert history.execute("select array_agg(position order by position) from events").fetchone() == ([1, 2, 3],)


def test_an_answer_names_what_changed_and_bears_the_hash_of_the_last_event(
    store: EventStore, history: Connection[Any]
) -> None:
    product, other = a_product(), a_product()

    accepted = store.append(commit(product, other)).result(60)

    ((hash, last),) = history.execute("select hash, originator_id from events where position = 2").fetchall()
    assert accepted == Accepted((Changed("Product", product.id, 1), Changed("Product", other.id, 1)), 2, hash.hex())
    assert last == product.id
    assert store.head() == (2, hash)


def test_the_head_of_an_empty_history_is_where_the_chain_begins(store: EventStore) -> None:
    assert store.head()[0] == 0
    assert len(store.head()[1]) == 32


def test_a_commit_of_several_commands_answers_for_all_and_each_command_for_itself(store: EventStore) -> None:
    product, neighbour = a_product(), a_product()
    listing, discontinuing, another = asked(), asked("Product.discontinue"), asked()
    decisions = [decision(product, by=listing)]
    product.discontinue()
    decisions.append(decision(product, by=discontinuing))
    decisions.append(decision(neighbour, by=another))
    whole = Commit(tuple(decisions), {product.id: 0, neighbour.id: 0}, {}, frozenset())

    together = store.append(whole).result(60)

    assert together.changed == (Changed("Product", product.id, 2), Changed("Product", neighbour.id, 1))
    assert together.position == 3
    known = [store.answer(each.command_id) for each in (listing, discontinuing, another)]
    answers = [answer for _, answer in filter(None, known) if isinstance(answer, Accepted)]
    assert [(a.changed, a.position) for a in answers] == [
        ((Changed("Product", product.id, 1),), 1),
        ((Changed("Product", product.id, 2),), 2),
        ((Changed("Product", neighbour.id, 1),), 3),
    ]
    assert store.append(whole).result(60) == together


def test_a_commit_is_recorded_whole_or_not_at_all(store: EventStore, history: Connection[Any]) -> None:
    taken = a_product("MAT")
    store.append(commit(taken, claimed={code(taken): taken.id})).result(60)
    innocent, late = a_product("TUB"), a_product("MAT")
    decisions = decision(innocent), decision(late)
    claims = {code(innocent): innocent.id, code(late): late.id}

    with pytest.raises(Taken):
        store.append(Commit(decisions, {innocent.id: 0, late.id: 0}, claims, frozenset())).result(60)

    assert count(history) == 1
    assert store.holder(code(innocent)) is None
    assert store.answer(decisions[0].asked.command_id) is None


def test_a_conflict_tells_which_version_others_made(store: EventStore, history: Connection[Any]) -> None:
    product = a_product()
    store.append(commit(product)).result(60)
    product.discontinue()
    stale = commit(product)
    product.change_details(name="Blue mat")
    store.append(replace(commit(product), versions={product.id: 1}, decisions=stale.decisions)).result(60)

    with pytest.raises(Conflict) as conflict:
        store.append(replace(stale, decisions=(replace(stale.decisions[0], asked=asked()),))).result(60)

    assert (conflict.value.id, conflict.value.version) == (product.id, 2)
    assert count(history) == 2


def test_what_was_only_looked_at_counts_too(store: EventStore, history: Connection[Any]) -> None:
    looked_at, product = a_product(), a_product()
    store.append(commit(looked_at)).result(60)
    looked_at.discontinue()
    store.append(commit(looked_at)).result(60)

    with pytest.raises(Conflict) as conflict:
        store.append(commit(product, looked={looked_at.id: 1})).result(60)

    assert (conflict.value.id, conflict.value.version) == (looked_at.id, 2)
    assert count(history, f"originator_id = '{product.id}'") == 0
    store.append(commit(a_product(), looked={looked_at.id: 2})).result(60)


@pytest.mark.parametrize("version", [7, 0, -5])
def test_a_new_aggregate_begins_at_version_1(store: EventStore, history: Connection[Any], version: int) -> None:
    product = a_product()
    given = commit(product)
    wrong = replace(given.decisions[0].events[0], originator_version=version)
    begun = replace(given.decisions[0], events=[wrong], changed=(Changed("Product", product.id, version),))

    with pytest.raises(Conflict):
        store.append(replace(given, decisions=(begun,), versions={product.id: version - 1})).result(60)
    with pytest.raises(ValueError, match="does not follow the version that was looked at"):
        store.append(replace(given, decisions=(begun,)))

    assert count(history) == 0


@pytest.mark.parametrize("versions", [[3], [0], [1, 3], [1, 1]])
def test_the_history_itself_refuses_events_whose_versions_do_not_continue(
    store: EventStore, history: Connection[Any], versions: list[int]
) -> None:
    neighbour, id = a_product(), new_id()
    store.append(commit(neighbour)).result(60)
    command = CommandRow(new_id(), b"digest", "Product.list_product", ANN)
    events = [EventRow(0, id, version, "Product.Listed", 1, None, 0, b"{}") for version in versions]

    with pytest.raises((psycopg.errors.CheckViolation, psycopg.errors.UniqueViolation)):
        appended(history, Append([command], events, {id: 0}, [], [], lambda places: None, lambda: None))

    assert count(history) == 1
    assert store.head()[0] == 1


def test_a_commit_that_makes_no_sense_is_an_error_of_its_maker(store: EventStore, history: Connection[Any]) -> None:
    product = a_product()
    given = commit(product)
    (made,) = given.decisions

    for wrong in (
        replace(given, decisions=()),
        replace(given, decisions=(made, replace(made, events=[]))),
        replace(given, versions={}),
        replace(given, decisions=(replace(made, changed=(Changed("Product", product.id, 2),)),)),
        replace(given, decisions=(replace(made, events=[made.events[0]] * 2),)),
    ):
        with pytest.raises(ValueError, match=r"."):
            store.append(wrong)

    assert count(history) == 0


def test_a_claim_has_one_holder_until_it_is_freed(store: EventStore, history: Connection[Any]) -> None:
    first, second, neighbour = a_product("MAT"), a_product("MAT"), a_product("TUB")
    mat = code(first)
    store.append(commit(neighbour, claimed={code(neighbour): neighbour.id})).result(60)
    store.append(commit(first, claimed={mat: first.id})).result(60)

    claiming = commit(second, claimed={mat: second.id})
    with pytest.raises(Taken) as taken:
        store.append(claiming).result(60)
    first.archive()
    store.append(commit(first, freed=frozenset({mat}))).result(60)
    free = store.holder(mat)
    store.append(claiming).result(60)

    assert (taken.value.claim, taken.value.holder) == (mat, first.id)
    assert free is None
    assert store.holder(mat) == second.id
    assert store.holder(code(neighbour)) == neighbour.id
    assert count(history) == 4


def test_a_claim_may_go_from_one_to_another_within_a_commit(store: EventStore) -> None:
    first, second = a_product("MAT"), a_product("MAT")
    mat = code(first)
    store.append(commit(first, claimed={mat: first.id})).result(60)
    first.archive()

    store.append(commit(second, first, claimed={mat: second.id}, freed=frozenset({mat}))).result(60)

    assert store.holder(mat) == second.id


def test_who_holds_a_claim_may_claim_it_again(store: EventStore) -> None:
    product = a_product("MAT")
    store.append(commit(product, claimed={code(product): product.id})).result(60)
    product.discontinue()

    store.append(commit(product, claimed={code(product): product.id})).result(60)

    assert store.holder(code(product)) == product.id


def test_claims_are_told_apart_by_kind_name_and_value_however_long(store: EventStore) -> None:
    product = a_product("MAT")
    mat = code(product)
    claims = [mat, replace(mat, kind="Part"), replace(mat, name="name"), replace(mat, value="x" * 1_000_000)]
    holders = {claim: new_id() for claim in claims}

    store.append(commit(product, claimed=holders)).result(60)

    assert {claim: store.holder(claim) for claim in claims} == holders
    assert store.holder(replace(mat, value="mat")) is None


def test_a_repeated_command_gets_its_first_answer(store: EventStore, history: Connection[Any]) -> None:
    product, by = a_product(), asked()
    given = commit(product, by=by)
    first = store.append(given).result(60)
    product.discontinue()
    store.append(commit(product)).result(60)

    again = store.append(given).result(60)

    assert again == first
    assert store.answer(by.command_id) == (by.digest, first)
    assert store.answer(new_id()) is None
    assert count(history) == 2


def test_a_repeated_command_that_asks_for_something_else_is_refused(
    store: EventStore, history: Connection[Any]
) -> None:
    by = asked(content="a mat")
    store.append(commit(a_product(), by=by)).result(60)

    with pytest.raises(Repeated):
        store.append(commit(a_product(), by=asked(content="a tub", id=by.command_id))).result(60)

    assert count(history) == 1


def test_of_which_only_some_commands_are_known_is_to_be_decided_again(
    store: EventStore, history: Connection[Any]
) -> None:
    by, again, other = asked(), a_product(), a_product()
    store.append(commit(a_product(), by=by)).result(60)
    both = decision(again, by=by), decision(other)

    with pytest.raises(Conflict) as conflict:
        store.append(Commit(both, {again.id: 0, other.id: 0}, {}, frozenset())).result(60)

    assert conflict.value.id is None
    assert count(history) == 1


def test_that_nothing_was_to_do_is_remembered_and_names_where_its_subject_stands(store: EventStore) -> None:
    product, neighbour, by = a_product(), a_product(), asked("Product.tag")
    listed = store.append(commit(product)).result(60)
    store.append(commit(neighbour)).result(60)
    nothing = commit(product, by=by)

    accepted = store.append(nothing).result(60)
    product.discontinue()
    store.append(commit(product)).result(60)

    assert accepted == listed
    assert store.append(nothing).result(60) == listed
    assert store.answer(by.command_id) == (by.digest, listed)


def test_that_nothing_was_to_do_is_no_answer_when_the_subject_has_changed_meanwhile(store: EventStore) -> None:
    product = a_product()
    store.append(commit(product)).result(60)
    nothing = commit(product)
    product.discontinue()
    store.append(commit(product)).result(60)

    with pytest.raises(Conflict):
        store.append(nothing).result(60)

    assert store.answer(nothing.decisions[0].asked.command_id) is None


def test_an_unchanged_subject_of_a_command_that_changed_others_is_named_in_every_answer(store: EventStore) -> None:
    subject, other, by = a_product(), a_product(), asked("Product.replace")
    store.append(commit(subject)).result(60)
    given = commit(subject, other, by=by)

    first = store.append(given).result(60)

    assert first.changed == (Changed("Product", subject.id, 1), Changed("Product", other.id, 1))
    assert first.position == 2
    assert store.answer(by.command_id) == (by.digest, first)
    assert store.append(given).result(60) == first


def test_a_refusal_is_remembered_and_does_not_replace_an_answer(store: EventStore, history: Connection[Any]) -> None:
    refused, by = asked(content="a mat"), asked()
    refusal = Refusal(Code.DUPLICATE, "this is in use already", "code", holder=f"Product_{new_id()}", version=3)
    accepted = store.append(commit(a_product(), by=by)).result(60)

    store.remember(refused, refusal)
    store.remember(refused, replace(refusal, message="another answer"))
    store.remember(replace(refused, digest=b"other"), refusal)
    store.remember(by, refusal)

    assert store.answer(refused.command_id) == (refused.digest, refusal)
    assert store.answer(by.command_id) == (by.digest, accepted)
    assert store.head()[0] == 1


def test_what_was_refused_is_not_recorded_under_the_same_command_id(
    store: EventStore, history: Connection[Any]
) -> None:
    by = asked()
    store.remember(by, Refusal(Code.REFUSED, "it is archived"))

    with pytest.raises(Conflict):
        store.append(commit(a_product(), by=by)).result(60)

    assert count(history) == 0


def test_without_a_business_time_a_thing_happened_when_it_was_recorded(
    store: EventStore, history: Connection[Any]
) -> None:
    then = datetime(2024, 2, 29, 12, 0, 0, 123456, UTC)
    token = occurring_at.set(then)
    late = a_product()
    occurring_at.reset(token)
    timely = a_product()
    given = commit(timely)
    (told,) = given.decisions[0].events
    vars(told)["timestamp"] = None

    store.append(commit(late)).result(60)
    store.append(given).result(60)

    rows = history.execute("select recorded_at, occurred_at from events order by position").fetchall()
    assert rows[0][1] == then < rows[0][0]
    assert rows[1][1] == rows[1][0]
    assert [e.timestamp for e in store.events(timely.id)] == [rows[1][0]]


def test_the_time_of_recording_never_goes_back(store: EventStore, history: Connection[Any]) -> None:
    store.append(commit(a_product())).result(60)
    ahead = datetime.now(UTC) + timedelta(hours=1)
    history.execute("update event_head set recorded_at = %s", [ahead])

    store.append(commit(a_product())).result(60)
    store.append(commit(a_product())).result(60)

    times = history.execute("select recorded_at from events order by position").fetchall()
    assert times[0][0] < ahead
    assert [t for (t,) in times[1:]] == [ahead, ahead]


def test_who_asked_for_what_and_why_stands_beside_each_event(store: EventStore, history: Connection[Any]) -> None:
    bob, correlation, causation = new_id(), new_id(), new_id()
    why: dict[str, Any] = {
        "on_behalf_of": bob,
        "correlation_id": correlation,
        "causation_id": causation,
        "origin": "teams.csv:7",
    }
    product, neighbour, by = a_product(), a_product(), asked("Product.list_product", content="x", **why)
    columns = b"""select topic, schema_version, command_id, request_digest, command, actor, on_behalf_of,
                         correlation_id, causation_id, origin, lane from events order by position"""

    store.append(commit(product, by=by)).result(60)
    store.append(commit(neighbour)).result(60)

    first, second = history.execute(columns).fetchall()
    what = ("Product.Listed", 1, by.command_id, by.digest, "Product.list_product")
    assert first == (*what, ANN, bob, correlation, causation, "teams.csv:7", lane_of(product.id))
    assert second[5:] == (ANN, None, None, None, None, lane_of(neighbour.id))


def test_history_is_only_ever_added_to_even_by_its_owner(store: EventStore, history: Connection[Any]) -> None:
    store.append(commit(a_product())).result(60)

    for change in (b"update events set actor = command_id", b"delete from events", b"truncate events"):
        with pytest.raises(psycopg.errors.RaiseException, match="only ever added to"):
            history.execute(change)

    assert count(history) == 1
