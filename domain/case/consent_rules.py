"""The rules of asking for consent and of giving it: each is one function, and one refusal with its own name.

A renewal keeps to the same rules as the first yes. Who may decide at all is in `deciders.py`.
Source: machine B, guards; consent record (domain reference 2.5, 3.3, 3.4); table of commands and roles (2.14).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from domain.case.disclosure import demands_explicit_consent
from domain.case.grants import GrantState
from domain.case.sharing import Category, ConsentError, Method, Purpose
from domain.errors import Conflict
from domain.messages import Moment
from domain.roles import Role

if TYPE_CHECKING:
    from domain.case.evolving.consent import Grant
    from domain.case.state import Case
    from domain.rules import Rules


class CapacityViewRequired(ConsentError):
    """capacity_view: a view of the person's capacity for this decision is recorded before asking."""

    code = "capacity_view_required"


class AccessibleInformationRequired(ConsentError):
    """information_language, interpreter_used: this person needs an interpreter; explain in their own language or through an interpreter, and record it."""

    code = "accessible_information_required"


class ConsentEvidenceRequired(ConsentError):
    """{missing}: a consent is recorded with the way in which it was given and a reference to its evidence."""

    code = "consent_evidence_required"


class ExplicitConsentRequired(ConsentError):
    """explicit: {agency} shares only with explicit consent."""

    code = "explicit_consent_required"


class OwnAgencyOnly(ConsentError):
    """A referrer records consent only for their own agency's information."""

    code = "own_agency_only"


class SafeguardingCheckRequired(ConsentError):
    """safeguarding_checked_by, gillick: a parent is kept out at the wish of a competent child under sixteen only, once somebody has checked that this is safe."""

    code = "safeguarding_check_required"


class AgencyNotNamed(ConsentError):
    """{field}: {agency} names nobody; a consent is for one agency by its name, or for the forum, and never for all."""

    code = "agency_not_named"


class AskedTooSoon(ConsentError):
    """changed_circumstances: the person said no to this and is not asked again before {from_}; if their circumstances have changed, say how."""

    code = "consent_asked_too_soon"


class GrantIsForOther(Conflict):
    """grant_id: this consent is for other sharing ({differs}); ask for the other sharing under a new id."""

    code = "grant_is_for_other_sharing"


class ConsentAlreadyAsked(Conflict):
    """The same consent is {state} already, as {grant_id}; nobody is asked twice at once."""

    code = "consent_already_asked"


class GrantNotInState(Conflict):
    """{command} is for a consent that is {allowed}; this one is {state}."""

    code = "grant_not_in_state"


_EVERYBODY = frozenset({"all", "any", "anybody", "anyone", "every", "everybody", "everyone", "whoever", "*"})
"""Words that no agency has in its name."""


@dataclass(frozen=True, slots=True)
class Asking:
    """What a request is about, agencies by their one name."""

    discloser: str
    recipient: str
    purpose: Purpose
    categories: frozenset[Category]

    def is_as(self, grant: Grant) -> bool:
        return (self.discloser, self.recipient, self.purpose) == (
            grant.discloser,
            grant.recipient,
            grant.purpose,
        )


def require_own_agency(discloser: str, moment: Moment) -> None:
    """A referrer speaks only for their own agency's information.

    Source: the table of commands and roles, row on consent grants (domain reference 2.14).
    """
    if moment.actor.role is Role.REFERRER and discloser != moment.by_agency:
        raise OwnAgencyOnly


def require_one_agency(asking: Asking) -> None:
    """There is no blanket consent. Source: explicit consent per agency and purpose (domain reference 3.3)."""
    for field, agency in (("discloser", asking.discloser), ("recipient", asking.recipient)):
        if not _EVERYBODY.isdisjoint(agency.casefold().replace("-", " ").split()):
            raise AgencyNotNamed(field=field, agency=agency)


def require_accessible_information(case: Case, language: str, *, interpreter_used: bool) -> None:
    """Who needs an interpreter has one, or is told in their own language.

    Source: machine B, RequestConsent (domain reference 2.5).
    """
    own_language = bool(case.first_language) and language.casefold() == case.first_language.casefold()
    if case.interpreter_needed and not (interpreter_used or own_language):
        raise AccessibleInformationRequired


def require_explicit_where_demanded(grant: Grant, rules: Rules, *, explicit: bool) -> None:
    """Some services share, and are told things, only with a consent that names them expressly.

    Source: explicit consent per agency (domain reference 1.3, 3.3).
    """
    for agency in (grant.discloser, grant.recipient):
        if demands_explicit_consent(agency, rules) and not explicit:
            raise ExplicitConsentRequired(agency=agency)


def require_evidence(method: Method | None, evidence_ref: str | None) -> tuple[Method, str]:
    """Silence is never consent. Source: consent record (domain reference 3.3, 3.4); acceptance scenario 10."""
    if method is None or evidence_ref is None:
        given = {"method": method, "evidence_ref": evidence_ref}
        raise ConsentEvidenceRequired(missing=", ".join(field for field, value in given.items() if not value))
    return method, evidence_ref


def require_not_pressed(asking: Asking, grants: Iterable[Grant], changed: str | None, now: datetime) -> None:
    """A no is respected for a while, unless something has changed. That a consent ran out is no no.

    Source: machine B, RequestConsent again (domain reference 2.5).
    """
    for grant in grants:
        again = grant.ask_again_from
        asks_the_same = asking.is_as(grant) and asking.categories >= set(grant.categories)
        if asks_the_same and again is not None and now < again and not changed:
            raise AskedTooSoon(from_=again)


def require_not_asked_already(asking: Asking, grants: Iterable[Grant]) -> None:
    """One consent is one person, discloser, recipient, purpose and categories: it exists once at a time."""
    for grant in grants:
        same = asking.is_as(grant) and asking.categories == set(grant.categories)
        if same and grant.state in _STANDS:
            raise ConsentAlreadyAsked(state=grant.state, grant_id=grant.grant_id)


_STANDS = (
    GrantState.REQUESTED,
    GrantState.BEST_INTERESTS,
    GrantState.GRANTED,
    GrantState.SUBSTITUTE_GRANTED,
)
