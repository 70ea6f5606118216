"""The words of sharing: what information is about, what it is shared for, with whom, and on which basis it was.

Consent (`consent.py`), sharing without it (`without_consent.py`) and the gate (`disclosure.py`) speak in these words.
No rule lives here.
Source: explicit consent per agency and purpose, and the consent record (domain reference 3.2 to 3.5).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from domain.errors import RuleBroken
from domain.messages import AgencyName, AuthorityId, Code, GrantId, Instant, Message

FORUM = "forum"
"""The recipient that stands for the neighbourhood forum of the case."""
Recipient = Annotated[
    AgencyName, Field(description='an agency by name, or "forum" for the neighbourhood forum')
]


class Purpose(StrEnum):
    """What information is shared for; one grant covers one purpose."""

    COORDINATED_SUPPORT = "coordinated_support"
    HANDOVER = "handover"
    SAFEGUARDING = "safeguarding"
    EVALUATION = "evaluation"


class Category(StrEnum):
    """What kind of information; a grant lists those it covers."""

    IDENTITY = "identity"
    CONTACT = "contact"
    HOUSING = "housing"
    HEALTH = "health"
    MENTAL_HEALTH = "mental_health"
    SUBSTANCE_USE = "substance_use"
    DOMESTIC_ABUSE = "domestic_abuse"
    OFFENDING = "offending"
    FINANCE = "finance"
    SUPPORT_PLAN = "support_plan"


SPECIAL_CATEGORIES = frozenset({Category.HEALTH, Category.MENTAL_HEALTH, Category.SUBSTANCE_USE})
"""Special category data: processing it needs a condition of its own. Source: UK GDPR article 9 (domain reference 3.2)."""
OFFENCE_DATA = frozenset({Category.OFFENDING})
"""Source: UK GDPR article 10 with a condition of schedule 1 (domain reference 3.2)."""


class CapacityView(StrEnum):
    """The view taken of the person's capacity for this decision at this time."""

    HAS = "has"
    LACKS = "lacks"
    FLUCTUATES = "fluctuates"
    NOT_ASSESSED = "not_assessed"


Method = Literal["signed", "verbal", "electronic"]
Categories = Annotated[tuple[Category, ...], Field(min_length=1, max_length=len(Category))]


class DisclosureBasis(Message):
    """Why one agency could tell one recipient one kind of information at an instant: the answer of the gate.

    `grant` is the person's own consent, `substitute` a best-interests decision, `without_consent` an authority with a
    complete rationale, `lawful_basis` a basis of the discloser's own that depends on no consent.
    """

    kind: Literal["grant", "substitute", "without_consent", "lawful_basis"]
    category: Category
    evaluated_at: Instant
    grant_id: GrantId | None = None
    authority_id: AuthorityId | None = None
    article_6: Code | None = None
    article_9: Code | None = None
    schedule_1: Code | None = None
    policy_document: Code | None = None


class ConsentError(RuleBroken):
    """A rule of consent refuses this step."""

    code = "consent_refused_by_rule"
