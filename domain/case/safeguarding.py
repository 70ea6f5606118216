"""Safeguarding: a concern can always be raised, by anyone, at any stage, and runs beside the pathway.

Nothing in the pathway blocks it, and it blocks nothing but what a rule of another stage names. Here it is raised and
screened, and returned to the pathway if it stays below the threshold; what follows otherwise is in `enquiry.py`.
Source: machine F of the pathway (domain reference 2.9).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal

from pydantic import Field, StringConstraints

from domain.case.away import missed_sooner
from domain.case.escalation import put_higher, settled
from domain.case.referral import ReferralDrafted
from domain.case.referral_form import PersonalForm, ReferralForm
from domain.case.triage_deadlines import brought_forward
from domain.case.waiting_list import band_review
from domain.decisions import decides
from domain.errors import AlreadyRecorded, Conflict, NotFound, NotPermitted
from domain.messages import (
    CaseEvent,
    CaseId,
    Code,
    Command,
    ConcernId,
    Event,
    Instant,
    Moment,
    Personal,
    PersonalText,
    PersonId,
)
from domain.roles import Permission, Role

if TYPE_CHECKING:
    from domain.case.evolving.safeguarding import Concern
    from domain.case.state import Case
    from domain.rules import Rules

ConcernState = Literal["raised", "met", "not_met", "enquiry", "closed"]
"""Screened is met or not met: whether the threshold for an enquiry is."""
AllegedSource = Annotated[str, Personal(), StringConstraints(min_length=1, max_length=120)]
"""The reference by which the product knows whoever is alleged to do the harm."""


# -- events ----------------------------------------------------------------------------------------------------------


class SafeguardingConcernRaised(CaseEvent):
    """Somebody fears that the person, or someone near them, is being harmed."""

    TOPIC: ClassVar[str] = "SafeguardingConcernRaised"

    concern_id: ConcernId
    about: Literal["adult", "child"]
    category: Code
    immediate_danger: bool
    concern: PersonalText
    screening_due_at: Instant
    alleged_source: AllegedSource | None = None


class EmergencyServicesContacted(CaseEvent):
    """Because of immediate danger, an emergency service was called."""

    TOPIC: ClassVar[str] = "EmergencyServicesContacted"

    concern_id: ConcernId
    service: Literal["police", "ambulance", "fire"]
    incident_reference: PersonalText | None


class ConcernScreened(CaseEvent):
    """The safeguarding lead decided whether the threshold for an enquiry is met."""

    TOPIC: ClassVar[str] = "ConcernScreened"

    concern_id: ConcernId
    threshold_met: bool
    reasons: PersonalText
    alleged_source: AllegedSource | None = None
    followed_by_a_step: bool = Field(
        default=False,
        description="what follows is a step of its own; without it the screening itself opened the enquiry, or closed",
    )
    enquiry_due_at: Instant | None = Field(
        default=None, description="by when the enquiry of a concern that meets the threshold begins"
    )


class ScreeningOverdue(CaseEvent):
    """A concern has not been screened in time; the safeguarding lead's manager is asked to see to it."""

    TOPIC: ClassVar[str] = "ScreeningOverdue"

    concern_id: ConcernId
    due_at: Instant


class ConcernClosedNoThreshold(CaseEvent):
    """A concern below the threshold was closed with advice; the pathway goes on."""

    TOPIC: ClassVar[str] = "ConcernClosedNoThreshold"

    concern_id: ConcernId
    advice: PersonalText
    earlier_concerns: int = Field(description="how many there were before this one: several may be a pattern")


# -- rules -----------------------------------------------------------------------------------------------------------


class ConcernNotInState(Conflict):
    """{command} is for a concern in state {allowed}; concern {concern} of this case is in state {state}."""

    code = "concern_not_in_state"


class SafeguardingLeadOnly(NotPermitted):
    """The list of safeguarding concerns is for a safeguarding lead; role {role} may not read it."""

    code = "safeguarding_lead_only"


def require_safeguarding_lead(role: Role) -> None:
    """Whoever reads concerns across cases is a safeguarding lead.

    Source: while a concern is open, reads are restricted to need-to-know (domain reference 2.9).
    """
    if role is not Role.SAFEGUARDING_LEAD:
        raise SafeguardingLeadOnly(role=role)


_OPEN: Final[tuple[ConcernState, ...]] = ("raised", "met", "not_met", "enquiry")

CONCERN_MOVES: Mapping[str, Mapping[ConcernState | None, ConcernState | tuple[ConcernState, ...]]] = {
    "SafeguardingConcernRaised": {None: "raised"},
    "EmergencyServicesContacted": {state: state for state in _OPEN},
    "ScreeningOverdue": {"raised": "raised"},
    "ConcernScreened": {"raised": ("met", "not_met")},
    "EnquiryOverdue": {"met": "met"},
    "Section42EnquiryOpened": {"met": "enquiry"},
    "StrategyDiscussionHeld": {"met": "met"},
    "Section47Opened": {"met": "enquiry"},
    "ConcernClosedNoThreshold": {"not_met": "closed"},
    "ChildSeen": {"enquiry": "enquiry"},
    "ChildNotSeen": {"enquiry": "enquiry"},
    "InitialConferenceHeld": {"enquiry": "enquiry"},
    "InitialConferenceOverdue": {"enquiry": "enquiry"},
    "SafeguardingOutcomeRecorded": {"enquiry": "closed"},
    "ReferredToForum": {state: state for state in (*_OPEN, "closed")},
}
"""Event topic → from which state of a concern to which; None is one that does not exist yet."""


def require_concern(command: Command, case: Case, concern_id: ConcernId, fact: type[Event]) -> Concern:
    """The concern of this id, in a state in which this fact may happen to it."""
    concern = case.concerns.get(concern_id)
    if concern is None:
        raise NotFound(kind="safeguarding concern", id=concern_id)
    allowed = CONCERN_MOVES[fact.TOPIC]
    if concern.state not in allowed:
        raise ConcernNotInState(
            command=command.NAME,
            allowed=" or ".join(str(state) for state in allowed),
            concern=concern_id,
            state=concern.state,
        )
    return concern


def went_late(
    command: Command,
    case: Case,
    concern_id: ConcernId,
    moment: Moment,
    rules: Rules,
    *,
    clock: str,
    says: Callable[..., CaseEvent],
    what: str,
) -> Sequence[Event]:
    """What a concern waits for was not done in time: said once, and put up the ladder of escalation until it is done."""
    due_at = case.require_newly_passed(command, f"{clock}:{concern_id}", moment.now, what=what)
    late = says(case_id=case.case_id, person_id=case.person_id, concern_id=concern_id, due_at=due_at)
    return [late, *put_higher(case, moment, rules, subject="safeguarding", subject_id=concern_id)]


# -- commands --------------------------------------------------------------------------------------------------------

_CASE = "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"
_CONCERN = "e4b5d0a2-6d0c-5b8e-9c11-0f9a7c6b5d42"


class RaiseSafeguardingConcern(Command):
    """Tell the safeguarding lead that the person, or someone near them, may be coming to harm. Always possible."""

    NAME: ClassVar[str] = "raise-safeguarding-concern"
    PERMISSION: ClassVar[Permission] = Permission.RAISE_SAFEGUARDING
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": _CASE,
        "about": "adult",
        "category": "self_neglect",
        "immediate_danger": False,
        "concern": "Has not eaten for days",
    }

    case_id: CaseId | None = Field(
        None,
        description="any case of the person, closed or not; without one, a draft is begun that holds the concern",
    )
    about: Literal["adult", "child"]
    category: Code = Field(
        description="the kind of harm, as a code of your own, such as neglect or domestic_abuse"
    )
    immediate_danger: bool
    concern: PersonalText = Field(min_length=1)
    alleged_source: AllegedSource | None = Field(
        default=None,
        description="who is alleged to do the harm, by the reference they act under; they are barred from the case",
    )
    programme: Code = Field("manchester-maps", description="of the draft, where there is no case")
    form: PersonalForm = Field(
        default_factory=ReferralForm,
        description="whatever is known of the person, for the draft; read only where there is no case",
    )


class RecordEmergencyServices(Command):
    """Record that an emergency service was called because of immediate danger (ImmediateDanger)."""

    NAME: ClassVar[str] = "record-emergency-services"
    PERMISSION: ClassVar[Permission] = Permission.RAISE_SAFEGUARDING
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": _CASE,
        "concern_id": _CONCERN,
        "service": "ambulance",
        "incident_reference": "0412 of today",
    }

    case_id: CaseId
    concern_id: ConcernId
    service: Literal["police", "ambulance", "fire"]
    incident_reference: PersonalText | None = None


class ScreenConcern(Command):
    """Decide whether a concern meets the threshold for an enquiry."""

    NAME: ClassVar[str] = "screen-concern"
    PERMISSION: ClassVar[Permission] = Permission.SCREEN_SAFEGUARDING
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": _CASE,
        "concern_id": _CONCERN,
        "threshold_met": True,
        "reasons": "Care needs, at risk, cannot protect themselves",
    }

    case_id: CaseId
    concern_id: ConcernId
    threshold_met: bool
    reasons: PersonalText = Field(min_length=1)
    alleged_source: AllegedSource | None = Field(
        default=None,
        description="who is alleged to do the harm, if the screening showed it; barred from the case",
    )


class MarkScreeningOverdue(Command):
    """Say that a concern was not screened in time; issued by the engine's own timer."""

    NAME: ClassVar[str] = "mark-screening-overdue"
    PERMISSION: ClassVar[Permission] = Permission.MARK_DEADLINE
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "concern_id": _CONCERN}

    case_id: CaseId
    concern_id: ConcernId


class ReturnToPathway(Command):
    """Close a concern that does not meet the threshold, with advice."""

    NAME: ClassVar[str] = "return-to-pathway"
    PERMISSION: ClassVar[Permission] = Permission.SCREEN_SAFEGUARDING
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": _CASE,
        "concern_id": _CONCERN,
        "advice": "Ask again about meals at the next visit",
    }

    case_id: CaseId
    concern_id: ConcernId
    advice: PersonalText = Field(min_length=1)


@decides(RaiseSafeguardingConcern, starts=("Case",), refuses=(NotFound,))
def raise_safeguarding_concern(
    command: RaiseSafeguardingConcern, case: Case, moment: Moment, rules: Rules
) -> Sequence[Event]:
    """No guard at all: any case, in any stage, draft and closed included, as often as somebody is worried.

    About somebody who has no case as well: a concern always gets through.
    """
    if command.case_id is not None and not case.exists:
        raise NotFound(kind="case", id=command.case_id)
    person_id = case.person_id if case.exists else PersonId(moment.new_id("person"))
    programme = case.programme if case.exists else rules.programme(command.programme).name
    raised = SafeguardingConcernRaised(
        case_id=case.case_id,
        person_id=person_id,
        concern_id=ConcernId(moment.new_id("concern")),
        about=command.about,
        category=command.category,
        immediate_danger=command.immediate_danger,
        concern=command.concern,
        screening_due_at=rules.deadline(programme, "screening", moment.now),
        alleged_source=command.alleged_source,
    )
    if case.exists:
        return [raised, *_made_urgent(command, case, moment, rules)]
    drafted = ReferralDrafted(
        case_id=case.case_id,
        person_id=person_id,
        programme=programme,
        referring_agency=moment.by_agency,
        form=command.form,
    )
    return [drafted, raised]


def _made_urgent(
    command: RaiseSafeguardingConcern, case: Case, moment: Moment, rules: Rules
) -> Sequence[Event]:
    """What cannot wait as long as before: triage where a child is concerned, the place in the line, and a cover."""
    return [
        *(brought_forward(case, moment, rules) if command.about == "child" else ()),
        *band_review(case),
        *missed_sooner(case, moment, rules),
    ]


@decides(RecordEmergencyServices, refuses=(NotFound, ConcernNotInState))
def record_emergency_services(command: RecordEmergencyServices, case: Case) -> Sequence[Event]:
    """Danger does not wait for a screening, nor end with one: any concern that is not closed."""
    require_concern(command, case, command.concern_id, EmergencyServicesContacted)
    return [
        EmergencyServicesContacted(
            case_id=case.case_id,
            person_id=case.person_id,
            concern_id=command.concern_id,
            service=command.service,
            incident_reference=command.incident_reference,
        )
    ]


@decides(ScreenConcern, refuses=(NotFound, ConcernNotInState))
def screen_concern(command: ScreenConcern, case: Case, moment: Moment, rules: Rules) -> Sequence[Event]:
    """What its lateness was escalated for has happened then."""
    require_concern(command, case, command.concern_id, ConcernScreened)
    enquiry_due_at = rules.deadline(case.programme, "enquiry", moment.now)
    screened = ConcernScreened(
        case_id=case.case_id,
        person_id=case.person_id,
        concern_id=command.concern_id,
        threshold_met=command.threshold_met,
        reasons=command.reasons,
        alleged_source=command.alleged_source,
        followed_by_a_step=True,
        enquiry_due_at=enquiry_due_at if command.threshold_met else None,
    )
    return [screened, *settled(case, "safeguarding", "screened", command.concern_id)]


@decides(MarkScreeningOverdue, refuses=(NotFound, ConcernNotInState, AlreadyRecorded))
def mark_screening_overdue(
    command: MarkScreeningOverdue, case: Case, moment: Moment, rules: Rules
) -> Sequence[Event]:
    require_concern(command, case, command.concern_id, ScreeningOverdue)
    what = "that the screening is overdue"
    return went_late(
        command, case, command.concern_id, moment, rules, clock="screening", says=ScreeningOverdue, what=what
    )


@decides(ReturnToPathway, refuses=(NotFound, ConcernNotInState))
def return_to_pathway(command: ReturnToPathway, case: Case) -> Sequence[Event]:
    """Several concerns, each below the threshold, may together be a pattern; so the earlier ones are counted."""
    require_concern(command, case, command.concern_id, ConcernClosedNoThreshold)
    return [
        ConcernClosedNoThreshold(
            case_id=case.case_id,
            person_id=case.person_id,
            concern_id=command.concern_id,
            advice=command.advice,
            earlier_concerns=list(case.concerns).index(command.concern_id),
        )
    ]
