"""The roll-out that is on time: Fjordlys Holding gets its system phase by phase, as it was planned."""

from __future__ import annotations

from datetime import date, tzinfo
from decimal import Decimal
from typing import Any, Final

from infra.sample.acts import ItemOf, Ref
from infra.sample.matters import CheckedRisk, Need, Paper, Report, Talk, Ware, gather, inform
from infra.sample.roll_out import Crew, RollOut, euros

REF: Final = "roll-out fjordlys"
ELAPSED: Final = 88
"""Working days from its start to the day on which the sample is loaded; as planned it takes some twenty more."""
MANAGER, SPONSOR, ANALYST = "runa.eide", "ingrid.solvik", "jana.holub"
RATE: Final = 95
CREW: Final = {
    "project manager": (MANAGER,),
    "business analyst": (ANALYST, "li.wen"),
    "implementation specialist": ("britt.aasen", "paulo.reis"),
    "data analyst": ("chen.hao", "edda.falk"),
    "trainer": ("nils.torp", "omar.sayed"),
    "QA": ("tessa.boon", "jana.holub"),
    "IT technician": ("sami.laine", "edda.falk", "ivo.maric"),
    "support": ("omar.sayed", "edda.falk"),
}
EARLIER: Final = {"hold-interviews": 1, "demonstrate-score": -1, "extend": 1, "clean-data": -1, "hold-training": -1}
"""By how many days a task was finished later than planned: a little, and made good."""
HOURS: Final = {"confirm-requirements": Decimal("1.1"), "extend": Decimal("1.06"), "clean-data": Decimal("0.9")}
"""How many times its hours a task took."""
CHARTER: Final = """Fjordlys Holding keeps its customers in four systems and in the heads of its people. By the end of
this project all six houses work with one. It counts as a success if quotations are answered within a day and the board
has its figures without anybody typing them. The sponsor decides on scope and money, the project manager on the rest."""
NEEDS: Final = (
    Need("REQ-1", "One record for each customer", "Each customer is there once, with all houses that serve it.", "must",
         "business", "interview", "design-data", "No customer is found twice by name, number or address."),
    Need("REQ-2", "Quotations from the catalogue", "A quotation is made of listed products with the prices of its day.",
         "must", "functional", "workshop", "configure", "Ten quotations of last year are made again, to the cent."),
    Need("REQ-3", "Stock is seen in the quotation", "Whoever quotes sees what is in stock in each house.", "should",
         "interface", "interview", "integrate", "The number is no older than five minutes."),
    Need("REQ-4", "Visits on the road", "A visit can be recorded without a network, and is sent later.", "should",
         "functional", "observation", "extend", "Ten visits recorded off the grid arrive complete."),
    Need("REQ-5", "Figures for the board", "What is won and expected is told by house and quarter, with no typing.",
         "must", "functional", "interview", "configure", "The figures of the last quarter agree with the books."),
    Need("REQ-6", "Answers in two seconds", "Each list of customers is there within two seconds for 200 users.",
         "must", "non_functional", "questionnaire", "test-system", "95 of 100 answers within two seconds under load."),
    Need("REQ-7", "Old orders stay readable", "Orders of the last ten years can be looked up.", "must", "data",
         "document", "move-data", "Counts and sums agree with the old system, year by year."),
    Need("REQ-8", "In the language of the house", "Each user chooses between Norwegian, English and German.", "could",
         "user_interface", "questionnaire", "configure", "Each label is there in all three."),
)  # fmt: skip
RISKS: Final = (
    CheckedRisk("The old data is worse than thought", "data", 3, 4, 18_000, 8, "reduce",
                "Clean a sample of each house before the move is planned.", 64.4,
                "All data was moved and reconciled; nothing was left."),
    CheckedRisk("Users of the islands have no time for training", "people", 3, 3, 6_000, 4, "reduce",
                "Train there, in the week after the fair.", 66.5, "All but four took part."),
    CheckedRisk("The line to the islands fails at go-live", "technology", 2, 3, 9_000, 3, "transfer",
                "The provider keeps a second line for four weeks.", None, ""),
)  # fmt: skip
PAPERS: Final = (
    Paper("Project charter", "charter", -12),
    Paper("Requirements document", "requirements", 17, "Requirements confirmed"),
    Paper("Evaluation of five vendors", "deliverable", 30, "System decided on"),
    Paper("Process design", "design", 40, "Design accepted", "The returns of the outlet are missing."),
    Paper("Training material", "training_material", 55, "Users trained"),
    Paper("Test report", "test_report", 79, "Go-live"),
)
MEETINGS: Final = (
    Talk(0, "kick_off", "Kick-off", "Goal, scope and plan were shown. Each house names somebody who speaks for it.",
         "Status each second Thursday, steering each month.", "Name who speaks for each house", ANALYST),
    Talk(14, "status", "Status: requirements", "Six of eight interviews were written up.", "",
         "Ask the outlet about returns", "li.wen", 2),
    Talk(29, "steering", "Steering: which system", "Five vendors were scored, two shown again.",
         "The system of the second vendor is taken."),
    Talk(43, "review", "Review of the design", "All processes were gone through with the users.",
         "Returns of the outlet are part of the design."),
    Talk(58, "status", "Status: build and data", "The sample of the old data is cleaner than feared.", "",
         "Book the rooms on the islands", "nils.torp", 4),
    Talk(78, "steering", "Steering: leave to go live", "All acceptance tests are passed; the way back was rehearsed.",
         "Go-live as planned."),
    Talk(86, "status", "Status: first days of work", "Eleven calls on the first day, two on the fifth.", "",
         "Show the houses how to merge records", "omar.sayed", 5),
    Talk(93, "steering", "Steering: hand-over", ""),
)  # fmt: skip
WARES: Final = (
    Ware("Notebooks for the trainers", "equipment", 4, "pieces", 4_800, "training", 38, 52, "nils.torp"),
    Ware("Licences", "licence", 120, "users", 31_200, "build", 34, 42, "sami.laine"),
    Ware("Printed guides", "material", 130, "pieces", 900, "training", 45, 56, "nils.torp"),
)
REPORTS: Final = (
    Report(0, 20, "Requirements are confirmed.", "List vendors and score them.", {}),
    Report(21, 42, "The system is chosen, the design is under way.", "Configure, extend, clean the data.", {}),
    Report(43, 64, "The system is built, and users are trained.", "Move the data, and test.", {}),
    Report(
        65, 85, "All tests are passed; people work with the system.", "Support users, and collect what they say.", {}
    ),
)


def on_time(begin: date, zone: tzinfo, crew: Crew) -> RollOut:
    told = RollOut(REF, "CRM implementation", begin, zone, ELAPSED, {**crew, **CREW})
    _begun(told)
    _done(told)
    _paid(told)
    for need in NEEDS:
        need.told(told, ANALYST, Ref(f"{REF} user"), 2.4, 16.5, 45.5)
        task = told.tasks[need.task].key
        if task != "test-system":
            told.tell(66.6, ANALYST, f"{REF} {need.code}", "Requirement.implement")
            told.tell(76.5, "tessa.boon", f"{REF} {need.code}", "Requirement.verify", evidence="Test run 4: passed")
    for risk in RISKS:
        risk.told(told, 1.5, MANAGER)
    for paper in PAPERS:
        paper.told(told, ANALYST, SPONSOR)
    for ware in WARES:
        ware.told(told, MANAGER)
    for report in REPORTS:
        report.told(told, MANAGER)
    _said(told)
    _in_sprints(told)
    _otherwise(told)
    return told


def _begun(told: RollOut) -> None:
    told.sell("group 0", SPONSOR, "CRM for all houses of Fjordlys Holding", 248_000)
    for name, person, title, role in (
        ("sponsor", {"given_name": "Solveig", "family_name": "Brandal"}, "Head of sales", "decision_maker"),
        ("user", {"given_name": "Arne", "family_name": "Holmen"}, "Sales, islands", "user"),
    ):
        given = {"person": person, "title": title, "account_id": Ref("group 0"), "role": role}
        told.unit(-40.5, f"{REF} {name}", (SPONSOR, "Contact.add", given), makes=True, themselves=False)
    told.propose(
        -18.5, MANAGER, name="CRM for Fjordlys Holding", sponsor_id=Ref(SPONSOR),
        goal="One system in which all six houses keep their customers, quotations and orders.",
    )  # fmt: skip
    scope = {
        "included": ["Customers, quotations and orders of six houses", "Ten years of data", "Training of 120 users"],
        "excluded": ["Bookkeeping", "The web shop"],
        "assumptions": ["Each house names somebody who speaks for its users"],
        "constraints": ["Nothing is switched in the week of the fair"],
    }  # fmt: skip
    told.unit(
        -14.5,
        REF,
        (MANAGER, "Project.set_charter", {"charter": CHARTER.replace("\n", " ")}),
        (MANAGER, "Project.set_scope", {"scope": scope}),
        (MANAGER, "Project.set_buffer", {"buffer_days": 8, "buffer_money": euros(15_000)}),
    )
    objectives = (
        ("Quotations are answered within a day", "Answered within a day", "percent", 42, 80, (42, 45, 44, 58, 71)),
        ("Customers are known in one place", "Customers with one record", "percent", 20, 95, (20, 20, 31, 74, 96)),
        (
            "The board has its figures without typing",
            "Hours for the monthly report",
            "hours",
            16,
            4,
            (16, 16, 15, 9, 5),
        ),
    )
    for number, (text, metric, unit, baseline, target, values) in enumerate(objectives):
        aim: dict[str, Any] = {"text": text, "metric": metric, "unit": unit, "baseline": baseline, "target": target}
        told.tell(-13.5, MANAGER, REF, "Project.set_objective", **aim)
        for month, value in enumerate(values):
            objective = ItemOf(REF, "ObjectiveSet", number)
            told.tell(20 * month + 4.6, ANALYST, REF, "Project.measure_kpi", objective_id=objective, value=value)
    told.tell(-4.4, SPONSOR, REF, "Project.approve")
    told.assign(-3.5, MANAGER)
    told.tell(0.35, MANAGER, REF, "Project.start")


def _done(told: RollOut) -> None:
    """The tasks, the milestones that they lead to, and the phases."""
    finished = dict[str, int]()
    for key, (start, finish) in told.planned.items():
        finished[key] = finish + EARLIER.get(key, 0)
        told.work(key, start, finished[key], told.hours(key) * HOURS.get(key, 1))
    for phase, milestone, starts, _ in told.phases():
        reached = max(finished[task.key] for task in told.layout.tasks if task.phase == phase)
        told.enter(starts + 0.35, MANAGER, phase)
        evidence = f"Protocol {reached + 100}, signed by the user representatives"
        told.tell(reached + 0.8, MANAGER, told.milestone(milestone), "Milestone.reach", evidence=evidence)
        told.tell(reached + 1.6, SPONSOR, told.milestone(milestone), "Milestone.accept")
        told.leave(reached + 1.7, MANAGER, phase)


def _paid(told: RollOut) -> None:
    budget = f"{REF} budget"
    lines: list[dict[str, Any]] = [
        {
            "category": "people",
            "phase": each.phase,
            "planned": euros(RATE * sum(told.hours(t.key) for t in told.layout.tasks if t.phase == each.phase)),
        }
        for each in told.layout.phases
    ]
    for category, phase, amount in (
        ("software", "build", 32_000), ("hardware", "build", 7_500), ("services", "migration", 9_000),
        ("training", "training", 6_000), ("reserve", None, 15_000),
    ):  # fmt: skip
        lines.append({"category": category, "phase": phase, "planned": euros(amount)})
    told.make(
        -10.5, MANAGER, budget, "Budget.plan", project_id=Ref(REF), lines=lines, hourly_rate=euros(RATE)
    )  # fmt: skip
    bought = (
        (35.5, "software", "build", 31_200, "Licences for 120 users, three years", (44.5, 68.5)),
        (40.5, "hardware", "build", 7_100, "Two servers", (52.5,)),
        (46.5, "services", "migration", 8_800, "Export from the old systems", (63.5,)),
        (50.5, "training", "training", 5_600, "Rooms and travel", (60.5, 66.5)),
    )
    for number, (n, category, phase, amount, text, paid) in enumerate(bought):
        told.tell(n, MANAGER, budget, "Budget.commit", category=category, phase=phase, amount=euros(amount), text=text)
        for part in paid:
            told.tell(
                part, MANAGER, budget, "Budget.spend", amount=euros(amount // len(paid)), text=text,
                against=ItemOf(budget, "Committed", number),
            )  # fmt: skip


def _said(told: RollOut) -> None:
    members = {
        MANAGER: "project_manager", ANALYST: "business_analyst", "britt.aasen": "implementation_specialist",
        "hanna.brandt": "developer", "sami.laine": "it_technician", "tessa.boon": "qa", "chen.hao": "data_analyst",
        "nils.torp": "trainer", "edda.falk": "system_administrator", "omar.sayed": "support",
    }  # fmt: skip
    who = {member: {"user_id": Ref(member)} for member in members} | {"user": {"contact_id": Ref(f"{REF} user")}}
    share = {MANAGER: 60, "user": 30, "sami.laine": 30, "omar.sayed": 40, "edda.falk": 30}
    gather(
        told, MANAGER,
        members=[(who[each], {**members, "user": "user_representative"}[each], share.get(each, 80)) for each in who],
        deliverables=("Requirements document", "Process design", "Configured system", "Training material"),
        stakeholders=(
            ({"contact_id": Ref(f"{REF} sponsor")}, 5, 5, "leading", "Figures to trust", "Each month, in person"),
            ({"contact_id": Ref(f"{REF} user")}, 5, 2, "supportive", "Less typing", "In each demonstration"),
            ({"user_id": Ref("edda.falk")}, 3, 2, "neutral", "No calls at night", "Asked about each interface"),
            ({"account_id": Ref("group 0")}, 4, 4, "supportive", "One face to its customers", "Letter to all houses"),
        ),
    )  # fmt: skip
    inform(told, "Where the roll-out stands", MANAGER, 1, "week", "email")
    inform(told, "Steering committee", SPONSOR, 1, "month", "meeting")
    for meeting in MEETINGS:
        meeting.told(told, MANAGER, (MANAGER, SPONSOR, ANALYST))


def _in_sprints(told: RollOut) -> None:
    """The build is done in two sprints: what the first does not finish goes on in the second."""
    since, between = told.planned["configure"][0], told.planned["configure"][0] + 11
    until = max(told.planned[key][1] for key in ("configure", "extend", "integrate")) + 2
    first, second = f"{REF} sprint 1", f"{REF} sprint 2"
    for ref, goal, starts, ends in (
        (first, "Customers and quotations can be shown", since, between - 1),
        (second, "All of the design can be tested", between, until),
    ):
        given = {"project_id": Ref(REF), "name": f"Sprint {ref[-1]}", "goal": goal}
        days = {"starts_on": told.on(starts), "ends_on": told.on(ends)}
        told.make(since - 3.5, MANAGER, ref, "Sprint.plan", **given, **days)
    for ref, key in ((first, "configure"), (first, "extend"), (second, "integrate")):
        told.tell(since - 2.5, MANAGER, ref, "Sprint.add_task", task_id=told.task(key))
    told.tell(since + 0.34, MANAGER, first, "Sprint.start")
    told.tell(between - 0.2, MANAGER, first, "Sprint.close", move_to_id=Ref(second))
    told.tell(between + 0.34, MANAGER, second, "Sprint.start")
    told.tell(until + 0.8, MANAGER, second, "Sprint.close")


def _otherwise(told: RollOut) -> None:
    """How an enquiry is answered, before the roll-out and since."""
    process = f"{REF} enquiries"
    told.make(
        6.5, ANALYST, process, "BusinessProcess.describe", project_id=Ref(REF), name="Answering an enquiry",
        as_is="Each house looks the customer up in its own system and asks the others by telephone.",
        responsible_id=Ref(f"{REF} user"),
    )  # fmt: skip
    steps = (
        ("as_is", "Look the customer up", "sales", "four systems", 25),
        ("as_is", "Ask the other houses", "sales", "telephone", 40),
        ("as_is", "Write the quotation", "sales", "office program", 55),
        ("to_be", "Open the customer", "sales", "CRM", 2),
        ("to_be", "Make the quotation from the catalogue", "sales", "CRM", 15),
    )
    for form, name, role, system, minutes in steps:
        given = {"form": form, "name": name, "role": role, "system": system, "minutes": minutes}
        told.tell(7.5 if form == "as_is" else 39.5, ANALYST, process, "BusinessProcess.add_step", **given)
    told.tell(
        8.5, ANALYST, process, "BusinessProcess.set_measure", name="Work on a quotation", unit="minutes", target=20
    )
    measure = ItemOf(process, "MeasureSet")
    told.tell(9.5, ANALYST, process, "BusinessProcess.measure", measure_id=measure, value=118)
    better = "The customer is known in all houses, and the quotation is made of what is listed."
    told.tell(38.5, ANALYST, process, "BusinessProcess.redesign", to_be=better)
    told.tell(83.5, ANALYST, process, "BusinessProcess.adopt")
    told.tell(86.7, ANALYST, process, "BusinessProcess.measure", measure_id=measure, value=24)
