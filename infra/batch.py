"""A batch: commands that are asked for at once, in their order. A later one may name what an earlier one made."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from domain.command import Accepted, Code, Earlier, Outcome, Refusal, Request, Stopped
from domain.values import id_text
from infra.pipeline import REPEATED, CommandPipeline
from infra.upsert import upsert

Made = Callable[[int], Accepted]
"""What came of an earlier command. Raises Nothing if it did nothing."""


class Nothing(Exception):
    """A command names what an earlier one should have made, and that one was refused."""


def one_by_one(pipeline: CommandPipeline, requests: Sequence[Request]) -> list[Outcome]:
    """Each is carried out by itself: what refuses one refuses none of the others, but those that name what it made."""
    outcomes: list[Outcome] = []

    def made(number: int) -> Accepted:
        outcome = outcomes[number]
        if isinstance(outcome, Accepted):
            return outcome
        raise Nothing(f"command {number}, which should have made this, was refused")

    for request in requests:
        try:
            carry_out = upsert if request.key else CommandPipeline.run
            outcomes.append(carry_out(pipeline, _filled(request, made)))
        except Nothing as nothing:
            field = next(_earlier(request))[0]
            outcomes.append(Refusal(Code.INVALID, str(nothing), field))
    return outcomes


def together(pipeline: CommandPipeline, requests: Sequence[Request]) -> Sequence[Accepted] | Stopped:
    """All are carried out, or none. A repeated batch gets the first answers, if each request has an idempotency key."""
    done: list[Accepted] = []
    at: int | None = None

    def steps(run: Callable[[Request], Accepted]) -> None:
        nonlocal at
        done.clear()
        for number, request in enumerate(requests):
            at = number
            done.append(run(_filled(request, done.__getitem__)))
        at = None

    outcome = pipeline.together(steps)
    if isinstance(outcome, Refusal):
        return Stopped(outcome, at)
    if first := _first_answers(pipeline, requests):  # of this batch, or of the same one before it
        return first
    return [replace(each, position=outcome.position, receipt=outcome.receipt) for each in done]


def _first_answers(pipeline: CommandPipeline, requests: Sequence[Request]) -> Sequence[Accepted] | Stopped | None:
    """What came of a batch that was carried out before under its keys; None if it was not."""
    answers: list[Accepted] = []
    for number, request in enumerate(requests):
        known = request.idempotency_key and pipeline.answered(_filled(request, answers.__getitem__))
        if not known and not answers:
            return None
        if not isinstance(known, Accepted):
            return Stopped(known or REPEATED, number)
        answers.append(known)
    return answers


def _earlier(request: Request) -> Iterator[tuple[str, int]]:
    """Where a request names what an earlier one made, and which."""
    for name, value in {"id": request.id, **request.arguments}.items():
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, Earlier):
                yield name, each.number


def _filled(request: Request, made: Made) -> Request:
    """A request with the ids of what earlier ones made put in."""
    if not any(_earlier(request)):
        return request

    def id_of(value: Any) -> Any:
        if isinstance(value, list):
            return [id_of(each) for each in value]
        if not isinstance(value, Earlier):
            return value
        first = made(value.number).changed[0]
        return id_text(first.kind, first.id)

    arguments = {name: id_of(value) for name, value in request.arguments.items()}
    return replace(request, id=id_of(request.id), arguments=arguments)
