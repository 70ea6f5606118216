"""The settings as a person meets them: quiet defaults, and one clear line when a value cannot be used."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from adapters.settings import Settings, SettingsError, environment_names, is_loopback, load_settings


@pytest.fixture(autouse=True)
def an_empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in environment_names():
        monkeypatch.delenv(name, raising=False)


def test_nothing_has_to_be_set_on_a_laptop() -> None:
    settings = load_settings()

    assert settings.database_url is None
    assert settings.temporal_address is None
    assert (settings.host, settings.port) == ("127.0.0.1", 8080)
    assert settings.programme == "manchester-maps"
    assert settings.accepts_declared_actors


def test_each_documented_name_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {
        "DATABASE_URL": "postgresql://app@db/ccp",
        "DATABASE_ADMIN_URL": "postgresql://owner@db/ccp",
        "TEMPORAL_ADDRESS": "temporal:7233",
        "TEMPORAL_NAMESPACE": "care",
        "XDG_DATA_HOME": "/srv/share",
        "CCP_DATA": "/srv/ccp data",
        "CCP_HOST": "0.0.0.0",
        "CCP_PORT": "9000",
        "CCP_ALLOW_DECLARED_ACTORS": "true",
        "CCP_PROGRAMME": "elsewhere",
        "CCP_LOG_LEVEL": "WARNING",
        "CCP_LOG_FORMAT": "json",
        "CCP_TASK_QUEUE": "ccp-2",
        "CCP_AS_PERSON": "W-1",
        "CCP_AS_ROLE": "coordinator",
        "CCP_AS_AGENCY": "MCC",
    }
    assert set(given) == environment_names()
    for name, value in given.items():
        monkeypatch.setenv(name, value)

    settings = load_settings()

    read = {str(value).lower() for value in settings.model_dump().values()}
    assert read == {value.lower() for value in given.values()}


def test_migrations_use_the_same_database_unless_an_owner_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://app@db/ccp")
    assert load_settings().database_admin_url == "postgresql://app@db/ccp"

    monkeypatch.setenv("DATABASE_ADMIN_URL", "postgresql://owner@db/ccp")
    assert load_settings().database_admin_url == "postgresql://owner@db/ccp"


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("CCP_PORT", "eighty", "whole number"),
        ("CCP_PORT", "65536", "whole number"),
        ("CCP_PORT", "-1", "whole number"),
        ("CCP_LOG_LEVEL", "loud", "'debug', 'info'"),
        ("CCP_LOG_FORMAT", "xml", "'json' or 'console'"),
        ("CCP_ALLOW_DECLARED_ACTORS", "perhaps", "true or false"),
        ("CCP_PROGRAMME", "two words", "a name of letters"),
        ("CCP_TASK_QUEUE", " ", "a name of letters"),
        ("DATABASE_URL", "mysql://db/ccp", "postgresql://"),
        ("TEMPORAL_ADDRESS", "temporal", "a host and a port"),
        ("TEMPORAL_ADDRESS", "temporal:0", "a host and a port"),
    ],
)
def test_a_bad_value_is_refused_in_one_line_that_names_setting_value_and_rule(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, rule: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(SettingsError) as refused:
        load_settings()

    message = str(refused.value)
    assert message.startswith(f"{name}={value!r}: ")
    assert rule in message
    assert "\n" not in message


@pytest.mark.parametrize("value", ["65535", "1", "0"])
def test_a_port_at_the_edge_of_the_range_is_taken(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("CCP_PORT", value)
    assert load_settings().port == int(value)


@pytest.mark.parametrize(
    "value",
    [
        "mysql://app:hunter2@db/ccp",
        "app:hunter2@db",
        "postgre://db/ccp?password=hunter2&x=1",
        "x://a:hun@ter2@db",
    ],
)
def test_a_refused_database_address_does_not_show_its_password(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", value)

    with pytest.raises(SettingsError) as refused:
        load_settings()

    assert "hunter2" not in str(refused.value)
    assert "ter2" not in str(refused.value)


def test_the_settings_do_not_show_a_password_when_printed() -> None:
    assert "hunter2" not in repr(Settings(database_url="postgresql://app:hunter2@db/ccp"))


def test_an_empty_value_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "")
    monkeypatch.setenv("CCP_PORT", "")
    assert load_settings() == Settings()


def test_a_name_without_our_prefix_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOST", "example.org")
    monkeypatch.setenv("PORT", "1")
    assert load_settings() == Settings()


def test_a_persons_data_goes_where_their_programs_keep_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("HOME", "/home/someone")
    assert load_settings().data == Path("/home/someone/.local/share/ccp")

    monkeypatch.setenv("XDG_DATA_HOME", "/srv/share")
    assert load_settings().data == Path("/srv/share/ccp")

    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    assert load_settings().data == Path("/home/someone/.local/share/ccp")


def test_roots_data_goes_to_a_system_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert load_settings().data == Path("/var/lib/ccp")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost"])
def test_on_this_machine_alone_a_caller_may_say_who_they_are(host: str) -> None:
    assert is_loopback(host)
    assert Settings(host=host).accepts_declared_actors


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "api.example.org", ""])
def test_where_others_can_reach_the_api_a_caller_may_not_unless_that_was_allowed(host: str) -> None:
    assert not Settings(host=host).accepts_declared_actors
    assert Settings(host=host, allow_declared_actors=True).accepts_declared_actors


def test_settings_cannot_be_changed_once_read() -> None:
    with pytest.raises(ValueError, match="frozen"):
        setattr(Settings(), "port", 1)  # noqa: B010 - mypy knows that it cannot be set
