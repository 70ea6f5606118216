"""Whichever command closes a case: nobody is left with an action, the worker's place is free, and the person's too."""

from __future__ import annotations

import pytest

from domain import catalogue
from domain.case.stages import Stage
from domain.person.identity import EpisodeEnded
from tests.support.scenario import CaseStory, Outcome, a_case, given
from tests.support.situations import Situation, situations

ALL = situations()


def _of_robin(situation: Situation) -> CaseStory | None:
    """The story of the case that the command is about, if it is one."""
    stories = [one for one in situation.before if isinstance(one, CaseStory)]
    return next((one for one in stories if one.case_id == a_case().case_id), None)


def _carried_out(name: str) -> tuple[Outcome, CaseStory] | None:
    """What the command does to a case that has one more open action; nothing if it is about no open case."""
    situation = ALL[name]
    story = _of_robin(situation)
    if story is None or story.case.stage in (Stage.NEW, Stage.DRAFT, Stage.CLOSED):
        return None
    busy = story.with_action("another", at=story.now)
    before = [busy if one is story else one for one in situation.before]
    command = catalogue.decision(name).command.model_validate(situation.fields)
    told = given(*before).when(command, as_=situation.by, at=situation.now)
    return (told, busy) if told.refusal is None else None


def _closes(name: str) -> bool:
    done = _carried_out(name)
    return done is not None and done[0].after.cases[done[1].case_id].stage is Stage.CLOSED


CLOSING = sorted(name for name in ALL if _closes(name))


@pytest.mark.parametrize("name", CLOSING)
def test_a_command_that_closes_a_case_leaves_nothing_of_it_open(name: str) -> None:
    done = _carried_out(name)
    assert done is not None
    told, story = done
    case = told.after.cases[story.case_id]
    assert case.open_actions == []
    assert case.worker_id is None
    assert any(isinstance(event, EpisodeEnded) for event in told.happened)


def test_the_closings_of_every_part_of_the_pathway_are_among_them() -> None:
    assert {
        "mark-ineligible",
        "withdraw-referral",
        "refuse-to-take-part",
        "decline-support",
        "close-disengaged",
        "confirm-sustained",
        "record-death",
        "merge-cases",
    } <= set(CLOSING)
