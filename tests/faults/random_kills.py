"""Kills at random under load: a few in `make test`, as many as wanted in `make faults`."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from tests.faults.house import House

KINDS: tuple[Callable[[House], object], ...] = (
    House.kill_server,
    House.kill_projector,
    House.kill_writer,
    House.kill_postgres,
    House.kill_everything,
    House.stop_postgres,
    House.kill_second_projector,
    House.kill_rebuild,
    House.record_ill,
    House.set_clock_back,
)


def strike(house: House, chance: random.Random, times: int, follow: Callable[[str], None] = lambda _: None) -> None:
    """So many faults, of any kind at any moment, with load on it all the while, which goes on after each."""
    kinds = (*KINDS, House.fill_disk) if house.disk else KINDS
    with house.load() as load:
        for _ in range(times):
            kind = chance.choice(kinds)
            time.sleep(chance.uniform(0, 0.5))
            kind(house)
            load.goes_on()
            follow(kind.__name__)
