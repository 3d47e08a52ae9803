"""A rebuild of the contacts in small batches, as of a history so large that it takes long; says each as it begins.

`python -m tests.faults.rebuilding DATA` reads the address of the database from its standard input.
"""

from __future__ import annotations

import sys
from pathlib import Path

from infra.database import SCHEMA
from infra.keys import master_keys_of, unlock
from infra.rebuild import rebuild
from projections.customers.contact import ContactView

if __name__ == "__main__":
    url = sys.stdin.readline().strip()
    unlock(master_keys_of(None, Path(sys.argv[1])))
    rebuild(url, SCHEMA, [ContactView], lambda at: print(at.stage, at.done, flush=True), most=10)
