"""`GET /charts/…`, `/plans/…` and the like: what is made of one thing for people, as the caller may see it.

All that it is made of is read by one operation of the API itself, in the name of whoever asks: the same rights hold,
the same bounds, and the same budget.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, tzinfo
from functools import partial
from hashlib import sha256
from typing import Any, Final
from uuid import uuid4

import orjson
from anyio import CapacityLimiter, to_thread
from cross_web import HTTPException
from graphql import GraphQLError
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from api.asked import Asked
from api.context import Context
from api.faults import STATUS, as_error, refused, told
from api.http import Endpoint
from api.operations import Refused
from api.patience import Left, patience
from api.ports import Deliverable
from projections.report import TimeAxis

PARAMETERS: Final = ("asOf", "on", "by", "language")
TAKEN: Final = {"on": "$on: Date", "by": "$by: TimeAxis!"}
"""Parameters that are only of what is read by this variable."""
LANGUAGES: Final = ("en", "zh")
HEADERS: Final = {
    "cache-control": "private, no-cache",
    "vary": "authorization, daybook-replay",
    # An SVG or a page of ours has styles and pictures of its own, and never anything that runs.
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'",
}
AT_ONCE: Final = 2
"""So many are made at the same time: each takes a processor for as long."""


def deliverable_routes(
    endpoint: Endpoint, deliverables: Iterable[Deliverable], zone: tzinfo, around: Sequence[Middleware] = ()
) -> list[BaseRoute]:
    """A route for each, under its path. Days are those of a time zone."""
    making = CapacityLimiter(AT_ONCE)
    return [
        Route(
            f"{each.path}/{{name}}",
            _Delivery(endpoint, each, zone, making).answer,
            methods=["GET"],
            middleware=around,
        )
        for each in deliverables
    ]


class _Delivery:
    """One deliverable over HTTP."""

    def __init__(self, endpoint: Endpoint, what: Deliverable, zone: tzinfo, making: CapacityLimiter) -> None:
        self.endpoint, self.what, self.zone, self.making = endpoint, what, zone, making

    async def answer(self, request: Request) -> Response:
        """It, or why there is none."""
        request.state.request_id = request.headers.get("x-request-id") or uuid4().hex
        try:
            async with patience(self.endpoint.seconds, request.receive):
                response = await self._answer(request)
        except HTTPException as error:
            response = refused(request, error.status_code, error.reason, **getattr(error, "more", {}))
        except TimeoutError as error:
            response = _failed(request, [told(as_error(error), request.state.request_id)])
        except Left:
            response = Response(status_code=499)  # nobody waits for it
        response.headers["x-request-id"] = request.state.request_id
        return response

    async def _answer(self, request: Request) -> Response:
        id, _, format = request.path_params["name"].rpartition(".")
        if format not in self.what.formats or not id:
            known = ", ".join(f"{self.what.path}/Project_….{each}" for each in self.what.formats)
            raise HTTPException(404, f"there is no such format: ask for {known}")
        there = [name for name in PARAMETERS if TAKEN.get(name, "") in self.what.query]
        if strange := set(request.query_params) - set(there):
            raise HTTPException(400, f"there is no parameter `{min(strange)}`: there are {', '.join(there)}")
        language = request.query_params.get("language", LANGUAGES[0])
        if language not in LANGUAGES:
            raise HTTPException(400, f"`language` is one of {', '.join(LANGUAGES)}")
        by = request.query_params.get("by", TimeAxis.RECORDED)
        if by not in set(TimeAxis):
            raise HTTPException(400, f"`by` is one of {', '.join(TimeAxis)}")
        context = await self.endpoint.get_context(request, None)
        as_of, day = await self._instant(context, request.query_params.get("asOf"))
        on = _day(request.query_params.get("on"))
        day = on or day
        wanted = {"id": id, "asOf": as_of, "on": on and str(on), "by": by.upper()}
        try:
            data, known_by = await self._all(context, wanted, day)
        except Refused as error:
            return _failed(request, error.errors)
        if data["subject"] is None:
            nothing = f"there is no {id[:60]}" if as_of is None else f"there was no {id[:60]} then"
            raise HTTPException(404, f"{nothing}, or you may not see it")
        data["by"] = by
        made_of = b"\0".join([known_by, *(str(each).encode() for each in (request.url.path, language, day, by))])
        headers = HEADERS | {"etag": f'"{sha256(made_of).hexdigest()[:32]}"'}
        if headers["etag"] in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        try:
            make = partial(self.what.made, data, format, language, day)
            made = await to_thread.run_sync(make, limiter=self.making)
        except ImportError as error:
            raise HTTPException(501, str(error)) from None
        except OverflowError as error:
            return refused(request, 400, str(error), "QUERY_TOO_COMPLEX")
        name = f"{self.what.path.rpartition('/')[2]}-{id}.{format}"
        headers["content-disposition"] = f'inline; filename="{name}"'
        return Response(made, headers=headers, media_type=self.what.formats[format])

    async def _all(self, context: Context, wanted: Mapping[str, Any], day: date) -> tuple[dict[str, Any], bytes]:
        """All that it is made of, and by what that is known again. What takes several reads is read as of one instant,
        as if it were that day still. Raises Refused.
        """
        is_now = wanted["asOf"] is None and context.replayed is None
        if is_now and await self._is_longer(context, wanted):
            head = {"position": await context.reads.head()}
            wanted, is_now = {**wanted, "asOf": head, "on": wanted["on"] or str(day)}, False
        content, why = await self._computed(context, wanted)
        data = orjson.loads(content)["data"] | {"why": why}
        longer = {
            name: pages
            for name, pages in self.what.lists.items()
            if data[name]["pageInfo"]["hasNextPage"] and data[name]["totalCount"] <= pages.most
        }
        if longer and is_now:  # it has just become longer than a page
            return await self._all(context, wanted, day)
        digest = sha256(content)
        for name, pages in longer.items():
            nodes, page = data[name]["nodes"], data[name]["pageInfo"]
            while page["hasNextPage"]:
                content = await self._told(context, pages.query, {**wanted, "after": page["endCursor"]})
                more = orjson.loads(content)["data"][name]
                nodes, page = nodes + more["nodes"], more["pageInfo"]
                digest.update(content)
            data[name]["nodes"] = nodes
        return data, digest.digest()

    async def _is_longer(self, context: Context, wanted: Mapping[str, Any]) -> bool:
        """Whether it takes several reads: what is read once would be read in vain. Raises Refused."""
        if not self.what.lists:
            return False
        asked = " ".join(each.is_longer for each in self.what.lists.values())
        content = await self._told(context, f"query Longer($id: ID!) {{ {asked} }}", wanted)
        return any(each["pageInfo"]["hasNextPage"] for each in orjson.loads(content)["data"].values())

    async def _computed(self, context: Context, wanted: Mapping[str, Any]) -> tuple[bytes, dict[str, str]]:
        """What was read, without what cannot be computed, and why that cannot. Raises Refused."""
        why: dict[str, str] = {}
        while True:
            there = {name: name not in why for name in self.what.computed}
            content, errors = await self._read(context, self.what.query, {**wanted, **there})
            if not errors:
                return content, why
            more = {str(error.path[0]): error.message for error in errors if _is_uncomputable(error) and error.path}
            if not more or not more.keys() <= {name for name, asked in there.items() if asked}:
                raise Refused(list(errors), context)
            why |= more

    async def _told(self, context: Context, query: str, wanted: Mapping[str, Any]) -> bytes:
        """What one operation tells that has no errors. Raises Refused."""
        content, errors = await self._read(context, query, wanted)
        if errors:
            raise Refused(list(errors), context)
        return content

    async def _read(
        self, context: Context, query: str, wanted: Mapping[str, Any]
    ) -> tuple[bytes, Sequence[GraphQLError]]:
        """What one operation tells, and its errors. A page after the first is waited for, where its caller has asked
        for too much lately: it belongs to what was begun. Raises Refused.
        """
        assert context.caller
        parts = {name: context.caller.policy.may(needs) for name, needs in self.what.parts.items()}
        asked = Asked(query, None, None, {**wanted, **parts}, {})
        while True:
            try:
                operation = self.endpoint.operations.admitted(context, asked)
                break
            except Refused as error:
                wait = (error.errors[0].extensions or {}).get("retryAfter")
                if wait is None or "after" not in wanted:
                    raise
            await asyncio.sleep(wait)
        result = await self.endpoint.operations.result(context, operation)
        return result.content, result.errors

    async def _instant(self, context: Context, text: str | None) -> tuple[dict[str, Any] | None, date]:
        """The instant as the API takes it, and its day."""
        if text is None:
            return None, datetime.now(self.zone).date()
        if text.isascii() and text.isdecimal() and len(text) <= 18:
            entries = await context.log.entries("where e.position <= $1 order by e.position desc limit 1", [int(text)])
            if not entries:
                raise HTTPException(400, "`asOf`: nothing had happened by this position")
            return {"position": int(text)}, entries[0].recorded_at.astimezone(self.zone).date()
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            moment = None
        if moment and len(text) == len("2026-01-31"):
            moment = moment.replace(tzinfo=self.zone)
        if moment is None or moment.tzinfo is None:
            raise HTTPException(400, "`asOf` is a position, a day such as 2026-01-31, or a time with its zone")
        return {"time": moment.isoformat()}, moment.astimezone(self.zone).date()


def _day(text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise HTTPException(400, "`on` is a day such as 2026-01-31") from None


def _is_uncomputable(error: GraphQLError) -> bool:
    return (error.extensions or {}).get("code") == "NOT_COMPUTABLE"


def _failed(request: Request, errors: Iterable[GraphQLError]) -> Response:
    """The first of what went wrong, with a status of its own."""
    first = next(iter(errors))
    extensions: Mapping[str, Any] = first.extensions or {}
    code = extensions.get("code", "BAD_USER_INPUT")
    wait = extensions.get("retryAfter")
    status = {"FORBIDDEN": 403, "NOT_FOUND": 404, **STATUS}.get(code, 400)
    return refused(request, status, first.message, code, {"retry-after": str(wait)} if wait else None)
