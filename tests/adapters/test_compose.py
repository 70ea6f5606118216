"""The production shape in `docker-compose.yml`, checked without Docker: its grammar, and what it promises.

That the containers run is not shown here.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from check_jsonschema.builtin_schemas import get_builtin_schema  # type: ignore[import-untyped]
from jsonschema import Draft7Validator  # type: ignore[import-untyped]

from adapters.settings import Settings, environment_names

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docker-compose.yml"
OURS = ("migrate", "api", "worker")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    written = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    assert isinstance(written, dict)
    return written


def test_the_file_follows_the_compose_specification(compose: dict[str, Any]) -> None:
    problems = [
        f"{'/'.join(str(step) for step in problem.path)}: {problem.message}"
        for problem in Draft7Validator(get_builtin_schema("compose-spec")).iter_errors(compose)
    ]
    assert problems == []


def test_our_services_are_passed_only_names_that_the_settings_know(compose: dict[str, Any]) -> None:
    for service in OURS:
        assert set(compose["services"][service]["environment"]) <= environment_names(), service


def test_the_values_passed_to_our_services_are_ones_the_settings_take(
    compose: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for service in OURS:
        with monkeypatch.context() as environment:
            for name, value in compose["services"][service]["environment"].items():
                environment.setenv(name, interpolated(str(value)))
            settings = Settings()

        assert settings.database_url == "postgresql://ccp_app:secret@postgres:5432/ccp"
        assert settings.temporal_address == "temporal:7233"


def interpolated(value: str) -> str:
    value = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value)
    return re.sub(r"\$\{\w+:\?[^}]*\}", "secret", value)


def test_only_migrations_connect_as_the_owner_of_the_database(compose: dict[str, Any]) -> None:
    owners = {service for service in OURS if "ccp_owner" in str(compose["services"][service]["environment"])}
    assert owners == {"migrate"}


def test_our_services_run_the_commands_of_the_program(compose: dict[str, Any]) -> None:
    commands = {service: compose["services"][service]["command"] for service in OURS}
    assert commands == {"migrate": ["migrate"], "api": ["serve"], "worker": ["worker"]}
    assert compose["services"]["worker"]["deploy"]["replicas"] > 1


def test_nothing_of_ours_runs_before_the_schema_and_the_namespace_are_there(compose: dict[str, Any]) -> None:
    for service in ("api", "worker"):
        awaited = compose["services"][service]["depends_on"]
        for job in ("migrate", "temporal-namespace"):
            assert awaited[job]["condition"] == "service_completed_successfully"


def test_callers_who_merely_say_who_they_are_are_not_accepted(compose: dict[str, Any]) -> None:
    environment = compose["services"]["api"]["environment"]
    assert "CCP_ALLOW_DECLARED_ACTORS" not in environment
    assert not Settings(host=environment["CCP_HOST"]).accepts_declared_actors


def test_no_port_is_open_to_other_machines(compose: dict[str, Any]) -> None:
    published = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert published
    assert [port for port in published if not port.startswith("127.0.0.1:")] == []


def test_no_secret_is_written_down_and_a_missing_one_stops_the_start_with_a_reason(
    compose: dict[str, Any],
) -> None:
    secrets = {
        f"{name}.{key}": value
        for name, service in compose["services"].items()
        for key, value in service.get("environment", {}).items()
        if "PASSWORD" in key or "PWD" in key or "URL" in key
    }
    assert len(secrets) >= 8
    for place, value in secrets.items():
        assert re.search(r"\$\{\w+_PASSWORD:\?[^}]+\}", value), place


def test_every_server_with_data_keeps_it_in_a_named_volume(compose: dict[str, Any]) -> None:
    for service in ("postgres", "temporal-postgres", *OURS):
        for mount in compose["services"][service]["volumes"]:
            assert mount.partition(":")[0] in compose["volumes"], service


def test_what_operations_staff_search_by_is_registered_with_its_type(compose: dict[str, Any]) -> None:
    registered = compose["services"]["temporal-namespace"]["environment"]["SEARCH_ATTRIBUTES"].split()
    assert dict(attribute.split("=") for attribute in registered) == {
        "CaseId": "Keyword",
        "Programme": "Keyword",
        "CaseStage": "Keyword",
        "Neighbourhood": "Keyword",
        "NextDue": "Datetime",
        "WaitsFor": "Keyword",
        "WaitingSince": "Datetime",
        "NextStep": "Keyword",
    }


def test_the_image_is_made_from_the_lock_file_and_does_not_run_as_root(compose: dict[str, Any]) -> None:
    for service in OURS:
        recipe = compose["services"][service]["build"]["dockerfile_inline"].splitlines()
        assert "RUN pip install --no-cache-dir --require-hashes -r requirements.lock" in recipe
        assert [line for line in recipe if line.startswith("USER")] == ["USER ccp"]
        copied = [word for line in recipe if line.startswith("COPY") for word in line.split()[1:-1]]
        assert [source for source in copied if not (ROOT / source).exists()] == []
    # The project is built without fetching anything, so its build tool must come with the lock file.
    assert re.search(r"^hatchling==", (ROOT / "requirements.lock").read_text(encoding="utf-8"), re.MULTILINE)


def test_the_scripts_in_the_file_are_ones_a_shell_can_read(compose: dict[str, Any]) -> None:
    scripts = [
        compose["services"]["temporal-schema"]["command"][0],
        compose["services"]["temporal-namespace"]["command"][0],
        compose["configs"]["postgres-program-account"]["content"],
    ]
    for script in scripts:
        # A lone dollar sign would be taken by Compose and not reach the shell.
        assert not re.search(r"(?<!\$)\$(?!\$)", script)
        subprocess.run(["/bin/sh", "-n"], input=script.replace("$$", "$"), text=True, check=True)
