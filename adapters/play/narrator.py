"""Telling people what happens, as it happens: time in London, who, the event, a plain sentence; and what held.

Texts come from a file and from the log, so no control character of theirs reaches the terminal. Decides nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich.console import Console
from rich.text import Text

from adapters.cli.output import safe
from adapters.play.report import Check, StoryReport
from domain.london import LONDON, london
from domain.messages import Actor, Recorded
from domain.roles import Role
from projections import words


class Narrator:
    """Prints one story after the other."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def title(self, title: str, file: str, about: str) -> None:
        self._line(Text.assemble((safe(title), "bold"), (f"   {safe(file)}", "dim")))
        if about.strip():
            self._line(Text(safe(about.strip()), style="italic"))

    def say(self, text: str) -> None:
        self.console.print()
        self._line(Text(safe(text), style="italic"))

    def happened(self, one: Recorded) -> None:
        engine = one.envelope.actor.role is Role.SYSTEM
        line = _opening(one.envelope.recorded_at, one.envelope.actor)
        line.append(f"{one.event.TOPIC:<26} ", style="bold yellow" if engine else "bold")
        line.append(safe(words.sentence(one.event)))
        if one.envelope.effective_at != one.envelope.recorded_at:
            line.append(f" (happened {london(one.envelope.effective_at)})", style="dim")
        self._line(line)

    def stage(self, stage: str) -> None:
        self._line(Text(f"{'':19}→ {stage}", style="green"))

    def refused(self, at: datetime, actor: Actor, command: str, code: str, message: str) -> None:
        line = _opening(at, actor)
        line.append(f"{command} refused: {code} ", style="bold red")
        line.append(safe(message))
        self._line(line)

    def repeated(self, at: datetime, actor: Actor, command: str) -> None:
        line = _opening(at, actor)
        line.append(f"{command} again ", style="bold")
        line.append("The same message once more: nothing was added.")
        self._line(line)

    def checked(self, number: int, checks: Sequence[Check]) -> None:
        for check in checks:
            if check.held:
                self._line(Text(f"{'':19}✓ {safe(check.about)}: {safe(check.expected)}", style="green"))
            else:
                self._line(Text(f"{'':19}✗ step {number}, {safe(check.about)}", style="bold red"))
                self._line(Text(f"{'':21}expected  {safe(check.expected)}", style="red"))
                self._line(Text(f"{'':21}happened  {safe(check.happened)}", style="red"))

    def ended(self, report: StoryReport) -> None:
        self.console.print()
        counts = f"{report.events} events, {report.by_the_engine} of them the engine's own doing"
        if report.passed and not report.checks:
            self._line(Text(f"{counts}. ({report.seconds:.1f} s)", style="dim"))
            return
        if report.passed:
            self._line(
                Text(
                    f"✓ {counts}; all {report.checks} expectations held. ({report.seconds:.1f} s)",
                    style="green",
                )
            )
            return
        failed = sum(len(step.failures) for step in report.told)
        told = (
            ""
            if len(report.told) == report.steps
            else f" The story broke off at step {len(report.told)} of {report.steps}."
        )
        text = f"✗ {counts}; {failed} of {report.checks} expectations did not hold.{told} ({report.seconds:.1f} s)"
        self._line(Text(text, style="bold red"))

    def _line(self, line: Text) -> None:
        self.console.print(line, soft_wrap=True)


def _opening(at: datetime, actor: Actor) -> Text:
    engine = actor.role is Role.SYSTEM
    line = Text()
    line.append(f"{at.astimezone(LONDON):%a %d %b %Y %H:%M}  ", style="dim")
    line.append(
        f"{'the engine' if engine else safe(actor.person):<16} ", style="yellow" if engine else "cyan"
    )
    return line
