"""Broken rules of use: one class per rule, in one tree, with the standard library only.

The docstring is the message; `{names}` in it are filled from `data`. Data is shown to people and written to logs,
so it must never hold personal data: codes, identifiers, stage names and instants only. An instant is given as one: it is
read in Europe/London in the sentence, and keeps its offset in the data.
Rules of one stage live in that stage's file, next to the function that checks them.
"""

from datetime import datetime
from typing import ClassVar

from domain.london import london


class DomainError(Exception):
    """The request was refused."""

    code: ClassVar[str] = "refused"

    def __init__(self, **data: object) -> None:
        self.data = data
        super().__init__(self.sentence(data))

    @classmethod
    def sentence(cls, data: dict[str, object]) -> str:
        """The docstring as one line, with `data` filled in."""
        text = " ".join((cls.__doc__ or cls.code).split())
        return text.format_map(_Shown({name: _words(value) for name, value in data.items()}))


class _Shown(dict[str, object]):
    """Leaves a placeholder readable when its value was not given, instead of failing while refusing."""

    def __missing__(self, key: str) -> str:
        return f"<{key}>"


def _words(value: object) -> object:
    return london(value) if isinstance(value, datetime) else value


class NotPermitted(DomainError):
    """Role {role} may not issue {command}; it is for: {allowed}."""

    code = "role_not_permitted"


class NotFound(DomainError):
    """There is no {kind} with the id {id}."""

    code = "not_found"


class Conflict(DomainError):
    """The step does not fit what has been recorded already."""

    code = "conflict"


class RuleBroken(DomainError):
    """A rule of the pathway refuses this step."""

    code = "rule_broken"


class WrongStage(Conflict):
    """{command} is for a case in stage {allowed}; this case is in stage {stage}."""

    code = "wrong_stage"


class NotYetDue(Conflict):
    """{command} is for a deadline that has passed; this one is due at {due_at}."""

    code = "not_yet_due"


class AlreadyRecorded(Conflict):
    """{what} is already recorded; nothing was added."""

    code = "already_recorded"


class ConcurrentChange(Conflict):
    """Others changed the same records at the same moment, again and again; nothing was recorded. Send the same command again."""

    code = "concurrent_change"


class EffectiveInFuture(RuleBroken):
    """effective_at says when something happened, so it cannot lie in the future."""

    code = "effective_in_future"


class CommandIdReused(RuleBroken):
    """This idempotency key was used before for {used_for} with another body, and that stands; use a new key for a new command."""

    code = "command_id_reused"
