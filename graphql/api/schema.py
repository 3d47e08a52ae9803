"""The schema, of these aggregates, views and reports."""

from __future__ import annotations

from collections.abc import Iterable
from zoneinfo import ZoneInfo

import strawberry
from graphql import GraphQLSchema, is_introspection_type, is_specified_scalar_type, print_type
from strawberry.schema.config import StrawberryConfig

from api.accesses import access_log
from api.audience import who_could_see
from api.audit import audit_log
from api.batch import batch
from api.building import Building
from api.catalogue import Views
from api.causes import causality
from api.commands import Commands
from api.comparing import compare_field
from api.declaring import declare
from api.disclosed import personal_data
from api.documents import Documents
from api.entries import event_type, kinds_of
from api.erased import forget_previews
from api.events import subscription
from api.faults import Errors
from api.foreseen import previews
from api.history import between, event_list, histories
from api.observed import Watched
from api.ports import ViewType
from api.reads import Read
from api.timeline import timelines
from api.types import Types
from api.undo import preview_undo, undo
from api.upserts import upserts
from domain.aggregate import Aggregate
from domain.command import index
from projections.report import Report


@strawberry.type
class Nothing:
    """What Strawberry is given to begin with: it executes a schema that it did not build."""

    nothing: bool = True


class Schema(strawberry.Schema):
    """Says nothing of errors by itself: what is the caller's goes to the caller, what is ours is logged as such."""

    def __init__(self, made: GraphQLSchema) -> None:
        config = StrawberryConfig(disable_field_suggestions=True)
        super().__init__(Nothing, config=config, extensions=[Watched, Documents, Errors])
        self._schema = made
        made._strawberry_schema = self  # type: ignore[attr-defined]

    def process_errors(self, errors: object, execution_context: object = None) -> None:
        pass

    def as_str(self) -> str:
        """The schema as text, its types in the order of their names."""
        types = (type_ for _, type_ in sorted(self._schema.type_map.items()))
        own = (t for t in types if not is_specified_scalar_type(t) and not is_introspection_type(t))
        return "\n\n".join(print_type(type_) for type_ in own)


def build(
    aggregates: Iterable[type[Aggregate]],
    views: Iterable[ViewType],
    reports: Iterable[type[Report]],
    time_zone: ZoneInfo,
) -> tuple[Schema, Views]:
    """The schema, and the views that it shows. Two things of one name are an error, said at start."""
    aggregates, shown = tuple(aggregates), Views(views, time_zone.key)
    types = Types(shown, aggregates, time_zone)
    known = {command.mutation: command for command in index(aggregates).values()}
    commands = Commands(known.values(), types)
    mutations = commands.mutations | upserts(aggregates, commands)
    mutations["batch"] = batch(known, commands, types)
    mutations["undo"] = undo()
    queries = types.roots(reports, Read) | previews(aggregates, commands)
    queries |= forget_previews(aggregates, commands)
    kinds = kinds_of(aggregates)
    event = event_type(types, kinds)
    listed = event_list(types, kinds, event)
    queries |= histories(kinds, listed) | audit_log(aggregates, kinds, listed) | timelines(kinds, listed)
    queries |= causality(event) | {"compare": compare_field(Read, between(kinds, listed))}
    queries |= {"access_log": access_log(shown), "who_could_see": who_could_see(types)}
    queries |= {"personal_data": personal_data(shown), "preview_undo": preview_undo()}
    made = Building(types.scalars).schema(
        declare(type("Query", (), {}), queries, description="What can be read."),
        declare(type("Mutation", (), {}), mutations, description="What can be asked for."),
        subscription(event, kinds, types),
        types.objects.values(),
    )
    return Schema(made), shown
