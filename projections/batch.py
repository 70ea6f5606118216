"""A batch of new events and every stream it touches, read once and folded as it stood at the batch's last position.

A row is made of one stream up to one position and of nothing else, so it comes out the same live, again, and rebuilt
from zero. No table and no query lives here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, get_args
from uuid import UUID

from domain.application import fold
from domain.case.referral import ReferralDrafted, ReferralSubmitted
from domain.case.referral_form import ReferralForm
from domain.case.stages import MOVES, Stage
from domain.case.state import AnyCaseEvent, Case
from domain.keyworker.events import AnyWorkerEvent
from domain.keyworker.state import KeyWorker
from domain.meeting.events import AnyMeetingEvent
from domain.meeting.state import Meeting
from domain.messages import CaseId, MeetingId, Recorded, WorkerId
from domain.person.identity import AnyPersonEvent
from domain.ports import LogReader

_KINDS: Final[Mapping[type, str]] = {
    event: kind
    for kind, events in (
        ("Case", AnyCaseEvent),
        ("Meeting", AnyMeetingEvent),
        ("KeyWorker", AnyWorkerEvent),
        ("Person", AnyPersonEvent),
    )
    for event in get_args(events)
}


def kind_of(recorded: Recorded) -> str | None:
    """Which aggregate an event belongs to; None for an event that this version of the product does not know."""
    return _KINDS.get(type(recorded.event))


@dataclass(frozen=True, slots=True)
class CaseHistory:
    """One case with the events that made it."""

    case: Case
    recorded: Sequence[Recorded]

    @property
    def submission(self) -> Recorded | None:
        """The submission of the referral; None for a draft."""
        return next((one for one in self.recorded if isinstance(one.event, ReferralSubmitted)), None)

    @property
    def form(self) -> ReferralForm | None:
        """The referral form, of the submission or else of the draft."""
        forms = [
            one.event.form
            for one in self.recorded
            if isinstance(one.event, ReferralSubmitted | ReferralDrafted)
        ]
        return forms[-1] if forms else None

    @property
    def stage_since(self) -> datetime:
        """When we learned of the step that brought the case into its stage."""
        stage, since = Stage.NEW, self.recorded[0].envelope.recorded_at
        for one in self.recorded:
            after = MOVES.get(one.event.TOPIC, {}).get(stage, stage)
            if after is not stage:
                stage, since = after, one.envelope.recorded_at
        return since


@dataclass(frozen=True, slots=True)
class Batch:
    """New events in the order of the log, and what they touch."""

    events: Sequence[Recorded]
    cases: Mapping[CaseId, CaseHistory] = field(default_factory=dict)
    meetings: Mapping[MeetingId, Meeting] = field(default_factory=dict)
    workers: Mapping[WorkerId, KeyWorker] = field(default_factory=dict)

    @property
    def last(self) -> int:
        """The position of the last event."""
        return self.events[-1].position

    @classmethod
    async def load(cls, reader: LogReader, events: Sequence[Recorded]) -> Batch:
        """Read and fold every stream that these events touch."""
        upto = events[-1].position
        cases: dict[CaseId, CaseHistory] = {}
        meetings: dict[MeetingId, Meeting] = {}
        workers: dict[WorkerId, KeyWorker] = {}
        for stream_id, kind in {one.stream_id: kind_of(one) for one in events if kind_of(one)}.items():
            if kind == "Person":
                continue  # no row is about a person alone
            recorded = await _known(reader, stream_id, upto)
            state: Any = fold(str(kind), stream_id, recorded)
            if not state.exists:
                continue  # told of something before its own beginning: nothing to show yet
            if kind == "Case":
                cases[CaseId(stream_id)] = CaseHistory(state, recorded)
            elif kind == "Meeting":
                meetings[MeetingId(stream_id)] = state
            else:
                workers[WorkerId(stream_id)] = state
        return cls(events, cases, meetings, workers)


async def _known(reader: LogReader, stream_id: UUID, upto: int) -> Sequence[Recorded]:
    recorded = await reader.read_stream(stream_id, up_to_position=upto)
    return [one for one in recorded if kind_of(one)]
