from domain.command import Code
from domain.platform.team import Team
from tests.scenario import World, a_team, a_user, an_account


def test_a_team_has_a_name_of_its_own(world: World) -> None:
    a_team(world, "North")

    world.when("Team.form", name="North").is_refused("in use", "name", Code.DUPLICATE)


def test_members_come_change_their_role_and_go(world: World) -> None:
    team, ada, eve = a_team(world), a_user(world), a_user(world, "Eve")

    world.given("Team.add_member", team, user_id=ada, role="sales")
    world.given("Team.add_member", team, user_id=eve)
    world.given("Team.change_member_role", team, user_id=ada, role="lead")
    world.given("Team.remove_member", team, user_id=eve)

    assert [(member.user_id, member.role) for member in world.load(team).members.values()] == [(ada, "lead")]


def test_somebody_is_in_a_team_once(world: World) -> None:
    team, ada = a_team(world), a_user(world)
    world.given("Team.add_member", team, user_id=ada)

    world.when("Team.add_member", team, user_id=ada).is_refused("already", "user_id")


def test_who_is_not_active_any_more_can_still_be_let_go(world: World) -> None:
    team, ada = a_team(world), a_user(world)
    world.given("Team.add_member", team, user_id=ada)
    world.given("User.deactivate", ada)

    world.when("Team.remove_member", team, user_id=f"User_{ada}").records_only(Team.MemberRemoved)
    world.when("Team.remove_member", team, user_id=ada).is_refused("not in the team", "user_id")


def test_a_team_is_led_by_a_user(world: World) -> None:
    ada = a_user(world)
    team = world.given("Team.form", name="North", lead_id=ada)

    world.when("Team.change_lead", team, lead_id=an_account(world)).is_refused(
        "something else", "lead_id", Code.INVALID
    )
    world.when("Team.change_lead", team, lead_id=None).records(Team.LeadChanged, lead_id=None)
