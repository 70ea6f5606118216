"""Reopening and merging: a case that was closed too soon goes on; two cases of one person become one, and can part again.

A case goes on where it stood, with the time that was left; what ran out meanwhile is due on the next working day. Who
had worked with the person takes the case again if they have room.
Source: machine A, Reopen, MergeCases and ReverseMerge (domain reference 2.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal
from uuid import UUID

from pydantic import Field

from domain.case.action_changes import actions_again
from domain.case.allocation import points_of
from domain.case.away import unavailability
from domain.case.closure import end_case, off_the_list
from domain.case.disclosure import already_disclosed
from domain.case.history import stage_changes
from domain.case.matching import Pairing, WorkerAtHardLimit, broken_hard_rules
from domain.case.stages import BEFORE_CONSENT, OPEN_STAGES, Stage
from domain.case.triage import ReferralAttached
from domain.case.waiting_list import urgent_wait
from domain.decisions import decides
from domain.errors import Conflict, RuleBroken
from domain.keyworker.events import CaseTaken
from domain.messages import (
    CaseEvent,
    CaseId,
    Code,
    Command,
    Event,
    Instant,
    Moment,
    PersonalText,
    Recorded,
    StaffRef,
    WorkerId,
)
from domain.person.identity import EpisodeOpened, OpenCaseExists
from domain.roles import Permission

if TYPE_CHECKING:
    from datetime import datetime

    from domain.case.state import Case
    from domain.keyworker.state import KeyWorker
    from domain.person.state import Person
    from domain.rules import Rules

StrongIdentifier = Literal[
    "nhs_number", "name_and_date_of_birth", "photograph", "agency_record", "seen_by_both"
]
"""What two records are known by to be of one person."""
IDENTIFIERS_TO_MERGE = 2
"""Source: machine A, MergeCases, "at least two strong identifiers" (domain reference 2.4)."""


# -- events ----------------------------------------------------------------------------------------------------------


class CaseReopened(CaseEvent):
    """The case goes on where it stood when it was closed; with whom, if somebody had it."""

    TOPIC: ClassVar[str] = "CaseReopened"

    to_stage: Stage
    worker_id: WorkerId | None = None
    clocks: dict[Code, Instant]
    explanation: PersonalText
    person_agrees: bool = False
    """The person, who had taken their agreement back, gave it again."""


class CasesMerged(CaseEvent):
    """Two people of the team agreed that this case is of the same person as another, which goes on for both."""

    TOPIC: ClassVar[str] = "CasesMerged"

    survivor: CaseId
    identifiers: tuple[Code, ...]
    confirmed_by: StaffRef


class MergeReversed(CaseEvent):
    """The two were not the same person after all; this case goes on by itself, and what was shared is looked into."""

    TOPIC: ClassVar[str] = "MergeReversed"

    survivor: CaseId
    to_stage: Stage
    worker_id: WorkerId | None = None
    clocks: dict[Code, Instant]
    disclosures_to_review: tuple[UUID, ...] = ()
    explanation: PersonalText


# -- rules -----------------------------------------------------------------------------------------------------------


class ReopenWindowOver(RuleBroken):
    """A case is reopened until {until}; after that the person is referred again, and the earlier case is attached."""

    code = "reopen_window_over"


class NotToBeReopened(RuleBroken):
    """A case that was closed as {because} is not reopened."""

    code = "not_to_be_reopened"


class AgreementRequired(RuleBroken):
    """person_agrees: the person took back their agreement to take part; the case is reopened once they agree again."""

    code = "agreement_required"


class NotMerged(Conflict):
    """This case was not closed by a merge."""

    code = "not_merged"


class CannotMergeWith(RuleBroken):
    """survivor: case {id} is no other open case of this programme."""

    code = "cannot_merge_with"


class IdentifiersRequired(RuleBroken):
    """identifiers: {minimum} different strong identifiers are needed to say that two people are one."""

    code = "identifiers_required"


class SecondPersonRequired(RuleBroken):
    """confirmed_by: somebody else than the acting person has to confirm this."""

    code = "second_person_required"


NEVER_REOPENED = ("merged", "death", "draft_discarded")


def require_may_reopen(case: Case, history: Sequence[Recorded], moment: Moment, rules: Rules) -> None:
    """Source: machine A, Reopen, "≤ 28 days" (domain reference 2.4, proposed)."""
    if case.closed_because in NEVER_REOPENED:
        raise NotToBeReopened(because=case.closed_because)
    *_, closed = stage_changes(history)
    until = rules.deadline(case.programme, "reopen", closed.recorded.envelope.recorded_at)
    if moment.now > until:
        raise ReopenWindowOver(until=until)


_BEGIN_ANEW = frozenset(
    {"action_escalation", "orphaned", "absence_ends", "cover_ends", "handover_start", "proposal"}
)
"""Actions come back with dates of their own; whether the worker is away is told anew."""
_RUN_ANYWHERE = frozenset({"consent_review", "consent_expiry", "disclosure_review", "transfer"})
"""Clocks of no stage: they go on wherever the case does."""


def clocks_again(case: Case, stage: Stage, moment: Moment, rules: Rules) -> dict[str, datetime]:
    """The clocks that ran when the case was closed: what has run out meanwhile is due on the next working day.

    A case that goes on elsewhere than it stood begins there with a clock of its own; one that waited for a worker left
    the list with its clocks and begins them again, in its old band and place.
    """
    at_the_earliest = rules.calendar.add_working_days(moment.now, 1)
    ran = {
        clock: due_at if due_at > moment.now else at_the_earliest
        for clock, due_at in sorted(case.due_when_closed.items())
        if clock.partition(":")[0] not in _BEGIN_ANEW
    }
    if stage is case.came_from[Stage.CLOSED] and stage is not Stage.WAITING_LIST:
        return ran
    kept = {clock: due_at for clock, due_at in ran.items() if clock.partition(":")[0] in _RUN_ANYWHERE}
    if stage in (Stage.WAITING_LIST, Stage.AWAITING_ALLOCATION) and "forum_review" in ran:
        kept["forum_review"] = ran["forum_review"]
    if stage is Stage.WAITING_LIST:
        escalate_at = urgent_wait(case, case.band_when_left or "P3", moment, rules)
        return {
            **kept,
            "waiting_check": rules.deadline(case.programme, "waiting_check", moment.now),
            **({"priority_wait": escalate_at} if escalate_at else {}),
        }
    clock = "listing" if stage is Stage.READY_FOR_FORUM else "allocation"
    return {**kept, clock: rules.deadline(case.programme, clock, moment.now)}


# -- commands --------------------------------------------------------------------------------------------------------

_CASE = "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"
_OTHER = "5a0f6f0c-0b0e-5a5f-9a52-7f7f2f1f7a10"


class ReopenCase(Command):
    """Go on with a case that was closed a short while ago, for the same need."""

    NAME: ClassVar[str] = "reopen-case"
    PERMISSION: ClassVar[Permission] = Permission.CLOSE_CASE
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "explanation": "Came back within the week"}

    case_id: CaseId
    explanation: PersonalText = Field(min_length=1)
    person_agrees: bool = Field(
        False, description="the person agrees to take part again; needed where they had withdrawn"
    )


class MergeCases(Command):
    """Close a case as the same person's as another, on strong identifiers and with a second person's word."""

    NAME: ClassVar[str] = "merge-cases"
    PERMISSION: ClassVar[Permission] = Permission.TRIAGE
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": _CASE,
        "survivor": _OTHER,
        "identifiers": ["nhs_number", "name_and_date_of_birth"],
        "confirmed_by": "manager-1",
    }

    case_id: CaseId = Field(description="the case that is closed")
    survivor: CaseId = Field(description="the case that goes on")
    identifiers: Annotated[tuple[StrongIdentifier, ...], Field(max_length=10)]
    confirmed_by: StaffRef = Field(description="the second person, not the acting one")


class ReverseMerge(Command):
    """Undo a merge of two cases that were not one person's."""

    NAME: ClassVar[str] = "reverse-merge"
    PERMISSION: ClassVar[Permission] = Permission.CLOSE_CASE
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "explanation": "Two people of one name"}

    case_id: CaseId
    explanation: PersonalText = Field(min_length=1)


# -- decisions -------------------------------------------------------------------------------------------------------


# A draft has no person to load yet. Letting the person be new lets the case's own stage refuse, by its name.
@decides(
    ReopenCase,
    starts=("Person",),
    refuses=(NotToBeReopened, ReopenWindowOver, AgreementRequired, OpenCaseExists),
)
def reopen_case(
    command: ReopenCase,
    case: Case,
    history: Sequence[Recorded],
    person: Person,
    worker: KeyWorker | None,
    moment: Moment,
    rules: Rules,
) -> Sequence[Event]:
    case.require(command, Stage.CLOSED)
    require_may_reopen(case, history, moment, rules)
    stage, taken = _goes_on(case, worker, moment, rules)
    if case.closed_because == "withdrawn" and stage not in BEFORE_CONSENT and not command.person_agrees:
        raise AgreementRequired
    reopened = CaseReopened(
        case_id=case.case_id,
        person_id=case.person_id,
        to_stage=stage,
        worker_id=case.worker_when_closed if taken else None,
        clocks=clocks_again(case, stage, moment, rules),
        explanation=command.explanation,
        person_agrees=command.person_agrees and case.closed_because == "withdrawn",
    )
    return [
        reopened,
        *taken,
        *_actions_again(case, worker if taken else None, moment, rules),
        *_episode_again(case, person),
    ]


@decides(MergeCases, refuses=(CannotMergeWith, IdentifiersRequired, SecondPersonRequired))
def merge_cases(
    command: MergeCases, case: Case, other: Case | None, worker: KeyWorker | None, moment: Moment
) -> Sequence[Event]:
    """Nothing is copied: the case that goes on says where the other's story is."""
    case.require_open(command)
    if (
        other is None
        or other.case_id == case.case_id
        or other.stage not in OPEN_STAGES
        or other.programme != case.programme
    ):
        raise CannotMergeWith(id=command.survivor)
    if len(set(command.identifiers)) < IDENTIFIERS_TO_MERGE:
        raise IdentifiersRequired(minimum=IDENTIFIERS_TO_MERGE)
    if command.confirmed_by == moment.actor.person:
        raise SecondPersonRequired
    merged = CasesMerged(
        case_id=case.case_id,
        person_id=case.person_id,
        survivor=other.case_id,
        identifiers=tuple(dict.fromkeys(command.identifiers)),
        confirmed_by=command.confirmed_by,
    )
    attached = ReferralAttached(
        case_id=other.case_id,
        person_id=other.person_id,
        from_case=case.case_id,
        referring_agency=case.referring_agency,
    )
    return [*off_the_list(case, "merged"), merged, attached, *end_case(case, worker)]


@decides(ReverseMerge, refuses=(NotMerged, OpenCaseExists))
def reverse_merge(
    command: ReverseMerge,
    case: Case,
    person: Person,
    worker: KeyWorker | None,
    history: Sequence[Recorded],
    survivors: Sequence[Recorded] | None,
    moment: Moment,
    rules: Rules,
) -> Sequence[Event]:
    """Source: machine A, ReverseMerge, "disclosures made in error listed for breach review" (domain reference 2.4)."""
    case.require(command, Stage.CLOSED)
    if case.merged_into is None:
        raise NotMerged
    stage, taken = _goes_on(case, worker, moment, rules)
    reversed_ = MergeReversed(
        case_id=case.case_id,
        person_id=case.person_id,
        survivor=case.merged_into,
        to_stage=stage,
        worker_id=case.worker_when_closed if taken else None,
        clocks=clocks_again(case, stage, moment, rules),
        disclosures_to_review=shared_in_error(history, survivors or ()),
        explanation=command.explanation,
    )
    return [
        reversed_,
        *taken,
        *_actions_again(case, worker if taken else None, moment, rules),
        *_episode_again(case, person),
    ]


def shared_in_error(history: Sequence[Recorded], survivors: Sequence[Recorded]) -> tuple[UUID, ...]:
    """What the surviving case shared while it was taken for both: each may have told of the wrong person.

    The case was closed by the merge as its last change of stage, so what was shared since then is meant.
    """
    *_, merged = stage_changes(history)
    return tuple(
        one.envelope.event_id
        for one in already_disclosed(survivors)
        if one.position > merged.recorded.position
    )


def _goes_on(
    case: Case, worker: KeyWorker | None, moment: Moment, rules: Rules
) -> tuple[Stage, Sequence[Event]]:
    """Where the case goes on, and the worker's place: one who is full, gone or kept from it leaves it to a new allocation."""
    before = case.came_from[Stage.CLOSED]
    if before is Stage.ON_AGENDA:
        return Stage.READY_FOR_FORUM, []  # the meeting it was listed for goes on without it
    if case.worker_when_closed is None:
        return before, []
    if worker is None or not _may_have_it_again(case, worker, moment, rules):
        return Stage.AWAITING_ALLOCATION, []
    points = points_of(case, rules, stepping_down=before in (Stage.STEPPING_DOWN, Stage.MONITORING))
    taken = CaseTaken(worker_id=worker.worker_id, case_id=case.case_id, points=points)
    return before, [taken, *unavailability(case, worker, moment, rules)]


def _may_have_it_again(case: Case, worker: KeyWorker, moment: Moment, rules: Rules) -> bool:
    """An absence is told to the case that comes back; what nobody lifts, and the hard limit, leave the worker out."""
    pair = Pairing(case, worker, rules.programme(case.programme), rules.london_day(moment.now))
    broken = broken_hard_rules(pair)
    return all(rule.may_be_overridden and rule.refusal is not WorkerAtHardLimit for rule in broken)


def _actions_again(case: Case, worker: KeyWorker | None, moment: Moment, rules: Rules) -> Sequence[Event]:
    return actions_again(case, worker, rules.calendar.add_working_days(moment.now, 1))


def _episode_again(case: Case, person: Person) -> Sequence[EpisodeOpened]:
    """The person's place for an open case is taken again, under each of their records."""
    person.require_no_open_case(case.programme)
    return [
        EpisodeOpened(person_id=person_id, case_id=case.case_id, programme=case.programme)
        for person_id in (case.person_id, *sorted(case.same_as))
    ]
