"""Two years of the sample company, as commands in the order in which its people entered them. Same seed, same story."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal
from itertools import pairwise
from math import cos, pi
from random import Random
from typing import Any, Final

from infra.sample.acts import DAYS, About, Act, ItemOf, Ref, Unit, moment
from infra.sample.company import (
    COMMENTS,
    COMPETITORS,
    FIRST_DAYS,
    FORMS,
    GROUPS,
    INDUSTRIES,
    LOST_REASONS,
    NEXT_STEPS,
    PEOPLE,
    PIPELINES,
    PLACES,
    PRODUCTS,
    TAGS,
    TEAMS,
    Person,
    Product,
    Stage,
    Team,
)
from infra.sample.roll_outs import roll_outs

ACCOUNTS: Final = 320
OPPORTUNITIES: Final = 2_600
DOLLARS: Final = Decimal("1.1")
RISE: Final = Decimal("1.04")
"""Prices rise with each new year."""


def story(today: date, zone: tzinfo, seed: int = 1, opportunities: int = OPPORTUNITIES) -> list[Unit]:
    """The two years that end with the day before `today`, in the company's time zone."""
    told = _Story(today - timedelta(DAYS), zone, Random(seed))
    told.company()
    told.accounts()
    for number in range(opportunities):
        told.opportunity(number, opportunities)
    return sorted([*told.units, *roll_outs(told.begin, zone)], key=lambda unit: unit.entered)


@dataclass
class _Account:
    ref: str
    name: str
    team: Team
    industry: str
    since: float
    until: float = 2 * DAYS
    wins: int = 0


@dataclass
class _Sale:
    """An opportunity while it is told."""

    ref: str
    account: _Account
    owner: Person
    day: float
    entered: float
    priced: bool = False
    lines: list[tuple[Product, Decimal, Decimal, Decimal]] = field(default_factory=list)

    @property
    def amount(self) -> Decimal:
        each = (quantity * price * (100 - discount) / 100 for _, quantity, price, discount in self.lines)
        return sum(each, Decimal(0)).quantize(Decimal("0.01"))


class _Story:
    def __init__(self, begin: date, zone: tzinfo, random: Random) -> None:
        self.begin, self.zone, self.random = begin, zone, random
        self.units: list[Unit] = []
        self.customers: list[_Account] = []

    def at(self, day: float) -> datetime:
        return moment(self.begin, self.zone, day)

    def unit(self, about: About, day: float, entered: float | None = None) -> Unit:
        self.units.append(Unit(f"{about}/{len(self.units)}", about, day if entered is None else entered))
        return self.units[-1]

    def one(self, command: str, about: About, day: float, by: str = "", makes: bool = False, **arguments: Any) -> None:
        """A unit of one command."""
        self.add(self.unit(about, day), command, day, by, makes, **arguments)

    def add(self, unit: Unit, command: str, day: float, by: str = "", makes: bool = False, /, **arguments: Any) -> None:
        unit.acts.append(Act(command, self.at(day), by, makes, arguments))

    # The company

    def company(self) -> None:
        for field_of, key, label, kind, options in FIELDS:
            made = self.unit(f"field {key}", 0.3)
            self.add(
                made,
                "CustomField.define",
                0.3,
                "",
                True,
                kind=field_of,
                key=key,
                label=label,
                type=kind,
                options=options,
            )
        self.people()
        for ref, (name, stages) in PIPELINES.items():
            self.pipeline(ref, name, stages)
        for number, product in enumerate(PRODUCTS):
            self.product(number, product)

    def people(self) -> None:
        for number, person in enumerate(PEOPLE):
            day = person.since or 0.35 + number / 100
            unit = self.unit(person.ref, day)
            self.add(
                unit,
                "User.add",
                day,
                "",
                True,
                name=person.name,
                email=person.email,
                locale=person.locale,
                time_zone=person.zone,
            )
            self.add(unit, "User.set_skill", day, "", skill=person.skill, level=person.level)
            if person.until:
                self.one("User.deactivate", person.ref, person.until + 0.7)
        for number, team in enumerate(TEAMS):
            day = 0.6 + number / 100
            unit = self.unit(f"team {team.ref}", day)
            self.add(unit, "Team.form", day, "", True, name=team.name, lead_id=Ref(team.lead))
            for person in PEOPLE:
                if person.team == team.ref:
                    joins = max(day, person.since + 0.01)
                    self.one("Team.add_member", unit.about, joins, user_id=Ref(person.ref), role=person.role)
                    if person.until:
                        self.one("Team.remove_member", unit.about, person.until + 0.6, user_id=Ref(person.ref))
        for person in PEOPLE:
            if person.role == "service":
                self.one("User.set_skill", person.ref, 365.4, skill=person.skill, level=min(person.level + 1, 5))

    def pipeline(self, ref: str, name: str, stages: tuple[Stage, ...]) -> None:
        unit = self.unit(f"pipeline {ref}", 1.4)
        self.add(unit, "Pipeline.define", 1.4, "ingrid.solvik", True, name=name)
        for stage in stages:
            self.add(unit, "Pipeline.add_stage", 1.4, "ingrid.solvik", **vars(stage))
        if ref == "direct":
            trial = Stage("trial", "On trial", 65, rotting_days=30, required=("amount",))
            unit = self.unit(f"pipeline {ref}", TRIAL.start)
            self.add(unit, "Pipeline.add_stage", TRIAL.start, "ingrid.solvik", **vars(trial))
            self.add(unit, "Pipeline.move_stage", TRIAL.start, "ingrid.solvik", key="trial", before="negotiation")
            self.one("Pipeline.retire_stage", f"pipeline {ref}", TRIAL.stop + 60, "ingrid.solvik", key="trial")
            changed = vars(Stage("negotiation", "In negotiation", 80, rotting_days=21, required=("amount",)))
            told = {name: value for name, value in changed.items() if name != "kind"}
            self.one("Pipeline.change_stage", f"pipeline {ref}", 365.5, "ingrid.solvik", **told)

    def product(self, number: int, product: Product) -> None:
        day = 2.3 + number / 50
        unit = self.unit(product.code, day)
        self.add(
            unit,
            "Product.list_product",
            day,
            "ingrid.solvik",
            True,
            code=product.code,
            name=product.name,
            family=product.family,
            unit=product.unit,
        )
        for since in (self.begin, *self.new_years()):
            days = (since - self.begin).days
            unit = unit if days == 0 else self.unit(product.code, days - 20.5 + number / 50)
            for currency in FORMS:
                price = {"amount": self.price(product, days, currency), "currency": currency}
                self.add(unit, "Product.set_price", unit.entered, "ingrid.solvik", price=price, valid={"since": since})
        if product.until:
            self.one("Product.discontinue", product.code, product.until + 0.4, "ingrid.solvik")

    def new_years(self) -> list[date]:
        years = range(self.begin.year + 1, self.begin.year + 3)
        return [d for d in (date(year, 1, 1) for year in years) if 30 < (d - self.begin).days < DAYS]

    def price(self, product: Product, day: float, currency: str) -> Decimal:
        rises = sum((d - self.begin).days <= day for d in self.new_years())
        price = Decimal(product.price) * RISE**rises * (DOLLARS if currency == "USD" else 1)
        return price.quantize(Decimal(1)).quantize(Decimal("0.01"))

    # Its customers

    def accounts(self) -> None:
        for number, name in enumerate(GROUPS):
            team = TEAMS[number % len(TEAMS)]
            self.account(_Account(f"group {number}", name, team, "holding", FIRST_DAYS + 0.3 + number / 100))
        groups = list(self.customers)
        names = self.names()
        for number in range(ACCOUNTS):
            team = self.random.choices(TEAMS, (5, 6, 5, 3))[0]
            industry = "public" if team.ref == "public" else self.random.choice(list(INDUSTRIES))
            early = self.random.random() < 0.55
            day = FIRST_DAYS + 1 + (self.random.random() * 10 if early else self.random.random() * 640)
            ref, name = f"account {number}", next(names[industry])
            form = self.random.choice(FORMS[team.currency]) if industry != "public" else ""
            made = _Account(ref, f"{name} {form}".strip(), team, industry, self.hours(day))
            self.account(made)
            if self.random.random() < 0.16:
                group = self.random.choice(groups)
                self.one("Account.set_parent", ref, made.since + 0.05, self.who(made), parent_id=Ref(group.ref))
        self.duplicates()
        for gone in self.random.sample(self.customers[150:ACCOUNTS], 6):
            gone.until = max(gone.since + 90, 300 + self.random.random() * 350)
            self.one("Account.change_lifecycle", gone.ref, gone.until, self.who(gone), lifecycle="lapsed")
            self.one("Account.archive", gone.ref, gone.until + 0.1, self.who(gone), reason="closed down")

    def names(self) -> dict[str, Iterator[str]]:
        """By industry, every name once."""
        found = {}
        for industry, kinds in INDUSTRIES.items():
            each = [f"{place} {kind}" for place in PLACES for kind in kinds]
            self.random.shuffle(each)
            found[industry] = iter(each)
        return found

    def account(self, account: _Account) -> None:
        self.customers.append(account)
        number, day, team, random = len(self.customers), account.since, account.team, self.random
        by, region = self.who(account), random.choice(team.regions)
        employees = int(10 ** random.uniform(0.7, 3.2))
        revenue = Decimal(employees * random.randint(60, 220) * 1000)
        called = (
            f"+1 202 555 {100 + number % 100:04d}" if team.currency == "USD" else f"+44 1632 960{number % 1000:03d}"
        )
        page = "".join(c for c in account.name.lower() if c.isascii() and c.isalpha())
        known = random.random() < 0.7
        unit = self.unit(account.ref, day)
        details = {
            "kind": "authority" if account.industry == "public" else "company",
            "industry": account.industry,
            "region": region,
            "employees": employees,
            "revenue": {"amount": revenue, "currency": team.currency} if known else None,
            "phones": [called],
            "website": f"https://{page}.example",
            "source": random.choice(("fair", "recommendation", "web site", "cold call", "old books")),
        }
        self.add(unit, "Account.register", day, by, True, name=account.name, details=details)
        address = {"street": f"{random.choice(STREETS)} {random.randint(1, 90)}", "city": account.name.split()[0]}
        self.add(unit, "Account.change_address", day, by, use="billing", address={**address, "region": region})
        if owner := self.seller(account, day):
            self.add(unit, "Account.assign_owner", day, by, owner_id=Ref(owner.ref))
        self.add(unit, "Account.set_custom_field", day, by, key="segment", value=random.choice("ABC"))
        if random.random() < 0.3:
            limit = random.randint(2, 40) * 1000
            self.one("Account.set_custom_field", account.ref, day + 1.1, by, key="credit_limit", value=limit)
        if random.random() < 0.2:
            self.one("Account.tag", account.ref, day + 2.1, by, label=random.choice(TAGS))
        if random.random() < 0.06 and day + 60 < account.until:
            self.one("Account.rename", account.ref, day + 60.2, by, name=f"{account.name} & Co.")

    def duplicates(self) -> None:
        """Three customers were entered twice and put together; once, wrongly."""
        known = [account for account in self.customers[len(GROUPS) : 150] if account.since < 60]
        for number, original in enumerate(self.random.sample(known, 3)):
            day = 120.4 + 90 * number
            twin = _Account(f"twin {number}", original.name.upper(), original.team, original.industry, day, day + 20)
            self.account(twin)
            by = self.who(twin)
            self.one("Account.merge_into", twin.ref, day + 20.1, by, survivor_id=Ref(original.ref))
            if number == 1:
                self.one("Account.unmerge", twin.ref, day + 24.2, by)
                self.one("Account.comment", twin.ref, day + 24.3, by, text="They are two houses with one owner.")

    # What they buy

    def opportunity(self, number: int, of: int) -> None:
        day = self.hours(FIRST_DAYS + 14 + (DAYS - FIRST_DAYS - 14) * ((number + self.random.random()) / of) ** 0.85)
        if day >= DAYS - 1 or self.random.random() > self.season(day):
            day = self.hours(min(day * self.random.uniform(0.6, 1), DAYS - 2.0))
        account = self.buyer(day)
        owner = self.seller(account, day) if account else None
        if account is None or owner is None:
            return
        random = self.random
        late = random.random() < 0.12
        sale = _Sale(f"sale {number}", account, owner, day, self.late(day, day) if late else day)
        pipeline = random.choice(account.team.pipelines)
        for _ in range(random.choices((1, 2, 3, 4), (50, 30, 15, 5))[0]):
            self.choose(sale)
        family = sale.lines[0][0].family
        unit = self.entry(sale)
        expected = self.day(day + random.uniform(25, 140))
        self.add(
            unit,
            "Opportunity.open",
            day,
            owner.ref,
            True,
            pipeline_id=Ref(f"pipeline {pipeline}"),
            name=f"{family} for {account.name}",
            account_id=Ref(account.ref),
            expected_close=expected,
            source=random.choice(("fair", "recommendation", "web site", "call", "tender board")),
        )
        self.add(unit, "Opportunity.assign_owner", day, owner.ref, owner_id=Ref(owner.ref))
        if random.random() < 0.35:
            self.add(unit, "Opportunity.set_next_step", day, owner.ref, next_step=random.choice(NEXT_STEPS))
        self.course(sale, pipeline)

    def course(self, sale: _Sale, pipeline: str) -> None:
        """From the first stage to the end, or as far as the two years go."""
        random, by = self.random, sale.owner.ref
        wins = random.random() < (0.5 if pipeline == "direct" else 0.34) + (sale.owner.level - 3) * 0.04
        stages = [stage.key for stage in PIPELINES[pipeline][1] if stage.kind == "open"]
        if pipeline == "direct" and int(sale.day) in TRIAL and random.random() < 0.4:
            stages.insert(3, "trial")
        reached = stages if wins else stages[: random.randint(1, len(stages))]
        pace = 1.0 if pipeline == "direct" else 2.2
        for before, stage in pairwise(reached):
            self.wait(sale, pace * random.lognormvariate(2.2, 0.7))
            if sale.entered >= DAYS or (stage == "trial" and int(sale.entered) not in TRIAL):
                return
            unit = self.entry(sale)
            if before == stages[0]:
                self.price_it(sale, unit)
            self.add(unit, "Opportunity.move_to_stage", sale.day, by, stage=stage)
            self.chatter(sale, unit)
        self.wait(sale, pace * random.lognormvariate(2.4, 0.7))
        if sale.entered >= DAYS:
            return
        if wins:
            self.win(sale)
        else:
            self.lose(sale)

    def win(self, sale: _Sale) -> None:
        by, random = sale.owner.ref, self.random
        amount = {"amount": sale.amount, "currency": sale.account.team.currency}
        unit, day = self.entry(sale), sale.day
        self.add(unit, "Opportunity.win", day, by, amount=amount, on=self.day(day))
        sale.account.wins += 1
        if sale.account.wins in LIFE and sale.entered < sale.account.until - 1:
            lifecycle = LIFE[sale.account.wins]
            self.one("Account.change_lifecycle", sale.account.ref, sale.entered + 0.01, by, lifecycle=lifecycle)
        if random.random() < 0.05:
            self.correct(sale, day)

    def correct(self, sale: _Sale, won: float) -> None:
        """The number of pieces was wrong: mended some days later, as of the day of the sale."""
        by, product = sale.owner.ref, sale.lines[0]
        sale.lines[0] = (product[0], product[1] + 1, *product[2:])
        entered = sale.entered + self.random.uniform(2, 9)
        if entered >= DAYS:
            return
        sale.entered = entered
        unit = self.entry(sale)
        self.add(unit, "Opportunity.reopen", won, by)
        line = {"quantity": sale.lines[0][1], "price": self.money(sale, product[2]), "discount": product[3]}
        self.add(unit, "Opportunity.change_line", won, by, line_id=ItemOf(sale.ref, "LineAdded"), **line)
        self.add(unit, "Opportunity.win", won, by, amount=self.money(sale, sale.amount), on=self.day(won))
        self.add(unit, "Opportunity.comment", won, by, text="One piece more than first entered.")

    def lose(self, sale: _Sale) -> None:
        by, random = sale.owner.ref, self.random
        reason = random.choice(LOST_REASONS)
        rival = random.choice(COMPETITORS) if reason == "chose a competitor" else None
        unit = self.entry(sale)
        self.add(unit, "Opportunity.lose", sale.day, by, reason=reason, competitor=rival, on=self.day(sale.day))
        if random.random() < 0.05:
            self.wait(sale, random.uniform(15, 70))
            if sale.entered >= DAYS:
                return
            unit = self.entry(sale)
            self.add(unit, "Opportunity.reopen", sale.day, by)
            self.add(unit, "Opportunity.comment", sale.day, by, text="They are back: the other offer fell through.")
            self.wait(sale, random.uniform(5, 40))
            if sale.entered < DAYS and sale.priced:
                self.win(sale)
        elif random.random() < 0.03:
            self.one("Opportunity.archive", sale.ref, sale.entered + 0.2, by, reason="entered twice")

    def price_it(self, sale: _Sale, unit: Unit) -> None:
        """The lines become known, and so does the amount."""
        sale.priced, by = True, sale.owner.ref
        for product, quantity, price, discount in sale.lines:
            line = {"quantity": quantity, "price": self.money(sale, price), "discount": discount}
            self.add(unit, "Opportunity.add_line", sale.day, by, product_id=Ref(product.code), **line)
        self.add(unit, "Opportunity.change_amount", sale.day, by, amount=self.money(sale, sale.amount))

    def chatter(self, sale: _Sale, unit: Unit) -> None:
        """What else is entered along the way."""
        random, by, day = self.random, sale.owner.ref, sale.day
        if random.random() < 0.25:
            lead = sale.account.team.lead
            mentions = [Ref(lead)] if lead != by and random.random() < 0.4 else []
            self.add(unit, "Opportunity.comment", day, by, text=random.choice(COMMENTS), mention_ids=mentions)
        if random.random() < 0.3:
            later = self.day(day + random.uniform(20, 90))
            self.add(unit, "Opportunity.reschedule", day, by, expected_close=later)
        if random.random() < 0.1:
            self.add(unit, "Opportunity.tag", day, by, label=random.choice(TAGS))
        if random.random() < 0.1:
            season = "summer" if self.warmth(day) > 0.5 else "winter"
            self.add(unit, "Opportunity.set_custom_field", day, by, key="season", value=season)
        if random.random() < 0.05:
            self.add(unit, "Opportunity.change_probability", day, by, probability=random.randint(3, 18) * 5)

    def choose(self, sale: _Sale) -> None:
        """One more product, fit for the season."""
        chosen = {product.code for product, *_ in sale.lines}
        on_sale = [p for p in PRODUCTS if p.code not in chosen and (p.until is None or sale.day < p.until - 150)]
        warmth = self.warmth(sale.day)
        fit = [0.15 + warmth * p.summer + (1 - warmth) * (1 - p.summer) for p in on_sale]
        product = self.random.choices(on_sale, fit)[0]
        price = self.price(product, sale.day, sale.account.team.currency)
        discount = Decimal(self.random.choices((0, 3, 5, 10), (70, 12, 12, 6))[0])
        sale.lines.append((product, Decimal(self.random.randint(1, product.most)), price, discount))

    def money(self, sale: _Sale, amount: Decimal) -> dict[str, Any]:
        return {"amount": amount, "currency": sale.account.team.currency}

    # When, and who

    def entry(self, sale: _Sale) -> Unit:
        """What is entered now about a sale; never before what was entered about it earlier."""
        return self.unit(sale.ref, sale.day, sale.entered)

    def wait(self, sale: _Sale, days: float) -> None:
        """Some days go by; what happens then is entered at once, or some days late."""
        sale.day = self.hours(sale.day + days)
        late = self.random.random() < 0.08
        sale.entered = max(sale.entered + 0.01, self.late(sale.day, sale.entered) if late else sale.day)

    def late(self, day: float, entered: float) -> float:
        return max(entered, day + self.random.uniform(1, 12))

    def hours(self, day: float) -> float:
        """The same day, between eight and six."""
        return int(day) + 0.34 + self.random.random() * 0.41

    def day(self, day: float) -> date:
        return self.begin + timedelta(days=int(day))

    def warmth(self, day: float) -> float:
        """0 at midwinter, 1 at midsummer."""
        return (1 - cos(2 * pi * (self.day(day).timetuple().tm_yday + 10) / 365.25)) / 2

    def season(self, day: float) -> float:
        """How much is sold: most in spring and autumn, little in August and at the turn of the year."""
        return SEASON[self.day(day).month - 1]

    def buyer(self, day: float) -> _Account | None:
        known = [a for a in self.customers[len(GROUPS) :] if a.since + 1 < day < a.until - 30]
        return self.random.choice(known) if known else None

    def seller(self, account: _Account, day: float) -> Person | None:
        there = [
            p
            for p in PEOPLE
            if p.team == account.team.ref and p.role != "service" and p.since + 2 < day < (p.until or 2 * DAYS) - 50
        ]
        return self.random.choices(there, [2 if p.role == "sales" else 1 for p in there])[0] if there else None

    def who(self, account: _Account) -> str:
        return account.team.lead


TRIAL: Final = range(300, 560)
"""The days in which there is a stage for trials."""
LIFE: Final = {1: "customer", 4: "loyal"}
"""What an account becomes with so many sales."""
SEASON: Final = (0.6, 0.75, 1.0, 1.0, 0.95, 0.8, 0.6, 0.45, 0.85, 1.0, 0.9, 0.5)
STREETS: Final = ("Quay", "Mill Lane", "Station Road", "Am Hang", "Storgata", "Via Alta", "Harbour Street", "Ridgeway")
FIELDS: Final = (
    ("Account", "segment", "Segment", "choice", ("A", "B", "C")),
    ("Account", "credit_limit", "Credit limit", "integer", ()),
    ("Opportunity", "season", "Season", "choice", ("summer", "winter")),
)
