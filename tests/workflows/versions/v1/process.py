"""What the processes of version 1 shared, as it was; see tests/workflows/test_upgrade.py. Not to be changed any more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy, SearchAttributeKey, SearchAttributeUpdate

with workflow.unsafe.imports_passed_through():
    from domain.case.stages import Stage
    from tests.workflows.versions.v1.contracts import ISSUE, CaseBrief, IssueCommand, Issued, Waiting
    from workflows.search_attributes import CASE_STAGE, NEXT_DUE, NEXT_STEP, WAITING_SINCE, WAITS_FOR

# An activity that cannot reach the log is tried until it can: whatever is down comes back.
_RETRIES = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1))
_ONE_TRY = timedelta(seconds=30)
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


class CaseProcess:
    """The part that all processes share. Each turn of `run` names its steps anew and ends with `next`."""

    @workflow.init
    def __init__(self, brief: CaseBrief) -> None:
        self.case = brief
        self._steps: list[Step] = []
        self._taken: set[str] = set()
        self._refused: dict[str, int] = {}
        self._waiting: Waiting | None = None

    @workflow.signal(description="Facts of the case were recorded; the brief says how it stands now")
    def heard(self, brief: CaseBrief) -> None:
        """Take the newer brief; one that was sent twice, or comes late, says nothing new."""
        if brief.position > self.case.position:
            self.case = brief

    @workflow.query(description="What this process waits for, since when, and what it does next by itself")
    def waiting(self) -> Waiting | None:
        return self._waiting

    # -- the words that a process is written in ---------------------------------------------------------------------

    def stands_in(self, *stages: Stage) -> bool:
        """Whether the case is in one of these stages."""
        return self.case.stage in stages

    def at_once(self, command: str, *, occasion: object) -> None:
        """Issue this command now, once for this occasion."""
        self._steps.append(Step(command, str(occasion), None, {}))

    def when_passed(self, clock: str, command: str) -> None:
        """Issue this command when the clock runs out, once for its deadline, if the clock runs at all."""
        due_at = self.case.due.get(clock)
        if due_at is not None and clock not in self.case.overdue:
            self.at(due_at, command)

    def at(self, due_at: datetime, command: str, **arguments: str) -> None:
        """Issue this command at an instant, once."""
        self._steps.append(Step(command, due_at.isoformat(), due_at, arguments))

    async def next(self, waits_for: str, *, since: datetime | None = None) -> None:
        """Take the step that is due, or else wait until the case is heard of or the next deadline passes."""
        steps = [step for step in self._steps if not self._settled(step)]
        self._steps = []
        now = workflow.now()
        step = min(steps, key=lambda one: one.due_at or _AT_ONCE, default=None)
        if step is not None and (step.due_at is None or step.due_at <= now):
            await self._issue(step)
            return
        self._show(waits_for, since or self.case.since, step)
        if workflow.info().is_continue_as_new_suggested():
            workflow.continue_as_new(self.case)
        await self._sleep(step, now)

    # -- how it is done ---------------------------------------------------------------------------------------------

    def _settled(self, step: Step) -> bool:
        # What a rule refused is tried again only when something about the case has changed.
        return step.key in self._taken or self._refused.get(step.key) == self.case.position

    async def _issue(self, step: Step) -> None:
        knew = self.case.position
        order = IssueCommand(
            case_id=self.case.case_id, command=step.command, key=step.key, arguments=step.arguments
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

    async def _sleep(self, step: Step | None, now: datetime) -> None:
        knew = self.case.position
        if step is None or step.due_at is None:
            await workflow.wait_condition(lambda: self.case.position != knew)
            return
        try:
            await workflow.wait_condition(
                lambda: self.case.position != knew,
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
                self._shown(CASE_STAGE, self.case.stage.value),
                self._shown(WAITS_FOR, waits_for),
                self._shown(WAITING_SINCE, since),
                self._shown(NEXT_STEP, self._waiting.next_step),
                self._shown(NEXT_DUE, self._waiting.next_due),
            )
            if update is not None
        ]
        if changed:
            workflow.upsert_search_attributes(changed)
        workflow.set_current_details(_details(self.case, self._waiting))

    def _shown(
        self, key: SearchAttributeKey[Shown], value: Shown | None
    ) -> SearchAttributeUpdate[Any] | None:
        # Each change is an entry in the workflow's history, so only what differs is written.
        if workflow.info().typed_search_attributes.get(key) == value:
            return None
        return key.value_unset() if value is None else key.value_set(value)


def _up_to_the_millisecond(duration: timedelta) -> timedelta:
    # Timers count milliseconds: one that fires a fraction early would find its deadline not yet passed.
    return -(-duration // _MILLISECOND) * _MILLISECOND


def _details(case: CaseBrief, waiting: Waiting) -> str:
    """The summary on the workflow's page. Codes and instants only."""
    lines = [
        f"**Waits for** {waiting.waits_for}, since {_instant(waiting.since)}",
        f"**Case** {case.case_id} in stage {case.stage}, as of position {case.position} of the log",
    ]
    if waiting.next_step and waiting.next_due:
        lines.insert(1, f"**Next** {waiting.next_step} on {_instant(waiting.next_due)}")
    if case.due:
        clocks = (f"- {clock}: {_instant(due_at)}{_late(clock, case)}" for clock, due_at in case.due.items())
        lines.append("**Running clocks**\n\n" + "\n".join(clocks))
    if case.actions:
        actions = (
            f"- {action.action_id}: {_instant(action.due_at)}{' (overdue)' if action.overdue else ''}"
            for action in case.actions
        )
        lines.append("**Open actions**\n\n" + "\n".join(actions))
    if case.heard:
        lines.append("**Heard last** " + ", ".join(fact.topic for fact in case.heard))
    return "\n\n".join(lines)


def _late(clock: str, case: CaseBrief) -> str:
    return " (overdue, on record)" if clock in case.overdue else ""


def _instant(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M} UTC"
