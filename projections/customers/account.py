"""Accounts, as people see them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated
from uuid import UUID

from domain.customers.account import Account, Details, Lifecycle
from domain.values import Address
from projections.columns import Of
from projections.view import View


class AccountView(
    View,
    of=Account,
    table="accounts",
    needs="customers.see",
    owner="owner_id",
    indexes=("name", "owner_id", "industry", "lifecycle", "parent_id", "merged_into_id"),
    search=("name", "website"),
    flat=("details",),
):
    """An organisation that buys from us, or may."""

    name: str
    details: Details = Details()
    addresses: Annotated[Mapping[str, Address], "by use, such as billing or delivery"] = {}
    parent_id: Annotated[UUID | None, Of("Account"), "the organisation that it belongs to"] = None
    lifecycle: Annotated[Lifecycle, "how far it is as a customer"] = Lifecycle.PROSPECT
    merged_into_id: Annotated[UUID | None, Of("Account"), "the account that goes on for it"] = None
