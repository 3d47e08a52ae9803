"""A file and its mapping, as a test writes them; and what importing them came to."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from pathlib import Path
from textwrap import dedent
from typing import Any
from uuid import UUID

from domain.aggregate import Claim
from infra.importing import Progress, Report, mapping, run
from tests.scenario import ME, World

ACCOUNTS = """
    name = "accounts"
    kind = "Account"
    system = "old"
    key = "{number}"
    [columns.belongs_to]
    find = "Account"
    [columns.staff]
    type = "whole"
    [columns.turnover]
    type = "number"
    [[commands]]
    call = "Account.register"
    at = 2020-05-01
    [commands.with]
    name = "{name}"
    details = { employees = "{staff}", revenue = { amount = "{turnover}", currency = "{currency}" } }
    [[commands]]
    call = "Account.set_parent"
    when = { belongs_to = true }
    with = { parent_id = "{belongs_to}" }
    """
HEADER = "number,name,belongs_to,staff,turnover,currency"


@dataclass
class Desk:
    """Where files are imported into a company."""

    world: World
    folder: Path
    by: str = ACCOUNTS
    zone: tzinfo = UTC
    reports: list[Report] = field(default_factory=list)

    def mapping(self, text: str) -> mapping.RowMapping:
        path = self.folder / "mapping.toml"
        path.write_text(dedent(text))
        return mapping.read(path)

    def file(self, *lines: str | bytes, name: str = "file.csv") -> Path:
        path = self.folder / name
        path.write_bytes(b"".join(line.encode() + b"\r\n" if isinstance(line, str) else line for line in lines))
        return path

    def imports(
        self,
        *lines: str | bytes,
        by: str | None = None,
        actor: UUID = ME,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> Report:
        read, world = self.mapping(by or self.by), self.world
        report = run(
            self.file(*lines),
            read.kind,
            read,
            world.pipeline,
            world.store,
            world.connection,
            actor,
            self.zone,
            progress,
            dry_run,
            self.errors_file,
        )
        self.reports.append(report)
        return report

    @property
    def errors_file(self) -> Path:
        return self.folder / "errors.csv"

    @property
    def errors(self) -> list[dict[str, str]]:
        """The rows that were refused, by the names of the columns."""
        with self.errors_file.open(encoding="utf-8-sig", newline="", errors="replace") as file:
            return list(csv.DictReader(file, delimiter=self.reports[-1].delimiter))

    @property
    def error(self) -> tuple[int, str, str]:
        """Line, column and reason of the only row that was refused."""
        [row] = self.errors
        return int(row["_line"]), row["_column"], row["_reason"]

    def one(self, kind: str, key: str, system: str = "old") -> Any:
        """What was made of the row of this key; None where nothing was."""
        holder = self.world.store.holder(Claim(kind, f"external_ids.{system}", key))
        return holder and self.world.load(holder)
