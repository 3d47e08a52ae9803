"""An identity provider on this machine: real keys, told over real HTTP."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey

AUDIENCE = "daybook"


def a_key(kid: str, kind: str = "RSA") -> Key:
    """A new key that signs."""
    named: Any = {"kid": kid}
    match kind:
        case "EC":
            return ECKey.generate_key("P-256", named)
        case "OKP":
            return OKPKey.generate_key("Ed25519", named)
        case "oct":
            return OctKey.generate_key(256, named)
    return RSAKey.generate_key(2048, named)


class IdentityProvider:
    """Tells its keys, and signs what it is asked to. `asked` counts how often its keys were asked for."""

    def __init__(self) -> None:
        self.keys = [a_key("first")]
        self.extra: list[dict[str, Any]] = []
        self.asked = 0
        self.answers = True
        self.calls_itself = ""
        self.issuer = ""

    def token(self, key: Key | None = None, algorithm: str = "RS256", header: Any = None, **claims: Any) -> str:
        """A token as it would be made for Ada, but for these claims; None leaves one out."""
        now = int(time.time())
        told = {"iss": self.issuer, "aud": AUDIENCE, "sub": "ada", "iat": now, "exp": now + 600} | claims
        key = key or self.keys[0]
        head = {"alg": algorithm, "kid": key.kid, "typ": "JWT"} | (header or {})
        told = {name: value for name, value in told.items() if value is not None}
        return jwt.encode({n: v for n, v in head.items() if v is not None}, told, key, algorithms=[algorithm])

    def document(self, path: str) -> Any:
        if path == "/.well-known/openid-configuration":
            return {"issuer": self.calls_itself or self.issuer, "jwks_uri": f"{self.issuer}/keys"}
        self.asked += 1
        public = [{**key.as_dict(private=False), "use": "sig"} for key in self.keys if key.key_type != "oct"]
        return {"keys": [*public, *self.extra]}


@contextmanager
def identity_provider() -> Iterator[IdentityProvider]:
    """One that serves as long as this lasts."""
    provider = IdentityProvider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = json.dumps(provider.document(self.path)).encode()
            self.send_response(200 if provider.answers else 503)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
