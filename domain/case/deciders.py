"""Who may decide about sharing: the person, or whoever the law lets decide for them, and nobody else.

An adult decides alone, even if unwisely; a child who is Gillick competent decides like one. Families cannot sign for an
adult. Capacity is a view of one decision on one day and is never carried forward where it fluctuates.
Must not decide whether anything is shared: that is the answer of whoever may decide.
Source: who may decide (domain reference 3.5); Mental Capacity Act 2005.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Final, Literal

from domain.calendar import LONDON
from domain.case.sharing import CapacityView, ConsentError
from domain.values import age_on

if TYPE_CHECKING:
    from domain.messages import Moment
    from domain.person.state import Person

Decider = Literal["self", "parental_responsibility", "attorney", "deputy"]
Gillick = Literal["y", "n", "na"]
"""Whether a child under sixteen was found competent for this decision; "na" from sixteen on."""
ParentalResponsibility = Literal[
    "mother", "married_father", "birth_certificate", "agreement", "court_order", "care_order"
]
"""Where somebody's parental responsibility comes from."""

DECIDES_ALONE_FROM: Final = 16
"""Source: Mental Capacity Act 2005, from sixteen; Family Law Reform Act 1969 s8 (domain reference 3.5)."""
MAY_HAVE_ATTORNEY_FROM: Final = 18


class PersonLacksCapacity(ConsentError):
    """capacity_view: somebody who lacks capacity for this decision cannot consent to it; record a best-interests decision instead."""

    code = "person_lacks_capacity"


class CapacityRetestRequired(ConsentError):
    """capacity_view: this person's capacity fluctuates, so it is tested again at the time of the decision; say whether they have or lack it now."""

    code = "capacity_retest_required"


class GillickViewRequired(ConsentError):
    """gillick: whether a child under sixteen is competent for this decision is recorded, and decides who decides: {why}."""

    code = "gillick_view_required"


class DeciderNotEntitled(ConsentError):
    """decider: {decider} may not decide here, because {why}."""

    code = "decider_not_entitled"


class DeciderProofRequired(ConsentError):
    """{fields}: whoever decides for somebody else shows by what right; for decider {decider} this is recorded."""

    code = "decider_proof_required"


@dataclass(frozen=True, slots=True)
class Deciding:
    """Who decides about one consent, and what is known of their right to."""

    decider: Decider
    age: int | None
    gillick: Gillick
    capacity: CapacityView
    proof: dict[str, str | None]
    """For somebody who decides for another: the fields that show their right, as they were given."""


def age_at(person: Person, moment: Moment) -> int | None:
    """The person's age when it happened; None if the date of birth is not known."""
    born = person.identity.date_of_birth if person.identity else None
    return age_on(born, moment.effective_at.astimezone(LONDON).date()) if born else None


def sixteenth_birthday(person: Person) -> datetime | None:
    """The instant at which the person reaches sixteen; None if the date of birth is not known."""
    born = person.identity.date_of_birth if person.identity else None
    if born is None:
        return None
    leapling = (born.month, born.day) == (2, 29)
    month, day = (3, 1) if leapling else (born.month, born.day)
    return datetime(born.year + DECIDES_ALONE_FROM, month, day, tzinfo=LONDON)


def is_child(age: int | None) -> bool:
    """Under sixteen. Whose age is not known is treated as an adult, who decides alone."""
    return age is not None and age < DECIDES_ALONE_FROM


def capacity_today(at_request: CapacityView, now: CapacityView | None) -> CapacityView:
    """The view of capacity that counts for the decision: today's, or that of the request unless it fluctuates."""
    view = now or at_request
    if view in (CapacityView.FLUCTUATES, CapacityView.NOT_ASSESSED):
        raise CapacityRetestRequired
    return view


def require_entitled(deciding: Deciding) -> None:
    """Whoever decides is entitled to, for this person, this decision and this day."""
    match deciding.decider:
        case "self":
            person_may_decide(deciding)
        case "parental_responsibility":
            parent_may_decide(deciding)
        case "attorney" | "deputy":
            authorised_other_may_decide(deciding)
    missing = [field for field, given in deciding.proof.items() if not given]
    if missing and deciding.decider != "self":
        raise DeciderProofRequired(fields=", ".join(missing), decider=deciding.decider)


def person_may_decide(deciding: Deciding) -> None:
    """From sixteen with capacity; before, a child with sufficient maturity and understanding of this decision."""
    if is_child(deciding.age):
        if deciding.gillick != "y":
            raise GillickViewRequired(why="only a competent child decides alone")
    elif deciding.capacity is CapacityView.LACKS:
        raise PersonLacksCapacity


def parent_may_decide(deciding: Deciding) -> None:
    """For a child under sixteen who is not competent for this decision, in the child's interests."""
    if not is_child(deciding.age):
        raise DeciderNotEntitled(decider=deciding.decider, why="from sixteen on a person decides themselves")
    if deciding.gillick == "y":
        raise DeciderNotEntitled(decider=deciding.decider, why="a competent child decides alone")
    if deciding.gillick == "na":
        raise GillickViewRequired(why="a parent decides only for a child who is not competent")


def authorised_other_may_decide(deciding: Deciding) -> None:
    """A health-and-welfare attorney or deputy, once the person lacks capacity for this decision."""
    youngest = MAY_HAVE_ATTORNEY_FROM if deciding.decider == "attorney" else DECIDES_ALONE_FROM
    if deciding.age is not None and deciding.age < youngest:
        raise DeciderNotEntitled(decider=deciding.decider, why=f"they act from {youngest} on")
    if deciding.capacity is not CapacityView.LACKS:
        raise DeciderNotEntitled(decider=deciding.decider, why="the person has capacity and decides alone")


def day_ends(day: date) -> datetime:
    """The last instant of a day in London is before this one."""
    return datetime.combine(date.fromordinal(day.toordinal() + 1), datetime.min.time(), LONDON)
