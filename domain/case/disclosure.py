"""The gate of every disclosure: whether one agency may tell one recipient one kind of information, and on which basis.

Three things open it: a live consent, a live authority to share without consent, or a lawful basis of the discloser's own
where nobody's policy demands explicit consent. A person's no shuts the last of these: then only an authority with a
complete rationale opens. When in doubt the gate stays shut. The answer stands on every event that shares something.
Source: machine B, `may_disclose`; the law of consent (domain reference 2.5, 3.1, 3.2, 3.6).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Final

from pydantic import Field

from domain.case.grants import LIVE, SAID_NO, GrantState
from domain.case.sharing import (
    FORUM,
    OFFENCE_DATA,
    SPECIAL_CATEGORIES,
    Category,
    DisclosureBasis,
    Purpose,
)
from domain.decisions import decides
from domain.errors import RuleBroken
from domain.messages import AgencyName, CaseEvent, CaseId, Code, Command, Event, GrantId, Recorded
from domain.roles import Permission

if TYPE_CHECKING:
    from domain.case.evolving.consent import Grant, LawfulBasis
    from domain.case.state import Case
    from domain.rules import Rules


# -- events ----------------------------------------------------------------------------------------------------------


class LawfulBasisRecorded(CaseEvent):
    """On which basis a controller processes this case; kept apart from consent to share and from agreement."""

    TOPIC: ClassVar[str] = "LawfulBasisRecorded"

    controller: AgencyName
    purpose: Purpose
    article_6: Code
    article_9: Code | None = None
    schedule_1: Code | None = None
    policy_document: Code | None = None


# -- rules -----------------------------------------------------------------------------------------------------------


class DisclosureNotCovered(RuleBroken):
    """No live consent, authority or lawful basis covers {discloser} sharing {category} with {recipient} for {purpose}; nothing was shared."""

    code = "disclosure_not_covered"


@dataclass(frozen=True, slots=True)
class Sharing:
    """One thing that one agency might tell one recipient for one purpose."""

    discloser: str
    recipient: str
    purpose: Purpose
    category: Category


def may_disclose(
    case: Case,
    discloser: str,
    recipient: str,
    purpose: Purpose,
    category: Category,
    at: datetime,
    rules: Rules | None = None,
) -> DisclosureBasis | None:
    """The basis on which the gate is open at an instant, or None: then it is shut.

    Without the rules no agency's policy is known, so a lawful basis that needs no consent opens nothing. An agency may
    always see its own information; callers do not ask for that.
    Source: machine B, `may_disclose` (domain reference 2.5).
    """
    sharing = _named(Sharing(discloser, recipient, purpose, category), rules)
    return _basis(case, sharing, at, rules, case.grants.values(), said_no=False)


def may_tell_member(
    case: Case,
    discloser: str,
    member: str,
    purpose: Purpose,
    category: Category,
    at: datetime,
    rules: Rules | None = None,
) -> DisclosureBasis | None:
    """The same for an agency that sits in the forum: what may be told to the forum is for it too, unless it was excepted.

    Source: a person may refuse one agency and agree to others; then that one sees less (domain reference 3.3, rule 7;
    acceptance scenario 8).
    """
    direct = may_disclose(case, discloser, member, purpose, category, at, rules)
    to_member = _named(Sharing(discloser, member, purpose, category), rules)
    if direct is not None or person_said_no(case.grants.values(), to_member, rules):
        return direct
    return may_disclose(case, discloser, FORUM, purpose, category, at, rules)


def still_open_without(
    case: Case, ended: Grant, category: Category, at: datetime, rules: Rules, *, said_no: bool
) -> bool:
    """Whether the gate stays open for what a grant covered once that grant has ended."""
    sharing = Sharing(ended.discloser, ended.recipient, ended.purpose, category)
    others = [grant for grant in case.grants.values() if grant.grant_id != ended.grant_id]
    return _basis(case, sharing, at, rules, others, said_no=said_no) is not None


def _basis(
    case: Case,
    sharing: Sharing,
    at: datetime,
    rules: Rules | None,
    grants: Iterable[Grant],
    *,
    said_no: bool,
) -> DisclosureBasis | None:
    grants = tuple(grants)
    for grant in grants:
        if grant.is_live(at) and _is_about(grant, sharing, rules) and sharing.category in grant.categories:
            return DisclosureBasis(
                kind="substitute" if grant.by_best_interests else "grant",
                category=sharing.category,
                evaluated_at=at,
                grant_id=grant.grant_id,
            )
    for authority in case.authorities.values():
        if authority.is_live(at) and authority.sharing_covers(sharing):
            return DisclosureBasis(
                kind="without_consent",
                category=sharing.category,
                evaluated_at=at,
                authority_id=authority.authority_id,
                article_6=authority.article_6,
                article_9=authority.article_9,
                schedule_1=authority.schedule_1,
                policy_document=authority.policy_document,
            )
    if said_no or rules is None or person_said_no(grants, sharing, rules):
        return None
    basis = case.lawful_bases.get((sharing.discloser, sharing.purpose))
    if basis is None or not basis_suffices(basis, sharing, rules):
        return None
    return DisclosureBasis(
        kind="lawful_basis",
        category=sharing.category,
        evaluated_at=at,
        article_6=basis.article_6,
        article_9=basis.article_9,
        schedule_1=basis.schedule_1,
        policy_document=basis.policy_document,
    )


def person_said_no(grants: Iterable[Grant], sharing: Sharing, rules: Rules | None = None) -> bool:
    """Whether the person refused or took back exactly this; a basis that needs no consent does not overrule them.

    Source: sharing stops for that discloser, recipient and purpose; another justification is needed (domain reference
    3.1 kind B, 3.6).
    """
    return any(
        _is_about(grant, sharing, rules)
        and (
            sharing.category in grant.taken_back
            or (grant.state in SAID_NO and sharing.category in grant.categories)
        )
        for grant in grants
    )


def basis_suffices(basis: LawfulBasis, sharing: Sharing, rules: Rules) -> bool:
    """Whether a lawful basis of the discloser carries the disclosure without the person's consent.

    Special category data needs a condition of article 9, data about offences one of schedule 1.
    Source: `may_disclose` (domain reference 2.5); special category and offence data (3.2).
    """
    return not (
        depends_on_consent(basis.article_6)
        or demands_explicit_consent(sharing.discloser, rules)
        or demands_explicit_consent(sharing.recipient, rules)
        or (sharing.category in SPECIAL_CATEGORIES and depends_on_consent(basis.article_9))
        or (sharing.category in OFFENCE_DATA and basis.schedule_1 is None)
    )


_ARTICLE_OF_CONSENT: Final = re.compile(r"(^|[^0-9])(6[^0-9a-z]?1|9[^0-9a-z]?2)[^0-9a-z]?a([^a-z]|$)")


def depends_on_consent(article: str | None) -> bool:
    """Whether this article of UK GDPR is consent, 6(1)(a) or 9(2)(a), however it is written; none at all bears nothing."""
    if article is None:
        return True
    written = article.casefold()
    return "consent" in written or _ARTICLE_OF_CONSENT.search(written) is not None


def demands_explicit_consent(agency: str, rules: Rules) -> bool:
    """Whether the agency's policy is to share only with the person's explicit consent.

    Source: substance-misuse services (domain reference 1.3, 3.3).
    """
    known = rules.agencies.find(agency)
    return known is not None and known.explicit_consent_required


def agencies_excluded(case: Case) -> frozenset[str]:
    """The agencies whom the person has taken out: their consent was withdrawn, and no live one brings them back.

    A consent names the agency that is told something, or the one that tells the forum.
    Source: failure matrix, consent withdrawn mid-pathway; machine D (domain reference 2.7, 2.13).
    """
    return _excluded(case.grants.values())


def agencies_excluded_by(case: Case, withdrawn: Grant) -> frozenset[str]:
    """The agencies whom the withdrawal of this consent takes out."""
    others = [grant for grant in case.grants.values() if grant.grant_id != withdrawn.grant_id]
    after = _excluded([*others, replace(withdrawn, state=GrantState.WITHDRAWN)])
    return after & {party(withdrawn)}


def _excluded(grants: Iterable[Grant]) -> frozenset[str]:
    grants = tuple(grants)
    withdrawn = {party(grant) for grant in grants if grant.state is GrantState.WITHDRAWN}
    return frozenset(withdrawn - {party(grant) for grant in grants if grant.state in LIVE})


def party(grant: Grant) -> str:
    """The agency that a consent brings to the table."""
    return grant.discloser if grant.recipient == FORUM else grant.recipient


def recipients_told(case: Case, grant: Grant) -> tuple[str, ...]:
    """Who hears that a consent ended, because it was for them; of the forum, whoever was asked about the case."""
    if grant.recipient != FORUM:
        return (grant.recipient,)
    return (FORUM, *(agency for agency in case.agencies_asked if agency != grant.discloser))


def already_disclosed(history: Sequence[Recorded], grant_id: GrantId | None = None) -> Iterator[Recorded]:
    """What of a case was shared, on any basis or under one consent: its events, oldest first. History is not rewritten.

    Source: effects of withdrawal, "list already-disclosed events" (domain reference 3.6).
    """
    for one in history:
        under = {*getattr(one.event, "grant_ids", ()), *(basis.grant_id for basis in bases_of(one.event))}
        if grant_id in under or (grant_id is None and (under or bases_of(one.event))):
            yield one


def bases_of(event: Event) -> tuple[DisclosureBasis, ...]:
    """On which bases an event shared something; none if it shared nothing."""
    one = getattr(event, "basis", None)
    return (*getattr(event, "bases", ()), *((one,) if isinstance(one, DisclosureBasis) else ()))


def _is_about(grant: Grant, sharing: Sharing, rules: Rules | None) -> bool:
    theirs = _named(Sharing(grant.discloser, grant.recipient, grant.purpose, sharing.category), rules)
    return theirs == sharing


def _named(sharing: Sharing, rules: Rules | None) -> Sharing:
    """Agencies by their one name, however they were written."""
    if rules is None:
        return sharing
    return replace(
        sharing,
        discloser=rules.agency_name(sharing.discloser),
        recipient=rules.agency_name(sharing.recipient),
    )


# -- commands --------------------------------------------------------------------------------------------------------

_CASE = "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"


class RecordLawfulBasis(Command):
    """Record on which basis a controller processes this case for a purpose; a later record takes its place."""

    NAME: ClassVar[str] = "record-lawful-basis"
    PERMISSION: ClassVar[Permission] = Permission.TRIAGE
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": _CASE,
        "controller": "Manchester City Council Adult Social Care",
        "purpose": "coordinated_support",
        "article_6": "6-1-e-public-task",
        "article_9": "9-2-h-health-or-social-care",
        "schedule_1": "paragraph-2",
    }

    case_id: CaseId
    controller: AgencyName
    purpose: Purpose
    article_6: Code = Field(description="the basis as a code, such as public_task")
    article_9: Code | None = None
    schedule_1: Code | None = None
    policy_document: Code | None = None


@decides(RecordLawfulBasis)
def record_lawful_basis(command: RecordLawfulBasis, case: Case, rules: Rules) -> Sequence[Event]:
    case.require_open(command)
    return [
        LawfulBasisRecorded(
            case_id=case.case_id,
            person_id=case.person_id,
            controller=rules.agency_name(command.controller),
            purpose=command.purpose,
            article_6=command.article_6,
            article_9=command.article_9,
            schedule_1=command.schedule_1,
            policy_document=command.policy_document,
        )
    ]
