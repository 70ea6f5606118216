"""What can be set from outside, and the only place that reads the environment.

Every setting has a default that suits a laptop, except addresses of real servers and anything secret, which
have none. Must not open connections, create directories or log: it only reads, checks and answers.
"""

from __future__ import annotations

import ipaddress
import os
import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

PREFIX = "CCP_"


class SettingsError(Exception):
    """A setting has a value that cannot be used; the message is one line fit for the person who set it."""


class LogLevel(StrEnum):
    """How much is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    """How a log line looks: for a machine or for a person."""

    JSON = "json"
    CONSOLE = "console"


def _postgres_url(value: str) -> str:
    if urlsplit(value).scheme not in {"postgresql", "postgres"}:
        raise ValueError("must be an address like postgresql://user@host:5432/database")
    return value


def _host_and_port(value: str) -> str:
    host, _, port = value.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 1 <= int(port) <= 65535:
        raise ValueError("must be a host and a port, like 127.0.0.1:7233")
    return value


def _name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", value):
        raise ValueError("must be a name of letters, digits, '.', '_' and '-'")
    return value


def _port(value: object) -> object:
    number = int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value
    if not isinstance(number, int) or not 0 <= number <= 65535:
        raise ValueError("must be a whole number from 0 to 65535, where 0 takes any free port")
    return number


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _directory(value: Path) -> Path:
    return value.expanduser().absolute()


def _default_data_directory(validated: dict[str, Any]) -> Path:
    # Root gets a system directory: the embedded PostgreSQL then runs under another account, which could not
    # enter root's own home.
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return Path("/var/lib/ccp")
    base: Path | None = validated.get("xdg_data_home")
    # The XDG specification says that a relative path is invalid and must be ignored.
    if base is not None and base.is_absolute():
        return base / "ccp"
    return Path.home() / ".local" / "share" / "ccp"


PostgresURL = Annotated[str, AfterValidator(_postgres_url)]
Name = Annotated[str, AfterValidator(_name)]


class Settings(BaseSettings):
    """All settings, read once. Make it with `load_settings()`, or in a test by giving fields by name."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        frozen=True,
        extra="ignore",
        populate_by_name=True,
        # A DSN holds a password: pydantic must not put a refused value into its own message.
        hide_input_in_errors=True,
    )

    database_url: PostgresURL | None = Field(
        default=None,
        validation_alias="DATABASE_URL",
        repr=False,
        description="The PostgreSQL server; when unset, the embedded one is used.",
    )
    database_admin_url: PostgresURL | None = Field(
        default_factory=lambda validated: validated.get("database_url"),
        validation_alias="DATABASE_ADMIN_URL",
        repr=False,
        description="The same database as its owner, for migrations; DATABASE_URL when unset.",
    )
    temporal_address: Annotated[str, AfterValidator(_host_and_port)] | None = Field(
        default=None,
        validation_alias="TEMPORAL_ADDRESS",
        description="The Temporal server as host:port; when unset, the embedded one is used.",
    )
    temporal_namespace: Name = Field(
        default="default", validation_alias="TEMPORAL_NAMESPACE", description="The Temporal namespace."
    )
    xdg_data_home: Path | None = Field(
        default=None,
        validation_alias="XDG_DATA_HOME",
        description="Where a person's programs keep data; only used to choose the default of CCP_DATA.",
    )
    data: Annotated[Path, AfterValidator(_directory)] = Field(
        default_factory=_default_data_directory,
        description="The directory of the embedded servers' data and of the file that says what is running.",
    )
    host: str = Field(default="127.0.0.1", description="The address that the HTTP API listens on.")
    port: Annotated[int, BeforeValidator(_port)] = Field(
        default=8080, description="The port that the HTTP API listens on; 0 takes any free port."
    )
    allow_declared_actors: bool = Field(
        default=False,
        description="Accept callers who merely say who they are, even when other machines can reach the API.",
    )
    programme: Name = Field(default="manchester-maps", description="The pathway programme in force.")
    log_level: Annotated[LogLevel, BeforeValidator(_lower)] = Field(
        default=LogLevel.INFO, description="debug, info, warning or error."
    )
    log_format: Annotated[LogFormat, BeforeValidator(_lower)] = Field(
        default=LogFormat.CONSOLE, description="json or console."
    )
    task_queue: Name = Field(default="ccp", description="The Temporal task queue of our workers.")
    as_person: str | None = Field(default=None, description="Who is acting on the command line.")
    as_role: str | None = Field(default=None, description="In which role they act.")
    as_agency: str | None = Field(default=None, description="For which agency they act.")

    @property
    def accepts_declared_actors(self) -> bool:
        """Whether a caller may simply say who they are: on this machine only, or where it was allowed.

        Nobody signs in yet, so an API that other machines can reach must refuse commands unless
        CCP_ALLOW_DECLARED_ACTORS says otherwise.
        """
        return self.allow_declared_actors or is_loopback(self.host)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is pydantic's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read arguments and the environment only: a stray `.env` file must not change a running service."""
        return init_settings, env_settings


def load_settings() -> Settings:
    """Read the settings from the environment.

    Raises: SettingsError, one line that names the setting, its value and the rule.
    """
    try:
        return Settings()
    except ValidationError as refused:
        raise SettingsError(_sentence(refused)) from None


def environment_names() -> frozenset[str]:
    """Answer every name in the environment that means something to this program."""
    return frozenset(_environment_name(field) for field in Settings.model_fields)


def is_loopback(host: str) -> bool:
    """Answer whether an address to listen on can be reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        # A name that has to be looked up may be anything, so it counts as reachable.
        return False


def _environment_name(field: str) -> str:
    alias = Settings.model_fields[field].validation_alias
    return alias if isinstance(alias, str) else f"{PREFIX}{field}".upper()


def _sentence(refused: ValidationError) -> str:
    problem = refused.errors(include_url=False, include_context=False)[0]
    location = str(problem["loc"][0])
    name = _environment_name(location) if location in Settings.model_fields else location.upper()
    rule = _RULES.get(problem["type"], problem["msg"])
    # pydantic puts its own words before the rule when a validator of ours refused.
    rule = rule.removeprefix("Value error, ").replace("Input should be", "must be")
    return f"{name}={_without_password(str(problem['input']))!r}: {rule}"


_RULES = {"bool_parsing": "must be true or false"}


def _without_password(value: str) -> str:
    # Not urlsplit: a value that was refused may be too broken to parse, and still hold a password.
    value = re.sub(r"^([a-z]+://)?.*@", r"\1***@", value, flags=re.IGNORECASE | re.DOTALL)
    return re.sub(r"(password=)[^&]*", r"\1***", value, flags=re.IGNORECASE)
