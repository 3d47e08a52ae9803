"""From the columns of a view, or of a report, to the fields that show them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import is_dataclass
from typing import Any, get_args

from api.catalogue import Views, relation, snake
from api.declaring import ID, JSON, sentence
from api.meaning import Column, Derived, Documents, Key, Keys, Related, Value, field
from api.ports import ViewType
from api.values import Values
from projections.columns import Field, is_mapping, item_of


class Rows:
    """The fields of rows. `objects` are the types of the rows themselves, by view."""

    def __init__(self, views: Views, values: Values, objects: Mapping[ViewType, Any]) -> None:
        self.views, self.values, self.objects = views, values, objects

    def shown(self, owner: Any, f: Field, points_to: Mapping[str, ViewType]) -> dict[str, Derived]:
        """The fields of the API for one field of a declaration."""
        doc, name, kind = sentence(f.doc), f.name, f.kind
        view: ViewType | None = owner if owner in self.objects else None
        if name == "id" and view:
            return self.identity(view)
        if f.flat:
            return {n: shown for part in f.inside for n, shown in self.shown(owner, of_column(part), points_to).items()}
        if f.inside:
            columns = tuple(zip((part.name for part in f.inside), (c.name for c in f.columns), strict=True))
            return {name: _nullable(self.values.value_type(kind, owner), f, Value(columns, f.nullable), doc)}
        if to := points_to.get(name):
            if f.columns[0].type == "uuid[]":
                return {name: field(list[ID], Keys(name, to), doc)}
            related: Derived = field(self.objects[to] | None, Related(to, name), doc)
            return {name: _nullable(ID, f, Key(name, to), doc), relation(owner, name): related}
        return {name: _nullable(self._output(owner, f), f, self._meaning(f), doc)}

    def identity(self, view: ViewType) -> dict[str, Derived]:
        """What a row is called by: its id; of an item, that of what has it."""
        if not view.key:
            return {"id": field(ID, Key("id", view), "Its id, the same for ever.")}
        parent = self.views.parent(view)
        name = snake(parent.of.__name__)
        return {
            f"{name}_id": field(ID, Key("id", parent), f"The {parent.of.__name__} that has it."),
            name: field(self.objects[parent] | None, Related(parent, "id"), f"The {parent.of.__name__} that has it."),
        }

    def _meaning(self, f: Field) -> Any:
        if f.columns[0].type == "jsonb" and (keyed := is_mapping(f.kind), is_dataclass(_item(f)))[1]:
            return Documents(f.name, keyed)
        return Column(f.columns[0].name, f.kind)

    def _output(self, owner: Any, f: Field) -> Any:
        """The type of a column in the API."""
        item: Any
        if is_mapping(f.kind):
            if not is_dataclass(_item(f)):
                return JSON
            item = self.values.document_type(_item(f), owner, keyed=True)
        elif get_args(f.kind):
            item = item_of(f.name, f.kind)
            item = self.values.document_type(item, owner) if is_dataclass(item) else self.values.plain(item, owner)
        else:
            return self.values.plain(f.kind, owner)
        return list[item]


def of_column(part: Field) -> Field:
    """A part of a flat value, as a field by the name of its column."""
    return Field(
        part.columns[0].name, part.kind, part.columns[0].nullable, part.columns, part.parts, part.inside, part.doc
    )


def _nullable(type_: Any, f: Field, means: Any, doc: str | None) -> Derived:
    return field(type_ | None if f.nullable else type_, means, doc)


def _item(f: Field) -> Any:
    """The type of what a list or a mapping holds."""
    return get_args(f.kind)[1] if is_mapping(f.kind) and get_args(f.kind) else (get_args(f.kind) or (None,))[0]
