from pathlib import Path

import pytest

from infra.settings import Settings, WrongSetting, hidden


def test_an_empty_environment_gives_the_defaults() -> None:
    settings = Settings.from_environment({"PATH": "/bin", "DAYBOOK_PORT": "  "})

    assert (settings.host, settings.port, settings.data) == ("127.0.0.1", 8000, Path(".daybook"))
    assert (settings.database_url, settings.time_zone, settings.currency) == (None, "UTC", "USD")


def test_every_setting_can_be_given(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.touch()

    settings = Settings.from_environment(
        {
            "DAYBOOK_HOST": "::1",
            "DAYBOOK_PORT": "9000",
            "DAYBOOK_DATA": "/var/lib/daybook",
            "DAYBOOK_DATABASE_URL": "postgresql://daybook:pw@db/daybook",
            "DAYBOOK_OWNER_URL": "postgresql:///daybook?host=/run/postgresql",
            "DAYBOOK_KAFKA": "one:9092,two:9092",
            "DAYBOOK_MASTER_KEY_FILE": str(key),
            "DAYBOOK_OIDC_ISSUER": "https://login.example.com/",
            "DAYBOOK_OIDC_AUDIENCE": "daybook",
            "DAYBOOK_OIDC_EMAIL_CLAIM": "mail",
            "DAYBOOK_OIDC_GROUPS_CLAIM": "https://example.com/groups",
            "DAYBOOK_OIDC_ADD_USERS": "true",
            "DAYBOOK_TRUSTED_PROXIES": "10.0.0.0/8,::1",
            "DAYBOOK_REFUSAL_DAYS": "30",
            "DAYBOOK_BUDGET_RATE": "0",
            "DAYBOOK_BUDGET_BURST": "10",
            "DAYBOOK_TIME_ZONE": "Europe/Berlin",
            "DAYBOOK_CURRENCY": "EUR",
        }
    )

    assert settings == Settings(
        host="::1",
        port=9000,
        data=Path("/var/lib/daybook"),
        database_url="postgresql://daybook:pw@db/daybook",
        owner_url="postgresql:///daybook?host=/run/postgresql",
        kafka="one:9092,two:9092",
        master_key_file=key,
        oidc_issuer="https://login.example.com",
        oidc_audience="daybook",
        oidc_email_claim="mail",
        oidc_groups_claim="https://example.com/groups",
        oidc_add_users=True,
        trusted_proxies="10.0.0.0/8,::1",
        refusal_days=30,
        budget_rate=0,
        budget_burst=10,
        time_zone="Europe/Berlin",
        currency="EUR",
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("DAYBOOK_HOST", "not a host"),
        ("DAYBOOK_PORT", "0"),
        ("DAYBOOK_PORT", "65536"),
        ("DAYBOOK_PORT", "²"),
        ("DAYBOOK_PORT", "http"),
        ("DAYBOOK_DATABASE_URL", "mysql://root@db/daybook"),
        ("DAYBOOK_DATABASE_URL", "postgresql://daybook@db"),
        ("DAYBOOK_KAFKA", "localhost"),
        ("DAYBOOK_MASTER_KEY_FILE", "/nowhere/at/all"),
        ("DAYBOOK_OIDC_ISSUER", "login.example.com"),
        ("DAYBOOK_OIDC_ISSUER", "http://login.example.com"),
        ("DAYBOOK_OIDC_ISSUER", "https://login.example.com/?tenant=1"),
        ("DAYBOOK_OIDC_ADD_USERS", "yes"),
        ("DAYBOOK_TRUSTED_PROXIES", "proxy.example"),
        ("DAYBOOK_TRUSTED_PROXIES", "10.0.0.1/8"),
        ("DAYBOOK_BUDGET_RATE", "-1"),
        ("DAYBOOK_BUDGET_BURST", "1e6"),
        ("DAYBOOK_TIME_ZONE", "Mars/Olympus"),
        ("DAYBOOK_TIME_ZONE", "../../etc/passwd"),
        ("DAYBOOK_CURRENCY", "euro"),
        ("DAYBOOK_CURRENCY", "XYZ"),
    ],
)
def test_a_wrong_value_names_its_variable_and_what_would_be_right(name: str, text: str) -> None:
    with pytest.raises(WrongSetting) as caught:
        Settings.from_environment({name: text})

    assert str(caught.value).startswith(f"{name} is {text!r}: ")


def test_a_name_that_is_no_setting_is_refused_with_the_nearest_that_is() -> None:
    with pytest.raises(WrongSetting, match="DAYBOOK_PROT is not a setting; did you mean DAYBOOK_PORT"):
        Settings.from_environment({"DAYBOOK_PROT": "8001"})

    assert Settings.from_environment({"DAYBOOK_TEST_DATA": "/anywhere"}) == Settings()


def test_an_owner_without_a_database_is_refused() -> None:
    with pytest.raises(WrongSetting, match="give both"):
        Settings.from_environment({"DAYBOOK_OWNER_URL": "postgresql://owner@db/daybook"})


@pytest.mark.parametrize("given", [("ISSUER", "https://login.example.com"), ("AUDIENCE", "daybook")])
def test_an_identity_provider_is_given_with_for_whom_its_tokens_are(given: tuple[str, str]) -> None:
    with pytest.raises(WrongSetting, match="belong together"):
        Settings.from_environment({f"DAYBOOK_OIDC_{given[0]}": given[1]})


def test_no_list_and_no_message_shows_a_password() -> None:
    url = "postgresql://daybook:hush@db:5432/daybook?sslmode=require&password=hush"
    settings = Settings.from_environment({"DAYBOOK_DATABASE_URL": url})

    assert hidden(url) == "postgresql://daybook:***@db:5432/daybook?sslmode=require&password=***"
    assert "hush" not in str(settings.listed())
    for wrong in ("postgres://daybook:hush@db", "postgresql://daybook:hush@[db/daybook"):
        with pytest.raises(WrongSetting) as caught:
            Settings.from_environment({"DAYBOOK_DATABASE_URL": wrong})
        assert "hush" not in str(caught.value)


def test_the_list_says_of_every_setting_what_it_means_and_whether_it_was_given() -> None:
    listed = Settings.from_environment({"DAYBOOK_PORT": "9000"}).listed()

    assert [(name, value, default) for name, value, default, _ in listed[:2]] == [
        ("DAYBOOK_HOST", "127.0.0.1", True),
        ("DAYBOOK_PORT", "9000", False),
    ]
    assert all(meaning for *_, meaning in listed)
