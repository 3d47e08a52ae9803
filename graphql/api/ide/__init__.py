"""The IDE at `/`: Altair, fetched at set-up and served from our own address, so that it works without a network.

`built/` is made by build.py and is not in the repository. The page gets the local token only where the request comes
from this machine by a name of this machine: a page elsewhere that points its own name at us must not read it.
"""

from __future__ import annotations

import html
import json
import re
import secrets
from hashlib import sha256
from pathlib import Path

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

BUILT = Path(__file__).parent / "built"
HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[\w.-]+)(:\d{1,5})?", re.ASCII)
LOOPBACK = ("127.0.0.1", "::1", "localhost")
POLICY = (
    "default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
    " font-src 'self' data:; connect-src 'self' {sockets}; worker-src 'self' blob:; frame-src 'self';"
    " base-uri 'self'; form-action 'none'; frame-ancestors 'none'"
)
SANDBOX = "sandbox allow-scripts"
HEADERS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
OF_PARTS = {
    **HEADERS,
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "frame-ancestors 'self'",
    "Cross-Origin-Resource-Policy": "cross-origin",  # what is sandboxed is of no origin
    "X-Frame-Options": "SAMEORIGIN",
}
EXAMPLE = """# Press ▶ (or Ctrl-Enter). Ctrl-Space completes, Docs describes every field.
query FirstLook {
  opportunities(first: 5, filter: {status: {eq: WON}}) {
    totalCount
    nodes {
      id
      name
      amount { amount currency }
      account { name }
    }
  }
}
"""


def ide_routes(token: str | None, example: str = EXAMPLE) -> list[BaseRoute]:
    """The page at `/` and its parts under `/ide`. Without a token the page asks for one as a header."""

    async def page(request: Request) -> Response:
        if not (BUILT / "index.html").exists():
            return PlainTextResponse("The IDE is not built: run `make install`.", 503)
        if not HOST.fullmatch(request.headers.get("host", "")):
            return PlainTextResponse("This is no host to ask for.", 400)
        return _page(request, token if token and is_local(request) else None, example)

    return [Route("/", page, name="ide"), Mount("/ide", _Parts(directory=BUILT, check_dir=False))]


def is_local(connection: HTTPConnection) -> bool:
    """Whether somebody on this machine asks, and not a proxy on it for somebody else."""
    headers = connection.headers
    forwarded = "forwarded" in headers or "via" in headers or any(name.startswith("x-forwarded-") for name in headers)
    near = connection.client is not None and connection.client.host in LOOPBACK
    asked = HOST.fullmatch(headers.get("host", ""))
    named = asked is not None and asked[1].strip("[]").lower() in LOOPBACK
    return near and named and not forwarded and connection.scope.get("http_version") != "1.0"


def _page(request: Request, token: str | None, example: str) -> Response:
    bearer = {"Authorization": f"Bearer {token}"} if token else {}
    address = request.url.replace(path="/graphql", query="", fragment="")
    sockets = address.replace(scheme="wss" if address.scheme == "https" else "ws")
    options = {
        "initialName": "Daybook",
        "initialQuery": example,
        "endpointURL": str(address),
        "subscriptionsEndpoint": str(sockets),
        "initialSubscriptionRequestHandlerId": "graphql-ws",
        "initialHeaders": bearer,
        "initialSubscriptionsPayload": bearer,
        "instanceStorageNamespace": f"daybook_{sha256((token or '').encode()).hexdigest()[:8]}_",
        "disableAccount": True,
        "persistedSettings": {
            "schema.reloadOnStart": True,
            "alert.disableUpdateNotification": True,
            "disablePushNotification": True,
            "banners.disable": True,
        },
    }
    nonce = secrets.token_urlsafe(16)
    start = f"AltairGraphQL.init({json.dumps(options | {'cspNonce': nonce})})".replace("<", "\\u003c")
    text = (BUILT / "index.html").read_text()
    text = text.replace('<base href="/" />', f'<base href="{html.escape(request.url_for("ide").path)}ide/">')
    text = text.replace("<title>Altair</title>", "<title>Daybook</title>").replace(
        "<style>", f'<style nonce="{nonce}">'
    )
    text = text.replace("</body>", f'<script type="module" nonce="{nonce}">{start}</script></body>')
    policy = POLICY.format(nonce=nonce, sockets=sockets.replace(path=""))
    return HTMLResponse(text, headers={**HEADERS, "Content-Security-Policy": policy, "Cache-Control": "no-store"})


class _Parts(StaticFiles):
    """The IDE's own files; the frame in which it runs scripts of its user is cut off from everything else."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sandboxed = "/iframe-sandbox/" in scope["path"]

        async def send_with_headers(message: object) -> None:
            if isinstance(message, dict) and message["type"] == "http.response.start":
                added = OF_PARTS | ({"Content-Security-Policy": SANDBOX} if sandboxed else {})
                message["headers"] = [*message["headers"], *Headers(added).raw]
            await send(message)  # type: ignore[arg-type]

        await super().__call__(scope, receive, send_with_headers)
