"""Step-down: support gets lighter with a lead who carries on, a handover meeting, and check-ins afterwards.

It is proposed by the key worker, approved by a manager, and can be taken back up at any time without starting again.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from domain.messages import AgencyName, CaseEvent, Code, Instant, PersonalText, StaffRef


class StepDownProposed(CaseEvent):
    """The key worker proposes lighter support, with what was reached and what to do if it goes wrong."""

    TOPIC: ClassVar[str] = "StepDownProposed"

    receiving_agency: AgencyName
    universal: bool
    outcomes_summary: PersonalText
    contingency_plan: PersonalText
    cleared_by_safeguarding: StaffRef | None = None
    approval_due_at: Instant


class StepDownApprovalOverdue(CaseEvent):
    """The manager has not decided on a proposed step-down in time."""

    TOPIC: ClassVar[str] = "StepDownApprovalOverdue"

    due_at: Instant


class StepDownApproved(CaseEvent):
    """A manager approved the step-down; the handover is due by a date."""

    TOPIC: ClassVar[str] = "StepDownApproved"

    person_view: PersonalText
    receiving_lead: StaffRef
    handover_due_at: Instant


class StepDownRejected(CaseEvent):
    """A manager did not approve the step-down."""

    TOPIC: ClassVar[str] = "StepDownRejected"

    explanation: PersonalText


class HandoverOverdue(CaseEvent):
    """The time for the handover ran out."""

    TOPIC: ClassVar[str] = "HandoverOverdue"

    due_at: Instant


class HandoverCompleted(CaseEvent):
    """Old and new lead met with the person; monitoring with dated check-ins begins."""

    TOPIC: ClassVar[str] = "HandoverCompleted"

    receiving_lead: StaffRef
    first_check_in_due_at: Instant
    monitoring_ends_at: Instant


class StepDownFailed(CaseEvent):
    """The receiving service withdrew; support goes on as before."""

    TOPIC: ClassVar[str] = "StepDownFailed"

    explanation: PersonalText


class CheckInDue(CaseEvent):
    """The engine asks the receiving lead for a check-in."""

    TOPIC: ClassVar[str] = "CheckInDue"

    number: int
    due_at: Instant
    answer_due_at: Instant


class CheckInRecorded(CaseEvent):
    """How the person is doing after step-down."""

    TOPIC: ClassVar[str] = "CheckInRecorded"

    number: int
    status: Literal["good", "mixed", "deteriorating"]
    note: PersonalText | None = None
    next_check_in_due_at: Instant | None


class CheckInMissed(CaseEvent):
    """A check-in was asked for and did not come."""

    TOPIC: ClassVar[str] = "CheckInMissed"

    number: int
    due_at: Instant
    missed_in_all: int
    next_check_in_due_at: Instant | None


class ManagerReviewRequested(CaseEvent):
    """Check-ins were missed more than once; a manager must look at the case."""

    TOPIC: ClassVar[str] = "ManagerReviewRequested"

    because: Code


class MonitoringWindowElapsed(CaseEvent):
    """The monitoring time is over; a manager confirms that the outcome lasts, or steps back up."""

    TOPIC: ClassVar[str] = "MonitoringWindowElapsed"

    ended_at: Instant


class SteppedBackUp(CaseEvent):
    """The person needs more again; support resumes with the same worker and the same plan."""

    TOPIC: ClassVar[str] = "SteppedBackUp"

    deterioration: PersonalText
    by_agency: AgencyName


class OutcomeSustained(CaseEvent):
    """What the person reached has lasted; the case closes as completed."""

    TOPIC: ClassVar[str] = "OutcomeSustained"

    summary: PersonalText
