"""Documents that are asked by what stands for them: by the hash of their text, or as a build of a frontend named them.

Those of a manifest are known from the start; where there is one, no others are answered. Without one a client may send
the text of a document once with its hash, and from then on the hash alone, as Apollo's clients do.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import orjson
from graphql import GraphQLError

from api.asked import Asked
from api.errors import bad_input

MOST_KEPT: Final = 1000
MOST_CHARACTERS_KEPT: Final = 2_000_000
UNKNOWN: Final = "this server knows no such document"
ONLY_KNOWN: Final = "this server answers only documents that it knows: this one is not among them"


class Persisted:
    """The documents that are known. `manifest` are those that may be asked, by their ids; None: any."""

    def __init__(self, manifest: Mapping[str, str] | None = None) -> None:
        self.only = manifest is not None
        self.known = dict(manifest or {})
        self.known |= {hash_of(text): text for text in self.known.values()}
        self.kept: OrderedDict[str, str] = OrderedDict()
        self.characters = 0

    def found(self, asked: Asked) -> Asked:
        """What is asked for, with its text. Raises GraphQLError where that is not known, or not taken."""
        if asked.document_id:
            if asked.query:
                raise bad_input("an operation is named by `query` or by `documentId`, not by both")
            text = self._text(asked.document_id.removeprefix("sha256:"))
            return replace(asked, query=text) if text else _raise("PERSISTED_DOCUMENT_NOT_FOUND", UNKNOWN)
        if "persistedQuery" in asked.extensions:
            named = _hash_in(asked.extensions["persistedQuery"])
            if not asked.query:
                text = self._text(named)
                # Clients know the case by these words, and send the text.
                return (
                    replace(asked, query=text)
                    if text
                    else _raise("PERSISTED_QUERY_NOT_FOUND", "PersistedQueryNotFound")
                )
            if named != hash_of(asked.query):
                raise bad_input("`persistedQuery.sha256Hash` is not the hash of `query`")
        if self.only and hash_of(asked.query or "") not in self.known:
            return _raise("PERSISTED_DOCUMENT_NOT_FOUND", ONLY_KNOWN)
        return asked

    def keep(self, asked: Asked) -> None:
        """Remember a document that came with its hash, now that it has proved to be right."""
        if self.only or not asked.query or "persistedQuery" not in asked.extensions:
            return
        key = hash_of(asked.query)
        if key not in self.kept:
            self.kept[key] = asked.query
            self.characters += len(asked.query)
        self.kept.move_to_end(key)
        while len(self.kept) > MOST_KEPT or self.characters > MOST_CHARACTERS_KEPT:
            self.characters -= len(self.kept.popitem(last=False)[1])

    def _text(self, id: str) -> str | None:
        return self.known.get(id) or self.kept.get(id)


def hash_of(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _hash_in(given: Any) -> str:
    if not isinstance(given, dict) or given.get("version") != 1 or not isinstance(given.get("sha256Hash"), str):
        raise bad_input("`persistedQuery` is {version: 1, sha256Hash: …}")
    return str(given["sha256Hash"])


def _raise(code: str, message: str) -> Asked:
    raise GraphQLError(message, extensions={"code": code})


def load(path: Path) -> dict[str, str]:
    """The documents of a manifest, or of a folder of manifests and `.graphql` files, by their ids. Raises ValueError.

    A manifest is what relay-compiler writes (each id with its text), or Apollo's generate-persisted-query-manifest.
    """
    files = sorted(each for each in path.rglob("*") if each.suffix in SUFFIXES) if path.is_dir() else [path]
    found: dict[str, str] = {}
    for file in files:
        for id, text in _documents(file):
            if found.setdefault(id, text) != text:
                raise ValueError(f"{file.name} has another document under the id {id}")
    if not found:
        raise ValueError("there are no documents in it")
    return found


SUFFIXES: Final = (".json", ".graphql", ".gql")


def _documents(file: Path) -> Iterator[tuple[str, str]]:
    try:
        text = file.read_text()
        given = orjson.loads(text) if file.suffix == ".json" else {hash_of(text): text}
    except (OSError, ValueError) as error:
        raise ValueError(f"{file.name} cannot be read: {error}") from None
    if isinstance(given, dict) and given.get("format") == "apollo-persisted-query-manifest":
        operations = given.get("operations")
        if given.get("version") == 1 and isinstance(operations, list):
            given = {str(each.get("id")): each.get("body") for each in operations if isinstance(each, dict)}
    if not isinstance(given, dict) or not all(isinstance(each, str) for each in given.values()):
        raise ValueError(f"{file.name} is no manifest: of relay-compiler, or Apollo's of version 1")
    yield from given.items()
