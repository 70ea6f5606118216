"""Support: the person sets outcomes, the key worker helps towards them, and the plan is reviewed."""

from __future__ import annotations

from typing import ClassVar, Literal

from domain.messages import CaseEvent, OutcomeId, PersonalText


class OutcomeSet(CaseEvent):
    """Something the person wants to reach, in their words, and who set it."""

    TOPIC: ClassVar[str] = "OutcomeSet"

    outcome_id: OutcomeId
    set_by: Literal["resident", "worker", "forum"]
    wording: PersonalText


class OutcomeProgressed(CaseEvent):
    """How far towards an outcome the person is."""

    TOPIC: ClassVar[str] = "OutcomeProgressed"

    outcome_id: OutcomeId
    progress: Literal["not_started", "some", "most", "achieved", "given_up"]
    note: PersonalText | None = None


class PlanReviewed(CaseEvent):
    """Key worker and person looked at the plan together."""

    TOPIC: ClassVar[str] = "PlanReviewed"

    summary: PersonalText
