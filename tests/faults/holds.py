"""What must hold of a history and its views, whatever happened to who made them: seen from outside."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

from psycopg import Connection

from domain.values import parse
from infra.database import SCHEMA
from infra.dead_letters import letters
from infra.tables import Table
from infra.verify import in_python, in_sql, verify
from infra.verify_views import verify as verify_view
from projections.catalogue import VIEWS
from tests.infra.searching import places

KEY = re.compile(rb"key-[0-9a-f]{32}-[0-9]+")
WHO = "who-[0-9a-f]{24}"
EVENTS = """
    select position, originator_id, originator_version, encode(hash, 'hex'), recorded_at, state
    from events order by position"""

Answers = Sequence[dict[str, Any]]
"""What the load wrote down of each command that was acknowledged."""


def none(found: Sequence[Any], what: str) -> None:
    """Refuse what should not be, naming the first of it."""
    assert not found, f"{what}: {len(found)}, such as {found[:3]}"


def the_history(connection: Connection[Any], answers: Answers, ahead: Sequence[tuple[int, datetime]]) -> int:
    """What was acknowledged is in the history, once and where the answer said; and nothing else is, for nothing was
    left unanswered. Positions have no gaps, nor have versions; time does not go back. The chain holds, computed twice.

    Says how many events there are.
    """
    events = connection.execute(EVENTS).fetchall()
    none([n for n, (position, *_) in enumerate(events, 1) if n != position], "positions are not contiguous")
    none([pair for pair in pairwise(at for *_, at, _ in events) if pair[0] > pair[1]], "time goes back")
    none([p for p, was in ahead for *_, at, _ in events[p : p + 1] if at < was], "time went back with the clock")
    versions = defaultdict[Any, list[int]](list)
    for _, id, version, *_ in events:
        versions[id].append(version)
    gaps = [id for id, found in versions.items() if found != [*range(1, len(found) + 1)]]
    none(gaps, "aggregates' versions are not contiguous")

    by_key = [(key.decode(), event) for event in events for key in KEY.findall(event[-1])]
    twice = [key for key, times in Counter(key for key, _ in by_key).items() if times != 1]
    none(twice, "commands were recorded more than once")
    recorded = {key: {"id": id, "version": v, "position": p, "receipt": h} for key, (p, id, v, h, *_) in by_key}
    told = {
        each["key"]: {"id": parse(each["id"])[1], **{n: each[n] for n in ("version", "position", "receipt")}}
        for each in answers
    }
    assert len(told) == len(answers)
    none([told[key] for key in told.keys() - recorded.keys()], "acknowledged commands are not in the history")
    none([recorded[key] for key in recorded.keys() - told.keys()], "recorded commands were never acknowledged")
    wrong = [(told[key], found) for key, found in recorded.items() if told[key] != found]
    none(wrong, "commands are elsewhere in the history than their answers said")

    receipts = [(each["position"], each["receipt"]) for each in answers]
    assert [verify(connection, receipts, check=by).broken for by in (in_sql, in_python)] == [None, None]
    return len(events)


def the_persons(connection: Connection[Any], answers: Answers) -> None:
    """Of who was forgotten nothing is left in any table; of everybody else all that was told can be read."""
    forgotten = {each["forgets"] for each in answers if each["forgets"]}
    told = {tuple(each["tells"]) for each in answers if each["tells"]}
    found = places(connection, WHO)
    none([hit for hit in found if hit[1] in forgotten], "somebody who was forgotten is still to be found")
    table = {view.table: Table(view).name for view in VIEWS}
    readable = {(table[view], who) for view, who in told if who not in forgotten}
    none([*(readable - found)], "somebody who was not forgotten cannot be read any more")


def the_views(url: str, connection: Connection[Any], answers: Answers, ill: set[int]) -> None:
    """What every view shows, now and of the past, is what one built anew shows; nothing waits that could be read."""
    waiting = letters(connection)
    none([letter for letter in waiting if letter.position not in ill], "what a view can take was put aside")
    compared = Counter[str]()
    for view in VIEWS:
        shown = verify_view(url, SCHEMA, view, None)
        none(shown.differences, f"places where {view.table} are not what they are when built anew")
        compared[view.of.__name__] = max(compared[view.of.__name__], shown.aggregates)
    for kind, ids in Counter(id.partition("_")[0] for id in {each["id"] for each in answers}).items():
        assert compared[kind] >= ids, f"{compared[kind]} of {ids} {kind} were compared with their rows"
