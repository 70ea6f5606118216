"""Nothing about a person leaves the log: not in any payload, search attribute, summary or failure, not in any line."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf.message import Message
from structlog.testing import capture_logs
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import HistoryEvent

from adapters.temporal.client import DATA_CONVERTER
from tests.workflows.whole_case import (
    PLANTED,
    PLANTED_NUMBER,
    PLANTED_NUMBER_AS_WRITTEN,
    play,
    workflow_ids,
)
from tests.workflows.world import World

CODE_OR_INSTANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/+-]*")
# The few sentences of ours: what a process waits for, and the name of a timer or of the workflow.
OUR_WORDS = re.compile(r"[a-z' -]+( \d+)?|[a-z-]+ (at [0-9: -]+ UTC|of case [0-9a-f-]{36})")


async def test_no_history_holds_a_name_or_a_number(world: World, caplog: pytest.LogCaptureFixture) -> None:
    with capture_logs() as lines, caplog.at_level(logging.DEBUG):
        case = await play(world)
    said = json.dumps(lines, default=str) + caplog.text
    texts = 0
    for workflow_id in workflow_ids(case):
        history = await world.time.client.get_workflow_handle(workflow_id).fetch_history()
        assert len(history.events) > 10
        for event in history.events:
            said += event.SerializeToString().decode("utf-8", errors="replace")
            for text in texts_in(event):
                texts += 1
                assert CODE_OR_INSTANT.fullmatch(text) or OUR_WORDS.fullmatch(text), text
    assert texts > 1000
    for planted in (PLANTED, PLANTED_NUMBER, PLANTED_NUMBER_AS_WRITTEN):
        assert planted.casefold() not in said.casefold()


def texts_in(event: HistoryEvent) -> Iterator[str]:
    """Every text in every payload of an event, whatever the payload is for."""
    for payload in payloads_in(event):
        if payload.data:
            yield from _texts(json.loads(payload.data))


def payloads_in(message: Message) -> Iterator[Payload]:
    """Every payload within a message of Temporal's, however deep."""
    if isinstance(message, Payload):
        yield message
        return
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        if field.message_type.GetOptions().map_entry:
            inner = [one for one in value.values() if isinstance(one, Message)]
        else:
            inner = [value] if isinstance(value, Message) else list(value)
        for one in inner:
            yield from payloads_in(one)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
    elif isinstance(value, dict):
        for key, one in value.items():
            yield key
            yield from _texts(one)


def test_a_failure_is_written_by_its_kind_whatever_it_says() -> None:
    try:
        try:
            raise ValueError(f"Key (value)=({PLANTED_NUMBER}) already exists")
        except ValueError as inner:
            raise RuntimeError(f"no place for {PLANTED}") from inner
    except RuntimeError as error:
        failure = Failure()
        DATA_CONVERTER.failure_converter.to_failure(error, DATA_CONVERTER.payload_converter, failure)
    assert failure.message == "RuntimeError"
    assert failure.cause.message == "ValueError"
    assert PLANTED not in str(failure).replace(f'"no place for {PLANTED}"', "")
