"""OpenID Connect: what an identity provider says of somebody, in a token that it signed."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import httpx
from joserfc import jwk, jwt
from joserfc.errors import ExpiredTokenError, JoseError
from joserfc.jwk import KeySet
from joserfc.util import json_b64decode

from infra.settings import is_safe

ALGORITHMS: Final = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "Ed25519",
    "EdDSA",
)
"""Signatures by a key that only the provider has. A secret that two share (HS256) proves nothing, and `none` less."""
TYPES: Final = ("jwt", "at+jwt", "application/at+jwt")
"""What a token may be, where it says so: not one that was made to log somebody out, or to prove who a client is."""
LEEWAY: Final = 60
"""Seconds by which clocks may differ."""
LONGEST: Final = 16_384
"""Characters that a token may have."""
FRESH: Final = 3_600.0
"""Seconds for which keys are taken as they were told; then they are asked for again."""
STALE: Final = 86_400.0
"""Seconds for which keys are gone on with while the provider does not answer."""
PAUSE: Final = 5.0
"""Seconds between two questions to the provider, whatever tokens come meanwhile."""
PATIENCE: Final = 3.0
"""Seconds that an answer of the provider is waited for, at each step."""
MOST_BYTES: Final = 2**20

log = logging.getLogger("daybook.oidc")


class Unanswered(Exception):
    """the identity provider does not answer: try again in a few seconds"""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class Over(Exception):
    """The token is one of the provider's, and expired."""


class Provider:
    """An identity provider, known by its issuer. Its keys are asked for when they are needed. Used from any thread."""

    def __init__(self, issuer: str, audience: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._issuer, self._audience, self._clock = issuer, audience, clock
        self._keys = KeySet([])
        self._named = issuer
        """The issuer as it calls itself: with a slash at its end, or without."""
        self._told_at = self._asked_at = -STALE
        self._asking = threading.Lock()

    def claims(self, text: str) -> Mapping[str, Any] | None:
        """What a token says, if the provider signed it for us and it holds. Raises Over, and Unanswered."""
        if len(text) > LONGEST or text.count(".") != 2 or (header := _header(text)) is None:
            return None
        key = self._key(header)
        if key is None:
            return None
        try:
            token = jwt.decode(text, key, algorithms=ALGORITHMS)
            self._rules().validate(token.claims)
        except ExpiredTokenError:
            raise Over from None
        except (JoseError, ValueError, TypeError):
            return None
        return token.claims if isinstance(token.claims.get("sub"), str) else None

    def _rules(self) -> jwt.JWTClaimsRegistry:
        return jwt.JWTClaimsRegistry(
            leeway=LEEWAY,
            iss={"essential": True, "value": self._named},
            aud={"essential": True, "value": self._audience},
            exp={"essential": True},
            sub={"essential": True},
        )

    def _key(self, header: Mapping[str, Any]) -> jwk.Key | None:
        """The key by which a token is signed, as it says. One that is not known may be new."""
        now = self._clock()
        if now - self._told_at >= FRESH:
            self._ask(wait=not self._keys)
        if not self._keys or self._clock() - self._told_at >= STALE:
            raise Unanswered
        found = self._known(header)
        if found is None and header.get("kid"):
            self._ask(wait=True)
            found = self._known(header)
            if found is None and self._told_at < self._asked_at:
                raise Unanswered  # it may be a new one
        return found

    def _known(self, header: Mapping[str, Any]) -> jwk.Key | None:
        kid, algorithm = header.get("kid"), header.get("alg")
        fitting = [each for each in self._keys if each.alg in (None, algorithm)]
        named = [each for each in fitting if each.kid == kid] if kid is not None else fitting
        return named[0] if len(named) == 1 else None

    def _ask(self, wait: bool) -> None:
        """Ask the provider for its keys, if that was not done just now. What it does not tell stays as it was."""
        if not self._asking.acquire(timeout=PATIENCE if wait else 0):
            return
        try:
            if self._clock() - self._asked_at < PAUSE:
                return
            self._asked_at = self._clock()
            told = _got(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
            named, address = told.get("issuer"), told.get("jwks_uri")
            if not isinstance(named, str) or named.rstrip("/") != self._issuer.rstrip("/"):
                raise ValueError(f"it calls itself {named!r}")
            if not isinstance(address, str) or not is_safe(address):
                raise ValueError("it names no address of its keys that is safe")
            keys = _keys(_got(address))
        except (httpx.HTTPError, ValueError, TypeError, JoseError) as error:
            log.warning("the identity provider %s does not tell its keys: %s", self._issuer, error)
        else:
            self._keys, self._named, self._told_at = keys, named, self._clock()
        finally:
            self._asking.release()


def _keys(told: Mapping[str, Any]) -> KeySet:
    """The keys that sign, as far as we know their kind. Never a secret that two share."""
    listed = told.get("keys")
    if not isinstance(listed, list):
        raise ValueError("it lists no keys")
    found = []
    for each in listed:
        if isinstance(each, dict) and each.get("kty") in ("RSA", "EC", "OKP") and each.get("use", "sig") == "sig":
            try:
                found.append(jwk.import_key(each))
            except (JoseError, ValueError, TypeError) as error:
                log.info("a key of the identity provider is left out: %s", error)
    if not found:
        raise ValueError("it lists no key that signs")
    return KeySet(found)


def _header(text: str) -> Mapping[str, Any] | None:
    """What a token says of how it is signed, if that is a way we take."""
    try:
        header = json_b64decode(text.partition(".")[0].encode())
    except (ValueError, RecursionError):
        return None
    if not isinstance(header, dict) or header.get("alg") not in ALGORITHMS or "crit" in header:
        return None
    return header if str(header.get("typ", TYPES[0])).lower() in TYPES else None


def _got(address: str) -> Mapping[str, Any]:
    """A document of the provider. Raises httpx.HTTPError, and ValueError where it is none."""
    end, content = time.monotonic() + 3 * PATIENCE, b""
    with httpx.stream("GET", address, timeout=PATIENCE, headers={"accept": "application/json"}) as answer:
        answer.raise_for_status()
        for part in answer.iter_bytes():
            content += part
            if len(content) > MOST_BYTES or time.monotonic() > end:
                raise ValueError("its answer does not end")
    told = json.loads(content)
    if not isinstance(told, dict):
        raise ValueError("its answer is no document")
    return told
