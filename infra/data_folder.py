"""The data folder: what Daybook keeps beside a database: secrets, locks, and the embedded database itself."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


class Unusable(Exception):
    """The data folder cannot be used: says why, and what to do."""


class InUse(Exception):
    """Another process serves from this data folder."""


def prepare(data: Path) -> Path:
    """Make the folder where it is missing. Raises Unusable where we may not write in it."""
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = data.resolve()
    except OSError as error:
        raise Unusable(
            f"the data folder {data} cannot be made ({error.strerror}): set DAYBOOK_DATA to another"
        ) from None
    if not path.is_dir() or not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        raise Unusable(
            f"the data folder {data} belongs to another user: become that one, or set DAYBOOK_DATA to another folder"
        )
    return path


def secret(data: Path, name: str, make: Callable[[], str] = lambda: secrets.token_urlsafe(32)) -> str:
    """What the file `name` holds; made, and readable by its owner alone, where there is none."""
    path = data / name
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        keep(path, made := make())
        return made


def keep(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


@contextmanager
def locked(data: Path, name: str) -> Iterator[int]:
    """Hold the lock `name` alone, waiting for it. Gives its descriptor; a process that dies lets go."""
    descriptor = opened(data, name)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def opened(data: Path, name: str) -> int:
    """A descriptor of the lock file `name`, to be closed by the caller."""
    return os.open(data / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


@contextmanager
def serving(data: Path, address: str) -> Iterator[None]:
    """Be the only server of this folder. Raises InUse, naming the other one."""
    descriptor = opened(data, "serving.lock")
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            other = os.read(descriptor, 200).decode(errors="replace").strip() or "another process"
            raise InUse(
                f"the data folder {data} is in use by {other}: stop that, or set DAYBOOK_DATA to another folder"
            ) from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"process {os.getpid()} at {address}\n".encode())
        yield
    finally:
        os.close(descriptor)


def who_serves(data: Path) -> str | None:
    """Which process serves from this folder, and where; None if none does."""
    try:
        descriptor = os.open(data / "serving.lock", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return None
    except BlockingIOError:
        return os.read(descriptor, 200).decode(errors="replace").strip()
    finally:
        os.close(descriptor)
