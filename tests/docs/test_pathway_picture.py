"""The pictures in docs/pathway.md are drawn from the tables the engine moves by.

Run this file as a script to draw them again.
"""

import sys
from collections.abc import Iterable
from pathlib import Path

from domain.case import action, allocation_states, escalation, grants, safeguarding, stages
from domain.meeting import state as meeting

PAGE = Path(__file__).parents[2] / "docs" / "pathway.md"


def drawn() -> str:
    return "\n".join(
        [
            "# The pathway as a picture",
            "",
            "Drawn from the tables of moves in `domain/`; a test compares. Arrows are events.",
            "A safeguarding concern and an escalation run beside the pathway, from any stage, and move no case.",
            "",
            "## A case",
            "",
            *_diagram(stages.MOVES, start="New", end="Closed"),
            "",
            "## A consent",
            "",
            "To disclosure of some information by one agency to one recipient for one purpose; it moves no case.",
            "",
            *_diagram(grants.GRANT_MOVES, start="new", end=None),
            "",
            "## An action",
            "",
            *_diagram(action.ACTION_MOVES, start="None", end=None),
            "",
            "## A forum meeting",
            "",
            *_diagram(meeting.MOVES, start="New", end=None),
            "",
            "## An allocation to a key worker",
            "",
            *_diagram(allocation_states.ALLOCATION_MOVES, start="Unallocated", end=None),
            "",
            "## A cover",
            "",
            "It runs beside the allocation while the key worker is away, and ends with it.",
            "",
            *_diagram(allocation_states.COVER_MOVES, start="Uncovered", end=None),
            "",
            "## A place on the waiting list",
            "",
            *_diagram(allocation_states.WAITING_MOVES, start="none", end=None),
            "",
            "## A safeguarding concern",
            "",
            *_diagram(safeguarding.CONCERN_MOVES, start="None", end="closed"),
            "",
            "## An escalation",
            "",
            *_diagram(escalation.ESCALATION_MOVES, start="None", end="closed"),
            "",
        ]
    )


def _diagram(moves: object, *, start: str, end: str | None) -> Iterable[str]:
    arrows: dict[tuple[str, str], list[str]] = {}
    for topic, move in moves.items():  # type: ignore[attr-defined]
        for source, target in move.items():
            for one in target if isinstance(target, tuple) else (target,):
                if one != source:
                    arrows.setdefault((str(source), str(one)), []).append(topic)
    yield "```mermaid"
    yield "stateDiagram-v2"
    come_back_to = any(target == start for _, target in arrows)
    if come_back_to:
        yield f"    [*] --> {start}"
    for (source, target), topics in arrows.items():
        begin = "[*]" if source == start and not come_back_to else source
        yield f"    {begin} --> {target}: {', '.join(topics)}"
    if end is not None:
        yield f"    {end} --> [*]"
    yield "```"


def test_the_pictures_in_the_docs_are_those_of_the_tables() -> None:
    assert PAGE.read_text(encoding="utf-8") == drawn(), "run this file as a script to draw them again"


if __name__ == "__main__":
    PAGE.write_text(drawn(), encoding="utf-8")
    sys.stdout.write(f"drawn: {PAGE.name}\n")
