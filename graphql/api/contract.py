"""The contract of the event streams, as it is served. It tells nothing of a company: anybody may read it."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route


def contract_routes(documents: Mapping[str, bytes]) -> list[BaseRoute]:
    """AsyncAPI at `/asyncapi.json` and JSON Schemas under `/schemas/`: each document under its address."""

    async def document(request: Request) -> Response:
        found = documents.get(request.url.path)
        if found is None:
            return JSONResponse({"errors": [{"message": "there is no such schema: see /schemas/"}]}, 404)
        media = "application/schema+json" if b'"$schema"' in found[:20] else "application/json"
        return Response(found, media_type=media)

    return [Route("/asyncapi.json", document), Route("/schemas/{rest:path}", document)]
