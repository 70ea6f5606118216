"""Places of which there are only so many: a person's one open case in a programme, and the cases a key worker carries.

The rules themselves are decided from the streams (`Person.require_no_open_case`, `HardLimitReached`). What follows from
the events here is held by the log while it writes, also where a command has not read the stream that it adds to.
Must not refuse anything: a place that is gone is a conflict, and the decision made anew names the rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from domain.keyworker.events import CaseReleased, CaseTaken
from domain.messages import Event, WorkerId
from domain.person.identity import EpisodeEnded, EpisodeOpened
from domain.ports import Reservation

OPEN_CASE = "open_case"
PLACE = "place"
TOPICS = (EpisodeOpened.TOPIC, EpisodeEnded.TOPIC, CaseTaken.TOPIC, CaseReleased.TOPIC)
"""The only events that take or free a place."""


def reservations(events: Iterable[Event], hard_limits: Mapping[WorkerId, int]) -> tuple[Reservation, ...]:
    """What these events take and give back; of several about the same place, the last counts.

    `hard_limits` says how many cases each worker who is given one may carry.
    Source: one open case per person and programme, machine A (domain reference 2.4); caseload limits (5.1).
    """
    last: dict[tuple[object, ...], Reservation] = {}
    for event in events:
        match event:
            case EpisodeOpened():
                held = Reservation(OPEN_CASE, f"{event.person_id}/{event.programme}", event.case_id, 1)
            case EpisodeEnded():
                held = Reservation(OPEN_CASE, f"{event.person_id}/{event.programme}", event.case_id, None)
            case CaseTaken():
                held = Reservation(PLACE, str(event.worker_id), event.case_id, hard_limits[event.worker_id])
            case CaseReleased():
                held = Reservation(PLACE, str(event.worker_id), event.case_id, None)
            case _:
                continue
        last[held.scope, held.key, held.holder] = held
    return tuple(last.values())
