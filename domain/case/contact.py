"""Contact: whoever reaches the person, or tries to, says so; a long silence is noticed, and so is the first word after it.

Contact by any agency counts: somebody who answers a text from one service is not lost. What is done while contact is
lost is in `outreach.py`.
Source: machine A, rows on contact in Introduction, Active and Outreach (domain reference 2.4); minimum contact and
disengagement trigger (2.3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

from pydantic import Field

from domain.case.allocation import NotTheKeyWorker, answers_for
from domain.case.stages import Stage
from domain.decisions import decides
from domain.errors import AlreadyRecorded, RuleBroken
from domain.messages import (
    AgencyName,
    CaseEvent,
    CaseId,
    Code,
    Command,
    Event,
    Instant,
    Moment,
    PersonalText,
    WorkerId,
)
from domain.roles import Permission, Role

if TYPE_CHECKING:
    from domain.case.state import Case
    from domain.keyworker.state import KeyWorker
    from domain.rules import Rules


# -- events ----------------------------------------------------------------------------------------------------------


class ContactRecorded(CaseEvent):
    """Somebody reached the person, or tried to."""

    TOPIC: ClassVar[str] = "ContactRecorded"

    worker_id: WorkerId | None
    by_agency: AgencyName
    by_channel: Code
    reached: bool
    face_to_face: bool
    note: PersonalText | None = None
    cancelled_by_service: bool = False
    happened_at: Instant | None = Field(
        None, description="when it was; none of one that was recorded before this was kept"
    )
    contact_due_at: Instant | None = Field(None, description="by when the person is to be in contact again")
    disengagement_due_at: Instant | None = Field(None, description="from when on contact counts as lost")


class ContactOverdue(CaseEvent):
    """The person has not been in contact for as long as active support allows."""

    TOPIC: ClassVar[str] = "ContactOverdue"

    due_at: Instant


class DisengagementTriggered(CaseEvent):
    """Contact with the person is lost: outreach begins."""

    TOPIC: ClassVar[str] = "DisengagementTriggered"

    because: Literal["no_contact", "missed_contacts"]
    missed_contacts: int = Field(description="how many attempts in a row did not reach the person")
    due_at: Instant | None = Field(None, description="when the time without contact ran out")


class EngagementRegained(CaseEvent):
    """The person responded; support goes on where it was."""

    TOPIC: ClassVar[str] = "EngagementRegained"

    to_stage: Literal[Stage.INTRODUCTION, Stage.ACTIVE]
    by_agency: AgencyName
    by_channel: Code
    introduction_due_at: Instant | None = None
    contact_due_at: Instant | None = None
    disengagement_due_at: Instant | None = None


# -- rules -----------------------------------------------------------------------------------------------------------


class CancelledContactReachesNobody(RuleBroken):
    """cancelled_by_service: what the service called off reached nobody; record it with reached = false."""

    code = "cancelled_contact_reaches_nobody"


class ContactClocks(NamedTuple):
    """By when the person is to be in contact again, and from when on contact counts as lost."""

    contact: datetime | None
    disengagement: datetime | None


def contact_clocks(case: Case, moment: Moment, rules: Rules, *, stage: Stage | None = None) -> ContactClocks:
    """The clocks that a contact starts anew, for the stage in which the case then stands.

    Minimum contact is for active support; that contact is lost can be seen during the introduction too. Both are the
    key worker's to keep: a lead agency without one works by its own rules.
    Source: clocks "minimum contact" and "disengagement trigger" (domain reference 2.3).
    """
    where = stage or case.stage
    if case.worker_id is None or where not in (Stage.INTRODUCTION, Stage.ACTIVE):
        return ContactClocks(None, None)
    return ContactClocks(
        contact=rules.deadline(case.programme, "contact", moment.now) if where is Stage.ACTIVE else None,
        disengagement=rules.deadline(case.programme, "disengagement", moment.now),
    )


def clocks_since(case: Case, moment: Moment, rules: Rules) -> ContactClocks:
    """The clocks after a contact, counted from when it happened: one that is recorded late takes no clock back.

    A clock that would have run out already stays as it is: what it would say has been said.
    Source: failure matrix, late fact (domain reference 2.13); acceptance scenario 60.
    """
    counted = contact_clocks(case, replace(moment, now=moment.effective_at), rules)

    def ahead(clock: str, due_at: datetime | None) -> datetime | None:
        if due_at is None or due_at <= moment.now or due_at < case.due.get(clock, due_at):
            return None
        return due_at

    return ContactClocks(
        contact=ahead("contact", counted.contact), disengagement=ahead("disengagement", counted.disengagement)
    )


class InARow(NamedTuple):
    """The attempts since the person was last reached that did not reach them, and when they were last reached."""

    misses: tuple[datetime | None, ...]
    reached_at: datetime | None


def in_a_row(case: Case, contact: ContactRecorded) -> InARow:
    """How a contact counts, by when it happened: what was missed before the person was reached is missed no more.

    A contact of no known time counts in the order of the records. What the service called off counts as nothing.
    Source: 3 consecutive missed contacts (domain reference 2.3); late facts (2.13); acceptance scenario 60.
    """
    at = contact.happened_at
    if contact.reached:
        later = () if at is None else tuple(one for one in case.misses if one is not None and one > at)
        known = [one for one in (case.reached_at, at) if one is not None]
        return InARow(later, max(known, default=None))
    is_old_news = at is not None and case.reached_at is not None and at <= case.reached_at
    if contact.cancelled_by_service or is_old_news:
        return InARow(case.misses, case.reached_at)
    return InARow((*case.misses, at), case.reached_at)


def is_lost(case: Case, missed: int, rules: Rules) -> bool:
    """So many contacts in a row were missed that contact counts as lost.

    Source: clock "disengagement trigger", 3 consecutive missed contacts (domain reference 2.3).
    """
    in_support = case.stage in (Stage.INTRODUCTION, Stage.ACTIVE)
    return in_support and missed >= rules.programme(case.programme).allocation.missed_contacts


def regained(case: Case, moment: Moment, rules: Rules, *, by_channel: str) -> EngagementRegained:
    """The case goes back to the stage it was in before contact was lost; its clocks begin again."""
    to: Literal[Stage.INTRODUCTION, Stage.ACTIVE] = (
        Stage.INTRODUCTION if case.came_from.get(Stage.OUTREACH) is Stage.INTRODUCTION else Stage.ACTIVE
    )
    clocks = contact_clocks(case, moment, rules, stage=to)
    again = rules.deadline(case.programme, "introduction", moment.now)
    return EngagementRegained(
        case_id=case.case_id,
        person_id=case.person_id,
        to_stage=to,
        by_agency=moment.by_agency,
        by_channel=by_channel,
        introduction_due_at=again if to is Stage.INTRODUCTION else None,
        contact_due_at=clocks.contact,
        disengagement_due_at=clocks.disengagement,
    )


def _require_no_colleague(worker: KeyWorker | None, moment: Moment) -> None:
    """A key worker of the same agency has no part in a colleague's case; cover is arranged, not assumed."""
    if worker is not None and moment.actor.role is Role.KEY_WORKER and moment.by_agency == worker.agency:
        raise NotTheKeyWorker


# -- commands --------------------------------------------------------------------------------------------------------

_CASE = "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"
IN_SUPPORT = (
    Stage.INTRODUCTION,
    Stage.ACTIVE,
    Stage.OUTREACH,
    Stage.SUSPENDED,
    Stage.STEP_DOWN_PROPOSED,
    Stage.STEPPING_DOWN,
    Stage.MONITORING,
)


class RecordContact(Command):
    """Record that somebody reached the person, or tried to: the key worker, or another agency."""

    NAME: ClassVar[str] = "record-contact"
    PERMISSION: ClassVar[Permission] = Permission.MONITOR
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": _CASE,
        "by_channel": "visit",
        "reached": True,
        "face_to_face": True,
    }

    case_id: CaseId
    by_channel: Code = Field(description="how, as a code of your own, such as telephone, visit or letter")
    reached: bool = Field(description="false is a missed contact; several in a row begin outreach")
    face_to_face: bool = False
    cancelled_by_service: bool = Field(
        False, description="the service called it off, so the person has missed nothing"
    )
    note: PersonalText | None = None


class ContactMade(Command):
    """Record that a person with whom contact was lost has responded; support goes on where it was."""

    NAME: ClassVar[str] = "contact-made"
    PERMISSION: ClassVar[Permission] = Permission.MONITOR
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "by_channel": "text"}

    case_id: CaseId
    by_channel: Code = Field(description="how, as a code of your own, such as telephone, visit or letter")
    note: PersonalText | None = None


class MarkContactOverdue(Command):
    """Record that contact is overdue; issued by the engine's own timer."""

    NAME: ClassVar[str] = "mark-contact-overdue"
    PERMISSION: ClassVar[Permission] = Permission.MARK_DEADLINE
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE}

    case_id: CaseId


class TriggerDisengagement(Command):
    """Begin outreach because the person has not been in contact for too long; issued by the engine's own timer."""

    NAME: ClassVar[str] = "trigger-disengagement"
    PERMISSION: ClassVar[Permission] = Permission.MARK_DEADLINE
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE}

    case_id: CaseId


@decides(RecordContact, refuses=(NotTheKeyWorker, CancelledContactReachesNobody))
def record_contact(
    command: RecordContact, case: Case, worker: KeyWorker | None, moment: Moment, rules: Rules
) -> Sequence[Event]:
    """It counts as the key worker's own contact when they record it, or somebody does on their behalf.

    The last of several missed contacts in a row begins outreach; the first that reaches the person ends it.
    """
    case.require(command, *IN_SUPPORT)
    own = worker is not None and not answers_for(case, worker).isdisjoint(
        {moment.actor.person, moment.actor.on_behalf_of}
    )
    if not own:
        _require_no_colleague(worker, moment)
    if command.reached and command.cancelled_by_service:
        raise CancelledContactReachesNobody
    clocks = clocks_since(case, moment, rules) if command.reached else ContactClocks(None, None)
    recorded = ContactRecorded(
        case_id=case.case_id,
        person_id=case.person_id,
        worker_id=case.worker_id if own else None,
        by_agency=moment.by_agency,
        by_channel=command.by_channel,
        reached=command.reached,
        face_to_face=command.face_to_face,
        note=command.note,
        cancelled_by_service=command.cancelled_by_service,
        happened_at=moment.effective_at,
        contact_due_at=clocks.contact,
        disengagement_due_at=clocks.disengagement,
    )
    if command.reached and case.stage is Stage.OUTREACH:
        return [recorded, regained(case, moment, rules, by_channel=command.by_channel)]
    missed = len(in_a_row(case, recorded).misses)
    if missed <= len(case.misses) or not is_lost(case, missed, rules):
        return [recorded]
    return [recorded, _lost(case, "missed_contacts", missed)]


@decides(ContactMade, refuses=(NotTheKeyWorker,))
def contact_made(
    command: ContactMade, case: Case, worker: KeyWorker | None, moment: Moment, rules: Rules
) -> Sequence[Event]:
    """The same as recording a contact that reached the person, for a case in outreach only."""
    case.require(command, Stage.OUTREACH)
    reached = RecordContact(
        case_id=command.case_id, by_channel=command.by_channel, reached=True, note=command.note
    )
    return record_contact(reached, case, worker, moment, rules)


@decides(MarkContactOverdue, refuses=(AlreadyRecorded,))
def mark_contact_overdue(command: MarkContactOverdue, case: Case, moment: Moment) -> Sequence[Event]:
    case.require(command, Stage.ACTIVE)
    due_at = case.require_newly_passed(command, "contact", moment.now, what="that contact is overdue")
    return [ContactOverdue(case_id=case.case_id, person_id=case.person_id, due_at=due_at)]


@decides(TriggerDisengagement)
def trigger_disengagement(command: TriggerDisengagement, case: Case, moment: Moment) -> Sequence[Event]:
    case.require(command, Stage.INTRODUCTION, Stage.ACTIVE)
    due_at = case.require_passed(command, "disengagement", moment.now)
    return [_lost(case, "no_contact", len(case.misses), due_at)]


def _lost(
    case: Case,
    because: Literal["no_contact", "missed_contacts"],
    missed: int,
    due_at: datetime | None = None,
) -> DisengagementTriggered:
    return DisengagementTriggered(
        case_id=case.case_id,
        person_id=case.person_id,
        because=because,
        missed_contacts=missed,
        due_at=due_at,
    )
