"""Products and their prices, as people see them."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from domain.sales.product import Product
from domain.values import Money, Period
from projections.view import View


class ProductView(
    View,
    of=Product,
    table="products",
    needs="sales.see",
    indexes=("code", "name"),
    search=("code", "name"),
):
    """Something that we sell."""

    code: str
    name: str
    family: str | None = None
    unit: Annotated[str, "what one of it is, such as a piece or an hour"] = "piece"
    active: Annotated[bool, "whether it is sold still"] = True


class ProductPriceView(
    View,
    of=Product,
    table="product_prices",
    key="price_id",
    within=ProductView,
    ends=(Product.PriceWithdrawn,),
):
    """What one unit of a product costs, in one currency, for a time."""

    price_id: UUID
    price: Money
    valid: Period
