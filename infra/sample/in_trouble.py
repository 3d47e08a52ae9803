"""The roll-out that is in trouble: at Alpen Verbund the design took three weeks more, and much came of that."""

from __future__ import annotations

from datetime import date, tzinfo
from decimal import Decimal
from typing import Any, Final

from infra.sample.acts import ItemOf, Ref
from infra.sample.matters import CheckedRisk, Need, Paper, Report, Talk, Ware, gather, inform
from infra.sample.roll_out import Crew, RollOut, euros

REF: Final = "roll-out alpen"
ELAPSED: Final = 105
"""Working days from its start to the day on which the sample is loaded."""
SLIP: Final = 16
"""Working days by which the design was late, and by which all behind it was put off."""
MANAGER, SPONSOR, ANALYST = "viktor.lang", "tomas.brenner", "li.wen"
OVERLOADED: Final = "paulo.reis"
RATE: Final = 98
CREW: Final = {
    "project manager": (MANAGER, ANALYST),
    "business analyst": (ANALYST, "jana.holub"),
    "implementation specialist": (OVERLOADED, "britt.aasen"),
    "developer": (OVERLOADED, "ivo.maric"),
    "data analyst": (OVERLOADED,),
}
BEHIND: Final = ("configure-all", "integrate-all", "clean-all", "migrate-all", "test-all", "train-all", "accept-all",
                 "go-live-all", "support-all", "review-all")  # fmt: skip
DESIGN, INTERFACE = "Design agreed on", "Interface to the ERP tested"
CHARTER: Final = """阿尔卑斯联盟在博恩里德和苏州的两家工厂将共用一套客户管理系统。In eight months both plants of
Alpen Verbund, Bernried and Suzhou, work with one system. It counts as a success if no enquiry
is left without an answer for three days. The steering committee decides on scope and money."""
NEEDS: Final = (
    Need("AV-1", "One pipeline for both plants", "Enquiries of both plants are worked on in one pipeline.", "must",
         "functional", "workshop", "configure-all", "Each enquiry of May is found again, with its plant."),
    Need("AV-2", "中文界面", "苏州工厂的用户可以用中文使用所有界面。", "must", "user_interface", "interview",
         "configure-all", "所有标签和提示均为中文。"),
    Need("AV-3", "库存实时可见", "报价时可以看到苏州仓库的实时库存。", "must", "interface", "workshop", "integrate-all",
         "库存数据的延迟不超过五分钟。"),
    Need("AV-4", "Orders from the ERP", "Each order of the ERP is seen at its customer.", "must", "interface",
         "document", "integrate-all", "Ten orders of each plant are seen within a minute."),
    Need("AV-5", "No customer twice", "Customers of both plants are put together.", "should", "data", "questionnaire",
         "clean-all", "Of a hundred customers, at most one is there twice."),
)  # fmt: skip
LEAVES: Final = CheckedRisk("Analysts are drawn off to another project", "people", 3, 4, 22_000, 15, "reduce",
                            "A second analyst reads along from the start.", 50.4, "")  # fmt: skip
RISKS: Final = (
    LEAVES,
    CheckedRisk("供应商接口延期", "supplier", 4, 4, 30_000, 10, "reduce", "每周与供应商核对接口进度。", None, ""),
    CheckedRisk("Both plants want their own way", "customer", 4, 3, 12_000, 8, "accept", "Steering decides.", None, ""),
    CheckedRisk("The old data has no owner", "data", 2, 3, 5_000, 5, "avoid", "The plants name one each.", 37.5,
                "Both are named."),
)  # fmt: skip
PAPERS: Final = (
    Paper("项目章程 (charter)", "charter", -9),
    Paper("需求规格说明书 (requirements)", "requirements", 25, "Requirements and system agreed on"),
    Paper(
        "Design of processes, data and interfaces",
        "design",
        73,
        "System built and data cleaned",
        "The process of returns is missing.",
    ),
)
MEETINGS: Final = (
    Talk(1, "kick_off", "启动会议 (kick-off)", "目标、范围和计划已说明。Both plants came.", "Two languages, one plan.",
         "Name an owner of the data in each plant", ANALYST, 8),
    Talk(40, "steering", "Steering: which system", "The offers differ by a fifth.", "The second offer is taken."),
    Talk(55, "status", "Status: the design is late", "One analyst of two was drawn off; three weeks are lost.", "",
         "Work out what the delay does to all that follows", MANAGER, 3),
    Talk(61, "steering", "Steering: new dates", "The change for the warehouses was approved, and the plan is put off.",
         "The end moves by sixteen working days; half of the reserve is released."),
    Talk(99, "status", "Status: 接口受阻", "The supplier gives no access to the test system of the ERP.", "",
         "Ask the board of the supplier for access", SPONSOR, 4),
    Talk(107, "steering", "Steering: how to go on", ""),
)  # fmt: skip
WARES: Final = (
    Ware("Test server", "equipment", 1, "pieces", 5_200, "months-3-4-5", 70, 84, "britt.aasen"),
    Ware(
        "扫码枪 (hand scanners)", "equipment", 24, "pieces", 7_400, "months-6-7", 88, 101, "", "The carrier lost them"
    ),
)
LATE: Final = {"time": "The design is three weeks late", "risk": "One analyst was drawn off"}
REPORTS: Final = (
    Report(0, 20, "需求分析进行中: requirements are being analysed.", "Select the system.", {}),
    Report(42, 62, "The design goes on with one analyst.", "Agree on the new dates.", {}, LATE, "Nobody else is free."),
    Report(63, 83, "设计已获批准: the design is agreed on.", "Configure and clean data.", LATE),
    Report(84, 104, "Two thirds are configured.", "Get access to the ERP.", {"scope": "One change was added"},
           LATE | {"cost": "CPI is below 0.85", "quality": "无测试系统"}, "接口受阻: it is blocked.", False),
)  # fmt: skip


def in_trouble(begin: date, zone: tzinfo, crew: Crew) -> RollOut:
    told = RollOut(REF, "CRM in eight months", begin, zone, ELAPSED, {**crew, **CREW})
    _begun(told)
    for need in NEEDS:
        need.told(told, ANALYST, Ref(f"{REF} user"), 8.4, 22.5, 46.5)
    for risk in RISKS:
        risk.told(told, 3.5, MANAGER)
    for paper in PAPERS:
        paper.told(told, ANALYST, SPONSOR)
    for meeting in MEETINGS:
        meeting.told(told, MANAGER, (MANAGER, SPONSOR, ANALYST))
    for ware in WARES:
        ware.told(told, MANAGER)
    for report in REPORTS:
        report.told(told, MANAGER)
    _weighed(told)
    _done(told)
    _slipped(told)
    _changed(told)
    _went_wrong(told)
    _paid(told)
    return told


def _begun(told: RollOut) -> None:
    told.sell("group 1", SPONSOR, "CRM for Bernried and Suzhou", 296_000)
    for name, person, title, role in (
        ("sponsor", {"given_name": "Judith", "family_name": "Kessler"}, "Managing director", "decision_maker"),
        ("user", {"given_name": "芳", "family_name": "王"}, "销售主管", "user"),
    ):
        given = {"person": person, "title": title, "account_id": Ref("group 1"), "role": role}
        told.unit(-30.5, f"{REF} {name}", (SPONSOR, "Contact.add", given), makes=True, themselves=False)
    told.propose(
        -15.5, MANAGER, name="CRM for Alpen Verbund (阿尔卑斯联盟)", sponsor_id=Ref(SPONSOR),
        goal="两家工厂共用一套客户管理系统: both plants answer each enquiry from one system.",
    )  # fmt: skip
    scope = {
        "included": ["Enquiries, quotations and orders of both plants", "中文和德文界面"],
        "excluded": ["The ERP itself"],
        "constraints": ["Both plants go live in the same week"],
    }
    told.unit(
        -12.5,
        REF,
        (MANAGER, "Project.set_charter", {"charter": CHARTER.replace("\n", " ")}),
        (MANAGER, "Project.set_scope", {"scope": scope}),
        (MANAGER, "Project.set_buffer", {"buffer_days": 5, "buffer_money": euros(12_000)}),
    )
    aim = {"text": "No enquiry waits for three days", "metric": "Enquiries that waited longer", "unit": "percent"}
    told.tell(-11.5, MANAGER, REF, "Project.set_objective", **aim, baseline=35, target=5)
    for month, value in enumerate((35, 36, 33, 37, 36)):
        objective = ItemOf(REF, "ObjectiveSet")
        told.tell(20 * month + 6.6, ANALYST, REF, "Project.measure_kpi", objective_id=objective, value=value)
    design = {"project_id": Ref(REF), "name": DESIGN, "due_on": told.on(59), "phase": "months-3-4-5"}
    told.make(-8.5, MANAGER, f"{REF} design", "Milestone.plan", **design, criteria=["Both plants signed"])
    told.tell(-8.4, MANAGER, told.task("design-all"), "Task.set_milestone", milestone_id=Ref(f"{REF} design"))
    told.tell(-5.4, SPONSOR, REF, "Project.approve")
    told.assign(-3.5, MANAGER)
    told.tell(0.4, MANAGER, REF, "Project.start")
    members = {
        MANAGER: "project_manager", ANALYST: "business_analyst", OVERLOADED: "implementation_specialist",
        "ivo.maric": "developer", "tessa.boon": "qa", "nils.torp": "trainer",
    }  # fmt: skip
    team = [({"user_id": Ref(each)}, role, 90) for each, role in members.items()]
    gather(
        told, MANAGER,
        members=[*team, ({"contact_id": Ref(f"{REF} user")}, "user_representative", 40)],
        deliverables=("Design", "Configured system", "接口 (interfaces)"),
        stakeholders=(
            ({"contact_id": Ref(f"{REF} sponsor")}, 5, 5, "resistant", "No more surprises", "A call each week"),
            ({"contact_id": Ref(f"{REF} user")}, 5, 3, "supportive", "系统要有中文界面", "每周通话"),
            ({"account_id": Ref("group 1")}, 4, 4, "neutral", "One way of working", "Letter to both plants"),
        ),
    )  # fmt: skip
    inform(told, "Where the roll-out stands", MANAGER, 1, "week", "email", missed=(9, 10, 11, 15, 18, 20, 21))


def _done(told: RollOut) -> None:
    told.work("kick-off", 0, 4, told.hours("kick-off"))
    told.enter(0.45, MANAGER, "months-1-2")
    told.work("analyse", 5, 25, told.hours("analyse") * Decimal("1.15"))
    told.work("select", 26, 41, told.hours("select") * Decimal("1.2"))
    selected = told.milestone("Requirements and system agreed on")
    told.tell(41.8, MANAGER, selected, "Milestone.reach", evidence="Signed contract")
    told.tell(42.6, SPONSOR, selected, "Milestone.accept")
    told.leave(43.4, MANAGER, "months-1-2")
    told.enter(42.4, MANAGER, "months-3-4-5")
    told.work("design-all", 42, 75, told.hours("design-all") * Decimal("1.5"))
    design = f"{REF} design"
    told.tell(75.8, MANAGER, design, "Milestone.reach", evidence="Design, version 1")
    missing = "Alpen Verbund does not sign: the process of returns is missing."
    told.tell(77.5, SPONSOR, design, "Milestone.reject", reason=missing)
    told.tell(80.7, MANAGER, design, "Milestone.reach", evidence="Design, version 2, with returns")
    told.tell(82.5, SPONSOR, design, "Milestone.accept")
    told.work("clean-all", 77, 108, Decimal(170), until=104)
    told.work("configure-all", 76, 114, Decimal(560), until=104)
    told.work("integrate-all", 92, 116, Decimal(340), until=97)


def _slipped(told: RollOut) -> None:
    """What the delay of the design does to all that follows is planned anew, and agreed on."""
    reason = "The design takes three weeks more: one of two analysts was drawn off"
    told.tell(57.5, MANAGER, told.task("design-all"), "Task.reschedule", due_on=told.on(75), duration=34)
    told.tell(57.6, MANAGER, f"{REF} design", "Milestone.reschedule", due_on=told.on(75), reason=reason)
    for key in BEHIND:
        start, finish = (n + SLIP for n in told.planned[key])
        dates = {"starts_on": told.on(start), "due_on": told.on(finish)}
        told.tell(61.7, MANAGER, told.task(key), "Task.reschedule", **dates)
    for phase, milestone, starts, ends in told.phases():
        if starts >= 40:
            later = told.on(ends + SLIP)
            told.tell(61.75, MANAGER, told.milestone(milestone), "Milestone.reschedule", due_on=later, reason=reason)
            name = next(each.name for each in told.layout.phases if each.phase == phase)
            since = told.on(starts if starts < 50 else starts + SLIP)
            days = {"phase": phase, "name": name, "starts_on": since, "ends_on": later}
            told.tell(61.75, MANAGER, REF, "Project.change_phase", **days)
    last = max(finish for _, finish in told.planned.values()) + SLIP
    told.tell(61.8, MANAGER, REF, "Project.reschedule", ends_on=told.on(last))
    told.tell(62.5, SPONSOR, REF, "Project.rebaseline", reason=f"{reason}; the warehouse of Bernried was added")
    interface, supplier = f"{REF} interface", "供应商尚未开放测试系统: the supplier has not opened its test system"
    given = {"project_id": Ref(REF), "name": INTERFACE, "due_on": told.on(94), "phase": "months-3-4-5"}
    told.make(63.5, MANAGER, interface, "Milestone.plan", **given)
    told.tell(91.5, MANAGER, interface, "Milestone.reschedule", due_on=told.on(98), reason=supplier)
    told.tell(97.5, MANAGER, interface, "Milestone.reschedule", due_on=told.on(102), reason=supplier)
    told.tell(103.5, MANAGER, interface, "Milestone.miss", reason="There is no test system to this day.")


def _changed(told: RollOut) -> None:
    """The stock of both warehouses is to be seen: asked for, judged, approved by another, written down."""
    change, stock = f"{REF} change", f"{REF} AV-3"
    told.make(
        52.5, ANALYST, change, "ChangeRequest.raise_change", project_id=Ref(REF), name="Stock of both warehouses",
        what="Quotations show the stock of Bernried and of Suzhou, and not of Suzhou alone.",
        why="Half of what Suzhou sells is shipped from Bernried.", options="Ask by telephone, as today",
    )  # fmt: skip
    told.tell(52.6, ANALYST, change, "ChangeRequest.affect", requirement_id=Ref(stock))
    told.tell(52.6, ANALYST, change, "ChangeRequest.affect", task_id=told.task("integrate-all"))
    impact = {"scope_impact": "One more interface", "days": 4, "cost": euros(14_000)}
    told.tell(56.5, MANAGER, change, "ChangeRequest.assess", **impact)
    told.tell(60.5, SPONSOR, change, "ChangeRequest.approve", note="From the reserve")
    text = "报价时可以看到苏州和博恩里德两个仓库的实时库存。"
    told.tell(63.6, ANALYST, stock, "Requirement.refine", text=text, change_id=Ref(change))


def _went_wrong(told: RollOut) -> None:
    """The risk that occurred, the issue that it became, and what holds the work up today."""
    leaves = LEAVES.ref(told)
    drawn = "From today on one analyst works for another customer."
    told.tell(50.4, MANAGER, leaves, "Risk.occur", severity="high", text=drawn, owner_id=Ref(MANAGER))
    issue = ItemOf(leaves, "Occurred", 0, "issue_id")
    told.tell(54.5, MANAGER, issue, "Issue.escalate", to_id=Ref(SPONSOR), reason="I have nobody else.")
    back = "Jana Holubová works on the design until it is agreed on."
    told.tell(66.5, SPONSOR, issue, "Issue.resolve", resolution=back)
    told.tell(67.5, MANAGER, issue, "Issue.close")
    blocked, task = f"{REF} blocked", told.task("integrate-all")
    told.tell(98.4, OVERLOADED, task, "Task.block", reason="没有 ERP 测试系统的访问权限: no access to the test system")
    told.make(
        98.5, MANAGER, blocked, "Issue.raise_issue", project_id=Ref(REF), name="No access to the ERP",
        severity="critical", task_id=task, owner_id=Ref(MANAGER), due_on=told.on(102),
        text="The supplier gives no access to its test system; the interface cannot be tested.",
    )  # fmt: skip
    told.tell(103.4, MANAGER, blocked, "Issue.escalate", to_id=Ref(SPONSOR), reason="The supplier does not answer us.")


def _paid(told: RollOut) -> None:
    budget, build = f"{REF} budget", "months-3-4-5"
    people = {
        each.phase: RATE * sum(told.hours(t.key) for t in told.layout.tasks if t.phase == each.phase)
        for each in told.layout.phases
    }
    lines: list[dict[str, Any]] = [
        {"category": "people", "phase": phase, "planned": euros(amount)} for phase, amount in people.items()
    ]
    for category, phase, amount in (
        ("software", build, 28_000), ("services", build, 16_000), ("training", "months-6-7", 7_000),
        ("reserve", None, 30_000),
    ):  # fmt: skip
        lines.append({"category": category, "phase": phase, "planned": euros(amount)})
    told.make(-9.5, MANAGER, budget, "Budget.plan", project_id=Ref(REF), lines=lines, hourly_rate=euros(RATE))
    for n, category, amount, text in (
        (43.5, "software", 28_000, "Licences for both plants"),
        (47.5, "services", 15_500, "Interfaces, by the supplier of the ERP"),
    ):
        told.tell(n, MANAGER, budget, "Budget.commit", category=category, phase=build, amount=euros(amount), text=text)
    for n, against, amount, text in (
        (48.5, 0, 28_000, "Licences for both plants"),
        (79.5, 1, 9_000, "Interfaces, first part"),
        (90.5, 1, 6_500, "Interfaces, second part"),
    ):
        promise = ItemOf(budget, "Committed", against)
        told.tell(n, MANAGER, budget, "Budget.spend", amount=euros(amount), text=text, against=promise)
    release = {"amount": euros(14_000), "line_id": ItemOf(budget, "LineAdded", len(people) + 1)}
    told.tell(61.9, MANAGER, budget, "Budget.release_reserve", **release, reason="The warehouse of Bernried")
    more = {"category": "services", "phase": build, "amount": euros(18_900)}
    told.tell(95.5, MANAGER, budget, "Budget.spend", **more, text="Analyst from outside, for eleven weeks")


def _weighed(told: RollOut) -> None:
    """What speaks for it and against it, as it was seen in the beginning; one threat is watched as a risk."""
    swot = f"{REF} swot"
    told.make(2.5, MANAGER, swot, "SwotAnalysis.begin", project_id=Ref(REF), name="SWOT 分析")
    for kind, text in (
        ("strength", "Both plants want it."),
        ("weakness", "团队中只有两名分析师。"),
        ("opportunity", "The orders of both plants can be planned together."),
        ("threat", "The supplier of the ERP is being sold."),
    ):
        told.tell(2.6, MANAGER, swot, "SwotAnalysis.add_item", kind=kind, text=text)
    threat = {"item_id": ItemOf(swot, "ItemAdded", 3), "category": "supplier", "owner_id": Ref(MANAGER)}
    told.tell(2.7, MANAGER, swot, "SwotAnalysis.make_risk", **threat)
    told.tell(3.5, MANAGER, swot, "SwotAnalysis.conclude", conclusion="Ask for access to the ERP early.")
    sold = ItemOf(swot, "RiskMade", 0, "risk_id")
    told.tell(4.5, MANAGER, sold, "Risk.assess", probability=2, impact=4, cost=euros(20_000), days=10)
