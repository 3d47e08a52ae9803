"""Values that many aggregates share. Each checks itself when it is made, and puts itself into its normal form."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import date
from decimal import Decimal
from os import urandom
from threading import Lock
from time import time_ns
from typing import TYPE_CHECKING, ClassVar, Final, Self, TypeVar
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID
from zoneinfo import ZoneInfo

import phonenumbers

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

V = TypeVar("V", bound="DataclassInstance")
K = TypeVar("K")
W = TypeVar("W")

BEFORE_THE_POINT: Final = 19
"""Digits that a number has at most before its point: more than any company turns over, in any currency."""
AFTER_THE_POINT: Final = 6
"""Digits that a number has at most after its point: prices of a small part go below the smallest coin."""
SMALLEST: Final = Decimal(1).scaleb(-AFTER_THE_POINT)
WHOLE: Final = range(-(2**31), 2**31)
"""The whole numbers that we keep: those of GraphQL."""

CURRENCIES: Final = frozenset(
    re.findall(
        r"\w+",
        """
        AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF
        CHE CHF CHW CLF CLP CNY COP COU CRC CUC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD
        GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR
        LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK
        PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SLL SOS SRD SSP STN SVC SYP SZL THB TJS TMT
        TND TOP TRY TTD TWD TZS UAH UGX USD USN UYI UYU UYW UZS VED VES VND VUV WST XAF XCD XCG XDR XOF XPF YER ZAR ZMW
        ZWG ZWL
        ATS AZM BEF BGL BYR CYP DEM EEK ESP FIM FRF GHC GRD HRK IEP ITL LTL LUF LVL MRO MTL MZM NLG PTE ROL RUR SDD SIT
        SKK SRG STD TMM TRL VEB VEF ZMK ZWD
        """,
    )
)
"""ISO 4217, and since 1999 withdrawn. A code never leaves this list: the history may name it."""

EMAIL: Final = re.compile(
    r"[^@\s<>\"',;:()\[\]\\]{1,64}@(?:[^@\s.<>\"',;:()\[\]\\]{1,63}\.)+[^\W\d_][^@\s.<>\"',;:()]{1,62}"
)
LOCALE: Final = re.compile(r"([a-z]{2,3})(?:-([a-z]{4}))?(?:-([a-z]{2}|\d{3}))?", re.IGNORECASE)


class WrongPart(ValueError):
    """One part of a value is wrong, and not the value as a whole."""

    def __init__(self, message: str, part: str) -> None:
        super().__init__(message)
        self.part = part


def exact(number: Decimal) -> Decimal:
    """The number in plain notation. What is none, or has more digits than we keep, is a ValueError."""
    if not number.is_finite():
        raise ValueError("a number is finite")
    if not number:
        return Decimal(0)
    if number.adjusted() >= BEFORE_THE_POINT:
        raise ValueError(f"a number has at most {BEFORE_THE_POINT} digits before the point")
    exponent = int(number.as_tuple().exponent)
    if -AFTER_THE_POINT <= exponent <= 0:
        return number
    plain = number.quantize(Decimal(1) if exponent > 0 else SMALLEST)
    if plain != number:
        raise ValueError(f"a number has at most {AFTER_THE_POINT} digits after the point")
    return plain


@dataclass(frozen=True)
class Money:
    """An amount in one currency (ISO 4217). Amounts of two currencies never add up."""

    main: ClassVar[str] = "amount"
    """The part that goes by the name of the whole, where each part has a column of its own."""

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "amount", exact(self.amount))
        if self.currency not in CURRENCIES:
            raise WrongPart("a currency is a code of ISO 4217, such as EUR", "currency")


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where something is, or gets its mail; as much of it as is known."""

    street: str | None = None
    postal_code: str | None = None
    city: str | None = None
    region: str | None = None
    country: str | None = None

    def __post_init__(self) -> None:
        if not any(vars(self).values()):
            raise ValueError("an address says at least something")


@dataclass(frozen=True)
class Period:
    """From a day on, until before another; without an end it goes on."""

    since: date
    until: date | None = None

    def __post_init__(self) -> None:
        if self.until is not None and self.until <= self.since:
            raise WrongPart("a period ends after it begins", "until")

    def __contains__(self, day: date) -> bool:
        return self.since <= day and (self.until is None or day < self.until)


class Email(str):
    """An e-mail address, in lower case."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        if len(text) > 254 or not EMAIL.fullmatch(text):
            raise ValueError("this is not an e-mail address")
        return super().__new__(cls, text.lower())


class Phone(str):
    """A phone number with its country, in the form of E.164: `+4930901820`."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        try:
            number = phonenumbers.parse(text)
        except phonenumbers.NumberParseException:
            raise ValueError("a phone number begins with + and its country, such as +49 30 901820") from None
        if not phonenumbers.is_possible_number(number):
            raise ValueError("there can be no such phone number")
        return super().__new__(cls, phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


class Website(str):
    """The address of a page: `https://acme.org`."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        try:
            parts = urlsplit(text if "://" in text else f"https://{text}")
            host, _ = parts.hostname, parts.port
        except ValueError:
            host = None
        if not host or "." not in host or re.search(r"\s", text) or parts.scheme not in ("http", "https"):
            raise ValueError("this is not the address of a page")
        path = parts.path.removesuffix("/") if parts.path == "/" else parts.path
        return super().__new__(cls, urlunsplit((parts.scheme, parts.netloc.lower(), path, parts.query, parts.fragment)))


class TimeZone(str):
    """A time zone by its name in the IANA list: `Europe/Berlin`."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        try:
            return super().__new__(cls, ZoneInfo(text).key)
        except (KeyError, ValueError, OSError):
            raise ValueError("this is not a time zone, such as Europe/Berlin") from None


class Locale(str):
    """A language, and where it is spoken: `de`, `de-AT`, `zh-Hant-TW`."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        found = LOCALE.fullmatch(text.replace("_", "-"))
        if not found:
            raise ValueError("this is not a language, such as de or de-AT")
        language, script, region = found.groups()
        parts = (language.lower(), script and script.capitalize(), region and region.upper())
        return super().__new__(cls, "-".join(filter(None, parts)))


def new_id() -> UUID:
    """A UUIDv7: ids made later sort later, which halves the cost of an insert; in one process, those of the same
    millisecond too (RFC 9562, 6.2, method 2). So what a command makes is listed in the order in which it was made.
    """
    global _last
    with _MAKING:
        fresh = (time_ns() // 1_000_000) << RANDOM | int.from_bytes(urandom(10)) >> 6
        _last = fresh if fresh >> RANDOM > _last >> RANDOM else _last + 1 + int.from_bytes(urandom(4))
        high, low = divmod(_last, 1 << 62)
    time, more = divmod(high, 1 << 12)
    return UUID(int=time << 80 | 0x7 << 76 | more << 64 | 0x2 << 62 | low)


RANDOM: Final = 74
"""Bits of a UUIDv7 that tell no time."""
_MAKING: Final = Lock()
_last = 0


def id_text(kind: str, id: UUID) -> str:
    """An id as the world outside sees it: `Opportunity_0190…`."""
    return f"{kind}_{id}"


def parse(text: str) -> tuple[str | None, UUID]:
    """The kind that an id names, if it names one, and the id. What is no id is a ValueError."""
    kind, _, bare = text.rpartition("_")
    if len(bare) != 36:
        raise ValueError("this is not an id")
    return kind or None, UUID(bare)


def completed(value: V, by: V) -> V:
    """A value with what it lacks taken from another of its kind."""
    lacking = (f.name for f in fields(value) if not getattr(value, f.name))
    return replace(value, **{name: getattr(by, name) for name in lacking})


def undone(now: V, before: V, after: V) -> V:
    """A value without one earlier change of it; what was changed again since then stays."""
    names = (f.name for f in fields(now) if getattr(now, f.name) == getattr(after, f.name))
    return replace(now, **{name: getattr(before, name) for name in names})


def undone_each(now: Mapping[K, W], before: Mapping[K, W], after: Mapping[K, W]) -> dict[K, W]:
    """A mapping without one earlier change of it; what was changed again since then stays."""
    back = {key: before.get(key) if now.get(key) == after.get(key) else now.get(key) for key in {**now, **before}}
    return {key: value for key, value in back.items() if value is not None}
