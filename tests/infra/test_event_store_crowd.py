"""What the event store promises when many record at once, when it is closed, and when the database goes away."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from threading import Event, Thread
from time import monotonic
from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from domain.command import Accepted, Code, Refusal
from domain.sales.product import Product
from domain.values import new_id
from infra.commit import Commit, Conflict, Throttled
from infra.database import connect, migrate
from infra.event_store import EventStore
from tests.infra.history import a_product, appends_held_up, asked, code, commit, count

FIRST_BROKEN = b"select first_broken_position(1, (select position from event_head), sha256('daybook history 1'))"


@pytest.fixture
def history(database_url: str, schema: str) -> Iterator[Connection[Any]]:
    migrate(database_url, schema)
    with connect(database_url, schema) as connection:
        yield connection


@pytest.fixture
def store(history: Connection[Any], database_url: str, schema: str) -> Iterator[EventStore]:
    with EventStore(database_url, schema) as store:
        yield store


def recorded(store: EventStore, *products: Product) -> None:
    for product in products:
        store.append(commit(product)).result(60)


def outcomes(answers: list[Future[Accepted]]) -> list[str]:
    """What became of each: the name of its answer's class."""
    wait(answers, timeout=120)
    return [type(a.exception(0) or a.result(0)).__name__ for a in answers]


def test_write_skew_within_a_batch_is_a_conflict_of_one(
    store: EventStore, history: Connection[Any], database_url: str, schema: str
) -> None:
    ann, bob = a_product(), a_product()
    recorded(store, ann, bob)
    ann.discontinue()
    bob.discontinue()
    one, other = commit(ann, looked={bob.id: 1}), commit(bob, looked={ann.id: 1})

    with appends_held_up(database_url, schema):
        first = store.append(commit(a_product()))
        answers = [store.append(one), store.append(other)]

    assert outcomes([first, *answers]) == ["Accepted", "Accepted", "Conflict"]
    assert count(history, "originator_version = 2") == 1


def test_write_skew_between_two_stores_is_a_conflict_of_one(
    store: EventStore, history: Connection[Any], database_url: str, schema: str
) -> None:
    ann, bob = a_product(), a_product()
    recorded(store, ann, bob)
    ann.discontinue()
    bob.discontinue()
    one, other = commit(ann, looked={bob.id: 1}), commit(bob, looked={ann.id: 1})

    with EventStore(database_url, schema) as elsewhere:
        with appends_held_up(database_url, schema):
            answers = [store.append(one), elsewhere.append(other)]
        assert sorted(outcomes(answers)) == ["Accepted", "Conflict"]

    assert count(history, "originator_version = 2") == 1


def test_of_two_claims_in_a_batch_the_first_holds(
    store: EventStore, history: Connection[Any], database_url: str, schema: str
) -> None:
    first, second, neighbour = a_product("MAT"), a_product("MAT"), a_product("TUB")

    with appends_held_up(database_url, schema):
        answers = [store.append(commit(a_product()))]
        answers += [store.append(commit(each, claimed={code(each): each.id})) for each in (first, second, neighbour)]

    assert outcomes(answers) == ["Accepted", "Accepted", "Taken", "Accepted"]
    assert store.holder(code(first)) == first.id


def test_what_is_refused_takes_no_place_from_what_follows_it_in_its_batch(
    store: EventStore, history: Connection[Any], database_url: str, schema: str
) -> None:
    holder, late, innocent, moved = a_product("MAT"), a_product("MAT"), a_product("TUB"), a_product()
    store.append(commit(holder, claimed={code(holder): holder.id})).result(60)
    refused = commit(late, claimed={code(late): late.id})

    with appends_held_up(database_url, schema):
        first = store.append(commit(a_product()))
        while not first.running():
            assert not first.done()
        answers = [store.append(refused), store.append(commit(moved, looked={holder.id: 7}))]
        answers.append(store.append(commit(innocent)))

    assert outcomes([first, *answers]) == ["Accepted", "Taken", "Conflict", "Accepted"]
    recorded = history.execute("select position, originator_id from events where position > 2").fetchall()
    assert recorded == [(3, innocent.id)]
    assert store.answer(refused.decisions[0].asked.command_id) is None
    assert history.execute(FIRST_BROKEN).fetchone() == (None,)


def test_who_waits_alone_appends_by_itself(store: EventStore, history: Connection[Any]) -> None:
    answers = [store.append(commit(a_product()), waits=True) for _ in range(3)]

    assert [answer.done() for answer in answers] == [True] * 3
    assert [answer.result().position for answer in answers] == [1, 2, 3]


def test_what_comes_while_a_caller_appends_is_appended_after_it(
    store: EventStore, history: Connection[Any], database_url: str, schema: str
) -> None:
    with ThreadPoolExecutor(4) as callers:
        with appends_held_up(database_url, schema):
            waiting = [callers.submit(store.append, commit(a_product()), waits=True) for _ in range(4)]
            others = [store.append(commit(a_product())) for _ in range(4)]
            early = wait(others, timeout=0.1).done
        answers = [caller.result(60) for caller in waiting] + others

    assert not early
    assert outcomes(answers) == ["Accepted"] * 8
    assert sorted(answer.result().position for answer in answers) == [*range(1, 9)]
    assert history.execute(FIRST_BROKEN).fetchone() == (None,)


def test_a_command_twice_in_a_batch_is_recorded_once_and_answered_twice(
    store: EventStore, history: Connection[Any], database_url: str, schema: str
) -> None:
    by = asked()
    once, otherwise = commit(a_product(), by=by), commit(a_product(), by=replace(by, digest=b"other"))

    with appends_held_up(database_url, schema):
        store.append(commit(a_product()))
        answers = [store.append(once), store.append(once), store.append(otherwise)]

    assert outcomes(answers) == ["Accepted", "Accepted", "Repeated"]
    assert answers[0].result() == answers[1].result()
    assert count(history) == 2


def test_a_command_that_cannot_be_stored_does_not_hurt_its_batch(
    store: EventStore, history: Connection[Any], database_url: str, schema: str
) -> None:
    bad = commit(a_product(), by=asked(origin="a\0b"))
    worse = commit(a_product(), by=asked(origin="a\ud800b"))

    with appends_held_up(database_url, schema):
        answers = [store.append(each) for each in (commit(a_product()), commit(a_product()), bad, commit(a_product()))]
        answers += [store.append(worse), store.append(commit(a_product()))]

    rest = ["Accepted", "UnicodeEncodeError", "Accepted"]
    assert outcomes(answers) == ["Accepted", "Accepted", "CharacterNotInRepertoire", *rest]
    assert count(history) == 4
    assert history.execute(FIRST_BROKEN).fetchone() == (None,)


def test_who_does_not_wait_for_an_answer_is_left_out(
    store: EventStore, history: Connection[Any], database_url: str, schema: str
) -> None:
    with appends_held_up(database_url, schema):
        first = store.append(commit(a_product()))
        while not first.running():
            assert not first.done()
        given_up, other = store.append(commit(a_product())), store.append(commit(a_product()))
        assert given_up.cancel()

    assert outcomes([first, other]) == ["Accepted", "Accepted"]
    assert count(history) == 2


def test_a_full_queue_answers_throttled_and_takes_commands_again_later(
    history: Connection[Any], database_url: str, schema: str
) -> None:
    with EventStore(database_url, schema, most_waiting=2) as store:
        with appends_held_up(database_url, schema):
            first = store.append(commit(a_product()))
            while not first.running():
                assert not first.done()
            answers = [store.append(commit(a_product())) for _ in range(4)]
            with pytest.raises(Throttled):
                store.remember(asked(), Refusal(Code.REFUSED, "it is archived"))

        assert outcomes([first, *answers]) == ["Accepted", "Accepted", "Accepted", "Throttled", "Throttled"]
        store.append(commit(a_product())).result(60)

    assert count(history) == 4


def test_a_crowd_around_one_aggregate_takes_turns(
    store: EventStore, history: Connection[Any], database_url: str, schema: str
) -> None:
    product, neighbour = a_product(), a_product()
    recorded(store, product, neighbour)

    def change(store: EventStore, number: int) -> int:
        tries = 0
        while True:
            tries += 1
            found: Any = None
            for event in store.events(product.id):
                found = event.mutate(found)
            found.change_details(name=f"Mat {number}")
            try:
                store.append(commit(found), waits=number % 4 > 1).result(60)
                return tries
            except Conflict:
                continue

    with EventStore(database_url, schema) as elsewhere, ThreadPoolExecutor(16) as threads:
        tries = list(threads.map(change, [store, elsewhere] * 40, range(80)))

    assert len(store.events(product.id)) == 81
    assert len(store.events(neighbour.id)) == 1
    assert sum(tries) > 80
    assert history.execute(FIRST_BROKEN).fetchone() == (None,)


def test_of_a_crowd_that_decided_on_one_version_one_wins_and_all_others_hear_of_it(
    store: EventStore, history: Connection[Any], database_url: str, schema: str
) -> None:
    product = a_product()
    recorded(store, product)
    events = store.events(product.id)

    def renamed(number: int) -> Commit:
        found: Any = None
        for event in events:
            found = event.mutate(found)
        found.change_details(name=f"Mat {number}")
        return commit(found)

    with appends_held_up(database_url, schema):
        answers = [store.append(renamed(number)) for number in range(100)]
    names = outcomes(answers)

    assert names == ["Accepted"] + ["Conflict"] * 99
    assert {each.exception().version for each in answers[1:]} == {2}  # type: ignore[union-attr]
    assert count(history) == 2


def test_several_servers_append_at_once_and_record_every_command_once(
    history: Connection[Any], database_url: str, schema: str
) -> None:
    with ExitStack() as servers:
        stores = [servers.enter_context(EventStore(database_url, schema)) for _ in range(3)]

        def record(number: int) -> dict[UUID, Accepted]:
            """Six threads, each now with this server, now with another; every third command is sent to two of them."""
            random, answered = Random(number), dict[UUID, Accepted]()
            for _ in range(60):
                by = asked()
                sent = commit(a_product(), by=by)
                asked_of = random.sample(stores, random.choice([1, 1, 2]))
                answers = [each.append(sent, waits=random.random() < 0.5) for each in asked_of]
                first, *again = [answer.result(60) for answer in answers]
                assert again in ([], [first])
                answered[by.command_id] = first
            return answered

        with ThreadPoolExecutor(6) as threads:
            answered = {id: answer for each in threads.map(record, range(6)) for id, answer in each.items()}

    rows = history.execute("select position, command_id, hash from events order by position").fetchall()
    assert [position for position, _, _ in rows] == [*range(1, 361)]
    told = {id: (answer.position, answer.receipt) for id, answer in answered.items()}
    assert {id: (position, hash.hex()) for position, id, hash in rows} == told
    assert history.execute(FIRST_BROKEN).fetchone() == (None,)


def test_who_follows_the_history_misses_nothing_while_many_record(
    store: EventStore, history: Connection[Any], database_url: str, schema: str
) -> None:
    seen: list[int] = []
    done = Event()

    def follow() -> None:
        with connect(database_url, schema) as connection:
            last = 0
            while True:
                ending = done.is_set()
                found = connection.execute(
                    "select position from events where position > %s order by position limit 500", [last], prepare=True
                ).fetchall()
                seen.extend(position for (position,) in found)
                last = seen[-1] if seen else 0
                if ending and not found:
                    return

    def record(stores: list[EventStore], number: int) -> list[int]:
        random, until = Random(number), monotonic() + 1.5
        positions: list[int] = []
        while monotonic() < until:
            product = a_product()
            for _ in range(random.randrange(3)):
                product.change_details(name="Blue mat")
            answer = random.choice(stores).append(commit(product), waits=random.random() < 0.5).result(60)
            positions += range(answer.position - product.version + 1, answer.position + 1)
        return positions

    with EventStore(database_url, schema) as elsewhere, ThreadPoolExecutor(9) as threads:
        follower = threads.submit(follow)
        answered = [p for positions in threads.map(record, [[store, elsewhere]] * 8, range(8)) for p in positions]
        done.set()
        follower.result(60)

    assert len(seen) > 100
    assert seen == list(range(1, store.head()[0] + 1))
    assert sorted(answered) == seen
    assert history.execute(FIRST_BROKEN).fetchone() == (None,)


Step = tuple[frozenset[int], frozenset[int], int | None]
STEP = st.tuples(
    st.frozensets(st.integers(0, 4), min_size=1, max_size=2),
    st.frozensets(st.integers(0, 4), max_size=2),
    st.none() | st.integers(0, 1),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEP, min_size=2, max_size=12), one_by_one=st.booleans())
def test_a_batch_is_as_good_as_its_commits_one_by_one(
    steps: list[Step], one_by_one: bool, store: EventStore, database_url: str, schema: str
) -> None:
    shop = [a_product() for _ in range(5)]
    recorded(store, *shop)
    codes = [replace(code(shop[0]), value=new_id().hex) for _ in range(2)]
    commits = []
    for changed, looked, claim in steps:
        products = [Product.list_product("X", "Mat") for _ in changed]  # stand for those of the shop, one version later
        for number, product in zip(changed, products, strict=True):
            product.collect_events()
            product._id = shop[number].id
            product.discontinue()
        claimed = {} if claim is None else {codes[claim]: products[0].id}
        commits.append(commit(*products, looked={shop[n].id: 1 for n in looked}, claimed=claimed))

    moved: set[int] = set()
    held: dict[int, int] = {}
    expected = ["Accepted"]
    for changed, looked, claim in steps:
        if moved & (changed | looked):
            expected.append("Conflict")
        elif claim is not None and held.get(claim, next(iter(changed))) != next(iter(changed)):
            expected.append("Taken")
        else:
            expected.append("Accepted")
            moved |= changed
            held |= {} if claim is None else {claim: next(iter(changed))}

    if one_by_one:
        answers = [store.append(each, waits=True) for each in (commit(a_product()), *commits)]
    else:
        with appends_held_up(database_url, schema):
            answers = [store.append(each) for each in (commit(a_product()), *commits)]

    assert outcomes(answers) == expected
    assert [store.holder(c) for c in codes] == [shop[held[n]].id if n in held else None for n in range(2)]


def test_a_closed_store_takes_no_commit_and_does_not_let_anybody_wait(
    store: EventStore, history: Connection[Any]
) -> None:
    store.close()
    store.close()

    with pytest.raises(RuntimeError, match="closed"):
        store.append(commit(a_product()))
    with pytest.raises(RuntimeError, match="closed"):
        store.remember(asked(), Refusal(Code.REFUSED, "it is archived"))

    assert count(history) == 0


def test_what_waits_when_a_store_is_closed_is_recorded_before_it_ends(
    store: EventStore, history: Connection[Any], database_url: str, schema: str
) -> None:
    with appends_held_up(database_url, schema):
        answers = [store.append(commit(a_product())) for _ in range(10)]
        ending = Thread(target=store.close)
        ending.start()
    ending.join(10)

    assert outcomes(answers) == ["Accepted"] * 10
    assert count(history) == 10


def test_a_closed_store_leaves_no_connection_and_no_thread(
    history: Connection[Any], database_url: str, schema: str
) -> None:
    connections = b"select count(*) from pg_stat_activity where application_name = %s"
    store = EventStore(make_conninfo(database_url, application_name=schema), schema)
    store.append(commit(a_product())).result(60)
    ((while_open,),) = history.execute(connections, [schema]).fetchall()

    store.close()

    assert while_open >= 2
    until = monotonic() + 120
    while (left := history.execute(connections, [schema]).fetchone()) != (0,) and monotonic() < until:
        pass
    assert left == (0,)


def test_an_event_loop_that_ends_before_its_answer_does_not_stop_others(
    store: EventStore, history: Connection[Any], database_url: str, schema: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def ask_and_leave() -> None:
        asyncio.wrap_future(store.append(commit(a_product())))
        asyncio.wrap_future(store.append(commit(a_product())))

    with appends_held_up(database_url, schema):
        loop = asyncio.new_event_loop()
        loop.run_until_complete(ask_and_leave())
        loop.close()

    assert store.append(commit(a_product())).result(60).position == 3


def test_lost_connections_are_made_again(history: Connection[Any], database_url: str, schema: str) -> None:
    product, other = a_product(), a_product()
    with EventStore(make_conninfo(database_url, application_name=schema), schema) as store:
        recorded(store, product)
        ((ended,),) = history.execute(
            "select count(pg_terminate_backend(pid, 5000)) from pg_stat_activity where application_name = %s", [schema]
        ).fetchall()

        recorded(store, other)

        assert ended >= 2
        assert [len(store.events(each.id)) for each in (product, other)] == [1, 1]
    assert count(history) == 2


class Wire:
    """Stands between a store and the database, and can be cut when an answer comes back."""

    def __init__(self, folder: Path, url: str) -> None:
        at = conninfo_to_dict(url)
        port, host = at.get("port", "5432"), str(at.get("host", "127.0.0.1"))
        self._target: Any = f"{host}/.s.PGSQL.{port}" if host.startswith("/") else (host, int(str(port)))
        self._family = socket.AF_UNIX if host.startswith("/") else socket.AF_INET
        self._door = socket.socket(socket.AF_UNIX)
        self._door.bind(str(folder / ".s.PGSQL.5432"))
        self._door.listen()
        self.url = make_conninfo(url, host=str(folder), port="5432")
        self.cut_at_next_answer = Event()
        self._ends = [self._door]
        self._threads = [Thread(target=self._open)]
        self._threads[0].start()

    def _open(self) -> None:
        while True:
            try:
                near, _ = self._door.accept()
            except OSError:
                return
            far = socket.socket(self._family)
            far.connect(self._target)
            self._ends += [near, far]
            for ends in ((near, far, False), (far, near, True)):
                self._threads.append(Thread(target=self._carry, args=ends))
                self._threads[-1].start()

    def _carry(self, source: socket.socket, sink: socket.socket, answers: bool) -> None:
        with suppress(OSError), source, sink:
            while data := _received(source):
                if answers and self.cut_at_next_answer.is_set():
                    self.cut_at_next_answer.clear()
                    break
                sink.sendall(data)
            for end in (source, sink):
                _shut(end)

    def close(self) -> None:
        for end in self._ends:
            _shut(end)
        self._door.close()
        for thread in self._threads:
            thread.join(5)


@contextmanager
def wired(url: str, schema: str) -> Iterator[tuple[Wire, EventStore]]:
    with (
        TemporaryDirectory() as folder,
        closing(Wire(Path(folder), url)) as wire,
        EventStore(wire.url, schema) as store,
    ):
        yield wire, store


def _received(source: socket.socket) -> bytes:
    try:
        return source.recv(65536)
    except OSError:
        return b""


def _shut(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)


def test_a_commit_whose_answer_was_lost_is_recorded_once_and_answered(
    history: Connection[Any], database_url: str, schema: str
) -> None:
    product, neighbour = a_product(), a_product()
    with wired(database_url, schema) as (wire, store):
        recorded(store, neighbour)
        wire.cut_at_next_answer.set()

        answer = store.append(commit(product, claimed={code(product): product.id})).result(60)

        assert not wire.cut_at_next_answer.is_set()
        assert (answer.position, answer.changed[0].id) == (2, product.id)
        assert store.holder(code(product)) == product.id
    assert count(history) == 2


def test_a_database_that_does_not_come_back_is_an_error_and_not_a_wait(
    history: Connection[Any], database_url: str, schema: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.group_commit.PAUSES", (0.0, 0.05))
    with wired(database_url, schema) as (wire, store):
        recorded(store, a_product())
        wire.close()

        with pytest.raises(psycopg.OperationalError):
            recorded(store, a_product())


def test_who_listens_is_told_that_there_is_more(store: EventStore, database_url: str, schema: str) -> None:
    with connect(database_url, schema) as listener:
        listener.execute("listen daybook_events")

        recorded(store, a_product())

        assert [n.channel for n in listener.notifies(timeout=5, stop_after=1)] == ["daybook_events"]
