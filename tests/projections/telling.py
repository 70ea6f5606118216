"""Telling a log what happened, so that a test can ask the read models what they make of it.

Events go into the real log one by one, in the order told. Must not write a row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from asyncpg import Pool

from domain.case import allocation as al
from domain.case import contact as co
from domain.case import forum_review as f
from domain.case import introduction as i
from domain.case import monitoring as mo
from domain.case import step_down as sd
from domain.case import step_down_handover as ho
from domain.case import support as su
from domain.case.referral import ReferralSubmitted
from domain.case.sharing import Category, Purpose
from domain.keyworker import events as k
from domain.messages import Actor, Envelope, Event, OutcomeId
from domain.person.identity import EpisodeEnded
from domain.ports import ANY_VERSION, Append, EventLog, NewEvent, StreamChange
from projections import PROJECTIONS
from tests.support.scenario import (
    COORDINATOR,
    HOUSING,
    MEETS,
    POLICE,
    PROGRAMME,
    REFERRED,
    SHELTER,
    CaseStory,
    MeetingStory,
    WorkerStory,
    rules,
    some_id,
)
from tests.support.sql import identifier

A_MINUTE = timedelta(minutes=1)


class Teller:
    """Appends events, each as a command of its own, a minute after the one before."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._count = 0
        self.now = REFERRED

    async def tell(
        self,
        *what: Event | Iterable[Event],
        by: Actor = COORDINATOR,
        at: datetime | None = None,
        effective_at: datetime | None = None,
        reason: str | None = None,
        command: str = "told-in-a-test",
    ) -> int:
        """Write what happened; the position of the last event."""
        events = [event for one in what for event in ([one] if isinstance(one, Event) else one)]
        position = 0
        for event in events:
            self._count += 1
            self.now = at or self.now + A_MINUTE
            command_id = some_id(f"told/{id(self)}/{self._count}")
            envelope = Envelope(
                event_id=some_id(f"event/{command_id}"),
                command_id=command_id,
                command=command,
                recorded_at=self.now,
                effective_at=effective_at or self.now,
                actor=by,
                reason=reason,
                correlation_id=command_id,
                programme_version=getattr(event, "programme_version", None),
            )
            change = StreamChange(event.stream_id, ANY_VERSION, (NewEvent(event, envelope),))
            answer = await self._log.append(Append(command_id, command, (change,)))
            position = answer.position
        return position


async def every_row(pool: Pool) -> dict[str, list[tuple[Any, ...]]]:
    """Every row that the read models answer from, by view."""
    views = [table for projection in PROJECTIONS for table in projection.QUERIES.tables()]
    return {
        f"read.{view}": sorted(
            (tuple(row) for row in await pool.fetch(f"SELECT * FROM read.{identifier(view)}")), key=repr
        )
        for view in views
    }


def given_to(
    case: CaseStory, worker: WorkerStory, *, points: int = 4, at: datetime = MEETS
) -> Iterator[Event]:
    """A manager gives the case to a key worker, who takes it."""
    yield al.KeyWorkerAllocated(
        **case.ids,
        worker_id=worker.worker_id,
        worker_name=worker.name.title(),
        points=points,
        answer_due_at=rules().deadline(PROGRAMME, "allocation_answer", at),
        first_contact_due_at=rules().deadline(PROGRAMME, "first_contact", at),
    )
    yield k.CaseTaken(worker_id=worker.worker_id, case_id=case.case_id, points=points)


def engaged(case: CaseStory, worker: WorkerStory) -> Iterator[Event]:
    """Key worker and person met and go on together."""
    yield al.AllocationAccepted(**case.ids, worker_id=worker.worker_id)
    yield co.ContactRecorded(
        **case.ids,
        worker_id=worker.worker_id,
        by_agency=SHELTER,
        by_channel="visit",
        reached=True,
        face_to_face=True,
        note="At the day centre",
    )
    yield i.EngagementConfirmed(**case.ids, worker_id=worker.worker_id)
    yield su.OutcomeSet(
        **case.ids, outcome_id=OutcomeId(some_id(f"outcome/{case.name}")), set_by="resident", wording="rehab"
    )


def stepped_down(case: CaseStory, *, at: datetime) -> Iterator[Event]:
    """Support gets lighter, up to the first check-in that is asked for."""
    yield sd.StepDownProposed(
        **case.ids,
        receiving_agency=HOUSING,
        universal=False,
        outcomes_summary="Sober since June",
        contingency_plan="Ring the worker",
        approval_due_at=rules().deadline(PROGRAMME, "step_down_approval", at),
    )
    yield sd.StepDownApproved(
        **case.ids, person_view="Glad", receiving_lead="lead-1", handover_due_at=at + timedelta(weeks=4)
    )
    yield ho.HandoverCompleted(
        **case.ids,
        receiving_lead="lead-1",
        first_check_in_due_at=at + timedelta(weeks=4),
        monitoring_ends_at=at + timedelta(weeks=12),
    )
    yield mo.CheckInDue(
        **case.ids, number=1, due_at=at + timedelta(weeks=4), answer_due_at=at + timedelta(weeks=5)
    )


def completed(case: CaseStory, worker: WorkerStory, *, at: datetime) -> Iterator[Event]:
    """The outcome lasted and the case closes."""
    yield mo.CheckInRecorded(**case.ids, number=1, status="good", next_check_in_due_at=None)
    yield mo.MonitoringWindowElapsed(**case.ids, ended_at=at)
    yield mo.OutcomeSustained(**case.ids, summary="In college")
    yield al.AllocationEnded(**case.ids, worker_id=worker.worker_id, because="case_closed")
    yield k.CaseReleased(worker_id=worker.worker_id, case_id=case.case_id)
    yield EpisodeEnded(person_id=case.person_id, case_id=case.case_id, programme=PROGRAMME)


def returned(case: CaseStory, meeting: MeetingStory, agency: str = POLICE) -> Event:
    """An agency tells the forum what it knows."""
    return f.InformationReturned(
        **case.ids,
        meeting_id=meeting.meeting_id,
        agency=agency,
        nothing_to_share=False,
        purpose=Purpose.COORDINATED_SUPPORT,
        categories=(Category.OFFENDING,),
        grant_ids=(),
        information="Forty calls in March",
    )


def as_referred(
    case: CaseStory, *, source_reference: str | None = None, repeat: bool = False, **form: Any
) -> list[Event]:
    """The story of a case whose referral says these things of the person."""
    return [
        event.model_copy(
            update={
                "source_reference": source_reference,
                "repeat": repeat,
                "form": event.form.model_copy(update=form),
            }
        )
        if isinstance(event, ReferralSubmitted)
        else event
        for event in case
    ]
