"""The examples that the catalogue shows are commands that can be given."""

from __future__ import annotations

import pytest

from domain import catalogue
from domain.messages import Command

OURS = [
    command
    for command in catalogue.commands()
    if command.__module__.startswith("domain.meeting")
    or command.__module__
    in ("domain.case.forum_decision", "domain.case.review_item", "domain.case.advice_item")
]


@pytest.mark.parametrize("command", OURS, ids=lambda command: command.NAME)
def test_the_example_of_a_command_is_a_sound_command(command: type[Command]) -> None:
    shown = command.model_validate(command.EXAMPLE)
    assert command.model_validate_json(shown.model_dump_json()) == shown
    assert command.__doc__


def test_every_step_of_the_forum_is_in_the_catalogue() -> None:
    assert {command.NAME for command in OURS} == {
        "plan-meeting",
        "plan-next-meeting",
        "mark-agenda-overdue",
        "mark-start-overdue",
        "mark-conclusion-overdue",
        "chair-decides",
        "mark-chair-decision-overdue",
        "ratify-urgent-decisions",
        "mark-ratification-overdue",
        "declare-interest",
        "share-information",
        "record-dissent",
        "mark-minutes-overdue",
        "correct-minutes",
        "schedule-review-item",
        "record-review-decision",
        "request-key-worker",
        "schedule-advice-item",
        "record-engagement-advice",
        "open-agenda",
        "close-agenda",
        "start-meeting",
        "conclude-meeting",
        "issue-minutes",
        "cancel-meeting",
        "schedule-item",
        "add-urgent-item",
        "withdraw-item",
        "mark-listing-overdue",
        "return-information",
        "mark-returns-missing",
        "record-decision",
        "mark-decision-overdue",
    }
