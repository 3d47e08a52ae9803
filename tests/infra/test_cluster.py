"""How a cluster is reached, and what its topics must be like."""

from __future__ import annotations

import gc
import ipaddress
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from infra.kafka import NotReached, WrongTopics
from infra.kafka.broker import a_port, missing, running
from infra.kafka.cluster import Cluster
from infra.settings import Settings, WrongSetting
from tests.infra.daybook import daybook

# kafka-python leaves connections that were refused to be collected.
pytestmark = [
    pytest.mark.filterwarnings(
        "ignore:Exception ignored in. <(ssl.SSLSocket|socket.socket):pytest.PytestUnraisableExceptionWarning"
    ),
    pytest.mark.filterwarnings("ignore:unclosed <(ssl.SSLSocket|socket.socket):ResourceWarning"),
]

JAAS = 'org.apache.kafka.common.security.plain.PlainLoginModule required username="broker" password="b" {users};'


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """... here, and not while another test runs."""
    yield
    gc.collect()


@pytest.fixture(scope="module")
def managed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A cluster as they are rented: behind TLS, with a password. Its settings."""
    if lacks := missing():
        pytest.skip(lacks)
    folder = tmp_path_factory.mktemp("managed")
    certificate, key = a_certificate()
    (folder / "ca.pem").write_text(certificate)
    (folder / "broker.pem").write_text(key + certificate)
    (folder / "password").write_text("secret\n")
    settings = {
        "listeners": "SASL_SSL://127.0.0.1:{port}",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL",
        "security.inter.broker.protocol": "SASL_SSL",
        "sasl.mechanism.inter.broker.protocol": "PLAIN",
        "sasl.enabled.mechanisms": "PLAIN",
        "listener.name.sasl_ssl.plain.sasl.jaas.config": JAAS.format(users='user_broker="b" user_daybook="secret"'),
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(folder / "broker.pem"),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(folder / "ca.pem"),
    }
    with running(folder / "broker", settings=settings) as broker:
        yield {
            "kafka": broker.address,
            "kafka_security": "sasl_ssl",
            "kafka_mechanism": "PLAIN",
            "kafka_user": "daybook",
            "kafka_password_file": folder / "password",
            "kafka_ca_file": folder / "ca.pem",
        }


def test_a_managed_cluster_is_reached_with_a_password_over_tls(managed: Any) -> None:
    cluster = Cluster.of(Settings(**managed))

    cluster.prepare()

    with cluster.admin() as admin:
        assert set(cluster.topics.values()) <= set(admin.list_topics())


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"kafka_password_file": "wrong"}, "is what DAYBOOK_KAFKA_SECURITY, _MECHANISM, _USER and"),
        ({"kafka_user": "somebody"}, "is what DAYBOOK_KAFKA_SECURITY, _MECHANISM, _USER and"),
        ({"kafka_mechanism": "SCRAM-SHA-512"}, "(SCRAM-SHA-512|is what DAYBOOK_KAFKA_SECURITY)"),
        ({"kafka_ca_file": None}, "certificate verify failed"),
    ],
)
def test_what_is_wrong_is_told_at_start(
    managed: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: dict[str, Any], why: str
) -> None:
    monkeypatch.setattr("infra.kafka.cluster.REACHED_WITHIN", 2.0)
    (tmp_path / "wrong").write_text("guess")
    given = {**managed, **wrong}
    if "kafka_password_file" in wrong:
        given["kafka_password_file"] = tmp_path / "wrong"

    with pytest.raises(NotReached, match=rf"Kafka at {managed['kafka']} cannot be used: .*{why}"):
        Cluster.of(Settings(**given)).check()


def test_the_command_line_tells_it_in_one_line(managed: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.kafka.cluster.REACHED_WITHIN", 2.0)
    (tmp_path / "wrong").write_text("guess")
    given = {name: text for name, text in managed.items() if name != "kafka_password_file"}

    said = daybook(tmp_path / "data", "relay", **given, kafka_password_file=tmp_path / "wrong")

    assert said.returncode == 1
    assert "cannot be used" in said.stderr
    assert "_USER and _PASSWORD_FILE say right?" in said.stderr
    assert "Traceback" not in said.stderr + said.stdout
    assert "guess" not in said.stderr + said.stdout


def test_without_kafka_there_is_nothing_to_relay_to(tmp_path: Path) -> None:
    said = daybook(tmp_path / "data", "relay")

    assert (said.returncode, said.stderr) == (
        1,
        "daybook: there is no Kafka to publish to: set DAYBOOK_KAFKA to its brokers\n",
    )


def test_a_broker_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.kafka.cluster.REACHED_WITHIN", 0.5)

    with pytest.raises(NotReached, match=r"Kafka at 127\.0\.0\.1:\d+ cannot be used: "):
        Cluster(f"127.0.0.1:{a_port()}").check()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"DAYBOOK_KAFKA_SECURITY": "SASL"}, "one of plaintext, ssl, sasl_plaintext, sasl_ssl is needed"),
        ({"DAYBOOK_KAFKA_MECHANISM": "GSSAPI"}, "one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 is needed"),
        ({"DAYBOOK_KAFKA_PREFIX": "our topics"}, "letters, digits, dots, dashes and underscores are needed"),
        ({"DAYBOOK_KAFKA_SECURITY": "sasl_ssl"}, "DAYBOOK_KAFKA_USER and DAYBOOK_KAFKA_PASSWORD_FILE are needed"),
    ],
)
def test_settings_that_make_no_sense_are_told(given: dict[str, str], message: str) -> None:
    with pytest.raises(WrongSetting, match=message):
        Settings.from_environment({"DAYBOOK_KAFKA": "localhost:9092", **given})


def test_topics_are_made_once_and_nothing_in_them_goes(cluster: Cluster) -> None:
    cluster = replace(cluster, contexts=("sales",))

    cluster.prepare()
    cluster.prepare()

    with cluster.admin() as admin:
        found = {each["name"]: len(each["partitions"]) for each in admin.describe_topics()}
    ours = {name: number for name, number in found.items() if name.startswith(cluster.prefix)}
    assert ours == {cluster.topic("sales"): 6, cluster.heads: 1, cluster.dead: 6}


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"num_partitions": 3}, "has 3 partitions and must have 6"),
        (
            {"num_partitions": 6, "configs": {"cleanup.policy": "compact"}},
            "has cleanup.policy=compact and must have delete",
        ),
        (
            {"num_partitions": 6, "configs": {"message.timestamp.type": "LogAppendTime"}},
            "has message.timestamp.type=LogAppendTime and must have CreateTime",
        ),
    ],
)
def test_a_topic_that_could_not_hold_the_stream_is_refused(cluster: Cluster, how: Any, message: str) -> None:
    cluster = replace(cluster, contexts=("sales",))
    with cluster.admin() as admin:
        admin.create_topics({cluster.topic("sales"): how}, wait_for_metadata=True)

    with pytest.raises(WrongTopics, match=f"{cluster.topic('sales')} {message}"):
        cluster.prepare()


def a_certificate() -> tuple[str, str]:
    """A certificate of 127.0.0.1 that vouches for itself, and its key, in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "broker")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return made.public_bytes(serialization.Encoding.PEM).decode(), private.decode()
