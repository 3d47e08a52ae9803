"""The schema, of these aggregates, views and reports."""

from __future__ import annotations

from collections.abc import Iterable
from zoneinfo import ZoneInfo

import strawberry
from strawberry.schema.config import StrawberryConfig

from api.catalogue import Views
from api.commands import mutations
from api.declaring import declare
from api.documents import Documents
from api.events import subscription
from api.http import Errors
from api.ports import ViewType
from api.reads import Read
from api.types import Types
from domain.aggregate import Aggregate
from domain.command import index
from projections.report import Report


class Schema(strawberry.Schema):
    """Says nothing of errors by itself: what is the caller's goes to the caller, what is ours is logged as such."""

    def process_errors(self, errors: object, execution_context: object = None) -> None:
        pass


def build(
    aggregates: Iterable[type[Aggregate]],
    views: Iterable[ViewType],
    reports: Iterable[type[Report]],
    time_zone: ZoneInfo,
) -> tuple[Schema, Views]:
    """The schema, and the views that it shows. Two things of one name are an error, said at start."""
    aggregates, shown = tuple(aggregates), Views(views)
    types = Types(shown, aggregates, time_zone)
    schema = Schema(
        query=declare(type("Query", (), {}), types.roots(reports, Read), description="What can be read."),
        mutation=declare(
            type("Mutation", (), {}), mutations(index(aggregates), types), description="What can be asked for."
        ),
        subscription=subscription(aggregates, types),
        types=list(types.objects.values()),
        config=StrawberryConfig(scalar_map=types.scalars, disable_field_suggestions=True),
        extensions=[Documents, Errors],
    )
    return schema, shown
