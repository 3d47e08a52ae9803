"""The versions of a view on the axis of business time: each row as it stood after what had happened by then."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from projections.view import View, creating, named_by, shape


def occurred_versions(view: type[View], tables: Iterable[str], known: Sequence[str]) -> str:
    """SQL for every version of every row, each held from `_since` until `_until` (null: still), by when what made it
    had happened. It is of the versions `r` in these tables of which these conditions hold.

    At any time a row is what `occurred` tells of it: a column is what was recorded last of what sets it, among what had
    happened. In the order in which it happened, that is an event of which nothing before was recorded later; of these,
    the last.
    """
    keys = ["id", *([view.key] if view.key else [])]
    columns = [column.name for field in shape(view) for column in field.columns]
    ended, sets = ["_ended"] if view.ends else [], dict[str, str]()

    def latest(name: str, events: frozenset[str] | None) -> str:
        holds = _is_one_of(events)
        mark = sets.setdefault(holds, f"_sets{len(sets)}")
        return f'latest(r."{name}") filter (where r.{mark}) over told'

    made = [f'r."{name}"' if name in keys else f'{latest(name, named_by(view, name))} as "{name}"' for name in columns]
    made += [f"bool_or({_is_one_of(creating(view))}) over told as _begun"]
    made += [f"{latest(name, None)} as _over" for name in ended]
    marks = [
        f"{holds} and r._from >= max(r._from) filter (where {holds}) over told as {mark}"
        for holds, mark in sets.items()
    ]
    where = f" where {' and '.join(known)}" if known else ""
    read = ", ".join(f'r."{name}"' for name in [*columns, "_from", "_event", "_occurred", *ended])
    rows = " union all ".join(f"select {read} from {table} r{where}" for table in tables)
    by = ", ".join(f'r."{key}"' for key in keys)
    told = f"window told as (partition by {by} order by r._occurred, r._from)"
    there = " and not v._over" if ended else ""
    shown = ", ".join(f'v."{name}"' for name in columns)
    return (
        f"select {shown}, v._since, v._until from ("
        f"select {', '.join(made)}, r._occurred as _since, lead(r._occurred) over told as _until"
        f" from (select r.*, {', '.join(marks)} from ({rows}) r {told}) r {told}) v"
        f" where v._begun and (v._until is null or v._until > v._since){there}"
    )


def _is_one_of(events: frozenset[str] | None) -> str:
    """What holds of versions that these events made; None: whatever made them."""
    return "true" if events is None else f"r._event = any('{{{','.join(sorted(events))}}}'::text[])"
