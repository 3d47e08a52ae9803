"""Custom fields, as people see them."""

from __future__ import annotations

from typing import Annotated

from domain.platform.custom_field import CustomField, Type
from projections.view import View


class CustomFieldView(View, of=CustomField, table="custom_fields", needs="platform.see", indexes=("kind",)):
    """What the company wants to know of a kind of thing beyond what Daybook knows of it."""

    kind: Annotated[str, "of what, such as Account"]
    key: Annotated[str, "its name for programs"]
    label: str
    type: Type
    options: Annotated[tuple[str, ...], "what a choice is made from"] = ()
    retired: Annotated[bool, "whether it is filled no more"] = False
