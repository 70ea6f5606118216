"""Standstill: a case is parked when nobody reaches the person and nothing is in progress. It must be seen, never done.

What counts as contact, as work and as arranged is here. For how long nobody may have been reached is the programme's,
under the clock "parked"; nothing follows from it by itself.
Source: parked cases are to be visible, with their time, owner and last contact (domain reference 1.5); parked time: no
contact and no action in progress (6.2).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time
from typing import TYPE_CHECKING, Final

from domain.calendar import LONDON
from domain.case import action as a
from domain.case import action_changes as ac
from domain.case import action_work as aw
from domain.case import advice_item as ad
from domain.case import allocation as al
from domain.case import consent as c
from domain.case import consent_changes as cc
from domain.case import consent_renewal as cr
from domain.case import consent_request as cq
from domain.case import contact as co
from domain.case import forum_review as f
from domain.case import introduction as i
from domain.case import leaving as lv
from domain.case import monitoring as mo
from domain.case import participation as p
from domain.case import review_item as ri
from domain.case import support as su
from domain.case.stages import OPEN_STAGES
from domain.case.worker_handover import KeyWorkerChanged

if TYPE_CHECKING:
    from domain.case.state import Case
    from domain.messages import Event

_WITH_THE_PERSON: Final = (
    co.ContactRecorded,
    co.EngagementRegained,
    i.EngagementConfirmed,
    i.SupportDeclined,
    p.ConsentAttempted,
    cq.ConsentRequested,
    c.ConsentGranted,
    c.ConsentRefused,
    p.ParticipationAgreed,
    cc.ConsentNarrowed,
    cc.ConsentWithdrawn,
    cr.ConsentRenewed,
    lv.ParticipationWithdrawn,
    su.OutcomeSet,
    su.PlanReviewed,
    al.WaitingCheckRecorded,
    mo.CheckInRecorded,
    KeyWorkerChanged,
)
_WORK: Final = (
    a.ActionAssigned,
    aw.ActionAcknowledged,
    aw.ActionProgressed,
    aw.ActionBlocked,
    aw.ActionCompleted,
    aw.ActionNotDone,
    ac.ActionReassigned,
    ac.ActionCancelled,
    f.ForumDecisionRecorded,
    f.ForumItemDeferred,
    f.ForumItemWithdrawn,
    ri.ForumReviewRecorded,
    ri.ReviewItemWithdrawn,
    ad.EngagementAdviceRecorded,
    ad.AdviceItemWithdrawn,
)
TOPICS: Final = frozenset(event.TOPIC for event in (*_WITH_THE_PERSON, *_WORK))
"""The events that end a standstill, or may."""
_ARRANGED: Final = ("suspension_review", "check_in", "check_in_answer")
"""Clocks that run towards a day on which somebody has arranged to look at the case or to speak with the person."""


def is_contact(event: Event) -> bool:
    """Whether somebody reached the person; what is written down with them is contact with them."""
    match event:
        case co.ContactRecorded() | p.ConsentAttempted():
            return event.reached
        case su.OutcomeSet():
            return event.set_by == "resident"
        case KeyWorkerChanged():
            return event.joint_visit_held
        case _:
            return isinstance(event, _WITH_THE_PERSON)


def is_work(event: Event) -> bool:
    """Whether something was begun, taken further or brought to its end."""
    return isinstance(event, _WORK)


def in_progress(case: Case) -> bool:
    """Whether somebody has an action to do, or a meeting has the case on its agenda."""
    return bool(case.open_actions) or case.agenda_kind is not None


def may_be_parked(case: Case) -> bool:
    return case.stage in OPEN_STAGES and not in_progress(case)


def arranged_until(case: Case) -> datetime | None:
    """The last instant for which something is arranged; None when nothing is. Until then the case is not parked."""
    return max(_arranged(case), default=None)


def _arranged(case: Case) -> Iterator[datetime]:
    yield from (case.due[clock] for clock in _ARRANGED if clock in case.due)
    if case.handover is not None and case.handover.joint_visit_on is not None:
        yield datetime.combine(case.handover.joint_visit_on, time.max, LONDON)
