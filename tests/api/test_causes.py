"""What brought about what: from an event to its first cause, and to all that came of it."""

from __future__ import annotations

from typing import Any

import pytest

from api import causes
from domain.values import new_id
from infra.pipeline import command_id
from tests.api.cast import Cast
from tests.api.client import Api
from tests.api.company import an_account, an_opportunity

STEPS = "more steps { depth cause hidden command commandId actor more events { position kind } }"


def asked(api: Api, field: str, position: int) -> Any:
    return api.ask(f"{{ it: {field}(position: {position}) {{ {STEPS} }} }}")["it"]


def done(api: Api, mutation: str, cause: int | None = None, **input: Any) -> int:
    """The position of what came of a command, which an event brought about."""
    if cause is not None:
        input["causationId"] = command_of(api, cause)
    payload = api.do(mutation, **input)
    assert payload["userErrors"] == []
    return int(payload["position"])


def command_of(api: Api, position: int) -> str:
    query = "query ($filter: AuditFilter, $after: String) { auditLog(filter: $filter, first: 1, after: $after) {"
    found = api.ask(f"{query} nodes {{ position commandId }} }} }}", after=str(position + 1))["auditLog"]["nodes"]
    assert found[0]["position"] == position
    return str(found[0]["commandId"])


def commands(tree: Any) -> list[tuple[int, int | None, str | None]]:
    return [(step["depth"], step["cause"], step["command"]) for step in tree["steps"]]


def test_an_event_leads_to_its_first_cause_and_the_first_cause_to_all_that_came_of_it(api: Api) -> None:
    account, beside = an_account(api), an_account(api)
    first = done(api, "renameAccount", id=account, name="First")
    second = done(api, "tagAccount", cause=first, id=account, label="second")
    done(api, "tagAccount", id=beside, label="x")
    third = done(api, "tagAccount", cause=second, id=beside, label="third")
    other = done(api, "renameAccount", cause=first, id=beside, name="Other")

    up, down = asked(api, "causes", third), asked(api, "effects", first)

    assert commands(up) == [(0, 1, "Account.tag"), (1, 2, "Account.tag"), (2, None, "Account.rename")]
    assert [step["events"][0]["position"] for step in up["steps"]] == [third, second, first]
    assert commands(down) == [
        (0, None, "Account.rename"), (1, 0, "Account.tag"), (1, 0, "Account.rename"), (2, 1, "Account.tag"),
    ]  # fmt: skip
    assert [step["events"][0]["position"] for step in down["steps"]] == [first, second, other, third]
    assert not up["more"] and not down["more"]
    assert commands(asked(api, "effects", third)) == [(0, None, "Account.tag")]
    assert up["steps"][0]["actor"] == api.me and up["steps"][0]["commandId"] == command_of(api, third)


def test_a_command_that_did_several_things_is_one_step(api: Api) -> None:
    survivor, merged = an_account(api), an_account(api)
    position = done(api, "mergeAccountInto", id=merged, survivorId=survivor)

    [step] = asked(api, "effects", position)["steps"]

    assert step["command"] == "Account.merge_into"
    assert len(step["events"]) > 1 and step["more"] is False


def test_what_one_may_not_see_shows_only_that_there_is_something(api: Api, cast: Cast, pipeline: str) -> None:
    ada = cast.user({"platform.audit": "ALL", "customers.see": "ALL"})
    account, sale = an_account(api), an_opportunity(api, pipeline)
    first = done(api, "renameAccount", id=account, name="First")
    hidden = done(api, "tagOpportunity", cause=first, id=sale, label="hidden")
    last = done(api, "tagAccount", cause=hidden, id=account, label="last")
    ada.position = api.position

    down, up = asked(ada, "effects", first), asked(ada, "causes", last)

    nothing: dict[str, Any] = {"hidden": True, "more": False, "events": []}
    nothing |= dict.fromkeys(("command", "commandId", "actor"))
    assert down["steps"][1] == {"depth": 1, "cause": 0} | nothing
    assert up["steps"][1] == {"depth": 1, "cause": 2} | nothing
    assert [step["events"][0]["position"] for step in down["steps"] if not step["hidden"]] == [first, last]
    assert [step["depth"] for step in up["steps"]] == [0, 1, 2]
    assert asked(ada, "effects", hidden) is None and asked(ada, "causes", hidden) is None


def test_it_needs_the_permission_of_the_audit_log(api: Api, cast: Cast) -> None:
    ada = cast.user({"*.see": "ALL"})

    for field in ("causes", "effects"):
        assert ada.refused(f"{{ {field}(position: 1) {{ more }} }}") == (
            "FORBIDDEN", "to ask this you need platform.audit",
        )  # fmt: skip


def test_what_goes_on_says_so(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    account, last = an_account(api), None
    chain = [last := done(api, "tagAccount", cause=last, id=account, label=f"{n}") for n in range(6)]
    wide = done(api, "renameAccount", id=account, name="Wide")
    for n in range(5):
        done(api, "untagAccount", cause=wide, id=account, label=f"{n}")

    monkeypatch.setattr(causes, "DEEPEST", 3)
    deep = asked(api, "effects", chain[0]), asked(api, "causes", chain[-1])
    short = asked(api, "causes", chain[3])
    monkeypatch.setattr(causes, "MOST_COMMANDS", 4)
    broad = asked(api, "effects", wide)

    assert [(len(tree["steps"]), tree["more"]) for tree in (*deep, short, broad)] == [
        (4, True), (4, True), (4, False), (4, True),
    ]  # fmt: skip
    assert [step["cause"] for step in deep[1]["steps"]] == [1, 2, 3, None]


def test_what_names_a_cause_that_is_none_of_ours_has_no_further_step(api: Api) -> None:
    account = an_account(api)
    position = api.do("tagAccount", id=account, label="x", causationId=str(new_id()))["position"]

    assert commands(asked(api, "causes", position)) == [(0, None, "Account.tag")]


def test_a_command_that_is_its_own_cause_comes_to_an_end(api: Api) -> None:
    account, key = an_account(api), str(new_id())
    own = str(command_id(api.user_id, key))
    position = api.do("tagAccount", id=account, label="x", idempotencyKey=key, causationId=own)["position"]

    for field in ("causes", "effects"):
        tree = asked(api, field, position)
        assert {step["commandId"] for step in tree["steps"]} == {own} and tree["more"]


def test_of_what_is_not_there_nothing_is_told(api: Api) -> None:
    assert asked(api, "causes", 10**9) is None and asked(api, "effects", 0) is None
