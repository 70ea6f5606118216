"""Asking for consent: whether one agency may tell one recipient something about the person, and for what.

One request is one person, one disclosing agency, one recipient, one purpose and some categories of information; there is
no blanket consent. What is answered to it is in `consent.py`, and what must be kept in asking in `consent_rules.py`.
Source: machine B, RequestConsent (domain reference 2.5), and the law of consent (3.1 to 3.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from domain.case.consent_rules import (
    AccessibleInformationRequired,
    AgencyNotNamed,
    AskedTooSoon,
    Asking,
    CapacityViewRequired,
    ConsentAlreadyAsked,
    GrantIsForOther,
    GrantNotInState,
    OwnAgencyOnly,
    require_accessible_information,
    require_not_asked_already,
    require_not_pressed,
    require_one_agency,
    require_own_agency,
)
from domain.case.grants import GrantState
from domain.case.sharing import (
    CapacityView,
    Categories,
    Purpose,
    Recipient,
)
from domain.decisions import decides
from domain.messages import (
    AgencyName,
    CaseEvent,
    CaseId,
    Code,
    Command,
    Event,
    GrantId,
    Moment,
    PersonalText,
    StaffRef,
)
from domain.roles import Permission

if TYPE_CHECKING:
    from domain.case.state import Case
    from domain.rules import Rules


# -- events ----------------------------------------------------------------------------------------------------------


class ConsentRequested(CaseEvent):
    """The person was asked whether one agency may share some categories with one recipient for one purpose."""

    TOPIC: ClassVar[str] = "ConsentRequested"

    grant_id: GrantId
    discloser: AgencyName
    recipient: AgencyName
    purpose: Purpose
    categories: Categories
    capacity_view: CapacityView
    information_version: Code
    information_language: Code
    information_format: Code
    interpreter_used: bool = False
    asked_by: StaffRef
    scope_note: PersonalText | None = None
    changed_circumstances: PersonalText | None = None


# -- commands --------------------------------------------------------------------------------------------------------

_CASE = "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"


class RequestConsent(Command):
    """Ask the person whether one agency may share some categories with one recipient for one purpose."""

    NAME: ClassVar[str] = "request-consent"
    PERMISSION: ClassVar[Permission] = Permission.RECORD_CONSENT
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": _CASE,
        "discloser": "Greater Manchester Police",
        "recipient": "forum",
        "purpose": "coordinated_support",
        "categories": ["identity", "offending"],
        "capacity_view": "has",
        "information_version": "notice-2026.1",
    }

    case_id: CaseId
    grant_id: GrantId | None = Field(
        None,
        description="a new id, or that of a consent which was refused, withdrawn or expired, to ask again; "
        "made from the idempotency key, or found, when left out",
    )
    discloser: AgencyName = Field(description="the agency whose information it is")
    recipient: Recipient
    purpose: Purpose
    categories: Categories
    capacity_view: CapacityView = Field(
        CapacityView.NOT_ASSESSED,
        description="the view of the person's capacity for this decision today; required",
    )
    information_version: Code = Field(description="which version of the notice was explained")
    information_language: Code = "English"
    information_format: Code = "spoken"
    interpreter_used: bool = False
    scope_note: PersonalText | None = None
    changed_circumstances: PersonalText | None = Field(
        None, description="what has changed since a no; needed to ask again before the interval is over"
    )


@decides(
    RequestConsent,
    refuses=(
        AgencyNotNamed,
        OwnAgencyOnly,
        CapacityViewRequired,
        AccessibleInformationRequired,
        GrantNotInState,
        GrantIsForOther,
        ConsentAlreadyAsked,
        AskedTooSoon,
    ),
)
def request_consent(command: RequestConsent, case: Case, moment: Moment, rules: Rules) -> Sequence[Event]:
    """Also of a person who lacks capacity: the request says what somebody else has to decide for them.

    Source: machine B, RequestConsent (domain reference 2.5).
    """
    case.require_open(command)
    asking = Asking(
        rules.agency_name(command.discloser),
        rules.agency_name(command.recipient),
        command.purpose,
        frozenset(command.categories),
    )
    require_one_agency(asking)
    require_own_agency(asking.discloser, moment)
    if command.capacity_view is CapacityView.NOT_ASSESSED:
        raise CapacityViewRequired
    require_accessible_information(
        case, command.information_language, interpreter_used=command.interpreter_used
    )
    grant_id = _which_grant(command, asking, case, moment)
    require_not_asked_already(asking, case.grants.values())
    require_not_pressed(asking, case.grants.values(), command.changed_circumstances, moment.now)
    return [
        ConsentRequested(
            case_id=case.case_id,
            person_id=case.person_id,
            grant_id=grant_id,
            discloser=asking.discloser,
            recipient=asking.recipient,
            purpose=command.purpose,
            categories=command.categories,
            capacity_view=command.capacity_view,
            information_version=command.information_version,
            information_language=command.information_language,
            information_format=command.information_format,
            interpreter_used=command.interpreter_used,
            asked_by=moment.actor.person,
            scope_note=command.scope_note or None,
            changed_circumstances=command.changed_circumstances or None,
        )
    ]


def _which_grant(command: RequestConsent, asking: Asking, case: Case, moment: Moment) -> GrantId:
    """The consent that is asked for: the one named, the same one that ended earlier, or a new one."""
    ended = (GrantState.REFUSED, GrantState.WITHDRAWN, GrantState.EXPIRED)
    if command.grant_id in case.grants:
        grant = case.require_grant(command, command.grant_id, *ended)
        if not asking.is_as(grant) or asking.categories != set(grant.categories):
            same = {"discloser": grant.discloser == asking.discloser}
            same |= {
                "recipient": grant.recipient == asking.recipient,
                "purpose": grant.purpose == asking.purpose,
            }
            same |= {"categories": asking.categories == set(grant.categories)}
            raise GrantIsForOther(differs=", ".join(field for field, holds in same.items() if not holds))
        return grant.grant_id
    if command.grant_id is not None:
        return command.grant_id
    earlier = (
        grant.grant_id
        for grant in case.grants.values()
        if asking.is_as(grant) and asking.categories == set(grant.categories) and grant.state in ended
    )
    return next(earlier, GrantId(moment.new_id("grant")))
