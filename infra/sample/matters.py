"""What every roll-out has to do with: people and talk, requirements, risks and papers, told from few words each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from infra.sample.acts import ItemOf, Ref
from infra.sample.roll_out import RollOut, euros


@dataclass(frozen=True)
class Need:
    """A requirement: found, confirmed by theirs, agreed on, and traced to the task that meets it."""

    code: str
    name: str
    text: str
    priority: str
    kind: str
    method: str
    task: str
    acceptance: str

    def told(self, told: RollOut, by: str, source: Ref, found: float, confirmed: float, traced: float) -> None:
        ref = f"{told.ref} {self.code}"
        given = {
            "project_id": Ref(told.ref), "code": self.code, "name": self.name, "text": self.text, "kind": self.kind,
            "method": self.method, "priority": self.priority, "source_id": source, "owner_id": Ref(by),
        }  # fmt: skip
        told.make(found, by, ref, "Requirement.elicit", **given)
        told.tell(found + 6, by, ref, "Requirement.refine", acceptance=self.acceptance)
        told.tell(confirmed, by, ref, "Requirement.confirm", contact_id=source)
        told.tell(confirmed + 2, by, ref, "Requirement.baseline")
        told.tell(traced, by, ref, "Requirement.trace", task_id=told.task(self.task))


@dataclass(frozen=True)
class CheckedRisk:
    """A risk that is found, judged, provided for, looked at each month, and over at last, if it is."""

    name: str
    category: str
    probability: int
    impact: int
    cost: int
    days: int
    response: str
    plan: str
    over: float | None
    why: str

    def told(self, told: RollOut, n: float, by: str) -> None:
        ref, over = self.ref(told), told.elapsed if self.over is None else self.over
        told.make(
            n, by, ref, "Risk.identify", project_id=Ref(told.ref), name=self.name, category=self.category,
            found_by="brainstorming", owner_id=Ref(by),
        )  # fmt: skip
        told.tell(
            n + 1, by, ref, "Risk.assess", probability=self.probability, impact=self.impact, cost=euros(self.cost),
            days=self.days,
        )  # fmt: skip
        due = told.on(n + 22)
        told.tell(n + 3, by, ref, "Risk.plan_response", response=self.response, plan=self.plan, review_due=due)
        for month in range(1, 12):
            if (looked := n + 20 * month + 1) < over:
                note = "Looked at in the status meeting: no change."
                told.tell(looked, by, ref, "Risk.review", note=note, due=told.on(looked + 21))
        if self.why and self.over is not None:
            told.tell(self.over, by, ref, "Risk.close", reason=self.why)

    def ref(self, told: RollOut) -> str:
        return f"{told.ref} {self.name}"


@dataclass(frozen=True)
class Paper:
    """A document: submitted by who wrote it, and approved by another, who may first have rejected it."""

    name: str
    kind: str
    n: float
    milestone: str = ""
    rejected: str = ""

    def told(self, told: RollOut, by: str, approver: str) -> None:
        ref, n = f"{told.ref} {self.name}", self.n
        address = f"https://papers.northfell.example/{told.ref.split()[-1]}/{self.kind}"
        milestone = {"milestone_id": told.milestone(self.milestone)} if self.milestone else {}
        given = {"project_id": Ref(told.ref), "name": self.name, "kind": self.kind, "reference": f"{address}-1"}
        told.make(n + 0.4, by, ref, "Document.add", **given, **milestone)
        told.tell(n + 0.5, by, ref, "Document.submit")
        if self.rejected:
            told.tell(n + 1.4, approver, ref, "Document.reject", reason=self.rejected)
            told.tell(n + 2.4, by, ref, "Document.revise", reference=f"{address}-2", note="As was asked for")
            told.tell(n + 2.5, by, ref, "Document.submit")
            n += 2
        told.tell(n + 1.55, approver, ref, "Document.approve")


@dataclass(frozen=True)
class Talk:
    """A meeting: when it is held, what for, what was said and decided, and what somebody is to do until when."""

    n: int
    kind: str
    name: str
    minutes: str
    decision: str = ""
    action: str = ""
    by: str = ""
    done: int = 3

    def told(self, told: RollOut, manager: str, users: Sequence[str]) -> None:
        ref, held = f"{told.ref} meeting {self.n}", self.n + 0.6
        told.make(
            max(self.n - 6, -3) + 0.4, manager, ref, "Meeting.schedule", project_id=Ref(told.ref), kind=self.kind,
            name=self.name, starts_at=told.at(self.n + 0.5625), ends_at=told.at(self.n + 0.6),
            agenda=["Where we are", "What is in the way", "What is next"], user_ids=[Ref(each) for each in users],
            contact_ids=[Ref(f"{told.ref} user")],
        )  # fmt: skip
        said: list[tuple[str, str, dict[str, Any]]] = [
            (manager, "Meeting.hold", {}),
            (manager, "Meeting.record_minutes", {"minutes": self.minutes}),
        ]
        if self.decision:
            said.append((manager, "Meeting.decide", {"text": self.decision}))
        if self.action:
            due = told.on(self.n + self.done)
            given = {"text": self.action, "assignee_id": Ref(self.by), "due": due}
            said.append((manager, "Meeting.add_action", given))
        told.unit(held, ref, *said)
        if self.action:
            task = ItemOf(ref, "ActionAdded", 0, "task_id")
            told.unit(self.n + self.done - 0.4, task, (self.by, "Task.start", {}), (self.by, "Task.complete", {}))


@dataclass(frozen=True)
class Ware:
    """Something that is bought: delivered as it was expected, or late, and then handed out."""

    name: str
    kind: str
    quantity: int
    unit: str
    cost: int
    phase: str
    ordered: int
    expected: int
    user: str = ""
    delay: str = ""

    def told(self, told: RollOut, by: str) -> None:
        ref, n = f"{told.ref} {self.name}", self.ordered
        told.make(
            n - 8.5, by, ref, "Resource.need", project_id=Ref(told.ref), name=self.name, kind=self.kind,
            quantity=self.quantity, unit=self.unit, phase=self.phase, needed_on=told.on(self.expected + 2),
            expected_cost=euros(self.cost),
        )  # fmt: skip
        told.tell(n - 5.5, by, ref, "Resource.request")
        told.tell(n + 0.5, by, ref, "Resource.order", cost=euros(self.cost), expected_on=told.on(self.expected))
        if self.delay:
            later = {"expected_on": told.on(self.expected + 12), "reason": self.delay}
            told.tell(self.expected - 0.5, by, ref, "Resource.reschedule_delivery", **later)
            return
        all_of_it = {"quantity": self.quantity}
        told.tell(self.expected + 0.4, by, ref, "Resource.deliver", **all_of_it)
        told.tell(self.expected + 0.5, by, ref, "Resource.store", **all_of_it, place="Store, shelf 4")
        told.tell(self.expected + 1.4, by, ref, "Resource.issue", **all_of_it, user_id=Ref(self.user))


@dataclass(frozen=True)
class Report:
    """A status report over some working days, with what is not green and why."""

    since: int
    until: int
    done: str
    next_steps: str
    amber: Mapping[str, str]
    red: Mapping[str, str] = field(default_factory=dict)
    problems: str = ""
    published: bool = True

    def told(self, told: RollOut, by: str) -> None:
        ref, n = f"{told.ref} report {self.until}", self.until + 0.7
        days = {"since": told.on(self.since), "until": told.on(self.until)}
        text = {"done": self.done, "next_steps": self.next_steps, "problems": self.problems or None}
        told.make(n, by, ref, "StatusReport.draft", project_id=Ref(told.ref), **days, **text)
        lights = {side: {"colour": "green"} for side in ("scope", "time", "cost", "quality", "risk")}
        for colour, reasons in (("amber", self.amber), ("red", self.red)):
            lights |= {side: {"colour": colour, "reason": reason} for side, reason in reasons.items()}
        told.tell(n + 0.01, by, ref, "StatusReport.set_lights", **lights)
        if self.published:
            told.tell(n + 0.02, by, ref, "StatusReport.publish")


def gather(
    told: RollOut,
    manager: str,
    members: Sequence[tuple[dict[str, Any], str, int]],
    deliverables: Sequence[str],
    stakeholders: Sequence[tuple[dict[str, Any], int, int, str, str, str]],
) -> None:
    """The team with what each answers for, and those who matter. The first of the team answers for all of it."""
    for number, (who, role, share) in enumerate(members):
        ref = f"{told.ref} {role}"
        given = {"project_id": Ref(told.ref), "role": role, "allocation": share, "since": told.on(0)}
        told.make(-3 + number / 50, manager, ref, "ProjectMember.join", **given, **who)
        for place, deliverable in enumerate(deliverables):
            part = {0: "accountable", place + 1: "responsible", 9: "consulted", 10: "informed"}.get(number)
            if part:
                stands = {"deliverable": deliverable, "responsibility": part}
                told.tell(-2 + place / 50, manager, ref, "ProjectMember.set_responsibility", **stands)
    for number, (who, interest, influence, attitude, hope, how) in enumerate(stakeholders):
        ref = f"{told.ref} stakeholder {number}"
        known = {"project_id": Ref(told.ref), "interest": interest, "influence": influence, **who}
        told.make(-9.5 + number / 50, manager, ref, "Stakeholder.identify", **known, attitude="neutral")
        told.tell(-8.5, manager, ref, "Stakeholder.plan_involvement", involvement=how)
        told.tell(12.5, manager, ref, "Stakeholder.assess", attitude=attitude, expectation=hope)


def inform(told: RollOut, name: str, by: str, every: int, unit: str, channel: str, missed: Sequence[int] = ()) -> None:
    """Something is told again and again, but for the times that were missed."""
    days, ref = every * {"week": 5, "month": 21}[unit], f"{told.ref} {name}"
    told.make(
        -3.3, by, ref, "CommunicationPlan.plan", project_id=Ref(told.ref), name=name, audience="Steering committee",
        every=every, unit=unit, channel=channel, stakeholder_ids=[Ref(f"{told.ref} stakeholder 0")],
        responsible_id=Ref(by), first_on=told.on(days - 1),
    )  # fmt: skip
    for time in range(1, told.elapsed // days + 1):
        if time not in missed:
            told.tell(days * time - 1 + 0.65, by, ref, "CommunicationPlan.carry_out")
