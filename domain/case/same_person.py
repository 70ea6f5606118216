"""The same person: a referral about somebody who was supported before is their next episode, not another person's first.

A likeness is only ever flagged; a coordinator decides. If a case is still open for that person, this referral is
attached there instead (`triage.py`).
Source: machine A, NewReferral, and the repeat window (domain reference 2.3, 2.4); acceptance scenario 50.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from domain.case.stages import Stage
from domain.case.triage import NotADuplicateCandidate
from domain.decisions import decides
from domain.errors import Conflict
from domain.messages import CaseEvent, CaseId, Command, Event, Moment, PersonId
from domain.person.identity import EpisodeOpened
from domain.roles import Permission

if TYPE_CHECKING:
    from domain.case.state import Case
    from domain.person.state import Person
    from domain.rules import Rules


# -- events ----------------------------------------------------------------------------------------------------------


class SamePersonConfirmed(CaseEvent):
    """A coordinator decided that we knew this person under another record, whose case was closed."""

    TOPIC: ClassVar[str] = "SamePersonConfirmed"

    other_person: PersonId
    previous_case: CaseId | None
    repeat: bool


# -- rules -----------------------------------------------------------------------------------------------------------


class CaseStillOpen(Conflict):
    """A case of that person is open in this programme; attach this referral to it with match-duplicate."""

    code = "case_still_open"


def is_repeat(person: Person, programme: str, moment: Moment, rules: Rules) -> bool:
    """Whether this referral comes within the window after the last one, both days counted.

    A person whose last referral has no day on record counts as referred within it.
    Source: MARAC, repeat within twelve months of the last referral (domain reference 2.3, scenario 50).
    """
    if person.previous_case(programme) is None:
        return False
    last = person.last_referred.get(programme)
    if last is None:
        return True
    noon = datetime.combine(last, time(12), UTC)
    window_ends = rules.london_day(rules.deadline(programme, "repeat_window", noon))
    return rules.london_day(moment.effective_at) <= window_ends


# -- commands --------------------------------------------------------------------------------------------------------


class ConfirmSamePerson(Command):
    """Decide that this referral is about a person we supported before: a new episode of theirs."""

    NAME: ClassVar[str] = "confirm-same-person"
    PERMISSION: ClassVar[Permission] = Permission.TRIAGE
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11",
        "other_person": "5a0f6f0c-0b0e-5a5f-9a52-7f7f2f1f7a10",
    }

    case_id: CaseId
    other_person: PersonId = Field(description="the person whom this referral was flagged against")


@decides(ConfirmSamePerson, refuses=(NotADuplicateCandidate, CaseStillOpen))
def confirm_same_person(
    command: ConfirmSamePerson, case: Case, other: Person | None, moment: Moment, rules: Rules
) -> Sequence[Event]:
    """From now on the one open case counts under both records, so that neither gets a second one."""
    case.require(command, Stage.SUBMITTED, Stage.TRIAGE)
    if other is None or command.other_person not in case.undecided_duplicates:
        raise NotADuplicateCandidate(id=command.other_person)
    if case.programme in other.open_cases:
        raise CaseStillOpen
    return [
        SamePersonConfirmed(
            case_id=case.case_id,
            person_id=case.person_id,
            other_person=other.person_id,
            previous_case=other.previous_case(case.programme),
            repeat=is_repeat(other, case.programme, moment, rules),
        ),
        EpisodeOpened(
            person_id=other.person_id,
            case_id=case.case_id,
            programme=case.programme,
            referred_on=rules.london_day(moment.effective_at),
        ),
    ]
