"""The other peer of our reads: PostGraphile 5, as it comes, over the rows of the same views."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import psycopg

from tests.node import fetch

FOLDER: Final = Path(__file__).parent / "peer"
COMMAND: Final = ["node", "serve.mjs"]

VIEWS: Final = """
    drop schema if exists {peer} cascade;
    create schema {peer};
    create view {peer}.accounts as select * from {ours}.accounts;
    create view {peer}.opportunities as select * from {ours}.opportunities;
    comment on view {peer}.accounts is E'@primaryKey id';
    comment on view {peer}.opportunities is
        E'@primaryKey id\\n@foreignKey (account_id) references {peer}.accounts (id)|@foreignFieldName opportunities'"""
"""What PostGraphile reads of a schema: keys and references, as its smart comments tell them of views."""

LIST: Final = """{ allOpportunities(first: %d) { nodes {
    rowId version createdAt updatedAt name stage probability status expectedClose amount amountCurrency } } }"""
NESTED: Final = """{ allAccounts(first: 50) { nodes { rowId name
    opportunities(first: 5) { nodes { rowId name stage } } } } }"""
ONE: Final = """query ($id: UUID!) { opportunityByRowId(rowId: $id) { rowId name stage status } }"""


def environment(url: str, schema: str) -> dict[str, str]:
    """What its process is told, once the packages and the schema that it reads are there."""
    fetch(FOLDER)
    peer = f"{schema}_peer"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(VIEWS.format(peer=peer, ours=schema).encode())
    return {"DATABASE_URL": url, "PEER_SCHEMA": peer, "NODE_ENV": "production", "GRAPHILE_ENV": "production"}
