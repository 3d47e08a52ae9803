"""The secret of an installation: digests under it tell nothing to whoever guesses what was digested, such as an e-mail.

It is made at first use and never changes, for what it digested is found by it again. Where there is a master key, it is
kept wrapped: then the database alone, or a backup of it, does not hold it.
"""

from __future__ import annotations

import hmac
from os import urandom
from typing import Any, Final

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from psycopg import Connection

from domain.aggregate import Claim
from infra.keys import MasterKey, MasterKeys, WrongMasterKey

NAME: Final = b"digests"
NONCE: Final = 12
FIND: Final = "select secret, master from secrets where name = 'digests'"
MAKE: Final = "insert into secrets (name, secret, master) values ('digests', %s, %s) on conflict do nothing"
WRAP: Final = "update secrets set secret = %s, master = %s where name = 'digests' and master is null"


class Digests:
    """Digests of what must be found again but not be read: HMAC-SHA256, each purpose under a key of its own."""

    def __init__(self, secret: bytes) -> None:
        self._request, self._claim = (_derived(secret, purpose) for purpose in (b"requests", b"claims"))

    def of_request(self, content: bytes) -> bytes:
        """Of what a command asks."""
        return hmac.digest(self._request, content, "sha256")

    def of_claim(self, claim: Claim) -> bytes:
        """Of a value that only one may hold."""
        content = msgspec.json.encode([claim.kind, claim.name, claim.value])
        return hmac.digest(self._claim, content, "sha256")


def digests(connection: Connection[Any], keys: MasterKeys | None) -> Digests:
    """The digests of this installation, the same in all its processes. Raises WrongMasterKey.

    A secret that was made before there was a master key is wrapped now.
    """
    found = connection.execute(FIND).fetchone()
    if found is None:
        connection.execute(MAKE, _kept(urandom(32), keys))
        found = connection.execute(FIND).fetchone()
    if found is not None and found[1] is None and keys is not None:
        connection.execute(WRAP, _kept(found[0], keys))
        found = connection.execute(FIND).fetchone()
    if found is None:
        raise RuntimeError("somebody removes the secret of this installation while it is being made")
    secret, master = found
    return Digests(secret if master is None else unwrapped(secret, master, keys))


def wrapped(secret: bytes, master: MasterKey) -> bytes:
    """The secret as it is kept where there is a master key."""
    nonce = urandom(NONCE)
    return nonce + _cipher(master).encrypt(nonce, secret, NAME)


def unwrapped(secret: bytes, master: str, keys: MasterKeys | None) -> bytes:
    """The secret that the master key of this name wrapped. Raises WrongMasterKey."""
    if keys is None:
        raise WrongMasterKey(
            f"this database needs the master key {master}, and there is none: "
            "give the file that holds it by DAYBOOK_MASTER_KEY_FILE"
        )
    return _cipher(keys.named(master)).decrypt(secret[:NONCE], secret[NONCE:], NAME)


def _kept(secret: bytes, keys: MasterKeys | None) -> tuple[bytes, str | None]:
    return (secret, None) if keys is None else (wrapped(secret, keys.first), keys.first.name)


def _cipher(master: MasterKey) -> AESGCM:
    return AESGCM(master.derived("secrets"))


def _derived(secret: bytes, purpose: bytes) -> bytes:
    return HKDFExpand(SHA256(), 32, b"daybook digests of " + purpose).derive(secret)
