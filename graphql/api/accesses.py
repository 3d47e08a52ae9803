"""Who read what is personal, and of whom: `accessLog` of the root, for those who audit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import orjson
from graphql import GraphQLResolveInfo

from api.catalogue import Views
from api.commands import OfPayload
from api.conditions import id_of, view_of
from api.declaring import ID, argument, declare, input_field, optional
from api.errors import bad_input, forbidden
from api.fixed import PageInfo
from api.meaning import Derived, Log, field
from domain.rights import AUDIT

PAGE: Final = 50
MOST: Final = 1000

AccessFilter: Any = declare(
    type("AccessFilter", (), {}),
    {
        "person": input_field(ID | None, "Of whom something was told."),
        "user": input_field(ID | None, "Who read it."),
        "kind": input_field(str | None, "The kind of the rows that were shown, such as `Contact`."),
        "local": input_field(str | None, "Who read it at the command line, as the operating system calls them."),
        "from": input_field(datetime | None, "Not before this moment."),
        "to": input_field(datetime | None, "Before this moment."),
    },
    "input",
    description="Which accesses; all that is given must hold.",
)
Access: Any = declare(
    type("Access", (), {}),
    {
        "at": field(datetime, None, "When it was written down, some seconds after the answers.", OfPayload),
        "way": field(str, None, "By which way: `/graphql`, or `command line`.", OfPayload),
        "user": field(ID | None, None, "Who read it; null at the command line.", OfPayload),
        "token": field(str | None, None, "The id of the token that was shown: no secret.", OfPayload),
        "address": field(str | None, None, "From where.", OfPayload),
        "local": field(str | None, None, "At the command line: who, for the operating system.", OfPayload),
        "operation": field(
            str | None, None, "How the client called its operation, or the command of the command line.", OfPayload
        ),
        "kind": field(str, None, "The kind of the rows that were shown, such as `Contact`.", OfPayload),
        "persons": field(
            list[ID], None, f"Of whom, {MOST} at most; nobody, where somebody was only sought by it.", OfPayload
        ),
        "personCount": field(int, None, "Of how many.", OfPayload),
        "times": field(int, None, "So many answers.", OfPayload),
        "unnamed": field(
            int, None, "Of so many more rows it is not said of whom: there were too many at once.", OfPayload
        ),
    },
    description="Somebody was told something personal, once or several times within a few seconds. What it was does not"
    " stand here.",
)  # fmt: skip


class Counted(Derived):
    """How many there are, of whatever page."""

    @staticmethod
    async def resolve(source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> int:
        sql = f"select count(*) from accesses a where {source['where']}"
        [count] = await info.context.reads.rows.one(sql, source["parameters"])
        return int(count)


AccessEdge: Any = declare(
    type("AccessEdge", (), {}),
    {
        "node": field(Access, None, "The access.", OfPayload),
        "cursor": field(str, None, "Its place among all of them.", OfPayload),
    },
    description="One access.",
)
AccessConnection: Any = declare(
    type("AccessConnection", (), {}),
    {
        "edges": field(list[AccessEdge], None, "The page, with cursors.", OfPayload),
        "nodes": field(list[Access], None, "The page.", OfPayload),
        "pageInfo": field(PageInfo, None, "What lies around the page.", OfPayload),
        "totalCount": field(int, None, "How many there are.", Counted),
    },
    description="Accesses, the latest first.",
)


def access_log(views: Views) -> Derived:
    """The field of the root `Query`."""

    class AccessLog(Derived):
        """A page of the log."""

        @staticmethod
        async def resolve(source: None, info: GraphQLResolveInfo[Any], **given: Any) -> Any:
            first, after, filter = given.get("first"), given.get("after"), given.get("filter")
            if not info.context.caller.policy.may(AUDIT):
                raise forbidden(f"to see this you need {AUDIT}", AUDIT)
            size = PAGE if first is None else first
            if not 1 <= size <= MOST:
                raise bad_input(f"`first` is between 1 and {MOST}")
            where, parameters = _conditions(filter or {}, views)
            begin = [] if after is None else [_place(after)]
            beyond = f" and a.id < ${len(parameters) + 1}::bigint" if begin else ""
            sql = PAGED.format(where=where + beyond, limit=size + 1, most=MOST)
            [text] = await info.context.reads.rows.one(sql, [*parameters, *begin])
            found = orjson.loads(text)
            return _page(found[:size], len(found) > size, bool(begin)) | {"where": where, "parameters": parameters}

    doc = (
        "Who read what is personal, and of whom; the latest first. It is kept for some days, and is no part of the"
        f" history.\n\nNeeds {AUDIT}."
    )
    asked = [
        argument("first", int, f"How many, from 1 to {MOST}.", PAGE),
        optional("after", str, "Go on after this cursor."),
        optional("filter", AccessFilter, "Only these."),
    ]
    return field(AccessConnection, Log(), doc, AccessLog, asked)


def _conditions(filter: Mapping[str, Any], views: Views) -> tuple[str, list[Any]]:
    found, parameters = ["true"], list[Any]()
    for name, value in filter.items():
        if value is not None:
            parameters.append(_plain(name, value, views))
            found.append(CONDITIONS[name].format(f"${len(parameters)}"))
    return " and ".join(found), parameters


def _plain(name: str, value: Any, views: Views) -> Any:
    if name == "person":
        return id_of(value, view_of(value, views))
    if name == "user":
        return id_of(value, views.named["User"])
    if isinstance(value, str) and "\0" in value:
        raise bad_input(f"`filter.{name}` holds NUL")
    return value


def _place(cursor: str) -> int:
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) < 19):
        raise bad_input("this cursor does not belong to the access log")
    return int(cursor)


def _page(rows: Sequence[dict[str, Any]], more: bool, before: bool) -> dict[str, Any]:
    cursors = [str(row.pop("id")) for row in rows]
    return {
        "nodes": rows,
        "edges": [{"node": row, "cursor": cursor} for row, cursor in zip(rows, cursors, strict=True)],
        "pageInfo": {
            "hasNextPage": more,
            "hasPreviousPage": before,
            "startCursor": cursors[0] if cursors else None,
            "endCursor": cursors[-1] if cursors else None,
        },
    }


CONDITIONS: Final = {
    "person": "a.persons @> array[{}::uuid]",
    "user": "a.user_id = {}::uuid",
    "kind": "a.kind = {}::text",
    "local": "a.local = {}::text",
    "from": "a.at >= {}::timestamptz",
    "to": "a.at < {}::timestamptz",
}
PAGED: Final = """
    select coalesce(json_agg(json_build_object(
        'id', a.id, 'at', a.at, 'way', a.way, 'user', 'User_' || a.user_id, 'token', a.token, 'address', a.address,
        'local', a.local, 'operation', a.operation, 'kind', a.kind, 'times', a.times, 'unnamed', a.unnamed,
        'personCount', cardinality(a.persons), 'persons', (
            select coalesce(json_agg(coalesce(split_part(e.topic, '.', 1) || '_', '') || p order by p), '[]'::json)
            from unnest(a.persons[1:{most}]) p left join events e on e.originator_id = p and e.originator_version = 1))
        order by a.id desc), '[]'::json)::text
    from (select * from accesses a where {where} order by a.id desc limit {limit}) a"""
