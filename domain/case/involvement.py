"""Involvement: which agencies have a part in a case, and what only they may say about it.

Anybody may raise a safeguarding concern; this is about the pathway itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.errors import RuleBroken
from domain.messages import Command, Moment
from domain.roles import Role

if TYPE_CHECKING:
    from domain.case.state import Case
    from domain.keyworker.state import KeyWorker


class InvolvedAgenciesOnly(RuleBroken):
    """{command} is for an agency that has a part in this case; anybody may raise a safeguarding concern."""

    code = "involved_agencies_only"


def involved_agencies(case: Case, worker: KeyWorker | None) -> frozenset[str]:
    """Every agency that has had a part in this case."""
    named = {
        case.referring_agency,
        case.lead_agency,
        case.receiving_agency,
        worker.agency if worker else None,
    }
    owners = {action.agency for action in case.actions.values()}
    return frozenset(agency for agency in {*named, *owners, *case.agencies_asked} if agency)


def require_involved(command: Command, case: Case, worker: KeyWorker | None, moment: Moment) -> None:
    """An agency with a part in the case, or whoever coordinates or manages it.

    Source: machine A, StepBackUp by any involved agency (domain reference 2.4).
    """
    coordinates = moment.actor.role in (Role.COORDINATOR, Role.MANAGER)
    if not coordinates and moment.by_agency not in involved_agencies(case, worker):
        raise InvolvedAgenciesOnly(command=command.NAME)
