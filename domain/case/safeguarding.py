"""Safeguarding: a concern can always be raised, by anyone, at any stage, and runs beside the pathway.

Nothing in the pathway blocks it, and it blocks nothing but what a rule of another stage names.
Source: machine F of the pathway (domain reference 2.9).
"""

from __future__ import annotations

from typing import ClassVar, Literal

from domain.messages import CaseEvent, Code, ConcernId, Instant, PersonalText


class SafeguardingConcernRaised(CaseEvent):
    """Somebody fears that the person, or someone near them, is being harmed."""

    TOPIC: ClassVar[str] = "SafeguardingConcernRaised"

    concern_id: ConcernId
    about: Literal["adult", "child"]
    category: Code
    immediate_danger: bool
    concern: PersonalText
    screening_due_at: Instant


class ConcernScreened(CaseEvent):
    """The safeguarding lead decided whether the threshold for an enquiry is met."""

    TOPIC: ClassVar[str] = "ConcernScreened"

    concern_id: ConcernId
    threshold_met: bool
    reasons: PersonalText


class SafeguardingOutcomeRecorded(CaseEvent):
    """The enquiry ended with an outcome."""

    TOPIC: ClassVar[str] = "SafeguardingOutcomeRecorded"

    concern_id: ConcernId
    outcome: Code
    explanation: PersonalText
