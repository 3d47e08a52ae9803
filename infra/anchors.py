"""Anchors: signed statements that the history had this hash at this position, kept outside of the database."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from json import JSONEncoder
from pathlib import Path
from typing import Any, Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from psycopg import Connection

from infra.data_folder import locked, prepare, secret

FORMAT: Final = 1
"""Of the chain: docs/history-format.md."""
LAST: Final = """
    select h.position, h.hash from event_head h join events e on e.position = h.position and e.hash = h.hash"""

_text_of: Final = JSONEncoder(ensure_ascii=False).encode


class WrongAnchor(Exception):
    """A file of anchors, a line of it, or a signing key is not what it should be: says where, and how."""


class NothingToAnchor(Exception):
    """The history is empty, or does not end where it says."""


class Anchor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of the file. All but the numbers are text; hash, key and signature are hexadecimal."""

    format: int
    position: int
    hash: str
    at: str
    """When it was signed, by the clock of whoever signed."""
    public_key: str
    signature: str

    @property
    def signed(self) -> bytes:
        """The bytes that the signature is of."""
        return _text_of(["daybook anchor", self.format, self.position, self.hash, self.at]).encode()


@dataclass(frozen=True)
class Anchors:
    """What a file holds: anchors, every one of them signed."""

    found: tuple[Anchor, ...]

    @property
    def receipts(self) -> dict[int, str]:
        """Which hash stood at which position."""
        return {each.position: each.hash for each in self.found}

    def line(self, position: int) -> int | None:
        """The first line that speaks of a position."""
        return next((number for number, each in enumerate(self.found, 1) if each.position == position), None)

    def told(self) -> dict[str, Any]:
        """What was checked, in plain values."""
        last = max(self.found, key=lambda each: each.position)
        return {
            "anchors": len(self.found),
            "first": min(each.position for each in self.found),
            "last": last.position,
            "at": last.at,
            "public_keys": sorted({each.public_key for each in self.found}),
        }


def key_in(data: Path) -> Ed25519PrivateKey:
    """The signing key of the data folder, made at first use."""
    folder = prepare(data)
    with locked(folder, "anchor.lock"):
        return _key(secret(folder, "anchor.key", _new_key), folder / "anchor.key")


def key_at_hand(data: Path) -> Ed25519PrivateKey | None:
    """The signing key of the data folder, where somebody has signed before; none is made."""
    file = data / "anchor.key"
    return key_from(file) if file.exists() else None


def key_from(file: Path) -> Ed25519PrivateKey:
    """A signing key that is kept elsewhere: an Ed25519 key in PEM, without a password."""
    try:
        return _key(file.read_text(), file)
    except (OSError, UnicodeDecodeError) as error:
        raise WrongAnchor(f"{file} cannot be read: {error}") from None


def anchor(connection: Connection[Any], key: Ed25519PrivateKey) -> Anchor:
    """Sign what the history ends with now. Raises NothingToAnchor."""
    found = connection.execute(LAST).fetchone()
    if found is None:
        ((position,),) = connection.execute("select coalesce(max(position), 0) from event_head").fetchall()
        if position == 0:
            raise NothingToAnchor("the history is empty: there is nothing to anchor")
        raise NothingToAnchor("the history does not end where it says: run `daybook verify history`")
    position, hash = found
    draft = Anchor(FORMAT, position, hash.hex(), f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}", public_half(key), "")
    return msgspec.structs.replace(draft, signature=key.sign(draft.signed).hex())


def add(file: Path, made: Anchor) -> None:
    """Add a line to the end of a file, which is made if it is not there. Raises WrongAnchor where that cannot be."""
    try:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        with open(descriptor, "r+b", buffering=0) as opened:
            fcntl.flock(opened, fcntl.LOCK_EX)
            length = os.fstat(descriptor).st_size
            if length and os.pread(descriptor, 1, length - 1) != b"\n":
                raise WrongAnchor(f"the last line of {file} is not whole: put it right, or choose another file")
            opened.write(msgspec.json.encode(made) + b"\n")
            os.fsync(descriptor)
    except OSError as error:
        raise WrongAnchor(f"{file} cannot be written: {error.strerror}") from None


def read(file: Path, signers: Collection[str] = ()) -> Anchors:
    """The anchors of a file, signed by one of the `signers`, public keys in hexadecimal; by anybody without them.

    Raises WrongAnchor for a line that is no anchor, whose signature does not hold, or that contradicts an earlier one.
    """
    try:
        lines = file.read_bytes().splitlines()
    except OSError as error:
        raise WrongAnchor(f"{file} cannot be read: {error.strerror}") from None
    if not lines:
        raise WrongAnchor(f"there is no anchor in {file}")
    known: dict[int, str] = {}
    found = []
    for number, line in enumerate(lines, 1):
        where = f"line {number} of {file}"
        try:
            each = msgspec.json.decode(line, type=Anchor)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise WrongAnchor(f"{where} is no anchor") from None
        if each.format != FORMAT:
            raise WrongAnchor(f"{where} is about a history of format {each.format}, and only {FORMAT} is known here")
        if not holds(each.public_key, each.signature, each.signed):
            raise WrongAnchor(f"{where} was not signed with the key that it names: it was changed")
        if signers and each.public_key not in signers:
            raise WrongAnchor(f"{where} was signed by another: {each.public_key}")
        if known.setdefault(each.position, each.hash) != each.hash:
            raise WrongAnchor(f"{where} names another hash for position {each.position} than a line before it")
        found.append(each)
    return Anchors(tuple(found))


def public_half(key: Ed25519PrivateKey) -> str:
    """What whoever checks a signature must know, in hexadecimal."""
    return key.public_key().public_bytes_raw().hex()


def holds(public_key: str, signature: str, signed: bytes) -> bool:
    """Whether a signature is of these bytes, by this key; both in hexadecimal."""
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key)).verify(bytes.fromhex(signature), signed)
    except (ValueError, InvalidSignature):
        return False
    return True


def _new_key() -> str:
    how = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return Ed25519PrivateKey.generate().private_bytes(*how).decode().strip()


def _key(pem: str, file: Path) -> Ed25519PrivateKey:
    try:
        key = serialization.load_pem_private_key(pem.encode(), None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise WrongAnchor(f"{file} is no Ed25519 key in PEM without a password")
    return key
