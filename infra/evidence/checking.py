"""Checking evidence: whether a file holds what its manifest says, and a history that is whole. It needs no database."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO, Final, cast

from infra.anchors import holds
from infra.evidence.forms import FORMS
from infra.evidence.manifest import Manifest, WrongManifest, beside, read, signed
from infra.evidence.rows import SCHEMA_VERSION, TIMES, TOPIC, Row, Unreadable, written
from infra.exporting import Format
from infra.verify import BEGINNING, linked

AT_ONCE: Final = 10_000

Live = Callable[[Sequence[int]], Mapping[int, bytes]]
"""The hashes that a database has at these positions, as far as it has events there."""
Progress = Callable[[int, int], None]
"""Told how many events are checked, and of how many."""


@dataclass(frozen=True)
class Checked:
    """What a file proves of the positions from `first` to `last`; or what is wrong with it, and at which position.

    `receipt` is the hash of the event at the last one. `whole` says that no event was left out, so that the chain is
    shown; else each event is only shown to be the one of its hash.
    """

    file: str
    first: int
    last: int
    events: int
    before: str
    receipt: str
    whole: bool
    public_key: str | None
    """The key by which its manifest is signed; None: nobody signed it."""
    met: tuple[int, ...] = ()
    """The positions of the receipts that were given of events that are in it."""
    broken: int | None = None
    problem: str | None = None


class _Broken(Exception):
    """Something is wrong at this position; None: at no certain one."""

    def __init__(self, position: int | None, problem: str) -> None:
        super().__init__(problem)
        self.position = position


@dataclass
class _Walk:
    """How far a file was checked: the last position, its hash, and what was counted."""

    position: int
    hash: bytes
    events: int = 0
    kinds: Counter[tuple[str, int]] = field(default_factory=Counter)
    first: int | None = None
    """When the first event was recorded, in microseconds since 1970, and the last."""
    last: int | None = None

    def step(self, row: Row) -> None:
        self.position, self.hash = row.position, row.hash
        self.events += 1
        self.kinds[row.told[TOPIC], row.told[SCHEMA_VERSION]] += 1
        self.last = row.told[TIMES[0]]
        self.first = self.last if self.first is None else self.first


def is_evidence(file: Path) -> bool:
    """Whether a file is one of events or a manifest, by what is in it or beside it; a file of anchors is neither."""
    try:
        with file.open("rb") as opened:
            begins = opened.read(64).lstrip()
    except OSError:
        return False
    if begins.startswith(b"{") and b'"what"' in begins:
        return True
    return begins.startswith((b"\x1f\x8b", b"PAR1", b"position,", b'{"position"')) or beside(file).exists()


def check(
    file: Path,
    receipts: Mapping[int, str] = MappingProxyType({}),
    live: Live | None = None,
    progress: Progress = lambda done, all: None,
    signers: Collection[str] = (),
) -> Checked:
    """Check a file of events, which is named or whose manifest is. `receipts` are hashes that were kept elsewhere,
    `signers` public keys, by one of which the manifest must be signed; without them it need not be.

    The first position that is wrong is named. What was changed without a trace in the events themselves, such as a
    space, shows in the digest of the file. Raises WrongManifest where there is none.
    """
    manifest, events = _found(file)
    checked = Checked(
        str(events), manifest.first, manifest.last, manifest.events, manifest.hash_before, manifest.hash,
        manifest.only is None, manifest.public_key,
    )  # fmt: skip
    walk, met = _Walk(manifest.first - 1, _hash(manifest.hash_before)), list[int]()
    waiting: list[Row] = []
    try:
        _is_signed(manifest, signers)
        _begins(manifest)
        if manifest.form is Format.PARQUET:  # what was changed is not for a reader of a hundred thousand lines
            _is_digested(events, manifest)
        for row in _rows(events, manifest, walk):
            _follows(row, walk, manifest)
            if (receipt := receipts.get(row.position)) is not None:
                if receipt.lower() != row.hash.hex():
                    raise _Broken(row.position, "this event is not the one that the receipt was given for")
                met.append(row.position)
            waiting.append(row)
            if len(waiting) == AT_ONCE:
                _are_live(waiting, live)
                progress(walk.position - manifest.first + 1, manifest.last - manifest.first + 1)
                waiting.clear()
        _are_live(waiting, live)
        _ends(walk, manifest)
        _is_digested(events, manifest)
    except _Broken as broken:
        return replace(checked, broken=broken.position, problem=str(broken))
    return replace(checked, met=tuple(met))


def gap(one: Checked, next: Checked) -> str | None:
    """What keeps two files from being one history, of which the second goes on where the first ends, or before."""
    if next.first > one.last + 1:
        return f"between {one.file} and {next.file} the positions {one.last + 1} to {next.first - 1} are missing"
    if next.first == one.last + 1 and one.receipt != next.before:
        return f"{next.file} does not go on with the event that {one.file} ends with"
    return None


def _found(file: Path) -> tuple[Manifest, Path]:
    """The manifest and the file of the events."""
    named = beside(file)
    if named.exists():
        return read(named), file
    with file.open("rb") as opened:
        begins = opened.read(64).lstrip()
    if not (begins.startswith(b"{") and b'"what"' in begins):
        raise WrongManifest(f"the manifest of {file} is missing: it should be {named}")
    manifest = read(file)
    if Path(manifest.file).name != manifest.file or not (events := file.with_name(manifest.file)).is_file():
        raise WrongManifest(f"the file {manifest.file} that {file} is about is not beside it")
    return manifest, events


def _is_signed(manifest: Manifest, signers: Collection[str]) -> None:
    key, signature = manifest.public_key, manifest.signature
    if (key or signature) and not (key and signature and holds(key, signature, signed(manifest))):
        raise _Broken(None, "its manifest was not signed with the key that it names: it was changed")
    if signers and key is None:
        raise _Broken(None, "its manifest is not signed")
    if signers and key not in signers:
        raise _Broken(None, f"its manifest was signed by another: {key}")


def _begins(manifest: Manifest) -> None:
    if manifest.first < 1 or manifest.last < manifest.first:
        raise _Broken(None, "the manifest names no positions of a history")
    if manifest.first == 1 and manifest.hash_before != BEGINNING.hex():
        raise _Broken(1, "it does not begin with what every history begins with")


def _follows(row: Row, walk: _Walk, manifest: Manifest) -> None:
    """Take a step: the event is the next one, and bears the hash that it must."""
    expected, position = walk.position + 1, row.position
    if position > manifest.last:
        raise _Broken(position, "the manifest says that the file ends before this event")
    if manifest.only is None:
        if position != expected or row.previous is not None:
            raise _Broken(expected, f"this event is missing: one of position {position} stands in its place")
        before = walk.hash
    else:
        if position < expected:
            raise _Broken(position, "this event stands after one that comes later")
        topic = row.told[TOPIC]
        if topic not in manifest.only and topic.partition(".")[0] not in manifest.only:
            raise _Broken(position, "the manifest says that there are no events of this kind")
        if row.previous is None or (position == expected and row.previous != walk.hash):
            raise _Broken(position, "this event does not name the hash of the event before it")
        before = row.previous
    if linked(before, row.told, row.state) != row.hash:
        raise _Broken(position, "this event is not what was recorded")
    walk.step(row)


def _ends(walk: _Walk, manifest: Manifest) -> None:
    """What was counted is what the manifest says."""
    if manifest.only is None and walk.position < manifest.last:
        raise _Broken(walk.position + 1, f"the end was cut off: the manifest goes on to position {manifest.last}")
    counted = {(kind, v): n for kind, versions in manifest.kinds.items() for v, n in versions.items()}
    if counted != {(kind, str(v)): n for (kind, v), n in walk.kinds.items()} or manifest.events != walk.events:
        raise _Broken(None, f"the file holds {walk.events:,} events, but not as many of each kind as its manifest says")
    if walk.position == manifest.last and walk.hash.hex() != manifest.hash:
        raise _Broken(manifest.last, "this event is not the one that the manifest ends with")
    times = [None if time is None else written(time) for time in (walk.first, walk.last)]
    if times != [manifest.recorded_from, manifest.recorded_to]:
        raise _Broken(None, "the manifest names other times of recording than the first and the last event")


def _are_live(rows: Sequence[Row], live: Live | None) -> None:
    if live is None:
        return
    found = live([row.position for row in rows])
    for row in rows:
        if row.position not in found:
            raise _Broken(row.position, "the database does not have this event")
        if found[row.position] != row.hash:
            raise _Broken(row.position, "the database has another event there")


def _rows(file: Path, manifest: Manifest, walk: _Walk) -> Iterator[Row]:
    with _opened(file) as opened:
        try:
            yield from FORMS[manifest.form].read(opened)
        except (Unreadable, OSError, EOFError, zlib.error, ValueError) as error:
            if manifest.only is None:
                raise _Broken(walk.position + 1, str(error)) from None
            raise _Broken(None, f"after position {walk.position}: {error}") from None


def _is_digested(file: Path, manifest: Manifest) -> None:
    with file.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    if (file.stat().st_size, digest) != (manifest.bytes, manifest.sha256):
        raise _Broken(None, "its bytes are not those that the manifest names the digest of")


def _hash(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise WrongManifest(f"the manifest names {text!r} for a hash") from None


@contextmanager
def _opened(file: Path) -> Iterator[BinaryIO]:
    """The file as it was before it was compressed, if it was."""
    with file.open("rb") as opened:
        packed = opened.read(2) == b"\x1f\x8b"
        opened.seek(0)
        if packed:
            with gzip.GzipFile(fileobj=opened, mode="rb") as unpacked:
                yield cast(BinaryIO, unpacked)
        else:
            yield opened
