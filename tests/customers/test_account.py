from uuid import UUID

import pytest

from domain.command import Code
from domain.customers.account import Account
from tests.scenario import World, a_custom_field, an_account


def test_details_that_are_left_out_stay(world: World) -> None:
    acme = an_account(world, website="https://acme.org")

    world.given("Account.change_details", acme, details={"industry": "rockets", "employees": 7})

    assert world.load(acme).details.website == "https://acme.org"
    assert world.load(acme).details.industry == "rockets"


def test_null_empties_a_detail(world: World) -> None:
    acme = an_account(world, website="https://acme.org")

    world.given("Account.change_details", acme, details={"website": None})

    assert world.load(acme).details.website is None


def test_what_is_known_of_an_account_is_kept_in_its_normal_form(world: World) -> None:
    acme = an_account(world, website="Acme.org/", phones=["+49 (30) 90-1820"], industry="  rockets ", region="")

    details = world.load(acme).details

    assert (details.website, details.phones) == ("https://acme.org", ("+4930901820",))
    assert (details.industry, details.region) == ("rockets", None)


@pytest.mark.parametrize(
    ("details", "field", "message"),
    [
        ({"phones": ["030 901820"]}, "details.phones.0", "begins with + and its country"),
        ({"phones": ["+4930901820", "+1 555"]}, "details.phones.1", "no such phone number"),
        ({"website": "ftp://acme.org"}, "details.website", "not the address of a page"),
        ({"website": "acme"}, "details.website", "not the address of a page"),
        ({"revenue": {"amount": "1", "currency": "EURO"}}, "details.revenue.currency", "ISO 4217"),
        ({"employees": 2**31}, "details.employees", "lies between"),
        ({"colour": "red"}, "details.colour", "no such field"),
    ],
)
def test_a_detail_that_makes_no_sense_is_named(
    world: World, details: dict[str, object], field: str, message: str
) -> None:
    acme = an_account(world)

    changed = world.when("Account.change_details", acme, details=details)
    registered = world.when("Account.register", name="Other", details=details)

    changed.is_refused(message, field, Code.INVALID)
    registered.is_refused(message, field, Code.INVALID)


def test_nobody_employs_less_than_none(world: World) -> None:
    registered = world.when("Account.register", name="Acme", details={"employees": -1})

    registered.is_refused("less than none", "details.employees")


def test_an_account_has_an_address_for_each_use(world: World) -> None:
    acme = an_account(world)

    world.given("Account.change_address", acme, use="billing", address={"city": "Graz", "country": "Austria"})
    world.given("Account.change_address", acme, use="delivery", address={"city": "Linz"})
    world.given("Account.change_address", acme, use="billing", address=None)

    assert {use: address.city for use, address in world.load(acme).addresses.items()} == {"delivery": "Linz"}
    world.when("Account.change_address", acme, use="x", address={"city": ""}).is_refused(
        "at least something", "address", Code.INVALID
    )


def test_an_account_belongs_to_another(world: World) -> None:
    acme, group = an_account(world), an_account(world, "Group")

    world.when("Account.set_parent", acme, parent_id=f"Account_{group}").records(Account.ParentChanged, parent_id=group)


def test_a_parent_is_never_a_descendant(world: World) -> None:
    top, middle, bottom = (an_account(world, name) for name in ("Top", "Middle", "Bottom"))
    world.given("Account.set_parent", middle, parent_id=top)
    world.given("Account.set_parent", bottom, parent_id=middle)

    world.when("Account.set_parent", top, parent_id=bottom).is_refused("cannot belong", "parent_id")
    world.when("Account.set_parent", top, parent_id=top).is_refused("cannot belong", "parent_id")


def test_a_parent_can_be_taken_away(world: World) -> None:
    acme, group = an_account(world), an_account(world, "Group")
    world.given("Account.set_parent", acme, parent_id=group)

    world.when("Account.set_parent", acme, parent_id=None).records(Account.ParentChanged, parent_id=None)


def test_a_merge_completes_the_survivor_in_one_commit(world: World) -> None:
    acme, twin = (
        an_account(world, website="https://acme.org"),
        an_account(world, "ACME", region="EU", website="other.org"),
    )

    then = world.when("Account.merge_into", twin, survivor_id=acme)

    then.records_only(Account.Absorbed, Account.MergedInto)
    assert (world.load(acme).details.website, world.load(acme).details.region) == ("https://acme.org", "EU")


def test_a_merge_takes_over_addresses_and_custom_fields_that_the_survivor_lacks(world: World) -> None:
    a_custom_field(world, key="colour")
    acme, twin = an_account(world), an_account(world, "ACME")
    for account, city in ((acme, "Graz"), (twin, "Linz")):
        world.given("Account.change_address", account, use="billing", address={"city": city})
    world.given("Account.change_address", twin, use="delivery", address={"city": "Linz"})
    world.given("Account.set_custom_field", twin, key="colour", value="red")

    world.given("Account.merge_into", twin, survivor_id=acme)

    survivor = world.load(acme)
    assert {use: address.city for use, address in survivor.addresses.items()} == {"billing": "Graz", "delivery": "Linz"}
    assert survivor.custom_fields == {"colour": "red"}


def test_merge_and_unmerge_give_both_back_as_they_stood(world: World) -> None:
    acme, twin = (
        an_account(world, website="https://acme.org"),
        an_account(world, "ACME", region="EU", phones=["+49 30 901820"]),
    )
    world.given("Account.tag", acme, label="key")
    world.given("Account.tag", twin, label="old")
    world.given("Account.change_address", twin, use="billing", address={"city": "Linz"})
    before = [_known(world, id) for id in (acme, twin)]

    world.given("Account.merge_into", twin, survivor_id=acme)
    assert [_known(world, id) for id in (acme, twin)] != before
    world.given("Account.unmerge", twin)

    assert [_known(world, id) for id in (acme, twin)] == before


def test_unmerge_leaves_what_was_changed_since(world: World) -> None:
    acme, twin = an_account(world), an_account(world, "ACME", region="EU", website="https://acme.org")
    world.given("Account.merge_into", twin, survivor_id=acme)
    world.given("Account.change_details", acme, details={"region": "US"})
    world.given("Account.tag", acme, label="new")
    world.given("Account.change_address", acme, use="billing", address={"city": "Graz"})

    world.given("Account.unmerge", twin)

    survivor = world.load(acme)
    assert survivor.addresses["billing"].city == "Graz"
    assert (survivor.details.region, survivor.details.website, survivor.tags) == ("US", None, {"new"})


def test_two_merges_are_undone_in_any_order(world: World) -> None:
    acme, one, two = an_account(world), an_account(world, "One", region="EU"), an_account(world, "Two", source="fair")
    before = _known(world, acme)
    world.given("Account.merge_into", one, survivor_id=acme)
    world.given("Account.merge_into", two, survivor_id=acme)

    world.given("Account.unmerge", one)
    assert (world.load(acme).details.region, world.load(acme).details.source) == (None, "fair")
    world.given("Account.unmerge", two)

    assert _known(world, acme) == before


def test_an_account_is_not_merged_into_one_that_belongs_to_it(world: World) -> None:
    top, middle, bottom = (an_account(world, name) for name in ("Top", "Middle", "Bottom"))
    world.given("Account.set_parent", middle, parent_id=top)
    world.given("Account.set_parent", bottom, parent_id=middle)

    world.when("Account.merge_into", top, survivor_id=bottom).is_refused("belongs to it", "survivor_id")
    world.when("Account.merge_into", top, survivor_id=top).is_refused("into itself", "survivor_id")
    world.when("Account.merge_into", bottom, survivor_id=top).records(Account.MergedInto, merged_into_id=top)


def test_what_belongs_to_a_merged_account_belongs_to_its_survivor(world: World) -> None:
    acme, twin, branch = (an_account(world, name) for name in ("Acme", "ACME", "Branch"))
    world.given("Account.set_parent", branch, parent_id=twin)
    world.given("Account.merge_into", twin, survivor_id=acme)

    world.when("Account.set_parent", acme, parent_id=branch).is_refused("cannot belong", "parent_id")


def test_a_merged_account_refuses_all_but_unmerge(world: World) -> None:
    acme, twin = an_account(world), an_account(world, "ACME")
    world.given("Account.merge_into", twin, survivor_id=acme)

    world.when("Account.rename", twin, name="X").is_refused("was merged")
    world.when("Account.archive", twin).is_refused("was merged")
    world.when("Account.set_parent", acme, parent_id=twin).is_refused("not in use", "parent_id", Code.INVALID)
    world.when("Account.unmerge", acme).is_refused("not merged")


def test_an_archived_survivor_still_gives_back(world: World) -> None:
    acme, twin = an_account(world), an_account(world, "ACME")
    world.given("Account.merge_into", twin, survivor_id=acme)
    world.given("Account.archive", acme)

    world.when("Account.unmerge", twin).records_only(Account.Released, Account.Unmerged)


def _known(world: World, id: UUID) -> dict[str, object]:
    times = ("_version", "_modified_on")
    return {name: value for name, value in vars(world.load(id)).items() if name not in times}
