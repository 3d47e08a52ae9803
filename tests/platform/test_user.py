import pytest

from domain.command import Code
from domain.platform.user import User
from tests.scenario import World, a_user, an_account


def test_an_email_belongs_to_one_user(world: World) -> None:
    ada = a_user(world, email=" Ada@Engines.org ")

    refused = world.when("User.add", name="Eve", email="ada@engines.org").is_refused("in use", "email", Code.DUPLICATE)

    assert refused.holder == f"User_{ada}"
    assert world.load(ada).email == "ada@engines.org"


def test_users_without_an_email_do_not_get_in_each_others_way(world: World) -> None:
    users = {a_user(world), a_user(world)}

    assert len(users) == 2


@pytest.mark.parametrize(
    ("details", "field"),
    [({"email": "ada"}, "email"), ({"locale": "austrian"}, "locale"), ({"time_zone": "Mars/Olympus"}, "time_zone")],
)
def test_what_makes_no_sense_is_named(world: World, details: dict[str, str], field: str) -> None:
    added = world.when("User.add", name="Ada", **details)

    added.is_refused("this is not", field, Code.INVALID)


def test_what_is_left_out_stays_and_null_empties(world: World) -> None:
    ada = a_user(world, email="ada@engines.org", locale="de_at", time_zone="Europe/Vienna")

    changed = world.when("User.change_details", ada, name="Ada B.", email=None)

    changed.records(User.DetailsChanged, name="Ada B.", email=None, locale="de-AT", time_zone="Europe/Vienna")


def test_who_is_not_active_gets_nothing_to_own(world: World) -> None:
    ada, acme = a_user(world), an_account(world)
    world.given("User.deactivate", ada)

    world.when("Account.assign_owner", acme, owner_id=ada).is_refused("not in use", "owner_id", Code.INVALID)
    world.when("User.deactivate", ada).is_refused("not active")
    world.given("User.reactivate", ada)
    world.when("Account.assign_owner", acme, owner_id=ada).records_only(type(world.load(acme)).OwnerAssigned)


def test_a_skill_has_a_level_that_may_change(world: World) -> None:
    ada = a_user(world)

    world.given("User.set_skill", ada, skill="repair", level=2)
    world.given("User.set_skill", ada, skill="repair", level=3)
    assert [(skill.skill, skill.level) for skill in world.load(ada).skills.values()] == [("repair", 3)]
    world.when("User.set_skill", ada, skill="repair", level=6).is_refused("between 1 and 5", "level")
    world.given("User.remove_skill", ada, skill="repair")

    world.when("User.remove_skill", ada, skill="repair").is_refused("no such skill", "skill")
