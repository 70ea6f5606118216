"""Consent to disclosure: the person, or whoever lawfully decides for them, answers a request (`consent_request.py`).

Another agency's consent never releases an agency's information. The lawful basis of processing and the agreement to take
part (`participation.py`) are other things, kept apart. What a yes opens is in `disclosure.py`, how it is taken back in
`consent_changes.py`, how it is renewed or runs out in `consent_renewal.py`, how others decide for a person who cannot in
`best_interests.py`. The rules are in `consent_rules.py`, who may decide in `deciders.py`.
Source: machine B and the law of consent (domain reference 2.5, 3.1 to 3.5).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypedDict

from pydantic import Field

from domain.case.consent_rules import (
    ConsentEvidenceRequired,
    ExplicitConsentRequired,
    GrantNotInState,
    OwnAgencyOnly,
    SafeguardingCheckRequired,
    require_evidence,
    require_explicit_where_demanded,
    require_own_agency,
)
from domain.case.deciders import (
    CapacityRetestRequired,
    Decider,
    DeciderNotEntitled,
    DeciderProofRequired,
    Deciding,
    Gillick,
    GillickViewRequired,
    ParentalResponsibility,
    PersonLacksCapacity,
    age_at,
    capacity_today,
    is_child,
    require_entitled,
    sixteenth_birthday,
)
from domain.case.grants import GrantState
from domain.case.sharing import (
    CapacityView,
    Method,
)
from domain.case.viewers import ViewerBarred
from domain.decisions import decides
from domain.errors import NotFound
from domain.messages import (
    CaseEvent,
    CaseId,
    Code,
    Command,
    Event,
    GrantId,
    Instant,
    Moment,
    PersonalText,
    StaffRef,
)
from domain.roles import Permission

if TYPE_CHECKING:
    from domain.case.state import Case
    from domain.person.state import Person
    from domain.rules import Rules


# -- events ----------------------------------------------------------------------------------------------------------


class ConsentGranted(CaseEvent):
    """The person said yes to one request."""

    TOPIC: ClassVar[str] = "ConsentGranted"

    grant_id: GrantId
    decider: Code
    method: Method
    evidence_ref: Code
    explicit: bool
    effective_from: Instant
    review_due_at: Instant
    expires_at: Instant
    capacity_view: CapacityView | None = None
    gillick: Gillick = "na"
    decided_by: PersonalText | None = None
    parental_responsibility: ParentalResponsibility | None = None
    decider_document: Code | None = None
    decider_scope: Code | None = None
    parents_not_told: bool = False
    safeguarding_checked_by: StaffRef | None = None
    witnessed_by: StaffRef | None = None
    source_system: Code | None = None


class ConsentRefused(CaseEvent):
    """The person said no to one request."""

    TOPIC: ClassVar[str] = "ConsentRefused"

    grant_id: GrantId
    explanation: PersonalText | None = None
    ask_again_from: Instant | None = None


# -- commands --------------------------------------------------------------------------------------------------------

_CASE = "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"
_GRANT = "77f8e2a0-3a8e-5c9b-9a58-1b5f4d2c8e01"


class GrantConsent(Command):
    """Record the person's yes to one request, with how it was given and where the evidence is."""

    NAME: ClassVar[str] = "grant-consent"
    PERMISSION: ClassVar[Permission] = Permission.RECORD_CONSENT
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": _CASE,
        "grant_id": _GRANT,
        "method": "signed",
        "evidence_ref": "form-2027-0113",
        "explicit": True,
    }

    case_id: CaseId
    grant_id: GrantId
    decider: Decider = Field("self", description="who decided: the person, or who lawfully decides for them")
    method: Method | None = Field(None, description="how it was given; required")
    evidence_ref: Code | None = Field(None, description="where the evidence is; required")
    explicit: bool = Field(False, description="the person said so expressly, which some agencies need")
    capacity_view: CapacityView | None = Field(
        None, description="capacity at this moment; required where it fluctuates"
    )
    gillick: Gillick = Field("na", description="under sixteen: whether the child is competent, y or n")
    decided_by: PersonalText | None = Field(None, description="required unless the person decided: who did")
    parental_responsibility: ParentalResponsibility | None = Field(
        None, description="parental_responsibility: required, where it comes from"
    )
    decider_document: Code | None = Field(None, description="attorney, deputy: required")
    decider_scope: Code | None = Field(None, description="attorney, deputy: what the document covers")
    keep_from: tuple[StaffRef, ...] = Field(
        (),
        description="parents who are not to be told, by the reference they act under; they are barred from the case",
        max_length=10,
    )
    safeguarding_checked_by: StaffRef | None = Field(
        None, description="keep_from: required, who checked that it is safe"
    )
    witnessed_by: StaffRef | None = None
    source_system: Code | None = None


class RefuseConsent(Command):
    """Record the person's no to one request."""

    NAME: ClassVar[str] = "refuse-consent"
    PERMISSION: ClassVar[Permission] = Permission.RECORD_CONSENT
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "grant_id": _GRANT}

    case_id: CaseId
    grant_id: GrantId
    explanation: PersonalText | None = None


@decides(
    GrantConsent,
    refuses=(
        NotFound,
        GrantNotInState,
        OwnAgencyOnly,
        ConsentEvidenceRequired,
        ExplicitConsentRequired,
        CapacityRetestRequired,
        PersonLacksCapacity,
        GillickViewRequired,
        DeciderNotEntitled,
        DeciderProofRequired,
        SafeguardingCheckRequired,
    ),
)
def grant_consent(
    command: GrantConsent, case: Case, person: Person, moment: Moment, rules: Rules
) -> Sequence[Event]:
    case.require_open(command)
    grant = case.require_grant(command, command.grant_id, GrantState.REQUESTED)
    require_own_agency(grant.discloser, moment)
    method, evidence_ref = require_evidence(command.method, command.evidence_ref)
    require_explicit_where_demanded(grant, rules, explicit=command.explicit)
    age = age_at(person, moment)
    capacity = capacity_today(grant.capacity_view, command.capacity_view)
    require_entitled(Deciding(command.decider, age, command.gillick, capacity, proof_of(command)))
    require_safe_to_keep_from(command, age)
    return [
        ConsentGranted(
            case_id=case.case_id,
            person_id=case.person_id,
            grant_id=command.grant_id,
            decider=command.decider,
            method=method,
            evidence_ref=evidence_ref,
            explicit=command.explicit,
            capacity_view=capacity,
            gillick=command.gillick,
            decided_by=command.decided_by or None,
            parental_responsibility=command.parental_responsibility,
            decider_document=command.decider_document,
            decider_scope=command.decider_scope,
            parents_not_told=bool(command.keep_from),
            safeguarding_checked_by=command.safeguarding_checked_by,
            witnessed_by=command.witnessed_by,
            source_system=command.source_system,
            **terms(case, command.decider, person, moment, rules),
        ),
        *_kept_from(command, case),
    ]


class _SaysWhoDecided(Protocol):
    @property
    def decider(self) -> Decider: ...
    @property
    def decided_by(self) -> str | None: ...
    @property
    def parental_responsibility(self) -> ParentalResponsibility | None: ...
    @property
    def decider_document(self) -> str | None: ...


def proof_of(command: _SaysWhoDecided) -> dict[str, str | None]:
    """What shows that whoever decided for somebody else may; the person themselves shows nothing."""
    if command.decider == "parental_responsibility":
        return {
            "decided_by": command.decided_by,
            "parental_responsibility": command.parental_responsibility,
        }
    return {"decided_by": command.decided_by, "decider_document": command.decider_document}


def require_safe_to_keep_from(command: GrantConsent, age: int | None) -> None:
    """Parents of a competent child need not be told, where that is safe.

    Source: Gillick competence (domain reference 3.5); acceptance scenario 16.
    """
    competent_child = is_child(age) and command.decider == "self" and command.gillick == "y"
    if command.keep_from and not (competent_child and command.safeguarding_checked_by):
        raise SafeguardingCheckRequired


def _kept_from(command: GrantConsent, case: Case) -> Sequence[ViewerBarred]:
    return [
        ViewerBarred(
            case_id=case.case_id,
            person_id=case.person_id,
            viewer=parent,
            relationship="parent",
            ground="childs_wish",
            checked_by=command.safeguarding_checked_by,
        )
        for parent in command.keep_from
    ]


class Terms(TypedDict):
    """From when to when a consent holds, and when it is looked at again."""

    effective_from: datetime
    review_due_at: datetime
    expires_at: datetime


def terms(case: Case, decider: str, person: Person, moment: Moment, rules: Rules) -> Terms:
    """How long a yes of today holds; a parent's ends when the child is sixteen.

    Source: clocks, consent review (domain reference 2.3); a child reaching sixteen is asked anew (3.6).
    """
    ends = [rules.deadline(case.programme, "consent_expiry", moment.effective_at)]
    birthday = sixteenth_birthday(person)
    if decider == "parental_responsibility" and birthday is not None:
        ends.append(birthday)
    return Terms(
        effective_from=moment.effective_at,
        review_due_at=rules.deadline(case.programme, "consent_review", moment.effective_at),
        expires_at=min(ends),
    )


@decides(RefuseConsent, refuses=(NotFound, GrantNotInState))
def refuse_consent(command: RefuseConsent, case: Case, moment: Moment, rules: Rules) -> Sequence[Event]:
    case.require_open(command)
    case.require_grant(command, command.grant_id, GrantState.REQUESTED)
    return [
        ConsentRefused(
            case_id=case.case_id,
            person_id=case.person_id,
            grant_id=command.grant_id,
            explanation=command.explanation,
            ask_again_from=rules.deadline(case.programme, "consent_ask_again", moment.effective_at),
        )
    ]
