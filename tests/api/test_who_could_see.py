"""Who could see a thing is held against who sees it: at every step of a story, and of each step later."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, Final

from tests.api.cast import Cast
from tests.api.client import Api, some
from tests.api.company import a_product, an_opportunity, euros

WHO: Final = """query ($id: ID!, $user: ID, $asOf: AsOf) { whoCouldSee(id: $id, userId: $user, asOf: $asOf) {
    position ownerId users { userId name hidden rules { roleId role permission scope reason } } } }"""


def seen_by(api: Api, id: str, **given: Any) -> Any:
    return api.ask(WHO, id=id, **given)["whoCouldSee"]


def sees(reader: Api, api: Api, id: str) -> list[str] | None:
    """What is hidden of a sale from somebody who sees it; None from whom it is hidden altogether."""
    asked = f'{{ opportunity(id: "{id}") {{ id }} rights {{ hidden }} }}'
    headers = {"authorization": f"Bearer {reader.token}", "daybook-position": str(api.position)}
    answer = api.http.post("/graphql", json={"query": asked}, headers=headers)
    told = answer.json()
    if answer.status_code == 401 or not (told.get("data") or {}).get("opportunity"):
        return None
    return [name for name in told["data"]["rights"]["hidden"] if name.startswith("Opportunity")]


def steps(
    api: Api, users: list[Api], roles: list[str], teams: list[str], id: str
) -> dict[str, Callable[[Random], Any]]:
    """Whatever changes who sees a sale; what is refused, for it is so already, changes nothing."""

    def one(mutation: str, **input: Any) -> None:
        api.do(mutation, **input)

    return {
        "owner": lambda r: one("assignOpportunityOwner", id=id, ownerId=r.choice(users).me),
        "nobody's": lambda r: one("assignOpportunityOwner", id=id, ownerId=None),
        "given": lambda r: one("assignUserRole", id=r.choice(users).me, roleId=r.choice(roles)),
        "taken": lambda r: one("withdrawUserRole", id=r.choice(users).me, roleId=r.choice(roles).removeprefix("Role_")),
        "granted": lambda r: one(
            "grantRolePermission",
            id=r.choice(roles),
            permission=r.choice(("sales.see", "sales.*", "*.see", "customers.see")),
            scope=r.choice(("OWN", "TEAM", "ALL")),
        ),
        "withdrawn": lambda r: one(
            "withdrawRolePermission", id=r.choice(roles), permission=r.choice(("sales.see", "sales.*", "*.see"))
        ),
        "hidden": lambda r: one("hideRoleAttribute", id=r.choice(roles), attribute="Opportunity.amount"),
        "shown": lambda r: one("showRoleAttribute", id=r.choice(roles), attribute="Opportunity.amount"),
        "joins": lambda r: one("addTeamMember", id=r.choice(teams), userId=r.choice(users).me),
        "leaves": lambda r: one("removeTeamMember", id=r.choice(teams), userId=str(r.choice(users).user_id)),
        "leads": lambda r: one("changeTeamLead", id=r.choice(teams), leadId=r.choice(users).me),
        "goes": lambda r: one("deactivateUser", id=r.choice(users).me),
        "comes": lambda r: one("reactivateUser", id=r.choice(users).me),
        "put away": lambda r: one("archiveRole", id=r.choice(roles)),
        "restored": lambda r: one("restoreRole", id=r.choice(roles)),
    }


OFTEN: Final = (
    "owner",
    "given",
    "given",
    "given",
    "granted",
    "granted",
    "joins",
    "comes",
    "comes",
    "restored",
    "restored",
)
"""What lets somebody see a thing has to happen more often than what keeps them from it: else nobody sees anything."""


def test_who_could_see_a_sale_are_those_who_saw_it(api: Api, pipeline: str, cast: Cast) -> None:
    chance, users = Random(1), [cast.user(name=name) for name in ("Ada", "Ben", "Cleo", "Dora")]
    roles = [cast.role({"sales.see": scope}) for scope in ("OWN", "TEAM", "ALL")]
    teams = [cast.team(users[0], users[1]), cast.team(users[2])]
    id = an_opportunity(api, pipeline, amount=euros("1"))
    for user, role in zip(users, roles, strict=False):
        api.given("assignUserRole", id=user.me, roleId=role)
    possible = steps(api, users, roles, teams, id)
    story = []

    for _ in range(60):
        api.position = max(api.position, api.head())
        truth = {user.me: hidden for user in users if (hidden := sees(user, api, id)) is not None}
        now = seen_by(api, id)
        assert {each["userId"]: each["hidden"] for each in now["users"] if each["userId"] in told(users)} == truth
        story.append((now["position"], now["ownerId"], now["users"]))
        possible[chance.choice([*possible, *OFTEN])](chance)

    assert len({frozenset(each["userId"] for each in seen) for _, _, seen in story}) > 3
    assert {rule["reason"] for _, _, seen in story for each in seen for rule in each["rules"]} == {
        "ALL",
        "OWNER",
        "TEAM",
    }
    for position, owner, seen in story:
        then = seen_by(api, id, asOf={"position": position})
        assert (then["position"], then["ownerId"], then["users"]) == (position, owner, seen)


def told(users: list[Api]) -> set[str]:
    return {user.me for user in users}


def test_each_rule_that_lets_somebody_see_a_thing_is_named(api: Api, pipeline: str, cast: Cast) -> None:
    ada, ben = cast.user({"sales.see": "OWN"}), cast.user({"sales.*": "TEAM"}, ["Opportunity.amount"], name="Ben")
    eve = cast.user({"sales.see": "TEAM"}, name="Eve")
    cast.team(ada, ben)
    id = an_opportunity(api, pipeline)
    api.given("assignOpportunityOwner", id=id, ownerId=ada.me)

    seen = seen_by(api, id)

    by = {each["userId"]: each for each in seen["users"]}
    shown = {user: [(r["permission"], r["scope"], r["reason"]) for r in each["rules"]] for user, each in by.items()}
    assert seen["ownerId"] == ada.me and eve.me not in by
    assert shown[ada.me] == [("sales.see", "OWN", "OWNER")]
    assert shown[ben.me] == [("sales.*", "TEAM", "TEAM")]
    assert shown[api.me] == [("*", "ALL", "ALL")]
    assert (by[ada.me]["hidden"], by[ben.me]["hidden"]) == ([], ["Opportunity.amount"])


def test_it_is_asked_of_one_user_too(api: Api, pipeline: str, cast: Cast) -> None:
    ada, eve = cast.user({"sales.see": "ALL"}), cast.user({"customers.see": "ALL"}, name="Eve")
    id = an_opportunity(api, pipeline)

    assert [each["userId"] for each in seen_by(api, id, user=ada.me)["users"]] == [ada.me]
    assert seen_by(api, id, user=eve.me)["users"] == []


def test_what_belongs_to_nobody_is_shared_by_all_who_see_its_kind(api: Api, cast: Cast) -> None:
    ada, product = cast.user({"sales.see": "OWN"}), a_product(api)

    [seen] = seen_by(api, product, user=ada.me)["users"]

    assert [(rule["scope"], rule["reason"]) for rule in seen["rules"]] == [("OWN", "SHARED")]


def test_before_a_thing_was_there_nobody_could_see_it(api: Api, pipeline: str) -> None:
    before = api.head()
    id = an_opportunity(api, pipeline)

    assert seen_by(api, id, asOf={"position": before}) is None
    assert seen_by(api, id)["users"]
    assert api.refused(WHO, id="Nothing_1")[0] == "BAD_USER_INPUT"


def test_an_auditor_is_told_and_nobody_else_nor_of_what_they_may_not_see(api: Api, pipeline: str, cast: Cast) -> None:
    auditor = cast.user({"platform.audit": "ALL", "sales.see": "OWN"})
    reader, blind = cast.user({"*.see": "ALL"}), cast.user({"platform.audit": "ALL"})
    vague = cast.user({"platform.audit": "ALL", "*.see": "ALL"}, ["Opportunity.owner_id"])
    id, mine = an_opportunity(api, pipeline), an_opportunity(api, pipeline)
    api.given("assignOpportunityOwner", id=mine, ownerId=auditor.me)
    for each in (auditor, reader, blind, vague):
        each.position = api.position

    assert auditor.me in {each["userId"] for each in seen_by(auditor, mine)["users"]}
    assert seen_by(auditor, id) is None
    assert reader.refused(WHO, id=id) == ("FORBIDDEN", "to see who could see something you need platform.audit")
    assert blind.refused(WHO, id=id) == ("FORBIDDEN", "to see this you need sales.see")
    assert vague.refused(WHO, id=id)[0] == "FORBIDDEN"


def test_a_role_has_the_name_that_it_had_then(api: Api, pipeline: str, cast: Cast) -> None:
    role, ada = cast.role({"sales.see": "ALL"}), cast.user()
    api.given("assignUserRole", id=ada.me, roleId=role)
    id = an_opportunity(api, pipeline)
    [before] = seen_by(api, id, user=ada.me)["users"]
    at = api.head()
    api.given("changeRoleDetails", id=role, name=some("another"))

    [then] = seen_by(api, id, user=ada.me, asOf={"position": at})["users"]
    [now] = seen_by(api, id, user=ada.me)["users"]

    assert then == before != now
