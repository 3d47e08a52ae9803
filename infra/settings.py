"""The settings: what an operator decides, read from the environment once and checked at start."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit
from zoneinfo import ZoneInfo

from domain.values import CURRENCIES
from infra.topics import PREFIX

VARIABLE = "DAYBOOK_"
OF_TESTS = "DAYBOOK_TEST_"


class WrongSetting(Exception):
    """A setting that cannot be used: names the variable and what would be right."""


def _host(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9.:_-]+", text):
        raise ValueError("a host name or an address such as 127.0.0.1 is needed")
    return text


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 65535):
        raise ValueError("a number from 1 to 65535 is needed")
    return int(text)


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("postgresql", "postgres") or not parts.path.strip("/"):
        raise ValueError("an address such as postgresql://daybook:password@localhost/daybook is needed")
    return text


def _brokers(text: str) -> str:
    if not re.fullmatch(r"[^\s,:]+:\d{1,5}(,[^\s,:]+:\d{1,5})*", text):
        raise ValueError("addresses such as localhost:9092,other:9092 are needed")
    return text


def _prefix(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}", text):
        raise ValueError("letters, digits, dots, dashes and underscores are needed, 200 at most")
    return text


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise ValueError("a whole number from 0 on is needed")
    return int(text)


def _seconds(text: str) -> float:
    if not re.fullmatch(r"\d{1,5}(\.\d{1,3})?", text, re.ASCII) or not float(text):
        raise ValueError("a number of seconds such as 30 is needed")
    return float(text)


def _origins(text: str) -> tuple[str, ...]:
    origins = tuple(each.strip().lower() for each in text.split(","))
    if not all(re.fullmatch(r"https?://([a-z0-9.-]+|\[[0-9a-f:]+\])(:\d{1,5})?", each) for each in origins):
        raise ValueError("origins such as https://crm.example.com,https://admin.example.com are needed")
    return origins


def is_safe(address: str) -> bool:
    """Whether what comes from there comes from whom it says: by HTTPS, or from this machine."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return bool(parts.hostname) and (
        parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1"))
    )


def _issuer(text: str) -> str:
    if not is_safe(text) or "?" in text or "#" in text:
        raise ValueError("an address such as https://login.example.com is needed (http only on this machine)")
    return text.rstrip("/")


def _claim(text: str) -> str:
    if not text.isprintable() or len(text) > 200:
        raise ValueError("the name of a claim such as email is needed")
    return text


def _truth(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("true or false is needed")
    return text == "true"


def _networks(text: str) -> str:
    try:
        for each in text.split(","):
            ip_network(each.strip())
    except ValueError:
        raise ValueError("addresses or networks such as 10.0.0.0/8,127.0.0.1 are needed") from None
    return text


def _one_of(*known: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in known:
            raise ValueError(f"one of {', '.join(known)} is needed")
        return text

    return read


_security = _one_of("plaintext", "ssl", "sasl_plaintext", "sasl_ssl")
_mechanism = _one_of("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")


def _file(text: str) -> Path:
    if not (path := Path(text).expanduser().absolute()).is_file():
        raise ValueError("there is no such file")
    return path


def _place(text: str) -> Path:
    if not (path := Path(text).expanduser().absolute()).exists():
        raise ValueError("there is no such file or folder")
    return path


def _time_zone(text: str) -> str:
    try:
        return ZoneInfo(text).key
    except (KeyError, ValueError, OSError):
        raise ValueError("a name of the tz database such as Europe/Berlin is needed") from None


def _currency(text: str) -> str:
    if text not in CURRENCIES:
        raise ValueError("an ISO 4217 code such as EUR is needed")
    return text


def _setting(meaning: str, read: Callable[[str], Any], default: Any) -> Any:
    return field(default=default, metadata={"meaning": meaning, "read": read})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings; a field `time_zone` is the variable DAYBOOK_TIME_ZONE."""

    host: str = _setting("where the server listens", _host, "127.0.0.1")
    port: int = _setting("its port", _port, 8000)
    data: Path = _setting(
        "folder of the embedded database, the local token and the master key",
        lambda text: Path(text).expanduser().absolute(),
        Path(".daybook"),
    )
    database_url: str | None = _setting("PostgreSQL, as the application's role; unset: the embedded one", _url, None)
    owner_url: str | None = _setting("PostgreSQL, as the owner's role, for set-up; unset: the same", _url, None)
    kafka: str | None = _setting("Kafka's brokers; unset: views are fed from the history itself", _brokers, None)
    kafka_prefix: str = _setting("how the names of our topics there begin", _prefix, PREFIX)
    kafka_security: str = _setting("plaintext, ssl, sasl_plaintext or sasl_ssl", _security, "plaintext")
    kafka_mechanism: str = _setting("of SASL: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512", _mechanism, "SCRAM-SHA-512")
    kafka_user: str | None = _setting("the user of SASL", str, None)
    kafka_password_file: Path | None = _setting("the file that holds the user's password", _file, None)
    kafka_ca_file: Path | None = _setting(
        "who signed Kafka's certificate, in PEM; unset: whom the system trusts", _file, None
    )
    kafka_certificate_file: Path | None = _setting("our own certificate, in PEM, where Kafka wants one", _file, None)
    kafka_key_file: Path | None = _setting("its private key, in PEM", _file, None)
    master_key_file: Path | None = _setting("the key that seals personal data; unset: in the data folder", _file, None)
    operation_seconds: float = _setting("how long an operation may take", _seconds, 30.0)
    statement_seconds: float = _setting("how long one statement of a read may take", _seconds, 20.0)
    cors_origins: tuple[str, ...] = _setting("whose pages may use the API from another address", _origins, ())
    documents: Path | None = _setting(
        "the documents that may be asked, a manifest or a folder of them; unset: any", _place, None
    )
    https: bool = _setting("whether browsers reach the server by HTTPS, through what is before it", _truth, False)
    oidc_issuer: str | None = _setting("the identity provider whose tokens are taken; unset: none", _issuer, None)
    oidc_audience: str | None = _setting("for whom its tokens are: our name there", _claim, None)
    oidc_email_claim: str = _setting("where its tokens say the address of a user", _claim, "email")
    oidc_groups_claim: str = _setting("where they say the groups, which teams are linked to", _claim, "groups")
    oidc_add_users: bool = _setting("whether it may bring users whom nobody added here", _truth, False)
    trusted_proxies: str = _setting(
        "proxies that say for whom they ask, by X-Forwarded-For", _networks, "127.0.0.1,::1"
    )
    refusal_days: int = _setting("days for which refusals are kept", _count, 90)
    access_days: int = _setting("days for which it is kept who read what is personal", _count, 365)
    budget_rate: int = _setting("points a second that a caller may spend on operations; 0: no limit", _count, 100_000)
    budget_burst: int = _setting("points that a caller may spend at once", _count, 2_000_000)
    log: str = _setting("the form of the log: text or json", _one_of("text", "json"), "text")
    time_zone: str = _setting("the company's time zone", _time_zone, "UTC")
    currency: str = _setting("the company's currency", _currency, "USD")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """What the environment says; an empty variable counts as unset. Raises WrongSetting."""
        known = {VARIABLE + entry.name.upper(): entry for entry in fields(cls)}
        for name in environment:
            if name.startswith(VARIABLE) and not name.startswith(OF_TESTS) and name not in known:
                near = get_close_matches(name, known, 1)
                raise WrongSetting(f"{name} is not a setting" + (f"; did you mean {near[0]}?" if near else ""))
        given: dict[str, Any] = {}
        for name, entry in known.items():
            if text := environment.get(name, "").strip():
                try:
                    given[entry.name] = entry.metadata["read"](text)
                except ValueError as error:
                    shown = hidden(text) if entry.metadata["read"] is _url else text
                    raise WrongSetting(f"{name} is {shown!r}: {error}") from None
        if "owner_url" in given and "database_url" not in given:
            raise WrongSetting(f"{VARIABLE}OWNER_URL is given without {VARIABLE}DATABASE_URL: give both, or neither")
        if ("oidc_issuer" in given) != ("oidc_audience" in given):
            raise WrongSetting(
                f"{VARIABLE}OIDC_ISSUER and {VARIABLE}OIDC_AUDIENCE belong together: give both, or neither"
            )
        passwords = {"kafka_user", "kafka_password_file"}
        if given.get("kafka_security", "").startswith("sasl") and not passwords <= given.keys():
            raise WrongSetting(
                f"{VARIABLE}KAFKA_SECURITY is {given['kafka_security']}:"
                f" {VARIABLE}KAFKA_USER and {VARIABLE}KAFKA_PASSWORD_FILE are needed"
            )
        return cls(**given)

    def listed(self) -> list[tuple[str, str | None, bool, str]]:
        """Of each setting the variable, the value (no passwords), whether it is the default, and the meaning."""
        rows = []
        for entry in fields(self):
            value = getattr(self, entry.name)
            shown = hidden(value) if value and entry.metadata["read"] is _url else value
            if isinstance(shown, tuple):
                shown = ",".join(shown) or None
            elif isinstance(shown, bool):
                shown = str(shown).lower()
            meaning = entry.metadata["meaning"]
            rows.append(
                (VARIABLE + entry.name.upper(), None if shown is None else str(shown), value == entry.default, meaning)
            )
        return rows


def hidden(url: str) -> str:
    """The address of a database without its password, to be shown."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "(not an address)"
    user, at, host = parts.netloc.rpartition("@")
    shown = user.split(":")[0] + (":***" if ":" in user else "") + at + host
    query = re.sub(r"(password=)[^&]*", r"\1***", parts.query)
    return urlunsplit((parts.scheme, shown, parts.path, query, ""))
