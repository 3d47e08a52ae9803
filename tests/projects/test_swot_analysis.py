from uuid import UUID

from domain.command import Code
from domain.projects.project import Project
from domain.projects.risk import FoundBy, Risk
from domain.projects.swot_analysis import NAME, Kind, SwotAnalysis, called
from domain.values import new_id
from projections.catalogue import VIEWS
from tests.infra.past import published, without_views
from tests.scenario import ME, World, a_role, a_user, one_of, somebody
from tests.test_undo import an_edit, known, undo


def an_analysis(world: World, **items: str) -> UUID:
    analysis = world.given("SwotAnalysis.begin", project_id=one_of(world, Project), name="Start")
    for kind, text in items.items():
        world.given("SwotAnalysis.add_item", analysis, kind=kind, text=text)
    return analysis


def item(world: World, analysis: UUID, text: str) -> UUID:
    [id] = (each.item_id for each in world.load(analysis).items.values() if each.text == text)
    return UUID(str(id))


def test_items_stand_in_four_lists(world: World) -> None:
    analysis, neighbour = an_analysis(world, strength="team", threat="law"), an_analysis(world, weakness="data")
    team = item(world, analysis, "team")

    world.given("SwotAnalysis.change_item", analysis, item_id=str(team), kind="opportunity", text="a good team")
    world.given("SwotAnalysis.drop_item", analysis, item_id=str(item(world, analysis, "law")))

    assert [(each.kind, each.text) for each in world.load(analysis).items.values()] == [
        (Kind.OPPORTUNITY, "a good team")
    ]
    assert [each.text for each in world.load(neighbour).items.values()] == ["data"]
    world.when("SwotAnalysis.drop_item", analysis, item_id=str(ME)).is_refused("no such item", "item_id")


def test_an_item_becomes_a_risk_of_the_project_once(world: World) -> None:
    analysis, ada = an_analysis(world, threat="A new law\nmay come"), a_user(world)
    law = item(world, analysis, "A new law\nmay come")

    made = world.when("SwotAnalysis.make_risk", analysis, item_id=str(law), category="external", owner_id=ada)
    made.records_only(Risk.Identified, SwotAnalysis.RiskMade)

    risk = world.load(world.load(analysis).items[law].risk_id)
    assert (risk.name, risk.cause, risk.found_by) == ("A new law", "A new law\nmay come", FoundBy.SWOT)
    assert (risk.project_id, risk.owner_id) == (world.load(analysis).project_id, ada)
    again = world.when("SwotAnalysis.make_risk", analysis, item_id=str(law), category="external")
    again.is_refused("a risk was made of this already", "item_id")


def test_that_a_risk_was_made_is_undone_and_the_risk_is_put_away(world: World) -> None:
    analysis, edit = an_analysis(world, threat="law"), new_id()
    before, law = known(world, analysis), item(world, analysis, "law")
    without_views(world.connection)
    published(world.connection, VIEWS)

    an_edit(world, edit, "SwotAnalysis.make_risk", analysis, item_id=str(law), category="external")
    world.projected()
    risk = world.load(analysis).items[law].risk_id

    assert undo(world, edit).refusal is None
    assert known(world, analysis) == before
    assert world.load(risk).archived


def test_an_item_becomes_an_objective_of_the_project_once(world: World) -> None:
    analysis = an_analysis(world, weakness="Nobody answers in time", strength="team")
    slow = item(world, analysis, "Nobody answers in time")
    measured = {"metric": "hours to the first answer", "unit": "hours", "baseline": "30", "target": "4"}

    made = world.when("SwotAnalysis.make_objective", analysis, item_id=str(slow), **measured)
    made.records_only(Project.ObjectiveSet, SwotAnalysis.ObjectiveMade)

    [objective] = world.load(world.load(analysis).project_id).objectives.values()
    assert (objective.text, objective.metric, str(objective.target)) == (
        "Nobody answers in time",
        measured["metric"],
        "4",
    )
    assert [each.objective_id for each in world.load(analysis).items.values()] == [objective.objective_id, None]
    again = world.when("SwotAnalysis.make_objective", analysis, item_id=str(slow))
    again.is_refused("an objective was made of this already", "item_id")


def test_who_does_the_work_makes_risks_and_sets_no_objectives(world: World) -> None:
    analysis = an_analysis(world, threat="law")
    worker = a_role(world, "worker", {"projects.see": "all", "projects.work": "all"})
    leader = a_role(world, "leader", {"projects.*": "all"})
    own = a_role(world, "own", {"projects.see": "all", "projects.manage": "own"})
    ada, eve, ann = somebody(world, worker), somebody(world, leader), somebody(world, own)
    law = {"item_id": str(item(world, analysis, "law"))}
    world.given("SwotAnalysis.assign_owner", analysis, owner_id=ann)
    world.governed()

    refused = world.when("SwotAnalysis.make_objective", analysis, by=ada, **law)
    refused.is_refused("it needs projects.manage", code=Code.FORBIDDEN)
    of_another = world.when("SwotAnalysis.make_objective", analysis, by=ann, **law)
    of_another.is_refused("it needs projects.manage", code=Code.FORBIDDEN)

    world.when("SwotAnalysis.make_risk", analysis, by=ada, category="external", **law).records(Risk.Identified)
    world.when("SwotAnalysis.make_objective", analysis, by=eve, **law).records(Project.ObjectiveSet)


def test_a_name_made_of_a_long_text_is_cut(world: World) -> None:
    assert called("short\nand more") == "short"
    assert len(called("x" * 300)) == NAME


def test_what_is_concluded_keeps_its_lists_until_it_is_reopened(world: World) -> None:
    analysis = an_analysis(world, threat="law")
    law = str(item(world, analysis, "law"))
    world.given("SwotAnalysis.conclude", analysis, conclusion="watch the law")

    world.when("SwotAnalysis.add_item", analysis, kind="threat", text="x").is_refused("is concluded: reopen it")
    world.when("SwotAnalysis.make_risk", analysis, item_id=law, category="external").records(Risk.Identified)
    world.given("SwotAnalysis.reopen", analysis)

    world.when("SwotAnalysis.add_item", analysis, kind="threat", text="x").records_only(SwotAnalysis.ItemAdded)
    world.when("SwotAnalysis.reopen", analysis).is_refused("is not concluded")
