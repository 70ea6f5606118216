"""The one thing a process does to the world: issue a command, in the engine's own name, by the road of all commands.

Idempotent by a key that the process makes from the case, the step and its deadline: a retry, a second worker or a
rebuilt cluster does nothing twice. No rule is decided here, and nothing personal leaves.
"""

from __future__ import annotations

from uuid import UUID, uuid5

from temporalio import activity
from temporalio.exceptions import ApplicationError

from domain import catalogue
from domain.application import Application, Request
from domain.errors import ConcurrentChange, DomainError, NotYetDue
from domain.messages import Actor, Channel
from domain.ports import Answer
from domain.roles import Role
from workflows.contracts import ISSUE, IssueCommand, Issued

ENGINE = Actor(person="engine", role=Role.SYSTEM, agency="ccp", channel=Channel.TIMER)
"""Who acts when nobody does."""


def command_id(order: IssueCommand) -> UUID:
    """The same order for the same case always has the same id, on any cluster and at any time."""
    return uuid5(order.case_id, order.key)


class PathwayActivities:
    """The activities of the pathway's processes."""

    def __init__(self, application: Application) -> None:
        self._application = application

    @activity.defn(name=ISSUE)
    async def issue(self, order: IssueCommand) -> Issued:
        """Carry out one command; a rule that refuses it is an answer and not a failure.

        Raises: ApplicationError, to be tried again: the deadline lies ahead by the log's clock, others kept changing
        the same records, or something is out of order. It names the kind of error and never quotes one.
        """
        try:
            answer = await self._carry_out(order)
        except (NotYetDue, ConcurrentChange) as too_early:
            raise ApplicationError(str(too_early), type=too_early.code) from None
        except DomainError as refused:
            return Issued(refused=refused.code)
        except Exception as error:  # noqa: BLE001 - whatever it is, its own words may hold what nobody may read here
            kind = type(error).__name__
            raise ApplicationError(f"{order.command} failed with {kind}", type=kind) from None
        return Issued(facts=tuple(fact.topic for fact in answer.events), repeated=answer.repeated)

    async def _carry_out(self, order: IssueCommand) -> Answer:
        kind = catalogue.decision(order.command).command
        command = kind.model_validate({order.about: order.case_id, **order.arguments})
        return await self._application.execute(
            Request(command=command, actor=ENGINE, command_id=command_id(order), correlation_id=order.case_id)
        )
