"""A disk in memory that can be full, and have room again."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


class NoDisk(Exception):
    """None can be made here: says why."""


@dataclass(frozen=True)
class Disk:
    """A folder with a size of its own, in kilobytes."""

    place: Path
    size: int

    def fill(self) -> None:
        """Leave no room for anything more."""
        while True:
            seen = os.statvfs(self.place)
            try:
                self._resize((seen.f_blocks - seen.f_bfree) * seen.f_frsize // 1024)
                return
            except NoDisk:  # it has grown meanwhile
                continue

    def make_room(self) -> None:
        """Make room again."""
        self._resize(self.size)

    def _resize(self, size: int) -> None:
        _call("mount", "-o", f"remount,size={size}k", str(self.place))


@contextmanager
def a_disk(folder: Path, megabytes: int) -> Iterator[Disk]:
    """A disk in this folder, which is made. Raises NoDisk."""
    folder.mkdir()
    _call("mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=755", "daybook-test", str(folder))
    try:
        yield Disk(folder, megabytes * 1024)
    finally:
        _call("umount", "--lazy", str(folder))


def _call(*command: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise NoDisk(str(error)) from None
    if done.returncode:
        raise NoDisk(done.stderr.strip())
