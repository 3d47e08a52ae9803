from typing import Any
from uuid import UUID

import pytest

from domain.projects.document import Document
from domain.projects.milestone import Milestone
from domain.projects.project import Project
from domain.values import new_id
from tests.scenario import ME, World, one_of

SHE = new_id()


def a_document(world: World, **arguments: Any) -> UUID:
    given = {
        "project_id": one_of(world, Project),
        "name": "Design",
        "kind": "design",
        "reference": "https://files.example/design-1.pdf",
    }
    return world.given("Document.add", **given | arguments)


def a_submitted_document(world: World) -> UUID:
    document = a_document(world)
    world.given("Document.submit", document)
    return document


def test_a_document_begins_as_a_draft_with_its_first_version(world: World) -> None:
    project = one_of(world, Project)

    added = world.when(
        "Document.add", project_id=project, name="Design", kind="design", reference="//files/design.pdf", note="new"
    )

    added.records_only(Document.Added, Document.VersionAdded)
    added.records(Document.VersionAdded, number=1, reference="//files/design.pdf", note="new", by_id=ME)
    assert (world.load(added.id).status, world.load(added.id).number) == ("draft", 1)


def test_it_is_the_deliverable_of_a_milestone_of_its_own_project(world: World) -> None:
    project = one_of(world, Project)
    planned = {"name": "designed", "due_on": "2026-03-31"}
    milestone = world.given("Milestone.plan", project_id=project, **planned)
    document, foreign = a_document(world, project_id=project), one_of(world, Milestone)

    world.when("Document.set_milestone", document, milestone_id=milestone).records(
        Document.MilestoneChanged, milestone_id=milestone
    )

    world.when("Document.set_milestone", document, milestone_id=foreign).is_refused("another project", "milestone_id")
    asked = {"name": "x", "kind": "other", "reference": "x"}
    world.when("Document.add", project_id=project, milestone_id=foreign, **asked).is_refused(
        "another project", "milestone_id"
    )


def test_whoever_submitted_it_does_not_approve_it(world: World) -> None:
    document, neighbour = a_submitted_document(world), a_submitted_document(world)

    world.when("Document.approve", document).is_refused("somebody else does")
    world.when("Document.approve", document, by=SHE, reason="well done").records(
        Document.Approved, submitted_by_id=ME, decided_by_id=SHE, decision_reason="well done"
    )

    assert [world.load(each).status for each in (document, neighbour)] == ["approved", "submitted"]


def test_who_approves_it_may_be_whoever_wrote_it(world: World) -> None:
    document = a_document(world)
    world.given("Document.submit", document, by=SHE)

    world.when("Document.approve", document).records(Document.Approved, submitted_by_id=SHE, decided_by_id=ME)


def test_what_is_rejected_is_rejected_for_a_reason_and_may_be_submitted_again(world: World) -> None:
    document = a_submitted_document(world)

    world.when("Document.reject", document, by=SHE, reason="page 3 is missing").records(
        Document.Rejected, decided_by_id=SHE, decision_reason="page 3 is missing"
    )
    world.given("Document.submit", document)

    known = world.load(document)
    assert (known.status, known.decided_by_id, known.decision_reason) == ("submitted", None, None)


@pytest.mark.parametrize("decided", ["approve", "reject", None])
def test_a_new_version_is_a_draft_whatever_was_decided_of_the_last_one(world: World, decided: str | None) -> None:
    document = a_submitted_document(world)
    if decided:
        world.given(f"Document.{decided}", document, by=SHE, reason="x")

    revised = world.when("Document.revise", document, reference="https://files.example/design-2.pdf", note="page 3")

    revised.records_only(Document.VersionAdded, Document.Revised)
    known = world.load(document)
    assert (known.number, known.status, known.submitted_by_id, known.decided_by_id) == (2, "draft", None, None)
    assert [each.reference for each in known.versions.values()] == [
        "https://files.example/design-1.pdf",
        "https://files.example/design-2.pdf",
    ]
    world.when("Document.approve", document, by=SHE).is_refused("it was not submitted")


def test_only_what_was_submitted_is_decided_and_only_what_is_undecided_is_submitted(world: World) -> None:
    draft, submitted, approved = a_document(world), a_submitted_document(world), a_submitted_document(world)
    world.given("Document.approve", approved, by=SHE)

    for document, status in ((draft, "draft"), (approved, "approved")):
        for command in ("approve", "reject"):
            refused = world.when(f"Document.{command}", document, by=SHE, reason="x")
            refused.is_refused(f"this document is {status}: it was not submitted")
    for document, status in ((submitted, "submitted"), (approved, "approved")):
        world.when("Document.submit", document).is_refused(f"this document is {status} already")


def test_what_is_withdrawn_is_changed_no_more(world: World) -> None:
    document, neighbour = a_submitted_document(world), a_document(world)

    world.when("Document.withdraw", document, reason="there is a better one").records(
        Document.Withdrawn, decided_by_id=ME, decision_reason="there is a better one"
    )

    told: dict[str, dict[str, Any]] = {"submit": {}, "revise": {"reference": "x"}, "withdraw": {}, "approve": {}}
    for command, given in told.items():
        world.when(f"Document.{command}", document, **given).is_refused("is withdrawn")
    assert world.load(neighbour).status == "draft"


def test_what_it_is_called_and_of_what_kind_it_is_are_corrected(world: World) -> None:
    document = a_document(world)

    world.given("Document.change_details", document, name="Charter")

    assert (world.load(document).name, world.load(document).kind) == ("Charter", "design")
