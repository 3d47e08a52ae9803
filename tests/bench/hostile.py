"""Hostile documents: how long each takes to be refused. Nothing of them is carried out, and none is kept."""

from __future__ import annotations

from collections.abc import Iterator
from time import perf_counter
from typing import Final

from graphql import GraphQLError

from api.bounds import MOST_CHARACTERS
from api.documents import prepare
from server import schema_of

LIMIT: Final = 20.0
"""Milliseconds."""


def deep(levels: int, before: str, open: str, close: str, after: str) -> str:
    return before + open * levels + "{ id }" + close * levels + after


def numbered(text: str, many: int, between: str = " ") -> str:
    return between.join(text.replace("#", str(n)).replace("+", str(n + 1)) for n in range(many))


FITS: Final = MOST_CHARACTERS - 100
NEW_LINE: Final = r"\n"
LINE: Final = "x\n"
DOCUMENTS: Final = {
    "20,000 aliases": f"{{ {numbered('a#: __typename', 20_000)} }}",
    "300 aliases": f"{{ {numbered('a#: __typename', 300)} }}",
    "5,000 directives": f"{{ __typename {'@skip(if: false) ' * 5_000}}}",
    "250 directives": f"{{ __typename {'@skip(if: false) ' * 250}}}",
    "900 unknown directives": f"{{ __typename {'@a ' * 900}}}",
    "10,000 levels": "{a" * 10_000 + "}" * 10_000,
    "450 levels": "{a" * 450 + "}" * 450,
    "40 levels of lists": deep(40, "{ accounts { nodes ", "{ opportunities { nodes { account ", " } } }", " } }"),
    "400 levels of filters": f"{{ accounts(filter: {'{not: ' * 400}{{}}{'}' * 400}) {{ totalCount }} }}",
    "fragments that double 90 times": (
        f"{{ ...f0 }} {numbered('fragment f# on Query { ...f+ ...f+ }', 90)} fragment f90 on Query {{ __typename }}"
    ),
    "fragments that double into nothing": f"{{ ...f0 }} {numbered('fragment f# on Query { ...f+ ...f+ }', 90)}",
    "fragments within each other": (
        "{ ...f0 } " + numbered(f"fragment f# on Query {{ {numbered('...f#', 15).replace('#', '')} }}", 15)
    ),
    "one field 990 times": f"{{ {'__typename ' * 990}}}",
    "one field 990 times, in a fragment that nobody uses": (
        f"{{ __typename }} fragment a on Query {{ {'__typename ' * 900}}}"
    ),
    "one selection 300 times": f"{{ {'head { position } ' * 300}}}",
    "one selection in 45 fragments": (
        f"{{ {numbered('...f#', 45)} }} {numbered('fragment f# on Query { head { position receipt recordedAt } }', 45)}"
    ),
    "990 unknown fields": f"{{ {numbered('a#', 990)} }}",
    "450 unknown arguments": f"{{ accounts({numbered('a#: 1', 450)}) {{ totalCount }} }}",
    "480 variables that nobody uses": f"query ({numbered('$v#: Int', 480)}) {{ __typename }}",
    "90 fragments that nobody uses": f"{{ __typename }} {numbered('fragment f# on Query { viewer { id } }', 90)}",
    "10,000 operations": numbered("query q# { a }", 10_000),
    "90 wrong operations": numbered("query q# { a b c d e f }", 90),
    "the schema in the schema": deep(12, "{ __schema { types ", "{ fields { type ", " } }", " } }"),
    "a text of a megabyte": f'{{ account(id: "{"x" * 1_000_000}") {{ id }} }}',
    "a text that just fits": f'{{ account(id: "{"x" * FITS}") {{ colour }} }}',
    "escapes that just fit": f'{{ account(id: "{NEW_LINE * (FITS // 2)}") {{ colour }} }}',
    "lines that just fit": f'{{ account(id: """{LINE * (FITS // 2)}""") {{ colour }} }}',
    "commas that just fit": f"{{ colour {',' * FITS}}}",
}


def rows(_: str) -> Iterator[tuple[str, str, str, str]]:
    """Each document, the time until it is refused, and how that is within the limit."""
    schema = schema_of("UTC")[0]._schema
    for name, text in DOCUMENTS.items():
        taken = min(_refusal(schema, text) for _ in range(5)) * 1000
        yield f"refusing {name}", f"{taken:.1f} ms", f"limit {LIMIT:.0f} ms", f"{taken / LIMIT:.2f}"


def _refusal(schema: object, text: str) -> float:
    started = perf_counter()
    try:
        refused = prepare(schema, text).errors  # type: ignore[arg-type]
    except GraphQLError as error:
        refused = [error]
    assert refused
    return perf_counter() - started
