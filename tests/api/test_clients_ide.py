"""The IDE at `/`, as somebody uses it by hand, in a Chromium without a window."""

from __future__ import annotations

import platform
from tempfile import TemporaryDirectory

import pytest

from tests.conftest import IMPOSSIBLE
from tests.infra.daybook import Serving
from tests.node import Node


def test_the_ide_asks_tells_and_follows_in_a_browser(node: Node, daybook: Serving) -> None:
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        pytest.skip(f"{IMPOSSIBLE}run the Chromium that comes in a package: it is for Linux on x86_64")
    token = (daybook.data / "token").read_text().strip()

    with TemporaryDirectory() as unpacked:
        passed = node.tests("ide.mjs", DAYBOOK_ADDRESS=daybook.address, DAYBOOK_TOKEN=token, TMPDIR=unpacked)

    assert passed > 0
