"""Which story shows which part of the pathway: every row of the failure matrix, every clock, every scenario.

An index, by the names of the files; whether a story holds is `test_stories.py`'s affair. A new story is written into it;
a row that has none yet is named in AWAITED, and nowhere else.
Source: clocks, failure matrix and acceptance scenarios of the pathway (domain reference 2.3, 2.13, 7.2).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
Stories = tuple[str, ...]

FAILURES: Mapping[str, Stories] = {
    "no consent": ("consent-overdue", "clock-consent-sought", "no-consent-over-christmas"),
    "consent withdrawn mid-pathway": ("consent-withdrawn", "consent-withdrawn-in-support"),
    "no contact / disengagement": ("39-no-contact-and-a-child-of-six", "38-a-third-agency-still-hears"),
    "person moves area": ("moved-away-and-taken-over", "moved-away-and-nobody-answers"),
    "death": ("54-a-death-that-nobody-has-confirmed", "a-death-on-the-waiting-list"),
    "duplicate referral": (
        "03-two-agencies-one-person",
        "two-cases-merged-and-parted",
        "two-referrals-on-one-day",
        "merged-while-stepping-down",
    ),
    "safeguarding concern": (
        "73-withdrawal-while-a-concern-is-open",
        "13-participation-ends-and-safeguarding-goes-on",
        "a-concern-about-a-child",
        "a-concern-before-any-referral",
        "a-concern-at-every-stage",
    ),
    "key worker leaves or is absent": (
        "36-the-last-day-before-easter",
        "covered-for-ten-working-days",
        "an-absence-that-ends-by-itself",
        "the-worker-leaves-while-support-rests",
    ),
    "no capacity": ("30-nobody-has-room", "a-worker-who-does-not-answer", "nobody-can-take-the-case"),
    "forum inquorate": ("21-a-meeting-without-its-quorum", "an-urgent-item-and-no-quorum"),
    "action overdue": ("25-an-action-stays-undone", "27-no-identity-documents", "escalated-no-further"),
    "agency never returns information": ("22-the-referring-agency-does-not-come",),
    "dispute between agencies": ("24-agencies-disagree-on-the-lead",),
    "re-referral after closure": ("50-referred-again-after-a-year", "clock-repeat-window"),
    "step-down fails": ("52-an-overdose-after-step-down", "an-overdose-and-no-worker-left"),
    "adapter sends the same message twice": ("05-the-same-message-three-times",),
    "late or back-dated fact": ("60-a-fact-that-comes-late",),
    "wrong data recorded": ("wrong-data-recorded",),
    "worker records something about a relative": ("33-an-interpreter-and-a-cousin",),
}
"""Row of 2.13 → the stories that show it."""

CLOCKS: Mapping[str, Stories] = {
    "acknowledge referral": ("clock-acknowledgement",),
    "triage decision": ("69-triage-over-christmas", "clock-over-summer-time", "a-child-nobody-has-seen"),
    "information request": ("clock-information-request", "information-supplied"),
    "consent sought": ("clock-consent-sought", "consent-overdue"),
    "consent review and expiry": (
        "clock-consent-review",
        "11-consent-runs-out-before-a-meeting",
        "consent-over-a-leap-day",
    ),
    "agency information returns": ("22-the-referring-agency-does-not-come",),
    "agenda published": ("22-the-referring-agency-does-not-come",),
    "forum cadence": ("clock-forum-cadence",),
    "minutes and actions issued": ("an-urgent-item-and-no-quorum",),
    "action due": ("25-an-action-stays-undone",),
    "forum review of an accepted case": ("clock-forum-review",),
    "allocation decision": ("clock-allocation",),
    "first contact attempt": ("a-worker-who-does-not-answer", "clock-introduction"),
    "introductory period": ("clock-introduction",),
    "minimum contact in active support": ("60-a-fact-that-comes-late", "wrong-data-recorded"),
    "disengagement trigger": ("39-no-contact-and-a-child-of-six", "38-a-third-agency-still-hears"),
    "step-down transition": ("merged-while-stepping-down",),
    "monitoring and sustained outcome": ("01-cj", "check-ins-missed"),
    "repeat-referral window": ("clock-repeat-window", "50-referred-again-after-a-year"),
    "reopen window": ("clock-reopen-window", "reopened-with-its-plan"),
    "transfer to another area": ("moved-away-and-nobody-answers",),
    "waiting-list check": ("30-nobody-has-room",),
    "child of a section 47 enquiry is seen": ("a-child-nobody-has-seen",),
    "initial child protection conference": ("a-child-nobody-has-seen",),
    "screening of a concern": ("73-withdrawal-while-a-concern-is-open",),
    "enquiry of a concern that meets the threshold": ("an-enquiry-that-does-not-begin",),
    "review of an override": ("an-override-on-its-day",),
    "escalation level": ("escalation-to-the-top", "24-agencies-disagree-on-the-lead"),
    "pause while suspended": ("40-eight-weeks-in-prison",),
    "summer time": ("clock-over-summer-time", "moved-away-and-nobody-answers", "deadlines-over-holidays"),
}
"""Clock of 2.3, or of the tables after it → the stories that show it. Clocks of families and of rights requests belong to
other programmes and are not the adult pathway's."""

SCENARIOS: Mapping[int, Stories] = {
    1: ("01-cj",),
    2: ("02-no-offer",),
    3: ("03-two-agencies-one-person",),
    5: ("05-the-same-message-three-times",),
    6: ("06-a-forum-for-two-neighbourhoods",),
    8: ("08-a-no-to-one-agency",),
    9: ("09-a-client-without-consent",),
    10: ("10-consent-without-evidence",),
    11: ("11-consent-runs-out-before-a-meeting",),
    13: ("13-participation-ends-and-safeguarding-goes-on", "participation-withdrawn"),
    14: ("14-decided-in-their-best-interests",),
    15: ("15-self-neglect-and-a-no",),
    16: ("16-a-child-in-an-adult-programme",),
    18: ("18-a-court-order-keeps-a-parent-away",),
    19: ("19-shared-without-consent",),
    21: ("21-a-meeting-without-its-quorum",),
    22: ("22-the-referring-agency-does-not-come",),
    24: ("24-agencies-disagree-on-the-lead",),
    25: ("25-an-action-stays-undone",),
    27: ("27-no-identity-documents",),
    30: ("30-nobody-has-room",),
    31: ("31-the-urgent-case-comes-first", "30-nobody-has-room"),
    33: ("33-an-interpreter-and-a-cousin",),
    35: ("35-the-worker-is-a-cousin", "33-an-interpreter-and-a-cousin"),
    36: ("36-the-last-day-before-easter",),
    38: ("38-a-third-agency-still-hears",),
    39: ("39-no-contact-and-a-child-of-six",),
    40: ("40-eight-weeks-in-prison",),
    50: ("50-referred-again-after-a-year",),
    52: ("52-an-overdose-after-step-down",),
    54: ("54-a-death-that-nobody-has-confirmed",),
    60: ("60-a-fact-that-comes-late",),
    69: ("69-triage-over-christmas",),
    71: ("71-a-child-protection-plan-is-open",),
    73: ("73-withdrawal-while-a-concern-is-open",),
    75: ("75-no-fixed-abode",),
}
"""Scenario of 7.2 → the stories that play it, each as far as this product goes today."""

ELSEWHERE: Mapping[int, str] = {
    67: "tests/outbox/test_post.py",
    68: "tests/system/test_kill_and_come_back.py",
}
"""Scenarios about processes that die or fail, which no story in virtual time can show, and the test that does."""

OTHERS: Stories = (
    "a-no-and-asked-again",
    "conversation-before-referral",
    "moved-inside-the-city",
    "not-for-this-role",
    "the-ways-out-of-triage",
    "what-a-wrong-merge-disclosed",
    "what-the-person-wants",
    "a-concern-on-the-waiting-list",
)
"""Stories of rows of machines A and B and of the table of roles that are neither a failure nor a clock."""

AWAITED: Mapping[str, frozenset[str]] = {
    "failures": frozenset(),
    "clocks": frozenset(),
    "scenarios": frozenset(),
}
"""Rows whose story is still to be written: one that gets its story leaves."""

INDEX: Mapping[str, Mapping[str, Stories]] = {
    "failures": FAILURES,
    "clocks": CLOCKS,
    "scenarios": {str(number): stories for number, stories in SCENARIOS.items()},
}


def test_every_story_of_the_index_exists() -> None:
    named = {one for rows in INDEX.values() for stories in rows.values() for one in stories} | set(OTHERS)
    missing = {one for one in named if not (HERE / f"{one}.toml").is_file()}
    assert not missing
    assert all((ROOT / test).is_file() for test in ELSEWHERE.values())


def test_every_row_has_its_story_unless_it_is_known_to_wait_for_one() -> None:
    for kind, rows in INDEX.items():
        assert {row for row, stories in rows.items() if not stories} == AWAITED[kind], kind


def test_the_matrix_of_failures_is_whole() -> None:
    assert len(FAILURES) == 19
