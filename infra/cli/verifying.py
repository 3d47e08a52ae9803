"""`daybook verify`: proves that the history, of the database or of files, is what was recorded, and that views are."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import asdict
from enum import StrEnum
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import typer

from infra import anchors
from infra.anchors import Anchors
from infra.cli.databases import database
from infra.cli.output import AsJson, Failed, progress, tell
from infra.cli.views import verify_views
from infra.database import connect
from infra.evidence.checking import Checked, Live, check, gap, is_evidence
from infra.settings import Settings
from infra.verify import Check, hashes_at, in_python, in_sql, verify

Receipts = Collection[tuple[int, str]]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("verify")(verify_)


class What(StrEnum):
    HISTORY = "history"
    VIEWS = "views"


def verify_(
    what: Annotated[What, typer.Argument(help="What to verify.")] = What.HISTORY,
    receipt: Annotated[
        list[str] | None, typer.Option(metavar="POSITION:HASH", help="A receipt kept elsewhere; may be given again.")
    ] = None,
    against: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE", exists=True, dir_okay=False,
            help="Anchors kept elsewhere: see `daybook anchor`. Or what `daybook export events` wrote, which is then "
            "what is verified, without a database. May be given again.",
        ),
    ] = None,
    with_database: Annotated[
        bool, typer.Option("--with-database", help="Of files of events: verify the database too, and that it agrees.")
    ] = False,
    signed_by: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY", help="The public key by which anchors and manifests must be signed; may be given again."
        ),
    ] = None,
    by_hand: Annotated[bool, typer.Option(help="Compute the hashes here, not in the database.")] = False,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[VIEW]...", help="Which views; all if left out.")
    ] = None,
    sample: Annotated[
        int, typer.Option(min=0, help="Of views: so many aggregates are compared attribute by attribute.")
    ] = 1_000,
    everything: Annotated[bool, typer.Option("--all", help="Of views: compare all aggregates.")] = False,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Prove that the history is what was recorded: each event's hash covers the event and the hash before it.

    Receipts and anchors show what a chain cannot: a tail that was cut off, a chain that was computed anew.

    `verify views` proves that views say what the history says: it builds them anew in the shadow and compares every
    version of every row, and compares aggregates with their rows.
    """
    if what is What.VIEWS:
        verify_views(names or [], None if everything else sample, as_json)
        return
    if names:
        raise typer.BadParameter("only `verify views` takes names", param_hint="VIEW")
    files = [file for file in against or () if is_evidence(file)]
    signed = [file for file in against or () if file not in files]
    if len(signed) > 1:
        raise typer.BadParameter("one file of anchors at a time", param_hint="--against")
    if signed_by and not against:
        raise typer.BadParameter(
            "it is about anchors and files of events: give them by --against", param_hint="--signed-by"
        )
    if with_database and not files:
        raise typer.BadParameter("it is about files of events: give them by --against", param_hint="--with-database")
    receipts = [_receipt(text) for text in receipt or ()]
    signers = {key.lower() for key in signed_by or ()}
    anchored = anchors.read(signed[0], signers) if signed else None
    if files and not with_database:
        told = _of_files(files, receipts, anchored, signers)
    else:
        told = _of_database(files, receipts, anchored, signers, in_python if by_hand else in_sql)
    if anchored:
        told["against"] = {"file": str(signed[0]), **anchored.told(), **(told["against"] or {})}
        if told["broken"] is not None and (line := anchored.line(told["broken"])):
            told["problem"] = f"{told['problem']} (line {line} of {signed[0]})"
    tell(told, as_json, _verdict)
    if told["problem"] is not None:
        raise typer.Exit(1)


def _of_database(
    files: list[Path], receipts: Receipts, anchored: Anchors | None, signers: Collection[str], how: Check
) -> dict[str, Any]:
    """What the history of the database is like; then, whether these files tell the same."""
    every = [*receipts, *(anchored.receipts.items() if anchored else ())]
    with database(Settings.from_environment()) as used:
        if not used.is_prepared:
            raise Failed("there is nothing to verify: the database is empty")
        with connect(used.application_url) as connection:
            with progress("Verifying") as advance:
                told: dict[str, Any] = {
                    **asdict(verify(connection, every, advance, how)),
                    "database": True,
                    "against": None,
                    "files": [],
                }
            if files and told["broken"] is None:
                found = _checked(files, [], partial(hashes_at, connection), signers)
                told |= {"files": [asdict(each) for each in found], **_wrong(found)}
    return told


def _of_files(
    files: list[Path], receipts: Receipts, anchored: Anchors | None, signers: Collection[str]
) -> dict[str, Any]:
    """What files of events prove together, where there is no database."""
    every = [*receipts, *(anchored.receipts.items() if anchored else ())]
    found = _checked(files, every, None, signers)
    met = {position for each in found for position in each.met}
    covered = sum(each.position in met for each in anchored.found) if anchored else None
    wrong = _wrong(found)
    if wrong["problem"] is None:
        beside = next((position for position, _ in receipts if position not in met), None)
        if beside is not None:
            wrong["problem"] = f"no event of position {beside} is in it, so that its receipt proves nothing"
        elif covered == 0:
            wrong["problem"] = "none of the anchors is about an event that is in it"
    return {
        "position": found[-1].last,
        "receipt": found[-1].receipt,
        **wrong,
        "database": False,
        "against": anchored and {"covered": covered},
        "files": [asdict(each) for each in found],
    }


def _checked(files: list[Path], receipts: Receipts, live: Live | None, signers: Collection[str]) -> list[Checked]:
    """Each file, in the order of the positions that they begin with."""
    found = []
    for file in files:
        with progress(f"Verifying {file.name}") as advance:
            found.append(check(file, dict(receipts), live, advance, signers))
    return sorted(found, key=lambda each: (each.first, each.last))


def _wrong(found: list[Checked]) -> dict[str, Any]:
    """The first thing that is wrong with these files."""
    if wrong := next((each for each in found if each.problem), None):
        return {"broken": wrong.broken, "problem": f"{wrong.problem} ({wrong.file})"}
    whole = [each for each in found if each.whole]
    gaps = (gap(one, next) for one, next in pairwise(whole))
    return {"broken": None, "problem": next(filter(None, gaps), None)}


def _verdict(told: dict[str, Any]) -> str:
    if told["broken"] is not None:
        return "the history is broken at position {broken}: {problem}".format(**told)
    if told["problem"] is not None:
        return "this proves nothing: {problem}".format(**told)
    lines = [line for each in told["files"] for line in (_of_file(each), _of_manifest(each))]
    if told["database"]:
        lines.insert(0, "the history is whole up to position {position}, whose receipt is {receipt}".format(**told))
    if told["against"] is not None:
        held = "it holds against {anchors} anchors of positions {first} to {last}, the last one of {at}"
        if told["against"].get("covered", told["against"]["anchors"]) < told["against"]["anchors"]:
            held = "it holds against {covered} of {anchors} anchors; the others are of positions that are not in it"
        keys = ", ".join(told["against"]["public_keys"])
        lines.append(f"{held.format(**told['against'])}, signed by {keys}")
    return "\n".join(lines)


def _of_file(told: dict[str, Any]) -> str:
    if not told["whole"]:
        text = "{file} holds {events} events of the positions {first} to {last}, each as it was recorded; it leaves "
        return (text + "others out, and cannot show that no more are missing").format(**told)
    text = "{file} is whole: all events of the positions {first} to {last}, whose receipt is {receipt}"
    if told["first"] > 1:
        text += "; before them stands an event with the hash {before}"
    return text.format(**told)


def _of_manifest(told: dict[str, Any]) -> str:
    if told["public_key"] is None:
        return "the manifest of {file} is not signed: who made it is not shown".format(**told)
    return "the manifest of {file} is signed by {public_key}".format(**told)


def _receipt(text: str) -> tuple[int, str]:
    if not (parts := re.fullmatch(r"([0-9]{1,18}):([0-9a-fA-F]{64})", text)):
        raise typer.BadParameter(f"{text} is not a position and a hash, such as 12:0f3a…", param_hint="--receipt")
    return int(parts[1]), parts[2]
