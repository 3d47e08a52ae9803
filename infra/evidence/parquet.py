"""Evidence as Parquet, for tools that read columns. It needs pyarrow, which is large: the extra `daybook[parquet]`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO, Final

from infra.evidence.rows import COLUMNS, TIMES, Row, Unreadable, names, since_epoch
from infra.exporting import CannotExport

AT_ONCE: Final = 10_000


class _Missing(CannotExport):
    """There is no pyarrow here."""

    def __init__(self) -> None:
        super().__init__("Parquet needs pyarrow, which is not installed: pip install 'daybook[parquet]'")


@contextmanager
def written(out: BinaryIO, previous: bool) -> Iterator[Callable[[Sequence[Row], list[str]], None]]:
    """A file that is being written: rows with their states as text. Each call makes a group of rows of its own."""
    pa, pq = _pyarrow()
    fields = _schema(pa, previous)
    with pq.ParquetWriter(out, fields, compression="zstd") as writer:

        def write(rows: Sequence[Row], states: list[str]) -> None:
            if not rows:
                return
            columns: list[Any] = [list(column) for column in zip(*(row.told for row in rows), strict=True)]
            columns.append([row.hash.hex() for row in rows])
            if previous:
                columns.append([row.previous.hex() if row.previous else None for row in rows])
            columns.append(states)
            arrays = [pa.array(column, field.type) for column, field in zip(columns, fields, strict=True)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=fields))

        yield write


def read(file: BinaryIO) -> Iterator[Row]:
    """The rows of a file. Raises Unreadable."""
    pa, pq = _pyarrow()
    try:
        opened = pq.ParquetFile(file)
        previous = "previous_hash" in opened.schema_arrow.names
        if not opened.schema_arrow.equals(_schema(pa, previous)):
            raise Unreadable("its columns are not those of events")
        for batch in opened.iter_batches(AT_ONCE):
            columns = [column.to_pylist() for column in batch.columns]
            for at in TIMES:
                columns[at] = [since_epoch(time) for time in columns[at]]
            told = zip(*columns[: len(COLUMNS)], strict=True)
            hashes = [[bytes.fromhex(hash) for hash in column] for column in columns[len(COLUMNS) : -1]]
            for row, state, *each in zip(told, columns[-1], *hashes, strict=True):
                yield Row(row, state.encode(), *each)
    except (pa.ArrowException, OSError, ValueError, TypeError) as error:
        raise Unreadable(f"it is no Parquet of events: {str(error).splitlines()[0]}") from None


def _schema(pa: Any, previous: bool) -> Any:
    numbers = {"position": pa.int64(), "originator_version": pa.int64(), "schema_version": pa.int32()}
    types = numbers | dict.fromkeys(("recorded_at", "occurred_at"), pa.timestamp("us", "UTC"))
    return pa.schema([(name, types.get(name, pa.string())) for name in names(previous)])


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise _Missing from None
    return pyarrow, pyarrow.parquet
