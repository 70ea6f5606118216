"""Plain words: every clock, stage and event has them, and none of them is personal."""

from __future__ import annotations

import ast
from datetime import UTC, datetime
from pathlib import Path

import pytest

import domain.case.evolving
from domain import catalogue
from domain.case.stages import Stage
from domain.london import london
from domain.messages import open_field_names
from projections import PROJECTIONS, words
from tests.support.scenario import a_case


def clocks_of_a_case() -> set[str]:
    """Every clock that the fold of a case starts, read from its source.

    It writes `due["x"] = …`, `due.update(x=…)`, or `due[f"x:{id}"] = …` for a clock of which there may be several.
    """
    found: set[str] = set()
    folder = Path(domain.case.evolving.__file__).parent
    sources = [ast.parse(file.read_text(encoding="utf-8")) for file in folder.glob("*.py")]
    for node in (node for source in sources for node in ast.walk(source)):
        match node:
            case ast.Subscript(value=ast.Attribute(attr="due"), slice=ast.Constant(value=str(clock))):
                found.add(clock)
            case ast.Subscript(
                value=ast.Attribute(attr="due"),
                slice=ast.JoinedStr(values=[ast.Constant(value=str(clock)), *_]),
            ):
                found.add(clock.removesuffix(":"))
            case ast.Call(
                func=ast.Attribute(value=ast.Attribute(attr="due"), attr="update"), keywords=keywords
            ):
                found.update(keyword.arg for keyword in keywords if keyword.arg)
    return found


def test_every_clock_of_a_case_has_words_and_somebody_who_must_act() -> None:
    clocks = clocks_of_a_case()
    assert len(clocks) > 10
    assert clocks <= set(words.CLOCKS)
    assert all(words.CLOCKS[clock].role is not None for clock in clocks)


def test_a_triage_clock_is_a_triage_decision_of_the_coordinator() -> None:
    assert words.clock("triage") == words.Clock("triage decision", words.Role.COORDINATOR)


def test_a_clock_without_words_speaks_for_itself() -> None:
    assert words.clock("new_thing").what == "new thing"


def test_every_read_model_says_which_question_it_answers() -> None:
    assert list(words.READ_MODELS) == [projection.NAME for projection in PROJECTIONS]


def test_every_stage_has_words() -> None:
    assert set(words.STAGES) == set(Stage)


@pytest.mark.parametrize("topic", sorted(words.DETAILS))
def test_a_sentence_speaks_of_open_fields_only(topic: str) -> None:
    event = catalogue.events()[topic]
    assert words.fields_in_details(topic) <= set(open_field_names(event))


def test_every_event_has_a_sentence_without_details_or_with() -> None:
    bare = {
        topic
        for topic, event in catalogue.events().items()
        if set(open_field_names(event)) - {"case_id", "person_id", "meeting_id", "worker_id"}
    }
    # These have open fields that would tell a reader nothing, or too much at once.
    untold = {"MatchesProposed", "AgendaPublished", "MeetingStarted"}
    assert bare - untold <= set(words.DETAILS)


def test_a_referrals_sentence_names_the_agency_and_not_the_person() -> None:
    submitted = next(event for event in a_case().submitted() if event.TOPIC == "ReferralSubmitted")
    told = words.sentence(submitted)
    assert "Greater Manchester Police" in told
    assert "Robin" not in told
    assert "officer-7" not in told


def test_an_empty_field_is_left_out_of_the_sentence() -> None:
    submitted = next(event for event in a_case().submitted() if event.TOPIC == "ReferralSubmitted")
    assert "reference" not in words.sentence(submitted)


def test_instants_are_told_by_the_clock_on_the_wall_in_london() -> None:
    assert london(datetime(2027, 7, 1, 8, 5, tzinfo=UTC)) == "Thu 1 Jul 2027 09:05"
