"""A rebuild of the accounts in small batches, as of a history so large that it takes long; says each as it begins."""

from __future__ import annotations

import sys

from infra.database import SCHEMA
from infra.rebuild import rebuild
from projections.customers.account import AccountView

if __name__ == "__main__":
    url = sys.stdin.readline().strip()
    rebuild(url, SCHEMA, [AccountView], lambda at: print(at.stage, at.done, flush=True), most=10)
