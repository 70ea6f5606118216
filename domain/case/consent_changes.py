"""Changes of a consent: the person takes a part of it back, or all of it.

Taking back is as easy as giving: by any channel, without a reason, at any time, also once the case is closed. Sharing
stops from then on and whoever was told hears of it; what was shared before stays lawful and on record. None of this
moves the case. How a consent is renewed, and runs out, is in `consent_renewal.py`.
Source: machine B (domain reference 2.5); withdrawal (3.6); failure matrix (2.13).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from domain.case.action_changes import release_actions_of
from domain.case.consent_rules import (
    GrantNotInState,
)
from domain.case.disclosure import agencies_excluded_by, recipients_told, still_open_without
from domain.case.grants import LIVE
from domain.case.sharing import Categories, Category, ConsentError, Purpose
from domain.decisions import decides
from domain.errors import NotFound
from domain.messages import (
    AgencyName,
    CaseEvent,
    CaseId,
    Code,
    Command,
    Event,
    GrantId,
    Instant,
    MeetingId,
    Moment,
    PersonalText,
)
from domain.roles import Permission

if TYPE_CHECKING:
    from domain.case.evolving.consent import Grant
    from domain.case.state import Case
    from domain.keyworker.state import KeyWorker
    from domain.rules import Rules

Because = Literal["withdrawn", "narrowed", "expired"]


# -- events ----------------------------------------------------------------------------------------------------------


class ConsentNarrowed(CaseEvent):
    """The person took back a part of one consent; sharing of that part stops from now."""

    TOPIC: ClassVar[str] = "ConsentNarrowed"

    grant_id: GrantId
    discloser: AgencyName
    purpose: Purpose
    categories: Categories
    taken_back: Categories
    recipients: tuple[AgencyName, ...]
    ask_again_from: Instant


class ConsentWithdrawn(CaseEvent):
    """The person took one consent back; sharing under it stops from now, what was shared stays on record."""

    TOPIC: ClassVar[str] = "ConsentWithdrawn"

    grant_id: GrantId
    by_channel: Code
    explanation: PersonalText | None = None
    discloser: AgencyName | None = None
    purpose: Purpose | None = None
    recipients: tuple[AgencyName, ...] = ()
    agencies_excluded: tuple[AgencyName, ...] = ()
    ask_again_from: Instant | None = None


class ForumItemPulled(CaseEvent):
    """A part of a case that is on an agenda may no longer be shown to these recipients; the coordinator is told."""

    TOPIC: ClassVar[str] = "ForumItemPulled"

    meeting_id: MeetingId
    grant_id: GrantId
    because: Because
    discloser: AgencyName
    categories: Categories
    recipients: tuple[AgencyName, ...]


# -- rules -----------------------------------------------------------------------------------------------------------


class NotNarrower(ConsentError):
    """categories: a consent is narrowed to fewer of what it covers ({covers}); to end it all, withdraw it; for more, ask anew."""

    code = "consent_not_narrower"


def item_pulled(
    case: Case, grant: Grant, because: Because, lost: Sequence[Category], moment: Moment, rules: Rules
) -> Sequence[ForumItemPulled]:
    """What the end of a consent means for an agenda that the case is on: nothing, if the gate stays open on another basis.

    Source: hide affected items from pending agendas (domain reference 3.6); acceptance scenario 11.
    """
    if case.agenda_kind not in ("case", "review") or case.meeting_id is None:
        return []
    said_no = because != "expired"
    shut = [
        category
        for category in lost
        if not still_open_without(case, grant, category, moment.now, rules, said_no=said_no)
    ]
    if not shut:
        return []
    return [
        ForumItemPulled(
            case_id=case.case_id,
            person_id=case.person_id,
            meeting_id=case.meeting_id,
            grant_id=grant.grant_id,
            because=because,
            discloser=grant.discloser,
            categories=tuple(shut),
            recipients=recipients_told(case, grant),
        )
    ]


def _live(command: Command, case: Case, grant_id: GrantId) -> Grant:
    return case.require_grant(command, grant_id, *LIVE)


# -- commands --------------------------------------------------------------------------------------------------------

_CASE = "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"
_GRANT = "77f8e2a0-3a8e-5c9b-9a58-1b5f4d2c8e01"


class NarrowConsent(Command):
    """Record that the person takes back a part of a consent; for a whole agency or purpose, withdraw that consent."""

    NAME: ClassVar[str] = "narrow-consent"
    PERMISSION: ClassVar[Permission] = Permission.RECORD_CONSENT
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": _CASE,
        "grant_id": _GRANT,
        "categories": ["identity"],
    }

    case_id: CaseId
    grant_id: GrantId
    categories: Categories = Field(description="what the consent still covers: fewer than before")


class WithdrawConsent(Command):
    """Record that the person takes a consent back; any channel will do and no reason is needed."""

    NAME: ClassVar[str] = "withdraw-consent"
    PERMISSION: ClassVar[Permission] = Permission.RECORD_CONSENT
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "grant_id": _GRANT, "by_channel": "telephone"}

    case_id: CaseId
    grant_id: GrantId
    by_channel: Code = Field(description="how, as a code of your own, such as telephone, visit or letter")
    explanation: PersonalText | None = Field(None, description="the person's reason, if they gave one")


@decides(NarrowConsent, refuses=(NotFound, GrantNotInState, NotNarrower))
def narrow_consent(command: NarrowConsent, case: Case, moment: Moment, rules: Rules) -> Sequence[Event]:
    """To take back is possible as long as the consent lives, whatever became of the case."""
    grant = _live(command, case, command.grant_id)
    kept = [category for category in grant.categories if category in command.categories]
    taken_back = [category for category in grant.categories if category not in kept]
    if not taken_back or len(kept) < len(set(command.categories)):
        raise NotNarrower(covers=", ".join(grant.categories))
    narrowed = ConsentNarrowed(
        case_id=case.case_id,
        person_id=case.person_id,
        grant_id=grant.grant_id,
        discloser=grant.discloser,
        purpose=grant.purpose,
        categories=tuple(kept),
        taken_back=tuple(taken_back),
        recipients=recipients_told(case, grant),
        ask_again_from=rules.deadline(case.programme, "consent_ask_again", moment.effective_at),
    )
    return [narrowed, *item_pulled(case, grant, "narrowed", taken_back, moment, rules)]


@decides(WithdrawConsent, refuses=(NotFound, GrantNotInState))
def withdraw_consent(
    command: WithdrawConsent, case: Case, worker: KeyWorker | None, moment: Moment, rules: Rules
) -> Sequence[Event]:
    """Anybody who may record a consent may record its end, of whichever agency and in whichever stage.

    Source: effects of ConsentWithdrawn (domain reference 3.6); actions of an agency that is taken out (2.7, 2.13).
    """
    grant = _live(command, case, command.grant_id)
    excluded = sorted(agencies_excluded_by(case, grant))
    withdrawn = ConsentWithdrawn(
        case_id=case.case_id,
        person_id=case.person_id,
        grant_id=grant.grant_id,
        by_channel=command.by_channel,
        explanation=command.explanation or None,
        discloser=grant.discloser,
        purpose=grant.purpose,
        recipients=recipients_told(case, grant),
        agencies_excluded=tuple(excluded),
        ask_again_from=rules.deadline(case.programme, "consent_ask_again", moment.effective_at),
    )
    pulled = item_pulled(case, grant, "withdrawn", grant.categories, moment, rules)
    released = [event for agency in excluded for event in release_actions_of(case, agency, worker)]
    return [withdrawn, *pulled, *released]
