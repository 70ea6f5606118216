"""A story that cannot be played is refused before anything starts: file, step, field and rule of all that is wrong."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from adapters.play.rehearsal import rehearse
from adapters.play.story import StoryInvalid, later, story_from
from domain.calendar import WorkingCalendar
from domain.rules import Rules
from tests.play.conftest import REFERRAL

AS = 'as = { person = "coordinator-1", role = "coordinator", agency = "MCC Community Safety" }'


def refusals(text: str, rules: Rules) -> str:
    with pytest.raises(StoryInvalid) as refused:
        rehearse(story_from(f'title = "A story"\n{text}', "a.toml"), "a.toml", rules)
    return "\n".join(f"{one.field}: {one.rule}" for one in refused.value.errors)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("step = 3", "a.toml: step: must be a list"),
        ("[[step", "a.toml: is not TOML"),
        ("", "a.toml: step: is required"),
        ('colour = "red"\n' + REFERRAL, "a.toml: colour: is not a key of a story"),
        ('programme = "moon"\n' + REFERRAL, "a.toml: programme: must be one of manchester-maps"),
        (REFERRAL + "who = 1", "a.toml: step 1: who: is not a key of a step"),
        (REFERRAL + "times = 0", "a.toml: step 1: times: must be at least 1"),
        (REFERRAL + 'key = ""', "a.toml: step 1: key: must have at least 1 character"),
        (REFERRAL + 'say = ["a"]', "a.toml: step 1: say: must be a text"),
        (REFERRAL + 'effective_at = "soon"', "a.toml: step 1: effective_at: must be a date and time"),
        (REFERRAL + 'after = "1h"', "step 1: after: cannot stand beside `at`"),
        ('[[step]]\nafter = "1h"', "step 1: after: needs a time to count from"),
        ("[[step]]\nsay = 'x'", "step 1: at: is required"),
        (REFERRAL + "[[step]]\nat = 2027-01-03T09:00:00", "step 2: at: lies before the step before"),
        ("start = 2027-02-01T00:00:00\n" + REFERRAL, "step 1: at: lies before the start of the story"),
        ("[[step]]\nat = 2027-03-28T01:30:00", "step 1: at: does not exist in London"),
        ("[[step]]\nat = 0001-01-01T00:00:00", "step 1: at: the year must lie between 1850 and 2200"),
        (REFERRAL + '[[step]]\nafter = "soon"', "step 2: after: must be a number and a unit"),
        (REFERRAL + "[[step]]\nsay = 'x'", "step 2: do: is required, or a time"),
        (REFERRAL + f'[[step]]\n{AS}\ndo = "fly"', "step 2: do: there is no command 'fly'"),
        (REFERRAL + '[[step]]\ndo = "confirm-eligible"\ncase = "robin"', "step 2: as: is required"),
        (
            REFERRAL
            + f'[[step]]\n{AS.replace("coordinator-1", "c").replace(chr(34) + "coordinator" + chr(34), chr(34) + "king" + chr(34))}\ndo = "confirm-eligible"\ncase = "robin"',
            "step 2: as.role: must be one of referrer",
        ),
        (REFERRAL + f'[[step]]\n{AS}\ndo = "confirm-eligible"', "step 2: data.case_id: is required"),
        (
            REFERRAL + f'[[step]]\n{AS}\ndo = "confirm-eligible"\ncase = "jo"',
            "step 2: case: there is no case 'jo' yet",
        ),
        (
            REFERRAL + f'[[step]]\n{AS}\ndo = "open-agenda"\ndata = {{ meeting_id = "m1" }}',
            "step 2: data.meeting_id: must be an id, or a name that an earlier step has bound",
        ),
        (
            REFERRAL + f'[[step]]\n{AS}\ndo = "confirm-eligible"\ncase = "robin"\ndata = {{ moon = 1 }}',
            "step 2: data.moon: is not a field of this command",
        ),
        (REFERRAL + '[[step]]\nafter = "1h"\ncase = "jo"', "step 2: case: there is no case 'jo' yet"),
        (REFERRAL + '[[step]]\nafter = "1h"\nkey = "k"', "step 2: key: is for a step that does something"),
        (REFERRAL + 'expect = { events = ["Flown"] }', "step 1: expect.events: there is no event 'Flown'"),
        (
            REFERRAL + 'expect = { events = ["ConsentGiven"] }',
            "there is no event 'ConsentGiven'; near it are ConsentRenewed, ConsentOverdue, ConsentGranted",
        ),
        (
            REFERRAL + 'expect = { events = ["OutcomeUpdated"] }',
            "there is no event 'OutcomeUpdated'; near it are OutcomeSustained, OutcomeSet, OutcomeProgressed",
        ),
        (
            REFERRAL + f'[[step]]\n{AS}\ndo = "set-outcomes"',
            "step 2: do: there is no command 'set-outcomes'; near it are set-outcome",
        ),
        (
            REFERRAL + 'expect = { refused = "wrong_meeting_state" }',
            "there is no rule 'wrong_meeting_state'; near it are wrong_meeting_stage, wrong_stage,",
        ),
        (
            REFERRAL + "expect = { facts = { Flown = { high = true } } }",
            "step 1: expect.facts: there is no event 'Flown'",
        ),
        (
            REFERRAL + "expect = { facts = { ReferralSubmitted = { moon = true } } }",
            "step 1: expect.facts.ReferralSubmitted: this event has no field 'moon'",
        ),
        (REFERRAL + 'expect = { stage = "Moon" }', "step 1: expect.stage: must be one of New"),
        (REFERRAL + 'expect = { refused = "moon" }', "step 1: expect.refused: there is no rule 'moon'"),
        (REFERRAL + 'expect = { colour = "red" }', "step 1: expect.colour: is not a key of a step"),
        (
            REFERRAL + "expect = { due = { triage = 3 } }",
            "step 1: expect.due.triage: must be a date and time",
        ),
        (
            REFERRAL + 'expect = { next = { command = "fly" } }',
            "step 1: expect.next.command: there is no such",
        ),
        (
            REFERRAL + '[[step]]\nafter = "1h"\nexpect = { stage = "Triage" }',
            "step 2: expect.stage: is about a case",
        ),
        (
            REFERRAL + '[[step]]\nafter = "1h"\nexpect = { refused = "not_found" }',
            "step 2: expect.refused: is for a step that does something",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, said: str, rules: Rules) -> None:
    assert said in refusals(text, rules)


def test_everything_that_is_wrong_is_told_at_once(rules: Rules) -> None:
    told = refusals(REFERRAL + '[[step]]\nafter = "x"\n[[step]]\ndo = "fly"\ncase = "jo"', rules)
    assert [line.split(": ")[1] for line in told.splitlines()] == ["step 2", "step 3", "step 3"]


@pytest.mark.parametrize(
    ("start", "after", "lapse", "ends"),
    [
        ("2027-01-04T09:30+00:00", "30m", False, "2027-01-04T10:00+00:00"),
        # The clocks go forward on Sunday 28 March.
        ("2027-03-27T09:30+00:00", "24h", False, "2027-03-28T09:30+00:00"),
        ("2027-03-27T09:30+00:00", "1d", False, "2027-03-28T08:30+00:00"),
        ("2027-03-22T09:30+00:00", "1w", False, "2027-03-29T08:30+00:00"),
        ("2027-01-31T09:30+00:00", "1mo", False, "2027-02-28T09:30+00:00"),
        # Over a weekend: somebody acts at their hour, a clock runs out at the end of the day.
        ("2027-01-08T09:30+00:00", "1wd", False, "2027-01-11T09:30+00:00"),
        ("2027-01-08T09:30+00:00", "1wd", True, "2027-01-11T17:00+00:00"),
        ("2026-12-24T10:00+00:00", "2wd", True, "2026-12-30T17:00+00:00"),
    ],
)
def test_a_length_of_time_ends_in_london(start: str, after: str, lapse: bool, ends: str) -> None:
    found = later(datetime.fromisoformat(start), after, WorkingCalendar(), lapse=lapse)
    assert found is not None
    assert found.astimezone(UTC) == datetime.fromisoformat(ends)
