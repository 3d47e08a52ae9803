"""The keys of persons: what is personal is sealed under them, and they are wrapped by the master key.

To forget a person is to destroy the key: what it sealed stays in the history, and nobody can read it any more.
The database says by which master key each is wrapped; who has several can unwrap by each: see infra/rotation.py.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode, urlsafe_b64decode
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from os import urandom
from pathlib import Path
from secrets import token_urlsafe
from threading import Lock
from time import monotonic
from typing import Any, Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from psycopg import Connection

from infra.commit import Forgotten
from infra.data_folder import keep, locked, secret

LENGTH: Final = 32
"""Bytes of a key."""
NONCE: Final = 12
LASTS: Final = 5.0
"""Seconds for which a key is remembered: so long at most can what was sealed be read after a person is forgotten."""
REMEMBERED: Final = 10_000
"""So many keys are remembered."""
KNOWN: Final = "select person, wrapped, master from person_keys where person = any(%s)"
MASTERS: Final = """
    select master from secrets where master is not null union
    select master from person_keys where master is not null"""
MADE: Final = "select person, wrapped, master from person_key(%s, %s, %s)"

Ask = Callable[[str, Sequence[Any]], Sequence[tuple[Any, ...]]]
"""Puts a statement with its parameters to the database."""
Known = tuple[float, AESGCM | None]
"""Until when a key is remembered, and the key; None where there is none, or none any more."""
NOTHING: Final[Known] = (0.0, None)


class NoMasterKey(Exception):
    """Personal data cannot be sealed or read here: says what is missing."""


class WrongMasterKey(NoMasterKey):
    """This master key is not the one, or is none: says why."""


class MasterKey:
    """Wraps the keys of persons. What else wants a secret of the company gets one derived from it."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) != LENGTH:
            raise WrongMasterKey(f"a master key has {LENGTH} bytes")
        self._secret = secret
        self._cipher = AESGCM(self.derived("keys of persons"))
        self.name = sha256(b"daybook master key " + secret).hexdigest()[:16]
        """Tells it from another, and tells nothing of it."""

    def derived(self, purpose: str) -> bytes:
        """A secret of 32 bytes for one purpose: always the same, and no way back."""
        return HKDF(SHA256(), LENGTH, salt=None, info=f"daybook {purpose}".encode()).derive(self._secret)

    def wrap(self, person: UUID, key: bytes) -> bytes:
        nonce = urandom(NONCE)
        return nonce + self._cipher.encrypt(nonce, key, person.bytes)

    def unwrap(self, person: UUID, wrapped: bytes) -> bytes:
        """The key of a person, which this master key wrapped. Raises WrongMasterKey."""
        try:
            return self._cipher.decrypt(wrapped[:NONCE], wrapped[NONCE:], person.bytes)
        except InvalidTag:
            raise WrongMasterKey(
                f"the key of {person} is damaged: the master key {self.name} does not open it"
            ) from None


class MasterKeys:
    """The master keys that are known here: the first wraps what is new, and each unwraps what it wrapped.

    Where they come from a file, it is read again when one is needed that is not known: it may have been added since.
    """

    def __init__(self, keys: Sequence[MasterKey], file: Path | None = None) -> None:
        self._keys, self._file = keys, file

    @property
    def first(self) -> MasterKey:
        return self._keys[0]

    def named(self, name: str) -> MasterKey:
        """The one of this name. Raises WrongMasterKey."""
        if (found := self._find(name)) is None and self._file is not None:
            self._keys = keys_in(self._file)
            found = self._find(name)
        if found is None:
            raise WrongMasterKey(
                f"this database needs the master key {name}, and this one is {self.first.name}: "
                "give the right one by DAYBOOK_MASTER_KEY_FILE"
            )
        return found

    def knows(self, name: str) -> bool:
        """Whether there is one of this name."""
        return self._find(name) is not None

    def _find(self, name: str) -> MasterKey | None:
        return next((key for key in self._keys if key.name == name), None)


def keys_in(path: Path) -> list[MasterKey]:
    """The master keys in a file, one on each line: 32 random bytes in base64. Raises WrongMasterKey."""
    lines = path.read_text().replace("+", "-").replace("/", "_").split("\n")
    texts = [text for line in lines if (text := line.strip().rstrip("="))]
    if not texts or not all(re.fullmatch(r"[\w-]{43}", text, re.ASCII) for text in texts):
        raise WrongMasterKey(f"{path} holds no master key: it is {LENGTH} random bytes in base64")
    return [MasterKey(urlsafe_b64decode(text + "=")) for text in texts]


def put_first(path: Path) -> None:
    """Make a master key, and put it before those that a file holds."""
    keep(path, f"{token_urlsafe(LENGTH)}\n{path.read_text().strip()}")


def file_of(file: Path | None, data: Path) -> Path:
    """Where the master keys are: in this file, else in the data folder."""
    return file or data / "master.key"


def master_keys_of(file: Path | None, data: Path, make: bool = False) -> MasterKeys | None:
    """The master keys: of this file, else of the data folder; there one is made where there is none, if it may be.

    Raises WrongMasterKey.
    """
    found = file_of(file, data)
    if file is None and make:
        with locked(data, "master.lock"):  # two that start at once share one
            secret(data, found.name)
    return MasterKeys(keys_in(found), found) if file or found.exists() else None


def fitting(connection: Connection[Any], file: Path | None, data: Path, make: bool) -> MasterKeys | None:
    """The master keys of a database. None is made where another wrapped something already. Raises WrongMasterKey."""
    known = [name for (name,) in connection.execute(MASTERS)]
    keys = master_keys_of(file, data, make and not known)
    if keys is not None and (missing := [name for name in known if not keys.knows(name)]):
        raise WrongMasterKey(
            f"personal data is sealed under the master key {missing[0]}, and {file or data} holds {keys.first.name}: "
            "give the right one by DAYBOOK_MASTER_KEY_FILE"
        )
    return keys


class _Unlocked:
    """The master keys of this process."""

    keys: MasterKeys | None = None


def unlock(keys: MasterKeys | None) -> None:
    """Let this process seal and read what is personal. Once, at its start; without it neither can be done."""
    _Unlocked.keys = keys


def unlocked() -> MasterKeys | None:
    """The master keys of this process, if it has any."""
    return _Unlocked.keys


class PersonKeys:
    """The keys of persons as one user of the database knows them. Each is remembered for some seconds, or for ever."""

    def __init__(self, ask: Ask, lasts: float = LASTS) -> None:
        self._ask, self._lasts, self._lock = ask, lasts, Lock()
        self._known: OrderedDict[UUID, Known] = OrderedDict()

    def seal(self, person: UUID, told: bytes, place: bytes) -> str:
        """What is told, so that it can be read in this place alone. Raises Forgotten, NoMasterKey, WrongMasterKey."""
        _, cipher = self._remembered(person) or NOTHING
        cipher = cipher or self._made(person)
        nonce = urandom(NONCE)
        return b64encode(nonce + cipher.encrypt(nonce, told, place)).decode()

    def open(self, person: UUID, sealed: str, place: bytes) -> bytes | None:
        """What was told; None once the person is forgotten. Raises NoMasterKey, WrongMasterKey."""
        _, cipher = self._remembered(person) or self.recall([person])[person]
        if cipher is None:
            return None
        told = b64decode(sealed)
        return cipher.decrypt(told[:NONCE], told[NONCE:], place)

    def recall(self, persons: Iterable[UUID]) -> dict[UUID, Known]:
        """The keys of many persons, with one question for those that are not remembered."""
        found = {person: self._remembered(person) for person in persons}
        if missing := [person for person, known in found.items() if known is None]:
            rows = {person: row for person, *row in self._ask(KNOWN, [missing])}
            found |= {person: self._remember(person, *rows.get(person, (None, None))) for person in missing}
        return {person: known for person, known in found.items() if known}

    def drop(self, persons: Iterable[UUID]) -> None:
        """Remember the keys of these persons no more."""
        with self._lock:
            for person in persons:
                self._known.pop(person, None)

    def _remembered(self, person: UUID) -> Known | None:
        known = self._known.get(person)
        return known if known is not None and monotonic() < known[0] else None

    def _made(self, person: UUID) -> AESGCM:
        """The key of a person, who gets one now unless there is one. Raises Forgotten if there was one."""
        keys = _needed()
        wrapped, name = self._kept(person, keys.first)
        if wrapped is None and name is not None:  # all are wrapped by another one by now, or not yet by this one
            wrapped, name = self._kept(person, keys.named(name))
        _, cipher = self._remember(person, wrapped, name)
        if cipher is None:
            raise Forgotten
        return cipher

    def _kept(self, person: UUID, master: MasterKey) -> tuple[bytes | None, str | None]:
        """The key of a person as it is kept. None where there is none any more; with a name, that one must wrap it."""
        made = master.wrap(person, AESGCM.generate_key(256))
        [(_, wrapped, name)] = self._ask(MADE, [person, made, master.name])
        return wrapped, name

    def _remember(self, person: UUID, wrapped: bytes | None, name: str | None) -> Known:
        cipher = AESGCM(_needed().named(name).unwrap(person, wrapped)) if wrapped is not None and name else None
        known = monotonic() + self._lasts, cipher
        with self._lock:
            self._known[person] = known
            self._known.move_to_end(person)
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return known


def _needed() -> MasterKeys:
    if _Unlocked.keys is None:
        raise NoMasterKey(
            "personal data is sealed under a master key, and there is none: "
            "give the file that holds it by DAYBOOK_MASTER_KEY_FILE"
        )
    return _Unlocked.keys
