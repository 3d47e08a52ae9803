"""Scopes: how far a token reaches at most. What its user may do is decided elsewhere; a scope never adds to it.

A scope is a permission (`sales.sell`), all permissions of a context (`sales.*`), all reading (`read`: every
`<context>.see`, `<context>.personal` and `<context>.audit`), or everything (`*`).
"""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches
from typing import Final

from domain.declaration import KINDS, context_of
from domain.rights import BESIDES, EVERYTHING

READ: Final = "read"


def covers(scopes: Collection[str] | None, permission: str) -> bool:
    """Whether a token of these scopes reaches as far as a permission; None: its scopes do not limit it."""
    context, _, act = permission.partition(".")
    reaching = (EVERYTHING, permission, f"{context}.*", *([READ] if act in ("see", "personal", "audit") else ()))
    return scopes is None or any(scope in scopes for scope in reaching)


def reaches(scopes: Collection[str] | None, wanted: str) -> bool:
    """Whether all that a scope reaches is reached by these scopes, too."""
    if scopes is None or EVERYTHING in scopes or wanted in scopes:
        return True
    return wanted not in (EVERYTHING, READ) and not wanted.endswith(".*") and covers(scopes, wanted)


def known_scopes() -> list[str]:
    """Every scope that means something, in order."""
    bases = {base for kind in KINDS.values() for base in kind.__mro__}
    methods = (getattr(member, "__func__", member) for base in bases for member in vars(base).values())
    permissions = {kind.needs for kind in KINDS.values()} | {getattr(method, "__needs__", "") for method in methods}
    contexts = {context_of(kind) for kind in KINDS.values()}
    named = {scope for context in contexts for scope in (f"{context}.*", f"{context}.see", f"{context}.personal")}
    return sorted({EVERYTHING, READ, *BESIDES} | named | (permissions - {""}))


def why_not(scope: str) -> str | None:
    """What is wrong with a scope, for whoever wrote it; None: nothing."""
    known = known_scopes()
    if scope in known:
        return None
    near = get_close_matches(scope, known, 1)
    return f"there is no scope {scope}" + (f": did you mean {near[0]}?" if near else "")
