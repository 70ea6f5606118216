"""Correction: something was recorded that did not happen so. It is voided, with the reason; the original stays for ever.

Whoever folds the case afterwards leaves the voided record out, as if it had never come. Only a record that moved no
case can be voided; whatever moved one has a step of its own that leads back.
Source: failure matrix, "wrong data recorded": a compensating event, never deletion (domain reference 2.13).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final

from pydantic import Field

from domain.case.contact import ContactRecorded
from domain.case.participation import ConsentAttempted
from domain.case.support import OutcomeProgressed, OutcomeSet, PlanReviewed
from domain.decisions import decides
from domain.errors import AlreadyRecorded, NotFound, RuleBroken
from domain.messages import CaseEvent, CaseId, Code, Command, Event, PersonalText, Recorded
from domain.roles import Permission

if TYPE_CHECKING:
    from domain.case.state import Case


# -- events ----------------------------------------------------------------------------------------------------------


class RecordVoided(CaseEvent):
    """One record of this case counts no more. `voided_version` is its place in the case's story, from 1."""

    TOPIC: ClassVar[str] = "RecordVoided"

    voided_version: int
    voided_topic: Code
    followed_by: tuple[int, ...] = ()
    """Later records of the case that came of it or speak of the same thing: somebody looks at each."""
    explanation: PersonalText


# -- rules -----------------------------------------------------------------------------------------------------------

VOIDABLE: Final[Mapping[str, str | None]] = {
    ContactRecorded.TOPIC: None,
    ConsentAttempted.TOPIC: None,
    OutcomeSet.TOPIC: "outcome_id",
    OutcomeProgressed.TOPIC: "outcome_id",
    PlanReviewed.TOPIC: None,
}
"""What can be voided, by its topic, and by which field other records speak of the same thing."""


class NotVoidable(RuleBroken):
    """Record {version} of this case is {topic}, which is not voided; take a step that leads back instead. Voidable are: {voidable}."""

    code = "not_voidable"


class WhichRecordRequired(RuleBroken):
    """version, newest: say which record is void by one of them, its place in the case's story or its kind."""

    code = "which_record_required"


def voided_versions(events: Iterable[Event]) -> frozenset[int]:
    """The places in a case's story that count no more."""
    return frozenset(event.voided_version for event in events if type(event) is RecordVoided)


def followers(voided: Recorded, history: Sequence[Recorded]) -> tuple[int, ...]:
    """The later records that came of it, or speak of the same thing."""
    field = VOIDABLE[voided.event.TOPIC]
    about = getattr(voided.event, field) if field else None
    return tuple(
        later.version
        for later in history
        if later.version > voided.version
        and (
            later.envelope.causation_id == voided.envelope.event_id
            or (field is not None and getattr(later.event, field, None) == about)
        )
    )


# -- commands --------------------------------------------------------------------------------------------------------


class VoidRecord(Command):
    """Say that something recorded in a case did not happen so; the record stays, and counts no more."""

    NAME: ClassVar[str] = "void-record"
    PERMISSION: ClassVar[Permission] = Permission.CORRECT_RECORD
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11",
        "version": 7,
        "explanation": "The visit was to somebody else",
    }

    case_id: CaseId
    version: int | None = Field(
        None,
        ge=1,
        description="the record's place in the case's story, as `ccp case events` counts; or newest",
    )
    newest: Code | None = Field(
        None,
        description="instead of version: the newest record of this kind that still counts, such as ContactRecorded",
    )
    explanation: PersonalText = Field(min_length=1)


def which_record(command: VoidRecord, history: Sequence[Recorded]) -> Recorded:
    """The record that is meant: by its place, or the newest of its kind that is not void already."""
    if (command.version is None) == (command.newest is None):
        raise WhichRecordRequired
    void = voided_versions(one.event for one in history)
    for one in reversed(history):
        newest_of_kind = command.newest == one.event.TOPIC and one.version not in void
        if newest_of_kind or one.version == command.version:
            return one
    raise NotFound(kind="record of this case", id=command.version or command.newest)


@decides(VoidRecord, refuses=(WhichRecordRequired, NotVoidable, AlreadyRecorded, NotFound))
def void_record(command: VoidRecord, case: Case, history: Sequence[Recorded]) -> Sequence[Event]:
    """Also on a closed case: what is wrong in it stays wrong."""
    voided = which_record(command, history)
    if voided.event.TOPIC not in VOIDABLE:
        raise NotVoidable(
            version=voided.version, topic=voided.event.TOPIC, voidable=", ".join(sorted(VOIDABLE))
        )
    if voided.version in voided_versions(one.event for one in history):
        raise AlreadyRecorded(what="that this record is void")
    return [
        RecordVoided(
            case_id=case.case_id,
            person_id=case.person_id,
            voided_version=voided.version,
            voided_topic=voided.event.TOPIC,
            followed_by=followers(voided, history),
            explanation=command.explanation,
        )
    ]
