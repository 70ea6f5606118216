"""How a decision is declared: `@decides` ties a command to the pure function that decides it.

The function's parameters say what it reads (its aggregates, the moment, the rules); the application loads exactly that.
It returns the events that happened, or raises the rule that refuses; it changes nothing. No decision lives here.
"""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from domain.errors import DomainError
from domain.messages import Command, Event

Decide = Callable[..., Sequence[Event]]

READABLE = frozenset(
    {
        "Case",
        "Case | None",
        "Person",
        "Person | None",
        "Meeting",
        "Meeting | None",
        "KeyWorker",
        "KeyWorker | None",
        "Mapping[CaseId, Case]",
        "Mapping[WorkerId, KeyWorker]",
        "Moment",
        "Rules",
        "Sequence[Case]",
        "Sequence[KnownPerson]",
        "Sequence[Recorded]",
        "Sequence[Recorded] | None",
        "Sequence[Waiting]",
        "Sequence[KeyWorker]",
    }
)
"""What a decision may ask for. What may be missing is the other one that the command names, if it names one:
`Case | None` by `duplicate_of` or `survivor`, `Person | None` by `other_person`, `Meeting | None` by `earlier_meeting`.
`Sequence[Case]` are the cases on the meeting's agenda; `Sequence[KnownPerson]` are people who may be the same;
`Sequence[KeyWorker]` is the pool; `Sequence[Waiting]` is the waiting list of the case's programme.
`Mapping[CaseId, Case]` is what the key worker carries; `Mapping[WorkerId, KeyWorker]` are other workers whom the command
or the case names. `Sequence[Recorded]` is the case's own history, and `Sequence[Recorded] | None` that of the case into
which it was merged."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One command of the catalogue: its function, what that reads, what it starts, and the rules that may refuse it."""

    command: type[Command]
    decide: Decide
    reads: tuple[tuple[str, str], ...]
    starts: frozenset[str]
    refuses: tuple[type[DomainError], ...]


DECISIONS: dict[str, Decision] = {}
"""Every command of the product by its name; filled when the stage files are imported (see `domain.catalogue`)."""


def decides(
    command: type[Command], *, starts: Sequence[str] = (), refuses: Sequence[type[DomainError]] = ()
) -> Callable[[Decide], Decide]:
    """Declare the function that decides `command`.

    `starts` names the aggregates that may be new ("Case", "Person", …); others must exist. `refuses` are the named
    rules a caller may meet, for the catalogue.
    """

    def register(function: Decide) -> Decide:
        reads: list[tuple[str, str]] = []
        for name, parameter in list(inspect.signature(function).parameters.items())[1:]:
            wanted = (
                parameter.annotation
                if isinstance(parameter.annotation, str)
                else parameter.annotation.__name__
            )
            if wanted not in READABLE:
                raise TypeError(f"{function.__name__} asks for {wanted}, which no command can read")
            reads.append((name, wanted))
        if command.NAME in DECISIONS:
            raise TypeError(f"two functions decide {command.NAME}")
        DECISIONS[command.NAME] = Decision(command, function, tuple(reads), frozenset(starts), tuple(refuses))
        return function

    return register
