"""Whatever was commanded, to undo it leads back to where everything was, and to undo that leads on again."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from domain.taking_back import Fate
from domain.values import new_id
from projections.catalogue import VIEWS
from tests.infra.past import published, without_views
from tests.scenario import World
from tests.test_live_is_rebuilt import _command, _somethings
from tests.test_undo import known, undo


def everything(world: World) -> dict[UUID, dict[str, Any]]:
    """All that there is, also what a command laid out beside what it was asked for: what each knows."""
    ids = [id for (id,) in world.connection.execute("select distinct originator_id from events").fetchall()]
    return dict(zip(ids, known(world, *ids), strict=True))


@settings(max_examples=6, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 10**6))
def test_undone_it_is_what_it_was_and_undone_again_what_it_became(new_world: Callable[..., World], seed: int) -> None:
    r, world, edit = random.Random(seed), new_world(), new_id()
    without_views(world.connection)
    ids = _somethings(world)
    published(world.connection, VIEWS)
    for _ in range(r.randrange(10, 60)):
        _command(world, r, ids)
    before = everything(world)
    for _ in range(r.randrange(5, 40)):
        _command(world, r, ids, together=edit)
    world.projected()
    between = everything(world)

    done = undo(world, edit, partial=True)

    fates = {each.id: each.fate for each in done.affected}
    for id, now in everything(world).items():
        if fates.get(id) is Fate.UNDONE and id in before:
            assert now == before[id], (id, done)
        elif fates.get(id) is Fate.UNDONE:
            assert now == between[id] | {"archived": True, "archive_reason": "undone"}
        else:
            assert now == between[id]
    if done.correlation_id:
        world.projected()
        again = undo(world, done.correlation_id, partial=True)
        for each in again.affected:
            if each.fate is Fate.UNDONE:
                assert known(world, each.id) == [between[each.id]]
