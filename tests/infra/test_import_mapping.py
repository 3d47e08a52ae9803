"""A mapping: what its writer may say, and what they are told where it is wrong."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from textwrap import dedent
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from infra.importing import CannotImport
from infra.importing.mapping import RowMapping, read
from infra.importing.problems import BadRow
from infra.importing.values import Values

ROOT = Path(__file__).parents[2]
TOP = """
    name = "m"
    kind = "Account"
    system = "old"
    key = "{number}"
    """
REGISTER = """
    [[commands]]
    call = "Account.register"
    with = { name = "{name}" }
    """
Read = Callable[[str], RowMapping]


@pytest.fixture
def mapping(tmp_path: Path) -> Read:
    def of(text: str) -> RowMapping:
        (tmp_path / "m.toml").write_text(dedent(text))
        return read(tmp_path / "m.toml")

    return of


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('name = \nkind = "x"', "this is not TOML: .*line 1"),
        (REGISTER, "`name` is missing: a name of its own"),
        (TOP.replace('"Account"', '"Acount"') + REGISTER, "`kind` is 'Acount': did you mean `Account`?"),
        (TOP + 'sistem = "x"' + REGISTER, "`sistem` means nothing here: did you mean `system`?"),
        (TOP, "`commands` is missing"),
        (TOP + "commands = 3", "`commands` is 3, but should be"),
        (TOP.replace("{number}", "number") + REGISTER, "`key` is 'number', but should be what tells rows apart"),
        (TOP.replace("{number}", "{number") + REGISTER, "`key` is '{number': a column is named as {column}"),
        (
            TOP.replace('system = "old"', "") + REGISTER,
            r"\[commands.1\] `call` makes something new, so say .* `system`",
        ),
        (TOP + REGISTER.replace("register", "registr"), r"\[commands.1\] `call` is 'Account.registr': did you mean"),
        (TOP + REGISTER.replace("Account.register", "Team.form"), "is Team.form, but a row is of the kind Account"),
        (TOP + REGISTER.replace("name =", "nam ="), r"\[commands.1.with\] `nam` is no argument of Account.register"),
        (TOP + REGISTER.replace('name = "{name}"', ""), "`name` is missing: Account.register needs it"),
        (TOP + REGISTER + "when = { name = true }", "`when` is for later commands"),
        (TOP + REGISTER + 'on = "{name}"', "`on` makes no sense: Account.register makes something new"),
        (TOP + REGISTER + 'at = "{since}"', '`at` is "{since}", but that column is not of the type "date"'),
        (TOP + REGISTER.replace("}\n", ', details = { colour = "x" } }\n'), "`details.colour` is no part of it: there"),
        (TOP + REGISTER + REGISTER, "`name` is needed: two commands of this mapping are called"),
        (
            TOP + "[columns.a]\nalias = {}" + REGISTER,
            r"\[columns.a\] `alias` means nothing here: did you mean `aliases`",
        ),
        (TOP + '[columns.a]\ntype = "dat"' + REGISTER, "`type` is 'dat': did you mean `date`?"),
        (TOP + '[columns.a]\nformat = "%d"' + REGISTER, "`format` is for a date or an instant, but this column is"),
        (TOP + '[columns.a]\ntype = "number"\ntimes = "2"' + REGISTER, "`times` is '2', but should be a whole number"),
        (TOP + '[columns.a]\nfind = "Acc"' + REGISTER, "`find` is 'Acc': did you mean `Account`?"),
        (
            TOP + '[columns.a]\nfind = "Account"\nby = "nam"' + REGISTER,
            "`by` is 'nam', which is no attribute of Account",
        ),
        (TOP + '[columns.a]\nby = "name"' + REGISTER, "`by` says by what to find something: say what, with `find`"),
        (TOP + '[columns.a]\nalways = "x"\nfrom = "b"' + REGISTER, "`always` is a constant"),
        (TOP + "[columns.this]" + REGISTER, "`{this}` is the row itself"),
        (TOP + '[columns.a]\nonly = "x"' + REGISTER, "`only` is 'x', but should be a list of texts"),
        (TOP + '[file]\nencoding = "utf8000"' + REGISTER, r"\[file\] `encoding` is 'utf8000', which is no encoding"),
        (TOP + '[file]\ndelimiter = ";;"' + REGISTER, "`delimiter` is ';;', but should be one character"),
        (
            TOP + REGISTER + '[[commands]]\ncall = "Team.add_member"\nwith = { user_id = "x" }',
            "one of Account, but Team",
        ),
        (
            TOP + REGISTER + '[[commands]]\ncall = "Account.tag"\nwhen = { a = 1 }\nwith = {label = "x"}',
            "list of texts",
        ),
    ],
)
def test_what_is_wrong_with_a_mapping_is_said_by_its_place(mapping: Read, text: str, message: str) -> None:
    with pytest.raises(CannotImport, match=rf"m\.toml: .*{message}"):
        mapping(text)


def test_a_mapping_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CannotImport, match=r"none\.toml: the mapping cannot be read: No such file"):
        read(tmp_path / "none.toml")


def test_a_mapping_is_utf_8(tmp_path: Path) -> None:
    (tmp_path / "m.toml").write_bytes(b'name = "\xe9"')

    with pytest.raises(CannotImport, match="a mapping is UTF-8, but byte 8 is not"):
        read(tmp_path / "m.toml")


@pytest.mark.parametrize("path", sorted((ROOT / "examples").rglob("*.toml")), ids=lambda path: path.stem)
def test_the_examples_are_mappings(path: Path) -> None:
    assert read(path).name.startswith(path.parent.name)


def test_the_mapping_in_the_documentation_is_one(mapping: Read) -> None:
    [_, text] = (ROOT / "docs" / "import.md").read_text().split("```toml\n")

    assert mapping(text.partition("```")[0]).headers == {
        "number",
        "company",
        "sector",
        "turnover",
        "belongs_to",
        "since",
    }


def test_what_makes_something_keeps_the_key_of_its_row(mapping: Read) -> None:
    assert [step.command.name for step in mapping(TOP + REGISTER).steps] == [
        "Account.register",
        "Account.link_external",
    ]


@pytest.mark.parametrize(
    ("declared", "cell", "value"),
    [
        ("", " Acme ", "Acme"),
        ("", "  ", None),
        ('empty = "nobody"', "", "nobody"),
        ('aliases = { GTXPro = "GTX Pro" }', "GTXPro", "GTX Pro"),
        ('aliases = { "n/a" = "" }', "n/a", None),
        ('aliases = { "n/a" = "" }\nempty = "nobody"', "n/a", "nobody"),
        ('type = "date"', "2017-03-31", date(2017, 3, 31)),
        ('type = "date"\nformat = "%d.%m.%y"', "31.03.17", date(2017, 3, 31)),
        ('type = "instant"', "2017-03-31T09:30+02:00", datetime.fromisoformat("2017-03-31T09:30+02:00")),
        ('type = "number"', "-12.50", Decimal("-12.5")),
        ('type = "number"\ndecimal = ","\ngrouping = "."', "1.234,5", Decimal("1234.5")),
        ('type = "number"\ngrouping = ","', "1,234.5", Decimal("1234.5")),
        ('type = "number"\ntimes = 1_000_000', "1100.04", Decimal("1100040000")),
        ('type = "whole"\ntimes = 12', "1.5", 18),
        ('type = "flag"\naliases = { yes = "true", no = "false" }', "yes", True),
        ('type = "flag"', "false", False),
    ],
)
def test_what_a_cell_is_read_as(mapping: Read, declared: str, cell: str, value: Any) -> None:
    made = mapping(TOP + "[columns.a]\n" + declared.replace("\n", "\n    ") + REGISTER)

    assert _values(made, a=cell).value("a") == value


@pytest.mark.parametrize(
    ("declared", "cell", "reason"),
    [
        ('type = "number"\ndecimal = ","', "1.5", "'1.5' is no number, or not written with ',' for its decimals"),
        ('type = "number"', "1,5", "'1,5' is no number"),
        ('type = "number"', "١٢", "is no number"),
        ('type = "whole"\ntimes = 12', "1.3", "'1.3' is no whole number"),
        ('type = "flag"', "yes", "'yes' is neither true nor false: put it in `aliases`"),
        ('type = "instant"', "yesterday", "'yesterday' is no time written as 2017-03-31T09:30"),
        ('type = "date"\nformat = "%d.%m.%y"', "31.02.17", "'31.02.17' is no time written as %d.%m.%y"),
        ('only = ["a", "b"]', "c", "'c' is none of those that the mapping knows: a, b"),
    ],
)
def test_what_a_cell_cannot_be_read_as(mapping: Read, declared: str, cell: str, reason: str) -> None:
    made = mapping(TOP + '[columns.a]\nfrom = "A"\n' + declared + REGISTER)

    with pytest.raises(BadRow) as wrong:
        Values(made, {"A": cell, "name": "x", "number": "1"}, _nobody, UTC).value("a")
    assert reason in wrong.value.reason and wrong.value.column == "A"


def test_text_is_made_of_columns_and_unknown_where_one_of_them_is(mapping: Read) -> None:
    made = mapping(TOP + REGISTER.replace("{name}", "{name} ({{{place}}})"))

    assert _values(made, name="Acme", place="Rome").arguments(made.steps[0]) == {"name": "Acme ({Rome})"}
    assert _values(made, name="Acme", place="").arguments(made.steps[0]) == {}


def test_a_value_is_unknown_with_the_part_that_it_needs(mapping: Read) -> None:
    revenue = 'revenue = { amount = "{revenue}", currency = "USD" }'
    made = mapping(TOP + REGISTER.replace("}\n", f', details = {{ kind = "firm", region = "{{at}}", {revenue} }} }}\n'))

    known = _values(made, name="Acme", at="Rome", revenue="5").arguments(made.steps[0])["details"]
    unknown = _values(made, name="Acme", at="", revenue="").arguments(made.steps[0])["details"]

    assert known == {"kind": "firm", "region": "Rome", "revenue": {"amount": "5", "currency": "USD"}}
    assert unknown == {"kind": "firm"}


def test_a_day_begins_where_the_company_is(mapping: Read) -> None:
    made = mapping(TOP + REGISTER + "    at = 2017-03-31")

    values = Values(made, {"name": "x", "number": "1"}, _nobody, ZoneInfo("Asia/Shanghai"))

    assert values.moment(made.steps[0]) == datetime(2017, 3, 30, 16, tzinfo=UTC)


def _values(mapping: RowMapping, **cells: str) -> Values:
    return Values(mapping, {header: "x" for header in mapping.headers} | cells, _nobody, UTC)


def _nobody(*_: object) -> UUID:
    raise AssertionError("nothing is looked up here")
