"""The Kafka cluster that the settings name: how it is reached, and which topics this Daybook has there."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self, TypeVar

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import (
    KafkaError,
    SaslAuthenticationFailedError,
    TopicAlreadyExistsError,
)

from domain.catalogue import AGGREGATES
from infra.kafka import NotReached, WrongTopics
from infra.lanes import LANES
from infra.settings import Settings
from infra.topics import DEAD, HEADS, PREFIX, contexts, kafka_topic, kinds_of

# While a broker is away the library tells its log of every try. What matters of it is raised, and told once by us.
logging.getLogger("kafka").addHandler(logging.NullHandler())
logging.getLogger("kafka").propagate = False

T = TypeVar("T")

REACHED_WITHIN: Final = 5.0
"""Seconds until a cluster that does not answer, or wants another password, is told about."""
LARGEST: Final = 16 * 2**20
"""Bytes of a message."""

# With the usual 30 s a client would stand still that long after a broker is back; with 100 ms every commit of a
# transaction would wait that long.
PATIENCE: Final = {"reconnect_backoff_max_ms": 1_000, "retry_backoff_ms": 5, "metadata_max_age_ms": 60_000}

TOPIC: Final = {
    "cleanup.policy": "delete",
    "retention.ms": "-1",
    "retention.bytes": "-1",
    "max.message.bytes": str(LARGEST),
    "message.timestamp.type": "CreateTime",
    "message.timestamp.after.max.ms": str(2**63 - 1),
}
"""How our topics are made: nothing goes, and the time of a message is when its event was recorded, by the clock of
the database. Retention is the operator's to change.
"""
KEPT: Final = {name: text for name, text in TOPIC.items() if not name.startswith("retention")}
"""What must not differ in a topic that there is."""


@dataclass(frozen=True)
class Cluster:
    """A cluster, as one Daybook uses it."""

    brokers: str
    prefix: str = PREFIX
    security: Mapping[str, Any] = field(default_factory=dict)
    contexts: Sequence[str] = contexts(AGGREGATES)

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The cluster of these settings, which name one. Raises NotReached where its password is not to be had."""
        assert settings.kafka is not None
        security: dict[str, Any] = {"security_protocol": settings.kafka_security.upper()}
        if settings.kafka_security.startswith("sasl"):
            assert settings.kafka_password_file is not None, "the settings have seen to it"
            try:
                password = settings.kafka_password_file.read_text().strip()
            except (OSError, UnicodeDecodeError):
                raise NotReached(f"the password in {settings.kafka_password_file} cannot be read") from None
            security |= {
                "sasl_mechanism": settings.kafka_mechanism,
                "sasl_plain_username": settings.kafka_user,
                "sasl_plain_password": password,
            }
        files = {
            "ssl_cafile": settings.kafka_ca_file,
            "ssl_certfile": settings.kafka_certificate_file,
            "ssl_keyfile": settings.kafka_key_file,
        }
        security |= {name: str(path) for name, path in files.items() if path is not None}
        return cls(settings.kafka, settings.kafka_prefix, security)

    # -- topics ---------------------------------------------------------------------------------------------------

    def topic(self, context: str) -> str:
        """The topic of all events of a context, such as `sales`. It has a partition for each lane."""
        return kafka_topic(context, self.prefix)

    @property
    def topics(self) -> dict[str, str]:
        """The topic of each context that there is."""
        return {context: self.topic(context) for context in self.contexts}

    def kinds_in(self, topic: str) -> list[str]:
        """The kinds of aggregates whose events are in a topic."""
        return next(kinds_of(context) for context, name in self.topics.items() if name == topic)

    @property
    def partitions(self) -> list[TopicPartition]:
        """Those of the topics of all contexts."""
        return [TopicPartition(topic, lane) for topic in self.topics.values() for lane in range(LANES)]

    @property
    def heads(self) -> str:
        """The topic that tells from time to time where the history ends: an anchor outside the database."""
        return self.topic(HEADS)

    @property
    def dead(self) -> str:
        """The topic of what views could not take."""
        return self.topic(DEAD)

    def prepare(self) -> None:
        """Make the topics that are missing. Raises WrongTopics where one that there is could not hold the stream."""
        wanted = {self.heads: 1, **dict.fromkeys([*self.topics.values(), self.dead], LANES)}
        with self.admin() as admin:
            there = {each["name"]: len(each["partitions"]) for each in _found(admin, list(wanted))}
            missing = {
                name: {"num_partitions": number, "configs": TOPIC}
                for name, number in wanted.items()
                if name not in there
            }
            if missing:
                with suppress(TopicAlreadyExistsError):  # another process was quicker
                    admin.create_topics(missing, wait_for_metadata=True)
            wrong = [
                f"{name} has {number} partitions and must have {wanted[name]}"
                for name, number in there.items()
                if number != wanted[name]
            ]
            wrong += _differences(admin, list(there))
        if wrong:
            raise WrongTopics("; ".join(sorted(wrong)) + ": mend them, or choose other topics by DAYBOOK_KAFKA_PREFIX")

    def ids(self, admin: KafkaAdminClient) -> dict[str, Any]:
        """By which id the cluster knows each of our topics that there is: a topic made anew has another."""
        return {each["name"]: each["topic_id"] for each in _found(admin, list(self.topics.values()))}

    def check(self) -> None:
        """See that it answers, and accepts us. Raises NotReached."""
        with self.admin():
            pass

    # -- clients --------------------------------------------------------------------------------------------------

    @contextmanager
    def admin(self) -> Iterator[KafkaAdminClient]:
        """A client that manages topics. Raises NotReached."""
        client = self._reached(lambda options: KafkaAdminClient(**options))
        try:
            with reached(self):
                yield client
        finally:
            client.close()

    def producer(self, **options: Any) -> KafkaProducer:
        """A producer. Raises NotReached."""
        given = {"max_request_size": LARGEST, "allow_auto_create_topics": False, **options}
        return self._reached(lambda known: KafkaProducer(**known, **given))

    def consumer(self, **options: Any) -> KafkaConsumer:
        """A consumer of what is committed. It commits nothing by itself. Raises NotReached."""
        given = {
            "isolation_level": "read_committed",
            "enable_auto_commit": False,
            "auto_offset_reset": "earliest",
            "allow_auto_create_topics": False,
            **options,
        }
        return self._reached(lambda known: KafkaConsumer(**known, **given))

    @property
    def _hint(self) -> str:
        """A broker that does not like what it hears often just ends the connection, or says nothing."""
        asked = self.security.get("security_protocol") not in (None, "PLAINTEXT")
        return ": is what DAYBOOK_KAFKA_SECURITY, _MECHANISM, _USER and _PASSWORD_FILE say right?" if asked else ""

    def _reached(self, make: Callable[[dict[str, Any]], T]) -> T:
        options = {**PATIENCE, **self.security, "bootstrap_servers": self.brokers.split(",")}
        options |= {"bootstrap_timeout_ms": round(REACHED_WITHIN * 1_000)}
        with _listening() as heard:
            try:
                return make(options)
            except (KafkaError, OSError, ValueError) as error:
                why = heard.why or error
                raise NotReached(f"Kafka at {self.brokers} cannot be used: {why}{self._hint}") from error


@contextmanager
def reached(cluster: Cluster) -> Iterator[None]:
    """What Kafka cannot do now is told as NotReached."""
    try:
        yield
    except KafkaError as error:
        raise NotReached(f"Kafka at {cluster.brokers}: {type(error).__name__}: {error}") from error


def milliseconds(instant: datetime) -> int:
    """The time of a message: since 1970, rounded down, so that whoever seeks by a time misses nothing."""
    return (instant - EPOCH) // timedelta(milliseconds=1)


EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class _Heard(logging.Handler):
    """The library says why a connection failed in its log only. What is said about a password says most."""

    why: Exception | None = None

    def emit(self, record: logging.LogRecord) -> None:
        for each in record.args if isinstance(record.args, tuple) else ():
            if isinstance(each, Exception) and (self.why is None or isinstance(each, SaslAuthenticationFailedError)):
                self.why = each


@contextmanager
def _listening() -> Iterator[_Heard]:
    heard, log = _Heard(logging.WARNING), logging.getLogger("kafka.net.manager")
    log.addHandler(heard)
    try:
        yield heard
    finally:
        log.removeHandler(heard)


def _found(admin: KafkaAdminClient, names: list[str]) -> list[dict[str, Any]]:
    return [each for each in admin.describe_topics(names) if not each["error_code"]]


def _differences(admin: KafkaAdminClient, names: list[str]) -> Iterator[str]:
    """What is not as it has to be in these topics."""
    if names:
        asked = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
        for name, found in admin.describe_configs(asked, config_filter="all")["topic"].items():
            for setting, wanted in KEPT.items():
                if (is_ := found[setting]["value"]) != wanted:
                    yield f"{name} has {setting}={is_} and must have {wanted}"
