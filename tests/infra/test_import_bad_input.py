"""What bad input gets: the row with its line and column, or a clear word about the file; and the importer lives on."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from infra.importing import CannotImport, run
from infra.importing.table import LONGEST
from tests.infra.importing import ACCOUNTS, HEADER, Desk
from tests.scenario import ME, World

GOOD = "A9,Fine,,1,2.5,EUR"


@pytest.fixture
def desk(world: World, tmp_path: Path) -> Desk:
    return Desk(world, tmp_path)


def refused(desk: Desk, *rows: str | bytes) -> tuple[int, str, str]:
    """The row that is refused; the good one after it is not."""
    report = desk.imports(HEADER, *rows, GOOD)
    assert (report.imported, report.refused) == (1, 1), desk.errors
    assert desk.one("Account", "A9")
    return desk.error


@pytest.mark.parametrize(
    ("row", "column", "reason"),
    [
        ("A1,Acme,,120", "", "there are 4 cells in this row, but 6 in the first"),
        ("A1,Acme,,120,1,EUR,7", "", "there are 7 cells in this row, but 6 in the first"),
        (",Acme,,,,", "number", "this is empty, but rows are told apart by it"),
        ("A1,,,,,", "name", "Account.register: this is needed"),
        ("A1,Ac\0me,,,,", "name", "there is a NUL in this cell"),
        ("A1,Acme,,1.5,,", "staff", "'1.5' is no whole number"),
        ("A1,Acme,,,NaN,EUR", "turnover", "'NaN' is no number, or not written with '.' for its decimals"),
        ("A1,Acme,,,Infinity,EUR", "turnover", "'Infinity' is no number"),
        ("A1,Acme,,,1e5,EUR", "turnover", "'1e5' is no number"),
        (f"A1,Acme,,,{'9' * 40},EUR", "turnover", "a number of more than 30 digits"),
        (f"A1,Acme,,,{'9' * 25},EUR", "turnover", "Account.register: a number has at most 19 digits"),
        ("A1,Acme,,,5,XXQ", "currency", "Account.register: a currency is a code of ISO 4217"),
        ("A1,Acme,,,5,", "currency", "Account.register"),
        (f"A1,{'x' * 500},,,,", "name", "Account.register: this is too long"),
        (f"{'x' * 500},Acme,,,,", "number", "Account.link_external: this is too long"),
        ('A1,"Ac"me,,,,', "", "there is text behind a closing quotation mark"),
    ],
)
def test_a_row_that_cannot_be_is_refused_by_line_and_column(desk: Desk, row: str, column: str, reason: str) -> None:
    line, where, why = refused(desk, row)

    assert (line, where) == (2, column)
    assert reason in why


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("2017-02-30", "'2017-02-30' is no day of the calendar"),
        ("30.02.2017", "'30.02.2017' is no day of the calendar"),
        ("2999-01-01", "this lies in the future"),
    ],
)
def test_days_that_cannot_be_are_refused(desk: Desk, text: str, reason: str) -> None:
    mapping = """
        name = "a"
        kind = "Account"
        system = "old"
        key = "{number}"
        [columns.since]
        type = "date"
        [[commands]]
        call = "Account.register"
        at = "{since}"
        with = { name = "{number}" }
        """

    desk.imports("number,since", f"A1,{text}", "A2,2017-02-28", by=mapping)

    line, column, why = desk.error
    assert (line, column, desk.one("Account", "A1")) == (2, "since", None)
    assert reason in why and desk.one("Account", "A2")


def test_bytes_of_another_encoding_are_named(desk: Desk) -> None:
    line, column, reason = refused(desk, "A1,Café,,,,".encode("cp1252") + b"\n")

    assert (line, column) == (2, "name")
    assert reason.startswith("byte 4 of it is 0xE9, which is not UTF-8")
    assert reason.endswith('name the encoding in the mapping, such as encoding = "cp1252" under [file]')


def test_half_a_surrogate_pair_is_no_utf_8(desk: Desk) -> None:
    assert "0xED, which is not UTF-8" in refused(desk, b"A1,x\xed\xa0\x80,,,,\n")[2]


def test_a_named_encoding_is_read_and_written(desk: Desk) -> None:
    by = ACCOUNTS + '    [file]\n    encoding = "cp1252"\n'

    report = desk.imports(
        HEADER, "A1,Café,,,,".encode("cp1252") + b"\n", "A2,Frøya,,x,,".encode("cp1252") + b"\n", by=by
    )

    assert (report.imported, report.refused) == (1, 1)
    assert desk.one("Account", "A1").name == "Café"
    assert "Frøya".encode("cp1252") in desk.errors_file.read_bytes()


def test_utf_16_is_read_when_it_is_named_and_recognised_when_not(desk: Desk) -> None:
    content = f"{HEADER}\r\nA1,Café,,,,\r\n".encode("utf-16")

    with pytest.raises(CannotImport, match='if it is UTF-16, write encoding = "utf-16"'):
        desk.imports(content)
    desk.imports(content, by=ACCOUNTS + '    [file]\n    encoding = "utf-16"\n')

    assert desk.one("Account", "A1").name == "Café"


def test_a_mark_at_the_beginning_of_the_file_belongs_to_no_column(desk: Desk) -> None:
    assert desk.imports(f"\ufeff{HEADER}", GOOD).imported == 1


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_another_delimiter_is_found_and_said(desk: Desk, delimiter: str) -> None:
    report = desk.imports(HEADER.replace(",", delimiter), GOOD.replace(",", delimiter))

    assert (report.imported, report.delimiter) == (1, delimiter)


def test_a_named_delimiter_is_the_only_one(desk: Desk) -> None:
    with pytest.raises(CannotImport, match=r"line 1: .*';' does not separate any here"):
        desk.imports(HEADER, GOOD, by=ACCOUNTS + '    [file]\n    delimiter = ";"\n')


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (
            "number,nam,belongs_to,staff,turnover,currency",
            "reads the column `name`, but there is no such: did you mean `nam`",
        ),
        ("number,name,name,belongs_to,staff,turnover,currency", "there are two columns `name`"),
        ('number,"name', "a quotation mark is opened and not closed"),
        ("x" * (LONGEST + 1), "longer than"),
    ],
)
def test_a_file_whose_columns_are_of_no_use_is_not_begun(desk: Desk, header: str, message: str) -> None:
    with pytest.raises(CannotImport, match=f"line 1: .*{message}"):
        desk.imports(header, GOOD)

    assert desk.world.position == 0


def test_columns_that_the_mapping_does_not_read_are_named(desk: Desk) -> None:
    report = desk.imports(f"{HEADER},colour,,", f"{GOOD},red,,")

    assert (report.imported, report.unused_columns) == (1, ("colour",))


def test_an_empty_file_is_said_to_be_empty(desk: Desk) -> None:
    with pytest.raises(CannotImport, match="this file is empty"):
        desk.imports(b"")


def test_a_file_of_no_rows_is_imported(desk: Desk) -> None:
    report = desk.imports(HEADER, "", "")

    assert (report.rows, report.imported, report.refused) == (0, 0, 0)


def test_a_file_that_is_not_there_is_named(desk: Desk) -> None:
    world, mapping, missing = desk.world, desk.mapping(ACCOUNTS), desk.folder / "missing.csv"

    with pytest.raises(CannotImport, match=r"missing\.csv: the file cannot be read: No such file"):
        run(missing, "Account", mapping, world.pipeline, world.store, world.connection, ME, desk.zone)


def test_errors_are_not_written_over_the_file_itself(desk: Desk) -> None:
    world, mapping, file = desk.world, desk.mapping(ACCOUNTS), desk.file(HEADER, GOOD)

    with pytest.raises(CannotImport, match="this is the file that is imported"):
        run(file, "Account", mapping, world.pipeline, world.store, world.connection, ME, desk.zone, errors_to=file)

    assert file.read_text().startswith(HEADER)


@pytest.mark.parametrize("cell", ["x" * 10_000_000, '"' + "x\r\n" * 3_000_000 + '"', '"' + 'x""' * 3_000_000 + '"'])
def test_ten_megabytes_in_one_cell_are_refused_and_the_next_row_is_read(desk: Desk, cell: str) -> None:
    content = f"A1,{cell},,,,"

    tracemalloc.start()
    try:
        report = desk.imports(HEADER, content, "A2,Bolt,,x,,", GOOD)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    first, second = desk.errors
    assert (first["_line"], first["_reason"]) == ("2", f"this row is longer than {LONGEST:,} characters")
    assert (second["_line"], second["_column"]) == (str(3 + content.count("\n")), "staff")
    assert (report.imported, report.refused) == (1, 2)
    assert most < 45_000_000, "the file itself is made in memory here; the import adds little to it"


def test_a_quotation_mark_that_is_never_closed_ends_the_file_and_says_so(desk: Desk) -> None:
    rows = [f"A{n},Firm,,,," for n in range(20_000)]

    report = desk.imports(HEADER, GOOD, 'A0,"Acme,,,,', *rows)

    assert (report.imported, report.refused) == (1, 1)
    assert desk.error[0] == 3 and "nothing behind line 3 was read" in desk.error[2]


def test_a_quotation_mark_that_is_closed_too_late_names_all_its_lines(desk: Desk) -> None:
    line, _, reason = refused(desk, 'A1,"Acme,,,,', "A2,Bolt,,,,", 'A3,Cog",,,,,,')

    assert line == 2 and "it goes from line 2 to 4" in reason


def test_a_value_that_the_mapping_does_not_know_is_refused(desk: Desk) -> None:
    by = ACCOUNTS.replace("[columns.staff]", '[columns.currency]\n    only = ["EUR", "USD"]\n    [columns.staff]')

    desk.imports(HEADER, "A1,Acme,,,5,eur", GOOD, by=by)

    assert desk.error == (2, "currency", "'eur' is none of those that the mapping knows: EUR, USD")
