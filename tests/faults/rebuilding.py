"""A rebuild of a view in small batches, as of a history so large that it takes long; says each as it begins.

`python -m tests.faults.rebuilding VIEW DATA` reads the address of the database from its standard input.
"""

from __future__ import annotations

import sys
from pathlib import Path

from infra.database import SCHEMA
from infra.keys import master_keys_of, unlock
from infra.rebuild import rebuild
from projections.catalogue import VIEWS

if __name__ == "__main__":
    url, chosen = sys.stdin.readline().strip(), [view for view in VIEWS if view.table == sys.argv[1]]
    unlock(master_keys_of(None, Path(sys.argv[2])))
    rebuild(url, SCHEMA, chosen, lambda at: print(at.stage, at.done, flush=True), most=10)
