import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode
from uuid import UUID, uuid4

import pytest
from psycopg.conninfo import conninfo_to_dict

from infra.database import connect, migrate
from infra.embedded import embedded
from tests.infra.daybook import daybook


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data folder with a database that no server ever used."""
    folder = tmp_path_factory.mktemp("cli") / "data"
    with embedded(folder):  # so that it need not start for every command
        assert daybook(folder, "migrate").returncode == 0
        yield folder
    assert daybook(folder, "reset", "--yes").returncode == 0
    assert not folder.exists()


def test_it_says_which_version_it_is_without_a_database(tmp_path: Path) -> None:
    said = daybook(tmp_path / "data", "--version")

    assert re.fullmatch(r"daybook \d+\.\d+\.\d+\n", said.stdout)
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["serve", "--nonsense"], ["token"], ["import", "nowhere.csv"], ["token", "create"]]
)
def test_being_called_in_a_wrong_way_is_exit_code_2(tmp_path: Path, arguments: list[str]) -> None:
    said = daybook(tmp_path / "data", *arguments)

    assert said.returncode == 2
    assert "Traceback" not in said.stderr


def test_every_command_explains_itself(tmp_path: Path) -> None:
    listed = daybook(tmp_path / "data", "--help").stdout

    for command in (
        "serve", "project", "import", "export", "rebuild", "verify", "token", "role", "schema", "settings", "migrate",
        "backup", "restore", "status", "reset",
    ):  # fmt: skip
        assert re.search(rf"\b{command}\b +[A-Z]", listed), command


def test_who_was_locked_out_is_let_do_everything_again(data: Path) -> None:
    listed = {role["name"]: role for role in json.loads(daybook(data, "role", "list", "--json").stdout)}
    [first] = listed["administrator"]["holders"]

    unknown = daybook(data, "role", "give", "emperor", first)
    nobody = daybook(data, "role", "give", "auditor", "Nobody")
    last = daybook(data, "role", "take", "administrator", "administrator")
    given = daybook(data, "role", "give", "auditor", "administrator")
    shown = json.loads(daybook(data, "role", "show", "auditor", "--json").stdout)
    taken = daybook(data, "role", "take", "auditor", first)

    assert (unknown.returncode, nobody.returncode) == (1, 1)
    assert "there is no role emperor" in unknown.stderr and "there is no user Nobody" in nobody.stderr
    assert (last.returncode, "nobody else may do everything" in last.stderr) == (1, True)
    assert (given.returncode, taken.returncode) == (0, 0)
    assert shown["holders"] == {first: "administrator"}
    assert shown["grants"] == {"*.personal": "all", "*.see": "all", "platform.audit": "all"}


def test_a_wrong_setting_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    said = daybook(tmp_path / "data", "status", time_zone="Mars/Olympus")

    assert (said.returncode, said.stdout) == (2, "")
    assert said.stderr == (
        "daybook: DAYBOOK_TIME_ZONE is 'Mars/Olympus': a name of the tz database such as Europe/Berlin is needed\n"
    )


def test_settings_are_listed_for_people_and_for_machines(tmp_path: Path) -> None:
    url = "postgresql://daybook:hush@nowhere/daybook"

    people = daybook(tmp_path / "data", "settings", database_url=url)
    machines = daybook(tmp_path / "data", "settings", "--json", database_url=url)

    listed = {row["name"]: row for row in json.loads(machines.stdout)}
    assert listed["DAYBOOK_DATABASE_URL"]["value"] == "postgresql://daybook:***@nowhere/daybook"
    assert (listed["DAYBOOK_PORT"]["value"], listed["DAYBOOK_PORT"]["default"]) == ("8000", True)
    assert "postgresql://daybook:***@nowhere/daybook" in people.stdout
    assert "hush" not in people.stdout + machines.stdout


def test_a_database_that_does_not_answer_is_one_line(tmp_path: Path) -> None:
    said = daybook(tmp_path / "data", "status", database_url="postgresql://daybook@127.0.0.1:1/daybook")

    assert said.returncode == 1
    assert said.stderr.startswith("daybook: the database does not answer: ")
    assert said.stderr.count("\n") == 1


def test_the_schema_of_the_api_is_printed(tmp_path: Path) -> None:
    said = daybook(tmp_path / "data", "schema")

    assert "\ntype Query {" in said.stdout and "\ntype Mutation {" in said.stdout


def test_migrating_twice_runs_nothing_twice(data: Path) -> None:
    assert json.loads(daybook(data, "migrate", "--json").stdout) == []
    assert daybook(data, "migrate").stdout == "everything is up to date\n"


def test_a_token_is_made_listed_and_revoked(data: Path) -> None:
    made = daybook(data, "token", "create", "laptop", "--days", "7", "--scope", "read", "--scope", "sales.*")
    assert re.fullmatch(r"daybook_[0-9a-f]{32}_[0-9a-f]{64}\n", made.stdout)
    shown = made.stdout.split("_")[1]
    id = f"ApiToken_{UUID(shown)}"
    daybook(data, "token", "create", "other")

    before = {t["id"]: t for t in json.loads(daybook(data, "token", "list", "--json").stdout)}
    revoked = daybook(data, "token", "revoke", shown)
    after = {t["id"]: t for t in json.loads(daybook(data, "token", "list", "--json").stdout)}
    again = daybook(data, "token", "revoke", id)

    assert (before[id]["name"], before[id]["state"]) == ("laptop", "valid")
    assert before[id]["scopes"] == ["read", "sales.*"]
    assert before[id]["expires_at"] is not None
    assert (revoked.returncode, after[id]["state"]) == (0, "revoked")
    assert {t["name"]: t["state"] for t in after.values()}["other"] == "valid"
    assert (again.returncode, again.stderr) == (1, "daybook: ApiToken.revoke: this token is revoked already\n")
    assert made.stdout.split("_")[2].strip() not in daybook(data, "token", "list").stdout


def test_who_was_kept_from_what_is_listed(data: Path) -> None:
    daybook(data, "token", "list")  # there is a database then

    listed = daybook(data, "audit", "refusals", "--days", "1", "--json")

    assert (listed.returncode, json.loads(listed.stdout)) == (0, [])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["token", "revoke", "nothing"], "there is no token nothing"),
        (["token", "revoke", "ApiToken_01900000-0000-7000-8000-000000000000"], "id: there is no such thing"),
        (
            ["token", "create", "x", "--scope", "sales.sel"],
            "scopes: there is no scope sales.sel: did you mean sales.sell?",
        ),
        (["token", "create", "x", "--user", "nobody"], "nobody is not the id of a user"),
        (["token", "create", "x", "--user", "Account_01900000-0000-7000-8000-000000000000"], "is not the id of a user"),
        (["token", "create", "x", "--user", "User_01900000-0000-7000-8000-000000000000"], "there is no active user"),
        (["rebuild", "nothing"], "there is no view nothing"),
        (["export", "nothing"], "there is no nothing"),
        (["backup", "/nowhere/at/all"], "/nowhere/at/all cannot be written"),
        (["reset"], "say so with --yes"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_code_1(data: Path, arguments: list[str], message: str) -> None:
    said = daybook(data, *arguments)

    assert (said.returncode, said.stdout) == (1, "")
    assert said.stderr.startswith("daybook: ") and message in said.stderr
    assert said.stderr.count("\n") == 1


def test_the_history_is_verified_also_against_a_receipt(data: Path) -> None:
    daybook(data, "token", "create", "so that there is a first user")

    verified = json.loads(daybook(data, "verify", "--json").stdout)
    kept = f"{verified['position']}:{verified['receipt']}"
    good = daybook(data, "verify", "history", "--by-hand", "--receipt", kept)
    bad = daybook(data, "verify", "--receipt", f"{verified['position']}:{'0' * 64}")

    assert verified["broken"] is None and verified["position"] >= 1
    assert (good.returncode, verified["receipt"] in good.stdout) == (0, True)
    assert (bad.returncode, "broken at position" in bad.stdout) == (1, True)
    assert daybook(data, "verify", "--receipt", "nonsense").returncode == 2


def test_views_are_rebuilt_and_exported_without_a_server(data: Path) -> None:
    daybook(data, "token", "create", "so that there is a first user")
    assert daybook(data, "export", "users").returncode == 0

    rebuilt = json.loads(daybook(data, "rebuild", "users", "--json").stdout)
    exported = daybook(data, "export", "users", "--format", "ndjson")

    assert [(each["view"], each["as_before"]) for each in rebuilt] == [("users", True)]
    [user] = [json.loads(line) for line in exported.stdout.splitlines()]
    assert user["name"] == "administrator" and user["id"].startswith("User_")


def test_status_says_how_far_every_view_is(data: Path) -> None:
    assert daybook(data, "export", "users").returncode == 0

    stand = json.loads(daybook(data, "status", "--json").stdout)

    assert (stand["database"], stand["serving"], stand["prepared"]) == ("embedded", None, True)
    assert ("users", "live") in [(view["view"], view["state"]) for view in stand["views"]]
    assert "users" in daybook(data, "status").stdout


def test_status_of_a_database_that_nobody_serves_is_no_concern(data: Path) -> None:
    daybook(data, "anchor")
    told = daybook(data, "status", "--json")

    stand = json.loads(told.stdout)
    assert (told.returncode, stand["concerns"], stand["projectors"]) == (0, [], 0)
    assert stand["anchored"]["position"] == stand["position"] >= 1
    assert stand["postgresql"].startswith("18.") and stand["database_size"] > 2**20 and stand["free_disk"] > 0
    assert "All is well" in daybook(data, "status").stdout


def test_status_fails_where_something_is_of_concern(data: Path) -> None:
    with embedded(data) as server:
        given = {"database_url": server.application_url, "owner_url": server.owner_url}
        with connect(server.owner_url) as connection:
            connection.execute(
                """insert into projections values ('late_1', 'late', '{}', '{}', 'live', null, 0);
                   insert into checkpoints (name, lane, position) values ('late_1', 0, 0);
                   insert into dead_letters values ('late_1', gen_random_uuid(), 1, 'broken', 3);
                   insert into followers values ('relay', 0)"""
            )
            told = daybook(data, "status", "--json", **given)
            in_words = daybook(data, "status", **given)
            connection.execute("delete from projections where view = 'late'; delete from followers")

    late = next(view for view in json.loads(told.stdout)["views"] if view["view"] == "late")
    concerns = json.loads(told.stdout)["concerns"]
    assert (told.returncode, in_words.returncode) == (1, 1)
    assert late["behind"] == json.loads(told.stdout)["position"] and late["seconds"] > 0 and late["parked"] == 1
    assert concerns[:2] == [
        "no projector runs: views stand still",
        "late cannot follow 1 aggregates: see `daybook dead list`",
    ]
    assert concerns[-1].startswith("the relay does not run, and is ")
    assert "! no projector runs" in in_words.stdout


def test_a_backup_comes_back_into_an_empty_folder_only(data: Path, tmp_path: Path) -> None:
    daybook(data, "token", "create", "so that there is a first user")
    before, other = json.loads(daybook(data, "verify", "--json").stdout), tmp_path / "other"
    assert daybook(data, "backup", str(tmp_path / "saved")).returncode == 0

    restored = daybook(other, "restore", str(tmp_path / "saved"), "--json")
    again = daybook(other, "restore", str(tmp_path / "saved"))

    assert json.loads(restored.stdout) == {"events": before["position"]}
    assert json.loads(daybook(other, "verify", "--json").stdout) == before
    assert (again.returncode, "has a history already" in again.stderr) == (1, True)
    assert json.loads(daybook(other, "status", "--json").stdout)["views"] == []
    daybook(other, "export", "users")
    assert "administrator" in daybook(other, "export", "users").stdout


def test_views_are_verified_against_the_history_and_the_aggregates(data: Path) -> None:
    daybook(data, "token", "create", "so that there is a first user")
    daybook(data, "export", "users")

    verified = daybook(data, "verify", "views", "users", "--all", "--json")
    in_words = daybook(data, "verify", "views", "users")

    [users] = json.loads(verified.stdout)
    assert (verified.returncode, users["view"], users["aggregates"], users["differences"]) == (0, "users", 1, [])
    assert "users is what the history says" in in_words.stdout
    assert daybook(data, "verify", "history", "users").returncode == 2


def test_what_is_parked_is_listed_shown_skipped_and_tried_again(data: Path) -> None:
    daybook(data, "token", "create", "so that there is a first user")
    daybook(data, "export", "users")

    listed = daybook(data, "dead", "list")
    shown = json.loads(daybook(data, "dead", "show", "1", "--json").stdout)
    refused = daybook(data, "dead", "skip", "1")

    assert listed.stdout == "nothing is parked\n"
    assert (shown["event"]["topic"], shown["parked"]) == ("User.Added", [])
    assert (refused.returncode, "name the view" in refused.stderr) == (1, True)
    assert daybook(data, "dead", "retry").returncode == 0
    assert {view["parked"] for view in json.loads(daybook(data, "status", "--json").stdout)["views"]} == {0}
    assert "nothing of users is half built" in daybook(data, "rebuild", "users", "--abandon").stderr
    assert "no old tables of users are kept" in daybook(data, "rebuild", "users", "--drop").stderr
    assert "no old tables of users are kept" in daybook(data, "rebuild", "users", "--back").stderr


def test_a_database_of_an_older_daybook_is_told_to_be_migrated(database_url: str, tmp_path: Path) -> None:
    name = f"test_older_{uuid4().hex}"
    older = f"postgresql:///{name}?{urlencode({**conninfo_to_dict(database_url), 'dbname': name})}"
    with connect(database_url) as connection:
        connection.execute(f"create database {name}".encode())
        migrate(older, last="0008_callers.sql")

        before = daybook(tmp_path, "audit", "access", database_url=older)
        migrated = daybook(tmp_path, "migrate", database_url=older)
        after = daybook(tmp_path, "audit", "access", database_url=older)
        connection.execute(f"drop database {name} with (force)".encode())

    told = "daybook: the database is of an older Daybook: run `daybook migrate`\n"
    assert (before.returncode, before.stderr) == (1, told)
    assert (migrated.returncode, after.returncode) == (0, 0), after.stderr
