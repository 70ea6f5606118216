"""What every durable process does: hear how its case stands, keep its appointments, say what it waits for.

It holds no truth and works out no deadline: instants come from the log in the brief, and a step that was taken counts
only once the log says so. Nothing of a single stage belongs here.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy, SearchAttributeKey, SearchAttributeUpdate

with workflow.unsafe.imports_passed_through():
    from domain.case.stages import Stage
    from workflows.contracts import (
        ISSUE,
        Brief,
        CaseBrief,
        IssueCommand,
        Issued,
        MeetingBrief,
        Waiting,
    )
    from workflows.search_attributes import CASE_STAGE, NEXT_DUE, NEXT_STEP, WAITING_SINCE, WAITS_FOR

# An activity that cannot reach the log is tried until it can: whatever is down comes back.
_RETRIES = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1))
# A command takes milliseconds; the step of a worker that died is tried again after this. No heartbeat: it would save a few
# seconds of these, of which the death costs its processes ten anyhow before another worker has them, and a command that
# takes longer all the same is tried beside itself and done once, because it has an id.
_ONE_TRY = timedelta(seconds=10)
_LONG_HISTORY = 250
"""Entries after which a process goes on in a new run: so many that it is rare, and so few that a worker has room for what it
keeps of a process, which grows by 0.8 KiB with each, and reads it quickly when it has to read it again. The server suggests
it only at 4,096, and the time-skipping one never."""
_LONG_HISTORY_BEFORE = 2_000
"""The limit before. It holds on for a run that was longer than the present one when that came."""
_MILLISECOND = timedelta(milliseconds=1)
_AT_ONCE = datetime.min.replace(tzinfo=UTC)

Shown = TypeVar("Shown", str, datetime)


class Step:
    """A command to issue, at once or when a deadline passes. Two steps with the same key are the same step."""

    def __init__(
        self, command: str, occasion: str, due_at: datetime | None, arguments: dict[str, str]
    ) -> None:
        self.command = command
        self.key = "/".join((command, *arguments.values(), occasion))
        self.due_at = due_at
        self.arguments = arguments


class Process:
    """The part that all processes share. Each turn of `run` names its steps anew and ends with `next`."""

    def __init__(self) -> None:
        self._steps: list[Step] = []
        self._taken: set[str] = set()
        self._refused: dict[str, int] = {}
        self._waiting: Waiting | None = None

    @property
    def _brief(self) -> Brief:
        """How what it is about stands, by what was heard last."""
        raise NotImplementedError

    @workflow.query(description="What this process waits for, since when, and what it does next by itself")
    def waiting(self) -> Waiting | None:
        return self._waiting

    # -- the words that a process is written in ---------------------------------------------------------------------

    def at_once(self, command: str, *, occasion: object) -> None:
        """Issue this command now, once for this occasion."""
        self._steps.append(Step(command, str(occasion), None, {}))

    def when_passed(self, clock: str, command: str) -> None:
        """Issue this command when the clock runs out, once for its deadline, if the clock runs at all."""
        due_at = self._brief.due.get(clock)
        if due_at is not None and clock not in self._brief.overdue:
            self._when_passed(clock, due_at, command, {})

    def when_each_passed(self, clock: str, command: str, argument: str) -> None:
        """The same for a clock of which a case has several: each names, after a colon, what it is about."""
        for name, due_at in self._brief.due.items():
            kind, _, about = name.partition(":")
            if kind == clock and about and name not in self._brief.overdue:
                self._when_passed(name, due_at, command, {argument: about})

    def runs(self, *clocks: str) -> bool:
        """Whether one of these clocks runs, whatever it is about."""
        return any(name.partition(":")[0] in clocks for name in self._brief.due)

    def at(self, due_at: datetime, command: str, **arguments: str) -> None:
        """Issue this command at an instant, once."""
        self._steps.append(Step(command, due_at.isoformat(), due_at, arguments))

    async def next(self, waits_for: str, *, since: datetime | None = None) -> None:
        """Take the step that is due, or else wait until the case is heard of or the next deadline passes."""
        step = self.first_step()
        self._steps = []
        now = workflow.now() + self._brief.clock_ahead
        if step is not None and (step.due_at is None or step.due_at <= now):
            await self._issue(step)
            return
        self._show(waits_for, since or self._brief.since, step)
        if self._has_a_long_history():
            # What was taken is forgotten: a step that the brief still calls for is issued again, and done once.
            workflow.continue_as_new(self._brief)
        await self._sleep(step, now)

    def knows(self, change: str) -> bool:
        """Whether this process began with a change to its code, or else goes on as before it."""
        return workflow.patched(change)

    def _when_passed(self, clock: str, due_at: datetime, command: str, arguments: dict[str, str]) -> None:
        # A case that is put back on the same agenda has the same deadlines again: that is another occasion.
        again = self._brief.again.get(clock)
        occasion = due_at.isoformat() if again is None else f"{due_at.isoformat()}/{again}"
        self._steps.append(Step(command, occasion, due_at, arguments))

    # -- how it is done ---------------------------------------------------------------------------------------------

    def first_step(self) -> Step | None:
        """Of the steps that were named this turn, the one to take first, if any is left to take."""
        steps = [step for step in self._steps if not self._settled(step)]
        return min(steps, key=lambda one: one.due_at or _AT_ONCE, default=None)

    def _settled(self, step: Step) -> bool:
        # What a rule refused is tried again only when something about the case has changed.
        return step.key in self._taken or self._refused.get(step.key) == self._brief.position

    async def _issue(self, step: Step) -> None:
        knew = self._brief.position
        order = IssueCommand(
            case_id=self._brief.about,
            about=self._brief.ABOUT,
            command=step.command,
            key=step.key,
            arguments=step.arguments,
        )
        issued: Issued = await workflow.execute_activity(
            ISSUE,
            order,
            result_type=Issued,
            start_to_close_timeout=_ONE_TRY,
            retry_policy=_RETRIES,
            summary=step.command,
        )
        if issued.refused is None:
            self._taken.add(step.key)
        else:
            self._refused[step.key] = knew

    def _has_a_long_history(self) -> bool:
        run = workflow.info()
        if run.is_continue_as_new_suggested():
            return True
        entries = run.get_current_history_length()
        return (entries > _LONG_HISTORY and self.knows("goes-on-soon")) or (
            entries > _LONG_HISTORY_BEFORE and self.knows("goes-on-earlier")
        )

    async def _sleep(self, step: Step | None, now: datetime) -> None:
        knew = self._brief.position
        if step is None or step.due_at is None:
            await workflow.wait_condition(lambda: self._brief.position != knew)
            return
        try:
            await workflow.wait_condition(
                lambda: self._brief.position != knew,
                timeout=_up_to_the_millisecond(step.due_at - now),
                timeout_summary=f"{step.command} at {step.due_at:%Y-%m-%d %H:%M} UTC",
            )
        except TimeoutError:
            return  # the next turn finds the step due

    def _show(self, waits_for: str, since: datetime, step: Step | None) -> None:
        """Tell operations staff, in search attributes, which stand even when no worker runs, and in words."""
        self._waiting = Waiting(
            waits_for=waits_for,
            since=since,
            next_step=step.command if step else None,
            next_due=step.due_at if step else None,
        )
        changed = [
            update
            for update in (
                self._shown(CASE_STAGE, str(self._brief.stage)),
                self._shown(WAITS_FOR, waits_for),
                self._shown(WAITING_SINCE, since),
                self._shown(NEXT_STEP, self._waiting.next_step),
                self._shown(NEXT_DUE, self._waiting.next_due),
            )
            if update is not None
        ]
        if changed:
            workflow.upsert_search_attributes(changed)
        workflow.set_current_details(_details(self._brief, self._waiting))

    def _shown(
        self, key: SearchAttributeKey[Shown], value: Shown | None
    ) -> SearchAttributeUpdate[Any] | None:
        # Each change is an entry in the workflow's history, so only what differs is written.
        if workflow.info().typed_search_attributes.get(key) == value:
            return None
        return key.value_unset() if value is None else key.value_set(value)


class CaseProcess(Process):
    """A process of one case."""

    @workflow.init
    def __init__(self, brief: CaseBrief) -> None:
        super().__init__()
        self.case = brief

    @property
    def _brief(self) -> CaseBrief:
        return self.case

    @workflow.signal(description="Facts of the case were recorded; the brief says how it stands now")
    def heard(self, brief: CaseBrief) -> None:
        """Take the newer brief; one that was sent twice, or comes late, says nothing new."""
        if brief.position > self.case.position:
            self.case = brief

    def stands_in(self, *stages: Stage) -> bool:
        """Whether the case is in one of these stages."""
        return self.case.stage in stages


class MeetingProcess(Process):
    """A process of one forum meeting."""

    @workflow.init
    def __init__(self, brief: MeetingBrief) -> None:
        super().__init__()
        self.meeting = brief

    @property
    def _brief(self) -> MeetingBrief:
        return self.meeting

    @workflow.signal(description="Facts of the meeting were recorded; the brief says how it stands now")
    def heard(self, brief: MeetingBrief) -> None:
        """Take the newer brief; one that was sent twice, or comes late, says nothing new."""
        if brief.position > self.meeting.position:
            self.meeting = brief


def _up_to_the_millisecond(duration: timedelta) -> timedelta:
    # Timers count milliseconds: one that fires a fraction early would find its deadline not yet passed.
    return -(-duration // _MILLISECOND) * _MILLISECOND


def _details(brief: Brief, waiting: Waiting) -> str:
    """The summary on the workflow's page. Codes and instants only."""
    what = brief.ABOUT.removesuffix("_id").title()
    lines = [
        f"**Waits for** {waiting.waits_for}, since {_instant(waiting.since)}",
        f"**{what}** {brief.about} in stage {brief.stage}, as of position {brief.position} of the log",
    ]
    if waiting.next_step and waiting.next_due:
        lines.insert(1, f"**Next** {waiting.next_step} on {_instant(waiting.next_due)}")
    if brief.due:
        clocks = (
            f"- {clock}: {_instant(due_at)}{_late(clock, brief)}" for clock, due_at in brief.due.items()
        )
        lines.append("**Running clocks**\n\n" + "\n".join(clocks))
    if isinstance(brief, CaseBrief) and brief.actions:
        actions = (
            f"- {action.action_id}: {_instant(action.due_at)}{' (overdue)' if action.overdue else ''}"
            for action in brief.actions
        )
        lines.append("**Open actions**\n\n" + "\n".join(actions))
    if brief.heard:
        lines.append("**Heard last** " + ", ".join(fact.topic for fact in brief.heard))
    return "\n\n".join(lines)


def _late(clock: str, brief: Brief) -> str:
    return " (overdue, on record)" if clock in brief.overdue else ""


def _instant(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M} UTC"
