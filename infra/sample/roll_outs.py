"""The roll-outs of the sample company: who delivers them, and the two that it has, one on time and one in trouble."""

from __future__ import annotations

from datetime import date, tzinfo
from typing import Any, Final

from infra.sample.acts import DAYS, Act, Ref, Unit, moment
from infra.sample.company import DELIVERY, ROLL_OUTS
from infra.sample.in_trouble import in_trouble
from infra.sample.on_time import on_time
from infra.sample.roll_out import Crew

SPONSORS: Final = ("ingrid.solvik", "tomas.brenner")
PERMITTED: Final = ("projects.see", "projects.manage", "projects.work", "customers.see", "platform.see")
CREW: Final[Crew] = {
    role: tuple(person.ref for person in DELIVERY if person.role == role) for role in {p.role for p in DELIVERY}
} | {"user representative": ("omar.sayed",)}


def roll_outs(begin: date, zone: tzinfo) -> list[Unit]:
    """All that is told of them. The last of it, on the last day, is what the administrator enters."""
    first, second = on_time(begin, zone, CREW), in_trouble(begin, zone, CREW)
    said = {"text": "They ask for the new dates in writing, before the steering committee meets."}
    asked = Act("Project.comment", moment(begin, zone, DAYS), "tomas.brenner", False, said)
    return [*_staff(begin, zone), *first.units, *second.units, Unit("roll-outs/last", second.ref, DAYS, [asked])]


def _staff(begin: date, zone: tzinfo) -> list[Unit]:
    """The people who deliver, and what they and the sponsors may do: the administrator enters that."""
    units = list[Unit]()

    def enter(about: str, day: float, *acts: tuple[str, dict[str, Any]], makes: bool = False) -> None:
        at = moment(begin, zone, day)
        told = [Act(command, at, "", makes and number == 0, given) for number, (command, given) in enumerate(acts)]
        units.append(Unit(f"delivery/{len(units)}", about, day, told))

    role, given = "role delivery", {"name": "delivery", "description": "Delivers roll-outs to customers."}
    grants = [("Role.grant_permission", {"permission": each}) for each in PERMITTED]
    enter(role, ROLL_OUTS + 0.4, ("Role.define", given), *grants, makes=True)
    permitted = ("User.assign_role", {"role_id": Ref(role)})
    for number, person in enumerate(DELIVERY):
        added = {"name": person.name, "email": person.email, "locale": person.locale, "time_zone": person.zone}
        skill = ("User.set_skill", {"skill": person.skill, "level": person.level})
        enter(person.ref, ROLL_OUTS + 0.5 + number / 100, ("User.add", added), skill, permitted, makes=True)
    for sponsor in SPONSORS:
        enter(sponsor, ROLL_OUTS + 0.7, permitted)
    team, led = "team delivery", {"name": "Delivery", "lead_id": Ref("runa.eide")}
    joined = [("Team.add_member", {"user_id": Ref(each.ref), "role": each.role}) for each in DELIVERY]
    enter(team, ROLL_OUTS + 0.8, ("Team.form", led), *joined, makes=True)
    return units
