"""Somebody who was supported before is referred again."""

from __future__ import annotations

from datetime import datetime

import pytest

from domain.case.closure import end_episode
from domain.case.referral import PossibleDuplicateFlagged, ReferralSubmitted, SubmitReferral
from domain.case.referral_form import EXAMPLE_FORM
from domain.case.same_person import CaseStillOpen, ConfirmSamePerson, SamePersonConfirmed
from domain.case.triage import NotADuplicateCandidate, ReferralDeclined
from domain.person.identity import EpisodeEnded, EpisodeOpened
from tests.support.scenario import COORDINATOR, PROGRAMME, REFERRER, a_case, given, like, london

FORMER = (
    a_case("robin")
    .closed()
    .then_also(
        EpisodeEnded(
            person_id=a_case("robin").person_id, case_id=a_case("robin").case_id, programme=PROGRAMME
        )
    )
)
OPEN = a_case("robin").in_triage()


def flagged(former: object) -> object:
    again = a_case("alex").in_triage()
    return again.then_also(
        PossibleDuplicateFlagged(
            **again.ids,
            other_person=FORMER.person_id,
            other_case=None,
            ground="same_birthday_near_name",
        )
    )


CONFIRM = ConfirmSamePerson(case_id=a_case("alex").case_id, other_person=FORMER.person_id)


def test_a_coordinator_decides_that_it_is_the_same_person_and_no_case_is_open() -> None:
    again = flagged(FORMER)
    confirmed = given(FORMER, again).when(CONFIRM, as_=COORDINATOR)  # type: ignore[arg-type]
    confirmed.then(
        like(SamePersonConfirmed, other_person=FORMER.person_id, previous_case=FORMER.case_id),
        like(EpisodeOpened, person_id=FORMER.person_id, case_id=a_case("alex").case_id),
    )
    case = confirmed.after.cases[a_case("alex").case_id]
    assert case.undecided_duplicates == set()
    assert case.same_as == {FORMER.person_id}
    # Both records are free again when the case ends.
    assert {event.person_id for event in end_episode(case) if isinstance(event, EpisodeEnded)} == {
        FORMER.person_id,
        a_case("alex").person_id,
    }


def test_while_a_case_is_open_the_referral_is_attached_to_it_instead() -> None:
    given(OPEN, flagged(OPEN)).when(CONFIRM, as_=COORDINATOR).refused(CaseStillOpen)  # type: ignore[arg-type]


def test_only_somebody_it_was_flagged_against_can_be_the_same_person() -> None:
    given(FORMER, a_case("alex").in_triage()).when(CONFIRM, as_=COORDINATOR).refused(NotADuplicateCandidate)


@pytest.mark.parametrize(
    ("on", "repeat"),
    [
        (london(2027, 3, 9, 12), True),
        (london(2027, 3, 10, 12), True),
        (london(2027, 3, 11, 12), False),
    ],
    ids=["one day before", "on the day, inclusive", "one day after"],
)
def test_a_referral_within_twelve_months_of_the_last_referral_is_a_repeat(on: datetime, repeat: bool) -> None:
    """Source: acceptance scenario 50: counted from the last referral of 10 March 2026, not from its closure."""
    story = a_case("robin").submitted(at=london(2026, 3, 10, 10))
    opened = EpisodeOpened(
        person_id=story.person_id,
        case_id=story.case_id,
        programme=PROGRAMME,
        referred_on=london(2026, 3, 10).date(),
    )
    closed = ReferralDeclined(**story.ids, rule="eligibility", signpost="be-well")
    ended = EpisodeEnded(person_id=story.person_id, case_id=story.case_id, programme=PROGRAMME)
    submit = SubmitReferral.model_validate(
        {"form": EXAMPLE_FORM, "person_id": story.person_id, "if_possible_duplicate": "link"}
    )
    submitted = given(story, opened, closed, ended).when(submit, as_=REFERRER, at=on).one(ReferralSubmitted)
    assert (submitted.repeat, submitted.previous_case) == (repeat, story.case_id)
    assert submitted.case_id != story.case_id
