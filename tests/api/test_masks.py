"""What is hidden is null wherever it could show: in rows, filters, orders, groups, figures, searches and reports."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from graphql import GraphQLList, GraphQLNonNull, get_named_type, is_leaf_type
from strawberry.utils.str_converters import to_camel_case as camel

from api.catalogue import type_name
from api.columns import known
from api.fields import items_of
from domain.aggregate import SHARED
from domain.catalogue import AGGREGATES
from domain.declaration import context_of
from domain.rights import maskable
from infra.keys import LENGTH, MasterKey, MasterKeys, unlock
from projections.catalogue import VIEWS
from projections.masks import masked, names_of
from tests.api.cast import Cast, casting
from tests.api.client import Api, some
from tests.api.company import a_product, a_user, euros
from tests.api.inputs import COMMANDS, MAKERS, SCHEMA, filled
from tests.api.people import fill_people
from tests.api.quality import fill_quality

TYPES: dict[str, Any] = SCHEMA.type_map
EVERYTHING = {"*.see": "ALL", "*.personal": "ALL", "platform.tokens": "ALL"}
FILLED_BY_HAND = {kind.__name__ for kind in AGGREGATES if context_of(kind) != "projects"} | {
    "ProjectMember",
    "ProjectTemplate",
    "Stakeholder",
}
HIDEABLE = sorted(name for kind in AGGREGATES for name in maskable(kind))
ATTRIBUTES = [name for name in HIDEABLE if name.count(".") == 1]


class Company(Cast):
    """With something in every column that can be hidden; two readers: of all, and of what is left."""

    all: Api
    left: Api


@pytest.fixture(scope="module")
def company(api: Api, database_url: str, pipeline: str) -> Iterator[Company]:
    unlock(MasterKeys([MasterKey(bytes(LENGTH))]))
    with casting(api, database_url, "test_api") as cast:
        made = Company(api, cast.identity)
        other = made.user({**EVERYTHING, "projects.*": "ALL"})
        fill(made.api, pipeline, other)
        fill_quality(made.api, other)
        made.all, made.left = made.user(EVERYTHING), made.user(EVERYTHING, HIDEABLE)
        yield made


def fill(api: Api, pipeline: str, other: Api) -> None:
    """One of each kind with as much in it as can be."""
    do, word = api.given, some("Zebra")
    parent = do("registerAccount", name=some("Parent"))
    account = do("registerAccount", name=word, details={
        "kind": "x", "industry": "books", "website": "acme.org", "region": "north", "employees": 7, "source": "fair",
        "revenue": euros("5"),
    })  # fmt: skip
    do("setAccountParent", id=account, parentId=parent)
    person = {"givenName": word, "familyName": word, "emails": ["a@b.org"], "birthday": "1990-01-01"}
    contact = do("addContact", person=person, title="head", department="sales", language="de", accountId=account,
                 role="USER", preferredChannel="EMAIL")  # fmt: skip
    do("giveContactConsent", id=contact, purpose="MARKETING", channel="EMAIL", evidence="form")
    do("withdrawContactConsent", id=contact, purpose="MARKETING", channel="EMAIL")
    sale = do("openOpportunity", pipelineId=pipeline, name=word, accountId=account, amount=euros("7"), source="fair",
              expectedClose="2026-01-31")  # fmt: skip
    do("setOpportunityNextStep", id=sale, nextStep="call")
    do("loseOpportunity", id=sale, reason="price", on="2025-01-31")
    won = do("openOpportunity", pipelineId=pipeline, name=word, accountId=account)
    line = {"productId": a_product(api), "quantity": "1", "price": euros("1"), "discount": "1"}
    do("addOpportunityLine", id=won, **line)
    do("winOpportunity", id=won, amount=euros("9"), on="2025-02-01")
    call = do("logInteraction", kind="CALL", direction="OUTBOUND", contactId=contact, accountId=account,
              opportunityId=sale, subject=word, body="b", minutes=5, outcome="good", sentiment="POSITIVE")  # fmt: skip
    do("planInteractionFollowUp", id=call, due="2030-01-01", ownerId=api.me)
    do("addUser", name=word, email=f"{some('e')}@b.org", locale="de", timeZone="Europe/Vienna")
    do("scheduleInteraction", kind="CALL", direction="OUTBOUND", contactId=contact, startsAt="2030-01-01T12:00:00Z")
    do("mergeAccountInto", id=do("registerAccount", name=some("Merged")), survivorId=account)
    owned = {
        "Account": account,
        "Contact": contact,
        "Opportunity": won,
        "Interaction": call,
        "User": a_user(api),
        "Team": do("formTeam", name=some("Team"), leadId=api.me),
        "Role": do("defineRole", name=some("role"), description="x"),
        "ApiToken": do("makeApiToken", name="x"),
        "CustomField": do("defineCustomField", kind="Account", key=some("k").replace("-", "_"), label="x", type="TEXT"),
        "RetentionRule": do(
            "defineRetentionRule",
            purpose=some("p"),
            countsFrom="ADDED",
            months=1,
            basis="CONTRACT",
            because="x",
            onlyTagged="x",
        ),
        "Product": str(line["productId"]),
        "Pipeline": pipeline,
        "Project": a_full_project(api, other),
        "ProjectTemplate": do(
            "defineProjectTemplate",
            name=some("Zebra"),
            description="x",
            phases=[{"phase": "x", "name": "x"}],
            tasks=[{"key": "x", "name": "x", "phase": "x"}],
        ),
    }
    for name, id in owned.items():
        do(f"assign{name}Owner", id=id, ownerId=a_user(api))
        do(f"archive{name}", id=id, reason="done")
        do(f"restore{name}", id=id)
    fill_people(api, owned)
    fill_others(api, owned)
    phased = do("proposeProject", name=word)
    do("addProjectPhase", id=phased, phase="x", name="x")
    budget = do("planBudget", projectId=phased,
                lines=[{"category": "PEOPLE", "planned": euros("1"), "phase": "x"}])  # fmt: skip
    promised = {"category": "PEOPLE", "phase": "x", "amount": euros("5"), "text": "x"}
    do("commitBudget", id=budget, **promised)
    [commitment] = api.ask(
        "query ($id: ID!) { budget(id: $id) { commitments { nodes { commitmentId } } } }", id=budget
    )["budget"]["commitments"]["nodes"]
    of_project = {"projectId": phased}
    resource = do("needResource", **of_project, name=word, kind="LICENCE", quantity="2", unit="x", phase="x",
                  neededOn="2030-01-01", expectedCost=euros("5"))  # fmt: skip
    do("requestResource", id=resource)
    do("orderResource", id=resource, cost=euros("5"), accountId=account, expectedOn="2030-01-01")
    do("rescheduleResourceDelivery", id=resource, expectedOn="2030-01-02", reason="strike")
    do("deliverResource", id=resource, quantity="2", note="x")
    do("storeResource", id=resource, quantity="2", place="x")
    task = do("planTask", name=word, **of_project)
    do("issueResource", id=resource, quantity="1", userId=api.me, taskId=task)
    [handout] = api.ask("query ($id: ID!) { resource(id: $id) { handouts { nodes { handoutId } } } }", id=resource)[
        "resource"
    ]["handouts"]["nodes"]
    do("returnResource", id=resource, handoutId=handout["handoutId"])
    told = do("draftStatusReport", **of_project, since="2026-01-01", until="2026-01-31", done="x")
    light = {"colour": "RED", "reason": "x"}
    do("setStatusReportLights", id=told, scope=light, time=light, cost=light, quality=light, risk=light)
    do("publishStatusReport", id=told)
    do("spendBudget", id=budget, against=commitment["commitmentId"], amount=euros("5"), text="x")


def a_full_project(api: Api, other: Api) -> str:
    """One that is underway, with a phase `x` that others can be of; and what only others can have."""
    do, days = api.given, {"startsOn": "2026-01-05", "endsOn": "2026-06-30"}

    def begun() -> str:
        project = do("proposeProject", name=some("Zebra"), goal="x", sponsorId=api.me, **days)
        do("setProjectCharter", id=project, charter="x")
        do("setProjectScope", id=project, scope={"included": ["x"]})
        do("approveProject", id=project)
        do("startProject", id=project)
        return project

    do("completeProject", id=begun())
    do("cancelProject", id=begun(), reason="x")
    resting, project = begun(), begun()
    do("holdProject", id=resting, reason="x")
    for phase in ("x", "done"):
        do("addProjectPhase", id=project, phase=phase, name=some("phase"), objective="x", **days)
    do("addProjectCheck", id=project, text="x", phase="done")
    check = api.ask(f'{{ project(id: "{project}") {{ checks {{ nodes {{ checkId }} }} }} }}')
    do("tickProjectCheck", id=project, checkId=check["project"]["checks"]["nodes"][0]["checkId"])
    do("enterProjectPhase", id=project, phase="done")
    do("completeProjectPhase", id=project, phase="done")
    objective = {"text": "x", "phase": "x", "metric": "x", "unit": "x", "baseline": "1", "target": "2", "source": "x"}
    do("setProjectObjective", id=project, **objective)
    found = api.ask(f'{{ project(id: "{project}") {{ objectives {{ nodes {{ objectiveId }} }} }} }}')
    aim = found["project"]["objectives"]["nodes"][0]["objectiveId"]
    do("measureProjectKpi", id=project, objectiveId=aim, value="1", note="x")
    for judge in ({"mutation": "acceptMilestone"}, {"mutation": "rejectMilestone", "reason": "x"}):
        milestone = do("planMilestone", projectId=project, name="x", dueOn="2026-01-31", phase="x")
        do("missMilestone", id=milestone, reason="x")
        do("rescheduleMilestone", id=milestone, dueOn="2026-02-01", reason="x")
        do("missMilestone", id=milestone, reason="x")
        do("reachMilestone", id=milestone, evidence="x")
        other.given(id=milestone, **judge)
    return project


def fill_others(api: Api, owned: dict[str, str]) -> None:
    """Of each other kind one for each command, made with all that can be said, and the command asked for.

    What a command needs first, its own line in `fill` does.
    """

    def one_of(kind: str) -> str:
        """What others point to. It names nothing that may be left out: a task may be a part of another one."""
        if kind not in owned:
            owned[kind] = api.given(MAKERS[kind].mutation, **filled(MAKERS[kind].mutation, one_of))
        return owned[kind]

    def made(kind: str) -> str:
        make = MAKERS[kind]
        alone = {
            a.aggregate.__name__ for a in make.arguments if a.aggregate and f"{a.name}_id" in make.aggregate.unique
        }
        fitting = filled(make.mutation, lambda other: (made if other in alone else one_of)(other), everything=True)
        return api.given(make.mutation, **fitting)

    for mutation, command in COMMANDS.items():
        kind = command.aggregate.__name__
        if kind in FILLED_BY_HAND or command.creates or command.method in SHARED - {"assign_owner", "archive"}:
            continue
        input = filled(mutation, one_of, everything=True) | {"id": made(kind)}
        api.do(mutation, **input)
    for task in (made("Task"), made("Task")):
        api.given("startTask", id=task)
        api.given("reportTaskProgress", id=task, progress="50", remaining=1)
    api.given("completeTask", id=task)


def hidden_columns(view: Any) -> set[str]:
    return {column for column, names in names_of(view).items() if names & set(HIDEABLE)}


def leaf_fields(view: Any) -> dict[str, str]:
    """What a row shows directly, by the name of its field in the API: how it is asked."""
    found = {}
    for name, field in TYPES[type_name(view)].fields.items():
        of: Any = get_named_type(field.type)
        if is_leaf_type(of):
            found[name] = name
        elif not field.args and all(is_leaf_type(get_named_type(part.type)) for part in of.fields.values()):
            found[name] = f"{name} {{ {' '.join(of.fields)} }}"
    return found


def fields_of(view: Any, columns: set[str]) -> set[str]:
    """The fields of the API that show these columns, and nothing else."""
    fields = {camel(known(view)[column].field.name) for column in columns}
    return (fields | {camel(column) for column in columns}) & leaf_fields(view).keys()


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.table)
def test_what_is_hidden_is_null_in_every_row(company: Company, view: Any) -> None:
    asked = leaf_fields(view)
    query = f"{{ {camel(view.table)}(last: 1000) {{ nodes {{ {' '.join(asked.values())} }} }} }}"
    whole, left = (who.ask(query)[camel(view.table)]["nodes"] for who in (company.all, company.left))
    hidden = fields_of(view, hidden_columns(view))

    assert len(whole) == len(left)
    for row, shown in zip(whole, left, strict=True):
        assert {name: value for name, value in shown.items() if name not in hidden} == {
            name: value for name, value in row.items() if name not in hidden
        }
        assert {name: shown[name] for name in hidden if shown[name] not in (None, [])} == {}


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.table)
def test_what_is_hidden_is_no_change_between_two_instants(company: Company, view: Any) -> None:
    query = f"{{ {camel(view.table)} {{ compare(from: {{position: 0}}, first: 500) {{"
    query += " nodes { changes { field } } } } }"
    whole, left = (
        {
            change["field"]
            for node in who.ask(query)[camel(view.table)]["compare"]["nodes"]
            for change in node["changes"]
        }
        for who in (company.all, company.left)
    )
    hidden = fields_of(view, hidden_columns(view))

    assert left == whole - hidden


@pytest.mark.parametrize("attribute", ATTRIBUTES)
def test_each_attribute_hides_its_own_columns_and_no_others(company: Company, attribute: str) -> None:
    view = next(v for v in VIEWS if v.of.__name__ == attribute.partition(".")[0] and not v.key)
    columns = {column for column, names in names_of(view).items() if attribute in names}
    reader = company.user(EVERYTHING, [attribute])

    hidden = reader.ask("{ rights { hidden } }")["rights"]["hidden"]

    assert set(hidden) == {f"{type_name(view)}.{name}" for name in fields_of(view, columns)}


def asked_by() -> list[tuple[Any, str]]:
    """Every hidden column by which lists can be filtered, ordered or grouped."""
    found = []
    for view in VIEWS:
        order = TYPES[f"{type_name(view)}OrderField"]
        names = {value.lower() for value in order.values}
        found += [(view, column) for column in sorted(hidden_columns(view)) if column in names]
    return found


@pytest.mark.parametrize(("view", "column"), asked_by(), ids=lambda each: getattr(each, "table", each))
def test_nobody_finds_out_by_asking_what_is_hidden(company: Company, view: Any, column: str) -> None:
    name, field = camel(column), column.upper()
    of_all = f"{camel(view.table)}(filter: {{archived: {{in: [true, false]}}}})" if not view.key else camel(view.table)
    count = company.all.ask(f"{{ {of_all} {{ totalCount }} }}")[camel(view.table)]["totalCount"]
    archived = "" if view.key else ", archived: {in: [true, false]}"
    query = f"""{{
        full: {camel(view.table)}(filter: {{{name}: {{isNull: false}}{archived}}}) {{ totalCount }}
        empty: {camel(view.table)}(filter: {{{name}: {{isNull: true}}{archived}}}) {{ totalCount }}
        {camel(view.table)}(orderBy: [{{field: {field}, direction: DESC}}], first: 3) {{ edges {{ cursor }} }}
        groups: {of_all} {{ groupBy(by: {{field: {field}}}) {{ count }} }}
    }}"""

    whole, left = company.all.ask(query), company.left.ask(query)

    assert whole["full"]["totalCount"] > 0
    assert (left["full"]["totalCount"], left["empty"]["totalCount"]) == (0, count)
    cursors = [json.loads(base64.b64decode(edge["cursor"])) for edge in left[camel(view.table)]["edges"]]
    assert cursors and {cursor[0] for cursor in cursors} == {None}
    assert [group["count"] for group in left["groups"]["groupBy"]] == [count]


def test_figures_of_what_is_hidden_are_empty(company: Company) -> None:
    query = """{ opportunities { aggregate {
        count sum { probability amount { amount currency } } max { amount { amount } closedOn } } } }"""

    whole, left = (who.ask(query)["opportunities"]["aggregate"] for who in (company.all, company.left))

    assert whole["sum"]["amount"] and whole["max"]["closedOn"]
    assert (left["sum"]["amount"], left["max"]["amount"], left["max"]["closedOn"]) == ([], [], None)
    assert (left["count"], left["sum"]["probability"]) == (whole["count"], whole["sum"]["probability"])


def test_nothing_is_found_by_what_is_hidden(company: Company) -> None:
    def found(who: Api) -> set[str]:
        edges = who.ask('{ search(query: "zebra", first: 100) { edges { kind } } }')["search"]["edges"]
        return {edge["kind"] for edge in edges}

    assert {"CONTACT", "INTERACTION", "ACCOUNT", "OPPORTUNITY"} <= found(company.all)
    assert found(company.left) & {"CONTACT", "INTERACTION"} == set()
    assert {"ACCOUNT", "OPPORTUNITY"} <= found(company.left)


def test_reports_do_without_what_is_hidden(company: Company) -> None:
    query = "{ wonByPeriod { opportunities amount { amount } } pipelineByStage { opportunities amount { amount } } }"

    whole, left = company.all.ask(query), company.left.ask(query)

    assert any(row["amount"] for row in whole["wonByPeriod"])
    assert [row["amount"] for rows in left.values() for row in rows if row["amount"]] == []


@pytest.mark.parametrize("moment", ["asOf: {position: %d}", 'occurred: {until: "2100-01-01T00:00:00Z"}'])
def test_what_is_hidden_now_is_hidden_in_the_past(company: Company, moment: str) -> None:
    at = moment % company.api.head() if "%d" in moment else moment
    query = f"{{ opportunities({at}, first: 1000) {{ nodes {{ amount {{ amount }} name source }} }} }}"

    whole, left = (who.ask(query)["opportunities"]["nodes"] for who in (company.all, company.left))

    assert any(row["amount"] for row in whole) and all(row["name"] for row in left)
    assert [row for row in left if row["amount"] or row["source"]] == []


HEADS = [view for view in VIEWS if not view.key]


@pytest.mark.parametrize("head", HEADS, ids=lambda view: view.table)
def test_what_is_hidden_is_hidden_in_all_that_ever_changed(company: Company, head: Any) -> None:
    views = {None: head} | {items_of(view): view for view in VIEWS if view.key and view.of is head.of}
    listed = company.all.ask(f"{{ {camel(head.table)}(last: 100) {{ nodes {{ id }} }} }}")[camel(head.table)]["nodes"]
    shown = "nodes { position changes { items field before after hidden } }"
    asked = " ".join(f'h{n}: history(id: "{row["id"]}") {{ {shown} }}' for n, row in enumerate(listed[-40:]))

    whole, left = (
        {
            (event["position"], each["items"], each["field"]): each
            for history in who.ask(f"{{ {asked} }}").values()
            for event in history["nodes"]
            for each in event["changes"]
        }
        for who in (company.all, company.left)
    )

    hidden = {(items, field) for items, view in views.items() for field in fields_of(view, hidden_columns(view))}
    assert any(each["after"] for each in whole.values()) and not any(each["hidden"] for each in whole.values())
    assert {place: each for place, each in left.items() if place[1:] not in hidden} == {
        place: each for place, each in whole.items() if place[1:] not in hidden
    }
    assert [each for place, each in left.items() if place[1:] in hidden and (each["before"] or each["after"])] == []


def test_what_is_personal_needs_a_permission_of_its_own(company: Company) -> None:
    reader = company.user({"*.see": "ALL"})
    hidden = set(reader.ask("{ rights { hidden } }")["rights"]["hidden"])
    contacts = reader.ask("{ contacts(first: 1000) { nodes { givenName emails title } } }")["contacts"]["nodes"]

    personal = {f"{type_name(view)}.{name}" for view in VIEWS for name in fields_of(view, set(masked(view)))}

    assert hidden == personal and "Contact.givenName" in personal
    assert any(row["title"] for row in contacts)
    assert [row for row in contacts if row["givenName"] or row["emails"]] == []


def test_a_field_that_may_be_hidden_may_be_null_in_the_schema() -> None:
    for view in VIEWS:
        fields: Any = TYPES[type_name(view)].fields
        for name in fields_of(view, hidden_columns(view) | set(masked(view))):
            of = fields[name].type
            nullable = not isinstance(of, GraphQLNonNull) or isinstance(of.of_type, GraphQLList)
            assert nullable, f"{type_name(view)}.{name}"
