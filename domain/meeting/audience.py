"""Who in the forum may be told what about a person: each agency by itself, at this moment.

Own information needs no basis; everything else passes the gate (`domain/case/disclosure.py`). No command and no event
lives here.
Source: machine B, `may_disclose`, used everywhere (domain reference 2.5); acceptance scenarios 8 and 9.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.case.disclosure import may_tell_member
from domain.case.sharing import Category, Purpose

if TYPE_CHECKING:
    from datetime import datetime

    from domain.case.state import Case
    from domain.rules import Rules


def may_be_told(
    case: Case,
    discloser: str,
    recipient: str,
    category: Category,
    at: datetime,
    rules: Rules,
    purpose: Purpose = Purpose.COORDINATED_SUPPORT,
) -> bool:
    """Whether an agency in the forum may know this; what it told itself it knows."""
    if rules.agency_name(discloser) == rules.agency_name(recipient):
        return True
    return may_tell_member(case, discloser, recipient, purpose, category, at, rules) is not None


def knows_who(case: Case, agency: str, at: datetime, rules: Rules) -> bool:
    """Whether an agency may learn from an agenda whom an item is about."""
    return may_be_told(case, case.referring_agency, agency, Category.IDENTITY, at, rules)
