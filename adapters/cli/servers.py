"""The long-running commands: the whole product, or one part of it. What is started and how is in `adapters.bootstrap`."""

# ruff: noqa: D301 - \b is click's mark for text that keeps its lines

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from adapters.cli.output import json_option, print_json, say
from adapters.loop import run_main
from adapters.settings import Settings, load_settings

if TYPE_CHECKING:
    from adapters.embedded import RunningProduct


@click.command()
@click.option(
    "--data",
    metavar="DIR",
    help="Where the data is kept (CCP_DATA); made when missing.",
    type=click.Path(file_okay=False),
)
@click.option(
    "--port", type=click.IntRange(0, 65535), help="Port of the HTTP API (CCP_PORT); 0 takes any free one."
)
@json_option
def up(data: str | None, port: int | None, as_json: bool) -> None:
    """Run the whole product on this machine until Ctrl-C: servers, worker, read models and HTTP API.

    With DATABASE_URL or TEMPORAL_ADDRESS set, those servers are used instead of embedded ones. Everything is found
    again at the next start.

    \b
    Examples:
      ccp up
      ccp up --data ./pilot --port 8090
    """
    from adapters.bootstrap import run_up

    settings = _prepared(data=data, port=port)

    def ready(where: RunningProduct) -> None:
        if as_json:
            print_json(where.model_dump(exclude={"database_dsn"}))
        else:
            _say_where(where, settings, chosen=data is not None)

    run_main(run_up(settings, ready=ready))
    if not as_json:
        say("Stopped. Everything is kept; `ccp up` finds it again.")


def _say_where(where: RunningProduct, settings: Settings, *, chosen: bool) -> None:
    say("The product runs. Ctrl-C stops it.")
    say(f"  HTTP API     {where.http_url}   (described at {where.http_url}/openapi.json)")
    if where.temporal_ui_url:
        say(f"  Temporal UI  {where.temporal_ui_url}")
    say(f"  data         {settings.data}")
    say("In another terminal, try:")
    if chosen:
        say(f"  export CCP_DATA={shlex.quote(str(settings.data))}")
    say("  ccp commands submit-referral")
    say("  ccp cases")
    say("  ccp due")


@click.command()
def serve() -> None:
    """Run the HTTP API alone, until Ctrl-C; the address is CCP_HOST and CCP_PORT.

    \b
    Example:
      DATABASE_URL=postgresql://ccp@db/ccp CCP_PORT=8080 ccp serve
    """
    from adapters.bootstrap import run_serve

    run_main(run_serve(_prepared(), ready=lambda url: say(f"The HTTP API answers at {url}.")))


@click.command()
def worker() -> None:
    """Run worker, dispatcher and read models alone, until Ctrl-C. Many may run; what must be single stands by.

    \b
    Example:
      DATABASE_URL=postgresql://ccp@db/ccp TEMPORAL_ADDRESS=temporal:7233 ccp worker
    """
    from adapters.bootstrap import run_worker

    run_main(
        run_worker(_prepared(), ready=lambda address: say(f"The worker runs, with Temporal at {address}."))
    )


@click.command()
@json_option
def migrate(as_json: bool) -> None:
    """Bring the database up to date, as its owner (DATABASE_ADMIN_URL). Does nothing when it is.

    \b
    Example:
      DATABASE_ADMIN_URL=postgresql://owner@db/ccp DATABASE_URL=postgresql://ccp@db/ccp ccp migrate
    """
    from adapters.bootstrap import run_migrate

    applied = run_main(run_migrate(_prepared()))
    if as_json:
        print_json({"applied": applied})
    else:
        say(f"Applied: {', '.join(applied)}." if applied else "The database is up to date.")


def _prepared(*, data: str | None = None, port: int | None = None) -> Settings:
    """The settings with what the options say, and logging set up."""
    from adapters.logs import configure_logging

    settings = load_settings()
    chosen: dict[str, object] = {}
    if data is not None:
        chosen["data"] = Path(data).expanduser().absolute()
    if port is not None:
        chosen["port"] = port
    settings = settings.model_copy(update=chosen)
    configure_logging(settings)
    return settings
