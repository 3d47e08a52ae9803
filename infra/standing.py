"""How things stand, as the database knows it: the same for every server, `/readyz`, `/metrics` and `daybook status`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from msgspec import Struct, json

LATE: Final = 60.0
"""Seconds after which it is worth a word that something waits."""

STANDING: Final = """
    with head as materialized (select position, case when position > 0 then recorded_at end as at from event_head),
    locks as materialized (
        select mode, pid, classid::bigint << 32 | objid::bigint as key from pg_locks
        where locktype = 'advisory' and objsubid = 1 and granted
          and database = (select oid from pg_database where datname = current_database())),
    views as (
        select p.view, p.name as table, p.state, c.lanes,
               extract(epoch from clock_timestamp() - e.recorded_at) as seconds,
               (select count(*) from dead_letters d where d.name = p.name) as parked,
               case p.state when 'building' then least(coalesce(b.position::float8 / nullif(p.target, 0), 0), 1)
                            when 'ready' then 1 end as built
        from projections p cross join head
        left join lateral (
            select array_agg(greatest(head.position - position, 0) order by lane) as lanes, min(position) as hindmost
            from checkpoints where name = p.name) c on true
        left join events e on e.position = c.hindmost + 1
        left join lateral (                     -- ids are made in the order of time: so far is the build, about
            select position from events where originator_id = p.built order by originator_version limit 1) b on true
        where p.state in ('building', 'ready', 'live')),
    follow as (
        select name, f.position, greatest(head.position - f.position, 0) as behind,
               extract(epoch from clock_timestamp() - moved_at) as seconds,
               exists (select from locks where mode = 'ExclusiveLock'
                       and key = hashtextextended(current_schema() || '.follower ' || f.name, 0)) as led
        from followers f cross join head)
    select json_build_object(
        'position', head.position, 'recorded_at', head.at,
        'views', (select coalesce(json_agg(v order by v.view, v.state desc), '[]') from views v),
        'followers', (select coalesce(json_agg(f order by f.name), '[]') from follow f),
        'published', (select coalesce(json_agg(p order by p.topic, p.lane), '[]') from published p),
        'projectors', (select count(distinct pid) from locks where mode = 'ShareLock' and key in (
            select hashtextextended(current_schema() || '.' || name, 0) from projections))
    )::text from head"""
"""One statement, which looks only at the ends of the history; of a build it says about how far it is."""


class ViewStands(Struct, frozen=True):
    """Tables of a view: those that are read, or those that are built beside them."""

    view: str
    table: str
    state: str
    """`live`; or `building`, and then `ready`: level with the others, soon."""
    lanes: list[int] | None
    """By how many positions it is behind the history in each lane; None while the bulk of it is built."""
    seconds: float | None
    """For how long the first event that it lacks has been recorded; None where it lacks none."""
    parked: int
    """Aggregates that it cannot follow."""
    built: float | None
    """How much of it is built, from 0 to 1, about; None for the live ones."""

    @property
    def behind(self) -> int | None:
        """Positions behind the history, in the hindmost lane."""
        return max(self.lanes, default=None) if self.lanes else None


class FollowerStands(Struct, frozen=True):
    """A follower of the history, such as the relay; `led` says whether a process does its work now."""

    name: str
    position: int
    behind: int
    seconds: float
    """Since it moved."""
    led: bool


class Published(Struct, frozen=True):
    """The last position in a partition of Kafka."""

    topic: str
    lane: int
    position: int


class Standing(Struct, frozen=True):
    """How all of it stands."""

    position: int
    recorded_at: datetime | None
    views: list[ViewStands]
    followers: list[FollowerStands]
    published: list[Published]
    projectors: int
    """Processes that move views now."""

    @property
    def live(self) -> list[ViewStands]:
        return [view for view in self.views if view.state == "live"]

    @property
    def building(self) -> list[ViewStands]:
        return [view for view in self.views if view.state != "live"]


def standing_of(text: str) -> Standing:
    """What STANDING answered."""
    return json.decode(text, type=Standing)


def concerns(stand: Standing) -> Iterator[str]:
    """What somebody should look into though reads and commands go on, each in a sentence."""
    if stand.views and not stand.projectors:
        yield "no projector runs: views stand still"
    for view in stand.live:
        if view.parked:
            yield f"{view.view} cannot follow {view.parked:,} aggregates: see `daybook dead list`"
    if late := sorted((view.seconds, view.view) for view in stand.live if view.seconds and view.seconds > LATE):
        seconds, hindmost = late[-1]
        who = f"{len(late)} views lack" if len(late) > 1 else f"{hindmost} lacks"
        yield f"{who} what was recorded {seconds:.0f} seconds ago"
    for follower in stand.followers:
        if not follower.led:
            yield f"the {follower.name} does not run, and is {follower.behind:,} positions behind"
        elif follower.behind and follower.seconds > LATE:
            since = f"has not moved for {follower.seconds:.0f} seconds"
            yield f"the {follower.name} {since}, and is {follower.behind:,} positions behind"
