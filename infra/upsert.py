"""Carrying out an upsert: decided anew whenever another was faster, so that none makes a second of the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from domain.aggregate import Aggregate, Claim
from domain.command import Accepted, Code, Command, Outcome, Refusal, Request
from domain.scopes import covers
from domain.upsert import changers
from domain.values import new_id
from infra.arguments import Failed, given, invalid, patched
from infra.pipeline import TRIES, CommandPipeline

EXTERNAL: Final = "external_ids."


def upsert(pipeline: CommandPipeline, request: Request) -> Outcome:
    """Make something, unless one of its kind holds the key of the request: that one is changed where it differs.

    Its commands belong together.
    """
    key = request.key
    assert key
    request = replace(request, correlation_id=request.correlation_id or new_id())
    for _ in range(TRIES):
        outcome = _tried(pipeline, request, key)
        if not (isinstance(outcome, Refusal) and _faster(outcome, key)):
            break
    return outcome


def _faster(refusal: Refusal, key: Claim) -> bool:
    """Whether others made it, or changed it, in the meantime."""
    return refusal.code is Code.CONFLICT or (refusal.code is Code.DUPLICATE and refusal.field == key.name)


def _tried(pipeline: CommandPipeline, request: Request, key: Claim) -> Outcome:
    making, made = pipeline.commands[request.command], False

    def steps(run: Callable[[Request], Accepted]) -> None:
        nonlocal made
        # Who may not make one learns nothing of those there are.
        if not (covers(request.scopes, making.needs) and pipeline.authority.allows(request, making.needs, None)):
            raise Failed(Code.FORBIDDEN, f"you may not do this: it needs {making.needs}")
        holder = pipeline.store.holder(_as_held(pipeline, request, key))
        made = holder is None
        plain = replace(request, key=None)
        if holder:
            for each in _changing(pipeline, plain, holder):
                run(replace(each, id=holder))
            return
        subject = run(plain).changed[0].id
        if key.name.startswith(EXTERNAL):
            arguments = {"system": key.name.removeprefix(EXTERNAL), "external_id": key.value}
            run(replace(plain, command=f"{key.kind}.link_external", id=subject, arguments=arguments))

    outcome = pipeline.together(steps)
    return replace(outcome, created=made) if isinstance(outcome, Accepted) else outcome


def _as_held(pipeline: CommandPipeline, request: Request, key: Claim) -> Claim:
    """The key in the form in which an aggregate holds it."""
    if key.name.startswith(EXTERNAL):
        return Claim(key.kind, EXTERNAL + key.name.removeprefix(EXTERNAL).strip(), key.value.strip())
    making = pipeline.commands[request.command]
    known = given(making, request.arguments)
    held = next((known.get(argument.name) for argument in making.arguments if argument.asked_as == key.name), None)
    if held is None:
        named = " or ".join(f"its {name}" for name in making.aggregate.unique)
        raise invalid(f"say by which id another system knows it, or {named}", key.name)
    return replace(key, value=str(held))


def _changing(pipeline: CommandPipeline, request: Request, holder: UUID) -> Iterator[Request]:
    """Change what differs; where nothing does, only say how it stands."""
    making, now = pipeline.commands[request.command], pipeline.store.aggregate(holder)
    given(making, request.arguments)  # so that what no command changes is checked too
    assert now
    unchanged = True
    for command in dict.fromkeys(changers(making).values()):
        names = {argument.asked_as for argument in command.arguments} & request.arguments.keys()
        arguments = {name: request.arguments[name] for name in names}
        if names and not _is_so(now, command, arguments):
            unchanged = False
            yield replace(request, command=command.name, arguments=arguments)
    if unchanged:
        yield replace(request, command=f"{making.aggregate.__name__}.stay", arguments={})


def _is_so(now: Aggregate, command: Command, arguments: dict[str, Any]) -> bool:
    """Whether an aggregate knows already what a command would tell it."""
    wanted = given(command, arguments)
    for argument in command.arguments:
        if argument.name in wanted:
            known, value = getattr(now, argument.asked_as), wanted[argument.name]
            if argument.patch and value is not None and known is not None:
                value = patched(known, value, argument.asked_as)
            if value != known:
                return False
    return True
