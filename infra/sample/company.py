"""The company of the sample: Northfell sells rope, shelter and light to whoever works or plays outdoors.

Since it found its own way to one, it also brings CRM systems to groups that buy from it.

The company, its people, its customers and its prices are invented.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

FIRST_DAYS: Final = 14
"""Days in which the company sets itself up, before it sells anything."""


@dataclass(frozen=True)
class Person:
    """Somebody who works at Northfell. `since` and `until` are days of the story."""

    ref: str
    name: str
    team: str
    role: str
    since: int = 0
    until: int | None = None
    skill: str = "selling"
    level: int = 3
    locale: str = "en"
    zone: str = "Europe/Berlin"

    @property
    def email(self) -> str:
        return f"{self.ref}@northfell.example"


@dataclass(frozen=True)
class Team:
    """A team, the currency that it sells in and what it sells where."""

    ref: str
    name: str
    lead: str
    currency: str
    regions: tuple[str, ...]
    pipelines: tuple[str, ...]


TEAMS: Final = (
    Team("coast", "Coast and islands", "ingrid.solvik", "EUR", ("Vestmark", "Skerry Islands"), ("direct",)),
    Team("uplands", "Uplands", "tomas.brenner", "EUR", ("Hochtal", "Bernried", "Val Sorin"), ("direct", "tender")),
    Team("overseas", "Overseas", "maya.whitlock", "USD", ("Port Adair", "Cascade Range"), ("direct",)),
    Team("public", "Public bodies", "henrik.aldous", "EUR", ("Vestmark", "Hochtal", "Bernried"), ("tender",)),
)

PEOPLE: Final = (
    Person("ingrid.solvik", "Ingrid Solvik", "coast", "lead", level=5, locale="nb", zone="Europe/Oslo"),
    Person("jonas.aune", "Jonas Aune", "coast", "sales", level=3, locale="nb", zone="Europe/Oslo"),
    Person("pia.lindqvist", "Pia Lindqvist", "coast", "sales", level=4, locale="sv", zone="Europe/Stockholm"),
    Person("ruben.haag", "Ruben Haag", "coast", "sales", since=190, level=2, locale="nl", zone="Europe/Amsterdam"),
    Person("tomas.brenner", "Tomas Brenner", "uplands", "lead", level=5, locale="de-AT", zone="Europe/Vienna"),
    Person("lea.fontana", "Lea Fontana", "uplands", "sales", level=4, locale="it", zone="Europe/Rome"),
    Person("milan.kovar", "Milan Kovář", "uplands", "sales", until=430, level=3, locale="cs", zone="Europe/Prague"),
    Person("anja.reuter", "Anja Reuter", "uplands", "sales", since=400, level=2, locale="de"),
    Person("felix.oberhauser", "Felix Oberhauser", "uplands", "sales", level=4, locale="de-AT", zone="Europe/Vienna"),
    Person("maya.whitlock", "Maya Whitlock", "overseas", "lead", level=5, locale="en-US", zone="America/Vancouver"),
    Person("dexter.bloom", "Dexter Bloom", "overseas", "sales", level=3, locale="en-US", zone="America/Denver"),
    Person("carmen.ybarra", "Carmen Ybarra", "overseas", "sales", level=4, locale="es", zone="America/Denver"),
    Person("noor.haddad", "Noor Haddad", "overseas", "sales", since=310, level=2, locale="fr", zone="America/Toronto"),
    Person("henrik.aldous", "Henrik Aldous", "public", "lead", level=5, locale="en-GB", zone="Europe/London"),
    Person("greta.vahl", "Greta Vahl", "public", "sales", level=4, locale="de"),
    Person("oskar.petrov", "Oskar Petrov", "public", "sales", until=610, level=3, locale="bg", zone="Europe/Sofia"),
    Person(
        "sunniva.dahl", "Sunniva Dahl", "coast", "service", skill="repair", level=4, locale="nb", zone="Europe/Oslo"
    ),
    Person("emil.karsten", "Emil Karsten", "uplands", "service", skill="rope access", level=5, locale="de"),
)

ROLL_OUTS: Final = 470
"""The day on which the company begins to deliver roll-outs: its people for that come then."""
DELIVERY: Final = (
    Person("runa.eide", "Runa Eide", "delivery", "project manager", skill="project management", level=5, locale="nb"),
    Person("viktor.lang", "Viktor Lang", "delivery", "project manager", skill="project management", level=2),
    Person("li.wen", "李雯", "delivery", "business analyst", skill="analysis", level=4, locale="zh-CN"),
    Person("jana.holub", "Jana Holubová", "delivery", "business analyst", skill="analysis", level=3, locale="cs"),
    Person("paulo.reis", "Paulo Reis", "delivery", "implementation specialist", skill="configuration", level=4),
    Person("britt.aasen", "Britt Aasen", "delivery", "implementation specialist", skill="configuration", level=3),
    Person("hanna.brandt", "Hanna Brandt", "delivery", "developer", skill="development", level=4, locale="de"),
    Person("ivo.maric", "Ivo Marić", "delivery", "developer", skill="development", level=3, locale="hr"),
    Person("sami.laine", "Sami Laine", "delivery", "IT technician", skill="operations", level=4, locale="fi"),
    Person("tessa.boon", "Tessa Boon", "delivery", "QA", skill="testing", level=4, locale="nl"),
    Person("chen.hao", "陈浩", "delivery", "data analyst", skill="data", level=4, locale="zh-CN"),
    Person("nils.torp", "Nils Torp", "delivery", "trainer", skill="training", level=3, locale="nb"),
    Person("edda.falk", "Edda Falk", "delivery", "system administrator", skill="operations", level=3, locale="sv"),
    Person("omar.sayed", "Omar Sayed", "delivery", "support", skill="support", level=3),
)


@dataclass(frozen=True)
class Product:
    """What is sold: its price in euros at the beginning, and how many of it a sale takes. 0.0 to 1.0 is summer."""

    code: str
    name: str
    family: str
    unit: str
    price: int
    most: int
    summer: float = 0.5
    until: int | None = None


PRODUCTS: Final = (
    Product("NF-R10", "Static rope 10 mm, 200 m", "Rope", "reel", 412, 12),
    Product("NF-R11", "Static rope 11 mm, 200 m", "Rope", "reel", 468, 12),
    Product("NF-D98", "Dynamic rope 9.8 mm, 70 m", "Rope", "piece", 189, 20, summer=0.8),
    Product("NF-SL12", "Sling 120 cm, box of 25", "Rope", "box", 148, 8),
    Product("NF-HA1", "Harness Arbor", "Harnesses", "piece", 164, 24),
    Product("NF-HA2", "Harness Arbor II", "Harnesses", "piece", 179, 24),
    Product("NF-HR3", "Rescue harness Fell", "Harnesses", "piece", 298, 16),
    Product("NF-HC1", "Climbing harness Lark, set of 10", "Harnesses", "set", 585, 6, summer=0.8),
    Product("NF-T2", "Tent Heath, two persons", "Shelter", "piece", 349, 15, summer=0.95),
    Product("NF-T4", "Tent Heath, four persons", "Shelter", "piece", 498, 15, summer=0.95),
    Product("NF-TB", "Base shelter Moor, 40 m²", "Shelter", "piece", 4_890, 3, summer=0.7),
    Product("NF-TA", "Awning Tarn", "Shelter", "piece", 129, 30, summer=0.95, until=500),
    Product("NF-L3", "Head lamp Ember 300", "Light", "piece", 59, 60, summer=0.2),
    Product("NF-L9", "Head lamp Ember 900, with battery pack", "Light", "piece", 142, 40, summer=0.2),
    Product("NF-LW", "Work light Beacon", "Light", "piece", 388, 10, summer=0.15),
    Product("NF-S1", "Stove Cinder", "Camp", "piece", 94, 30, summer=0.8),
    Product("NF-S4", "Camp kitchen Cinder IV", "Camp", "piece", 745, 4, summer=0.85),
    Product("NF-P40", "Pack Saddle 40", "Packs", "piece", 119, 40, summer=0.6),
    Product("NF-P70", "Pack Saddle 70", "Packs", "piece", 168, 30, summer=0.6),
    Product("NF-X1", "Rope inspection, a day on site", "Service", "day", 890, 5, summer=0.4),
    Product("NF-X2", "Course: working at height", "Service", "course", 1_650, 4, summer=0.3),
    Product("NF-X3", "Repair contract, a year", "Service", "year", 2_400, 2, summer=0.4),
)


@dataclass(frozen=True)
class Stage:
    key: str
    name: str
    probability: int
    kind: str = "open"
    rotting_days: int | None = None
    required: tuple[str, ...] = ()


PIPELINES: Final = {
    "direct": (
        "Direct sales",
        (
            Stage("enquiry", "Enquiry", 10, rotting_days=21),
            Stage("needs", "Needs known", 25, rotting_days=30),
            Stage("offer", "Offer out", 50, rotting_days=30, required=("amount",)),
            Stage("negotiation", "In negotiation", 75, rotting_days=21, required=("amount",)),
            Stage("won", "Won", 100, "won"),
            Stage("lost", "Lost", 0, "lost"),
        ),
    ),
    "tender": (
        "Tenders",
        (
            Stage("notice", "Notice read", 5, rotting_days=45),
            Stage("prepared", "Bid prepared", 20, rotting_days=45, required=("amount",)),
            Stage("handed_in", "Bid handed in", 40, rotting_days=90, required=("amount",)),
            Stage("shortlisted", "On the short list", 65, rotting_days=60, required=("amount",)),
            Stage("won", "Won", 100, "won"),
            Stage("lost", "Lost", 0, "lost"),
        ),
    ),
}

INDUSTRIES: Final = {
    "climbing": ("Climbing Hall", "Boulder Loft", "Climbing Club", "Mountain School"),
    "rescue": ("Mountain Rescue", "Fire Service", "Lifeboat Station", "Cave Rescue"),
    "wind and power": ("Wind Service", "Pylon Works", "Turbine Care", "Grid Maintenance"),
    "building": ("Rope Access", "Façade Care", "Scaffolding", "Bridge Works"),
    "forestry": ("Tree Care", "Forest Holding", "Arborists", "Timber"),
    "camps": ("Camps", "Scout Supply", "Expedition Outfitters", "Youth Hostels"),
    "retail": ("Outdoor Shop", "Mountain Sports", "Boat Chandlery", "Trail Store"),
    "public": ("District Works", "Harbour Authority", "National Park", "Civil Protection"),
}
PLACES: Final = (
    "Aldermoor", "Birkfell", "Carrow", "Dunmere", "Eskdell", "Fernley", "Grimsund", "Halvik", "Isenau", "Jorund",
    "Kestrel", "Lomhaven", "Marrow", "Nidderau", "Orrin", "Pellworm", "Quarn", "Rosental", "Skarvik", "Tannberg",
    "Ullswick", "Vellin", "Westrel", "Yarrow", "Zellhof", "Ambrick", "Brannoch", "Corvey", "Dorning", "Elmrath",
    "Fossum", "Gannet", "Harrach", "Ilmen", "Juvel", "Kirnach", "Lindesk", "Mossvik", "Norrland", "Ostrand",
    "Pellin", "Rauma",
)  # fmt: skip
FORMS: Final = {"EUR": ("GmbH", "AS", "AB", "S.r.l.", "e.V.", ""), "USD": ("Inc.", "LLC", "Ltd.", "")}
GROUPS: Final = ("Fjordlys Holding", "Alpen Verbund", "Summit Leisure Group", "Greenwood Partners", "Bluewater Trust")

LOST_REASONS: Final = ("price", "delivery time", "chose a competitor", "no budget", "no decision", "project stopped")
COMPETITORS: Final = ("Cordelier", "Tarnsborg", "Highline Supply", "Petrel & Sons")
COMMENTS: Final = (
    "They want to see the rope before they decide.",
    "Spoke to the warden: the old harnesses are from 2009, all of them go.",
    "Delivery before the season starts, or not at all.",
    "Asked for a discount on the second order.",
    "The board meets on the first Monday of the month.",
    "Please send the certificate along with the offer.",
    "They compare us with two others. Price matters less than service.",
    "Met at the fair; knows our tents from last summer.",
)
NEXT_STEPS: Final = (
    "Call on Monday",
    "Send samples",
    "Wait for the board",
    "Offer with three variants",
    "Visit on site",
    "Clarify delivery",
)
TAGS: Final = ("key account", "frame contract", "seasonal", "slow payer", "reference")
