"""The catalogue: every command and every event of the product, in pathway order.

The HTTP routes, the command line, imports and workflow activities are all made from it. Importing it imports every
stage file; a new command or event appears everywhere by being defined in one of them.
"""

from collections.abc import Iterator, Mapping

from domain.case import (
    action,
    action_changes,
    action_deadlines,
    action_work,
    advice_item,
    allocating,
    allocation,
    allocation_deadlines,
    allocation_end,
    away,
    best_interests,
    caseload_handover,
    consent,
    consent_changes,
    consent_renewal,
    consent_request,
    contact,
    conversation,
    correction,
    cover,
    disclosure,
    enquiry,
    escalation,
    escalation_ladder,
    forum_decision,
    household,
    information,
    introduction,
    leaving,
    monitoring,
    notification,
    offers,
    outreach,
    override,
    participation,
    referral,
    reopening,
    retry,
    review_item,
    review_request,
    route,
    safeguarding,
    same_person,
    section_47,
    step_down,
    step_down_handover,
    step_up,
    support,
    suspension,
    sustained_outcome,
    triage,
    triage_deadlines,
    viewers,
    waiting_list,
    wishes,
    without_consent,
    worker_handover,
)
from domain.decisions import DECISIONS, Decision
from domain.errors import DomainError, NotFound
from domain.keyworker import worker
from domain.meeting import in_session, inquorate, items, lifecycle, minutes, off_agenda, planning, returns
from domain.messages import EVENTS, Command, Event
from domain.roles import MAY_ISSUE, Role

IN_PATHWAY_ORDER = (
    conversation,
    referral,
    triage,
    triage_deadlines,
    information,
    same_person,
    participation,
    consent_request,
    consent,
    best_interests,
    consent_changes,
    consent_renewal,
    disclosure,
    without_consent,
    viewers,
    planning,
    lifecycle,
    items,
    advice_item,
    review_item,
    off_agenda,
    returns,
    in_session,
    forum_decision,
    inquorate,
    minutes,
    action,
    action_work,
    action_changes,
    action_deadlines,
    worker,
    wishes,
    allocation,
    override,
    allocating,
    allocation_deadlines,
    waiting_list,
    offers,
    away,
    cover,
    worker_handover,
    caseload_handover,
    allocation_end,
    introduction,
    contact,
    support,
    household,
    review_request,
    outreach,
    suspension,
    step_down,
    step_down_handover,
    step_up,
    monitoring,
    sustained_outcome,
    route,
    leaving,
    reopening,
    correction,
    safeguarding,
    enquiry,
    section_47,
    escalation,
    escalation_ladder,
    notification,
    retry,
)
"""Every file that decides something. A new one is added here, and with it its commands appear everywhere."""
_PLACE = {module.__name__: place for place, module in enumerate(IN_PATHWAY_ORDER)}


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
    ordered = sorted(DECISIONS.values(), key=lambda one: _PLACE[one.decide.__module__])
    return (one.command for one in ordered)


def events() -> Mapping[str, type[Event]]:
    """Every event of the product by its topic; what tests make up for themselves is not among them."""
    return {topic: event for topic, event in EVENTS.items() if event.__module__.startswith("domain.")}


def may_issue(command: type[Command]) -> frozenset[Role]:
    """The roles that may issue a command."""
    return MAY_ISSUE[command.PERMISSION]


def refusals(name: str) -> tuple[type[DomainError], ...]:
    """The named rules that may refuse a command, beside those that may refuse any."""
    return decision(name).refuses
