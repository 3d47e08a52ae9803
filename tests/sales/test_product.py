from datetime import date
from decimal import Decimal
from uuid import UUID

from domain.command import Code
from domain.sales.product import Product
from domain.values import Money
from tests.scenario import World, a_product


def test_a_code_is_held_by_one_product(world: World) -> None:
    first = a_product(world, "P-1")

    refused = world.when("Product.list_product", code="p-1", name="Other").is_refused("in use", "code", Code.DUPLICATE)

    assert refused.holder == f"Product_{first}"


def test_an_archived_product_frees_its_code_and_may_not_get_it_back(world: World) -> None:
    first = a_product(world)
    world.given("Product.archive", first)
    second = a_product(world)

    refused = world.when("Product.restore", first).is_refused("in use", "code", Code.DUPLICATE)

    assert refused.holder == f"Product_{second}"


def test_another_system_has_one_name_for_one_product(world: World) -> None:
    first, second = a_product(world, "A"), a_product(world, "B")
    world.given("Product.link_external", first, system="erp", external_id="17")

    again = world.when("Product.link_external", second, system="erp", external_id="17")
    again.is_refused("in use", "external_ids.erp", Code.DUPLICATE)
    world.when("Product.link_external", second, system="shop", external_id="17").records(Product.ExternalIdsChanged)
    world.given("Product.link_external", first, system="erp", external_id="18")
    world.when("Product.link_external", second, system="erp", external_id="17").records(Product.ExternalIdsChanged)


def test_a_name_that_another_system_had_for_it_is_free_again(world: World) -> None:
    first, second = a_product(world, "A"), a_product(world, "B")
    world.given("Product.link_external", first, system="erp", external_id="17")

    world.when("Product.unlink_external", first, system="erp").records(Product.ExternalIdsChanged, external_ids={})
    world.when("Product.unlink_external", first, system="erp").records_only()

    world.when("Product.link_external", second, system="erp", external_id="17").records(Product.ExternalIdsChanged)


def test_what_is_left_out_stays(world: World) -> None:
    pump = a_product(world)

    changed = world.when("Product.change_details", pump, family="Water")

    changed.records(Product.DetailsChanged, name="Pump", family="Water", unit="piece")


def test_the_price_of_a_day_is_the_one_that_began_last(world: World) -> None:
    pump = a_product(world)
    _price(world, pump, 5, since="2026-01-01")
    _price(world, pump, 6, since="2026-03-01", until="2026-04-01")

    product = world.load(pump)

    months = [product.price_on(date(2026, month, 15), "EUR") for month in (2, 3, 4)]
    assert months == [Money(Decimal(amount), "EUR") for amount in (5, 6, 5)]
    assert product.price_on(date(2025, 12, 31), "EUR") is None
    assert product.price_on(date(2026, 2, 15), "USD") is None


def test_a_price_ends_after_it_begins(world: World) -> None:
    pump = a_product(world)
    valid = {"since": "2026-03-01", "until": "2026-03-01"}

    ended = world.when("Product.set_price", pump, price={"amount": 5, "currency": "EUR"}, valid=valid)

    ended.is_refused("ends after it begins", "valid.until", Code.INVALID)


def test_a_withdrawn_price_holds_no_more(world: World) -> None:
    pump = a_product(world)
    _price(world, pump, 5, since="2026-01-01")
    (price,) = world.load(pump).prices

    world.given("Product.withdraw_price", pump, price_id=price)

    assert world.load(pump).price_on(date(2026, 2, 15), "EUR") is None
    world.when("Product.withdraw_price", pump, price_id=price).is_refused("no such price", "price_id")


def test_a_product_is_sold_or_not(world: World) -> None:
    pump = a_product(world)

    world.when("Product.resume", pump).is_refused("sold already")
    world.when("Product.discontinue", pump).records_only(Product.Discontinued)
    world.when("Product.discontinue", pump).is_refused("not sold any more")
    world.when("Product.resume", pump).records_only(Product.Resumed)


def _price(world: World, product: UUID, amount: int, **valid: str) -> None:
    world.given("Product.set_price", product, price={"amount": amount, "currency": "EUR"}, valid=valid)
