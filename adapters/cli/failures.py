"""Errors as people at a terminal read them: one sentence with its code, never a traceback, no personal data."""

from __future__ import annotations

import json
import re
import sys

import click

from adapters.cli.main import DEFECT, NOT_REACHABLE, REFUSED, WRONG_USAGE
from adapters.cli.workflows import TemporalAway
from adapters.input import InvalidInput
from adapters.problems import Problem, Refused, problem_of
from adapters.settings import SettingsError
from domain.errors import DomainError
from domain.messages import Command

_LOOKS_LIKE_OURS = re.compile(r"(--?)?[a-z]+([.-][a-z]+)*")
"""A mistyped name is repeated, with what may have been meant; anything else may be a value that lost its way."""


class CommandRefused(Exception):
    """A rule refused a command; the command is kept to name the field that the rule is about."""

    def __init__(self, command: type[Command], error: DomainError) -> None:
        self.command, self.error = command, error
        super().__init__(str(error))


def report(error: Exception, *, as_json: bool) -> int:
    """Say what went wrong, and answer the exit code."""
    problem, exit_code = put(error)
    if as_json:
        click.echo(json.dumps(problem.as_json(), ensure_ascii=False))
    else:
        click.echo(_sentence(problem, error, exit_code), err=True)
    if exit_code == DEFECT:
        _log(error, problem)
    return exit_code


def put(error: Exception) -> tuple[Problem, int]:
    """An error as a problem, with the exit code that stands for it."""
    # Only where something failed: they load what a short answer does without.
    from adapters.bootstrap import NothingRuns
    from adapters.embedded.errors import EmbeddedServerError
    from adapters.postgres.errors import MigrationError

    match error:
        case click.exceptions.NoArgsIsHelpError():
            return problem_of(Refused(400, "wrong_usage", error.format_message())), WRONG_USAGE
        case click.ClickException():
            return problem_of(Refused(400, "wrong_usage", _usage(error))), WRONG_USAGE
        case InvalidInput():
            return problem_of(error), WRONG_USAGE
        case CommandRefused():
            return problem_of(error.error, command=error.command), REFUSED
        case SettingsError():
            return problem_of(Refused(400, "setting_invalid", str(error))), WRONG_USAGE
        case NothingRuns():
            return problem_of(Refused(503, "product_not_running", str(error))), NOT_REACHABLE
        case TemporalAway():
            return problem_of(Refused(503, "temporal_unavailable", str(error))), NOT_REACHABLE
        case MigrationError():
            return problem_of(Refused(503, error.code, str(error))), NOT_REACHABLE
        case EmbeddedServerError():
            return problem_of(Refused(503, "embedded_server_failed", str(error))), NOT_REACHABLE
    problem = problem_of(error)
    return problem, {503: NOT_REACHABLE, 500: DEFECT}.get(problem.status, REFUSED)


def _usage(error: click.ClickException) -> str:
    # click repeats a word that it did not expect; it may be half of somebody's name that should have been quoted.
    said = error.format_message()
    if said.startswith("Got unexpected extra argument"):
        said = "There is an argument too many; put quotation marks round a value that holds spaces."
    unknown = getattr(error, "option_name", None) or getattr(error, "command_name", None)
    if isinstance(unknown, str) and not _LOOKS_LIKE_OURS.fullmatch(unknown):
        said = "There is no such option or command."
    context = error.ctx if isinstance(error, click.UsageError) else None
    return f"{said} Try `{context.command_path} --help`." if context is not None else said


def _sentence(problem: Problem, error: Exception, exit_code: int) -> str:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        return problem.detail
    opening = (
        "Refused" if exit_code == REFUSED else "Not understood" if exit_code == WRONG_USAGE else "Not done"
    )
    if isinstance(error, InvalidInput):
        lines = [f"  {one.field}: {one.rule}" if one.field else f"  {one.rule}" for one in problem.errors]
        return (
            "\n".join([f"{opening} ({problem.code}):", *lines])
            if len(lines) > 1
            else (f"{opening} ({problem.code}): {lines[0].strip()}")
        )
    where = f" [{problem.instance}]" if problem.status == 500 else ""
    return f"{opening} ({problem.code}): {problem.detail}{where}"


def _log(error: Exception, problem: Problem) -> None:
    import structlog

    from adapters.logs import described

    if not structlog.is_configured():
        # A short answer sets up no logging; structlog's own way is standard output, where the answer stands.
        structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    structlog.stdlib.get_logger("ccp.cli").error("cli.failed", instance=problem.instance, **described(error))
