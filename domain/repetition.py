"""A command that comes again under its id: whether it is the same one, which gets its first answer, or another, refused.

What it is about is compared with what the first one touched, and its body by a keyed digest, from which nothing can be
told. Must not load or write anything.
Source: the Idempotency-Key header field, "idempotency fingerprint" (IETF draft of the working group httpapi).
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Final
from uuid import UUID, uuid5

from domain import catalogue
from domain.errors import CommandIdReused
from domain.messages import EVENTS, CaseEvent, Command, Event, MeetingEvent, WorkerEvent
from domain.ports import Answer

_ABOUT: Final = (
    ("Case", "case_id", "case", CaseEvent),
    ("Meeting", "meeting_id", "meeting", MeetingEvent),
    ("KeyWorker", "worker_id", "worker", WorkerEvent),
)
"""What a command may be about: the kind, the field that names it, the word that its id is made with, and its events."""


def body_of(command: Command, command_id: UUID) -> bytes:
    """The body as it is compared, in whatever order and however fully it was sent.

    Left out is what is as by default: a field that a later release adds does not make a retry into something else. An
    id that is made of the command's own when nobody gives it is put in, for a retry may name it.
    """
    body = command.model_dump(mode="json", exclude_defaults=True)
    starts = catalogue.decision(command.NAME).starts
    for kind, field, word, _ in _ABOUT:
        if kind in starts and field in type(command).model_fields:
            body.setdefault(field, str(uuid5(command_id, word)))
    return json.dumps([command.NAME, body], sort_keys=True).encode()


def answer_again(answer: Answer, command: Command, digest: str | None, *, expected: bool) -> Answer:
    """The answer, if it is this command's. To say "done" for another case would leave that one undone in silence.

    Whoever goes over the same things again on purpose, as `expected` says, is told of another body and not refused for
    it. An answer from before digests were kept is compared by what it is about alone.
    Raises: CommandIdReused.
    """
    if answer.command != command.NAME or any(
        _touched_another(answer, command, field, events) for _, field, _, events in _ABOUT
    ):
        raise CommandIdReused(used_for=answer.command)
    if None in (answer.body_digest, digest) or answer.body_digest == digest:
        return answer
    if expected:
        return replace(answer, says_otherwise=True)
    raise CommandIdReused(used_for=answer.command)


def _touched_another(answer: Answer, command: Command, field: str, kind: type[Event]) -> bool:
    """Whether the answer is about things of this kind, and not about the one that the command names."""
    about = getattr(command, field, None)
    touched = {one.stream_id for one in answer.events if issubclass(EVENTS[one.topic], kind)}
    return about is not None and bool(touched) and about not in touched
