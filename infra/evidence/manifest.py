"""The manifest of a file of evidence: what must be in the file, so that nothing can be taken out of it unseen."""

from __future__ import annotations

from json import JSONEncoder
from pathlib import Path
from typing import Any, Final, Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import DecodeError, Struct, ValidationError, json
from msgspec.structs import replace

from infra.anchors import public_half
from infra.exporting import Format

SUFFIX: Final = ".manifest.json"

_text_of: Final = JSONEncoder(ensure_ascii=False).encode


class WrongManifest(Exception):
    """There is no manifest, or it is none that is known here: says which, and why."""


class Manifest(
    Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, rename={"first": "from", "last": "to"}
):
    """What a file holds. Hashes, key and signature are hexadecimal."""

    what: Literal["daybook events"]
    format: Literal[1]
    """Of the file and of this manifest."""
    chain: Literal[1]
    """Of the hashes: docs/history-format.md."""
    file: str
    form: Format
    bytes: int
    sha256: str
    """Of the file as it lies there, compressed or not."""
    first: int
    last: int
    """The positions that it is about, these two included."""
    events: int
    only: list[str] | None
    """The kinds that are in the file, of aggregates or of events; None: all events of these positions are."""
    hash_before: str
    """Of the event before the first position; for position 1 the beginning of every history."""
    hash: str
    """Of the event at the last position."""
    recorded_from: str | None
    recorded_to: str | None
    """When the first and the last event that is in the file were recorded."""
    kinds: dict[str, dict[str, int]]
    """How many events of each kind, by the version of their schema."""
    personal: Literal["sealed"]
    """What is personal is in the file as it was recorded: encrypted under a key of the person, which is not in it."""
    made_at: str
    made_by: str
    public_key: str | None = None
    signature: str | None = None
    """By that key, as anchors are signed; neither is there where nobody signed it."""


def beside(file: Path) -> Path:
    """Where the manifest of a file is."""
    return file.with_name(file.name + SUFFIX)


def signed(manifest: Manifest) -> bytes:
    """The bytes that the signature is of: every member but key and signature, in their order."""
    members = {name: value for name, value in told(manifest).items() if name not in ("public_key", "signature")}
    return _text_of(["daybook manifest", members]).encode()


def sign(manifest: Manifest, key: Ed25519PrivateKey) -> Manifest:
    """The same, signed."""
    return replace(manifest, public_key=public_half(key), signature=key.sign(signed(manifest)).hex())


def encoded(manifest: Manifest) -> bytes:
    return json.format(json.encode(manifest), indent=2) + b"\n"


def read(file: Path) -> Manifest:
    """The manifest in a file. Raises WrongManifest."""
    try:
        text = file.read_bytes()
    except OSError as error:
        raise WrongManifest(f"{file} cannot be read: {error.strerror}") from None
    try:
        return json.decode(text, type=Manifest)
    except (DecodeError, ValidationError, UnicodeDecodeError, RecursionError) as error:
        raise WrongManifest(f"{file} is no manifest of events that is known here: {error}") from None


def told(manifest: Manifest) -> dict[str, Any]:
    """In plain values."""
    return dict(json.decode(json.encode(manifest)))
