"""The catalogue: every command and every event of the product, in pathway order.

The HTTP routes, the command line, imports and workflow activities are all made from it. Importing it imports every
stage file; a new command or event appears everywhere by being defined in one of them.
"""

from collections.abc import Iterator, Mapping

import domain.case.monitoring
import domain.case.state
import domain.case.waiting_list
import domain.keyworker.worker
import domain.meeting.items
import domain.meeting.lifecycle  # noqa: F401
from domain.decisions import DECISIONS, Decision
from domain.errors import DomainError, NotFound
from domain.messages import EVENTS, Command, Event
from domain.roles import MAY_ISSUE, Role


class UnknownCommand(NotFound):
    """There is no command {name}; `ccp commands` lists them."""

    code = "command_unknown"


def decision(name: str) -> Decision:
    """The decision behind a command name, or `command_unknown`."""
    if name not in DECISIONS:
        raise UnknownCommand(name=name)
    return DECISIONS[name]


def commands() -> Iterator[type[Command]]:
    """Every command, in pathway order."""
    return (one.command for one in DECISIONS.values())


def events() -> Mapping[str, type[Event]]:
    """Every event by its topic."""
    return EVENTS


def may_issue(command: type[Command]) -> frozenset[Role]:
    """The roles that may issue a command."""
    return MAY_ISSUE[command.PERMISSION]


def refusals(name: str) -> tuple[type[DomainError], ...]:
    """The named rules that may refuse a command, beside those that may refuse any."""
    return decision(name).refuses
