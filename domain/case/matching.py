"""Matching a key worker to a case: hard rules leave a worker out, soft rules rank those who remain.

The engine explains and never decides: it gives each worker with the codes of the rules that spoke. What is known of a
person's or a worker's equality never leaves anybody out; only a wish that the person stated does.
Source: matching rules (domain reference 5.3), caseload limits (5.1).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from domain.errors import DomainError, RuleBroken
from domain.messages import WorkerId
from domain.programmes import Programme

if TYPE_CHECKING:
    from domain.case.state import Case
    from domain.keyworker.state import KeyWorker


@dataclass(frozen=True, slots=True)
class Pairing:
    """What a rule looks at: this case with this worker on this day."""

    case: Case
    worker: KeyWorker
    programme: Programme
    day: date


# -- hard rules ------------------------------------------------------------------------------------------------------


class WorkerRefused(RuleBroken):
    """worker_id: this worker may not take this case."""

    code = "worker_refused"


class WorkerOfAnotherProgramme(WorkerRefused):
    """worker_id: this worker works for another programme than the case's."""

    code = "worker_of_another_programme"


class WorkerNotActive(WorkerRefused):
    """worker_id: this worker is not in the pool on the day of the allocation."""

    code = "worker_not_active"


class WorkerAtHardLimit(WorkerRefused):
    """worker_id: this worker is at the hard limit of cases; choose another, join the waiting list, or override with override_reason and a date of review."""

    code = "worker_at_hard_limit"


class PersonRefusedWorker(WorkerRefused):
    """worker_id: the person does not want this worker."""

    code = "person_refused_worker"


class WorkerHasConflict(WorkerRefused):
    """worker_id: this worker has a conflict of interest with the case; nobody may override that, even if there is no other worker."""

    code = "worker_has_conflict"


class NoCommonLanguage(WorkerRefused):
    """worker_id: this worker does not speak the person's language, and the programme has no way to have an interpreter."""

    code = "no_common_language"


class WorkerAbsent(WorkerRefused):
    """worker_id: this worker is absent now; a manager may override with override_reason."""

    code = "worker_absent"


class WorkerDidNotAnswer(WorkerRefused):
    """worker_id: this worker was given the case before and did not answer; a manager may override with override_reason."""

    code = "worker_did_not_answer"


class WorkerQueriedCase(WorkerRefused):
    """worker_id: this worker has queried this case before; a manager may override with override_reason."""

    code = "worker_queried_case"


class PreferenceNotMet(WorkerRefused):
    """worker_id: this worker is not as the person asked; a manager may override with override_reason once the person agrees (person_agrees)."""

    code = "preference_not_met"


def works_elsewhere(pair: Pairing) -> bool:
    return pair.worker.programme != pair.case.programme


def is_not_active(pair: Pairing) -> bool:
    return not pair.worker.active_on(pair.day)


def is_at_hard_limit(pair: Pairing) -> bool:
    return pair.worker.is_at_hard_limit


def is_refused_by_the_person(pair: Pairing) -> bool:
    return pair.worker.worker_id in pair.case.refused_workers


def has_a_conflict_of_interest(pair: Pairing) -> bool:
    return pair.worker.worker_id in pair.case.conflicts


def is_absent(pair: Pairing) -> bool:
    return pair.worker.is_absent_on(pair.day)


def did_not_answer(pair: Pairing) -> bool:
    return pair.worker.worker_id in pair.case.silent_workers


def cannot_be_understood(pair: Pairing) -> bool:
    """Only where the person needs an interpreter and there is none; where somebody was born never matters."""
    no_interpreter = not pair.programme.allocation.interpreter_routes
    return pair.case.interpreter_needed and no_interpreter and not speaks_the_language(pair)


def has_queried_the_case(pair: Pairing) -> bool:
    return pair.worker.worker_id in pair.case.queried_workers


def is_not_as_the_person_asked(pair: Pairing) -> bool:
    """A gender counts only against a wish that the person stated; an unknown one cannot meet it."""
    wanted = pair.case.wants_gender
    return wanted is not None and wanted.casefold() != (pair.worker.gender or "").casefold()


@dataclass(frozen=True, slots=True)
class HardRule:
    """One rule that leaves a worker out, the refusal that names it, and whether a manager's reason may lift it.

    What the person refused, and a conflict of interest, nobody lifts.
    """

    refusal: type[WorkerRefused]
    is_broken: Callable[[Pairing], bool]
    may_be_overridden: bool = False

    def is_lifted(self, *, override_reason: str | None, person_agrees: bool) -> bool:
        """Whether a manager's reason lifts it; what the person asked for, only with their agreement."""
        if self.refusal is PreferenceNotMet and not person_agrees:
            return False
        return self.may_be_overridden and override_reason is not None


HARD_RULES = (
    HardRule(WorkerOfAnotherProgramme, works_elsewhere),
    HardRule(WorkerNotActive, is_not_active),
    HardRule(PersonRefusedWorker, is_refused_by_the_person),
    HardRule(WorkerHasConflict, has_a_conflict_of_interest),
    HardRule(NoCommonLanguage, cannot_be_understood),
    HardRule(WorkerAtHardLimit, is_at_hard_limit, may_be_overridden=True),
    HardRule(WorkerAbsent, is_absent, may_be_overridden=True),
    HardRule(WorkerDidNotAnswer, did_not_answer, may_be_overridden=True),
    HardRule(WorkerQueriedCase, has_queried_the_case, may_be_overridden=True),
    HardRule(PreferenceNotMet, is_not_as_the_person_asked, may_be_overridden=True),
)
HARD_REFUSALS: tuple[type[DomainError], ...] = tuple(rule.refusal for rule in HARD_RULES)
ABOUT_CASELOAD = frozenset({WorkerAtHardLimit})
"""What leaves a worker out because of how much they carry; it does not matter for a cover, who takes no case over."""


def broken_hard_rules(pair: Pairing) -> Iterator[HardRule]:
    """Every hard rule that leaves this worker out on this day."""
    return (rule for rule in HARD_RULES if rule.is_broken(pair))


# -- soft rules ------------------------------------------------------------------------------------------------------


def has_room(pair: Pairing) -> bool:
    return not pair.worker.is_at_soft_limit


def knows_the_need(pair: Pairing) -> bool:
    """A specialism is a need of the person, or the domain that one of their needs counts towards."""
    needs = [pair.programme.need(code) for code in pair.case.needs]
    wanted = {*pair.case.needs, *(need.domain for need in needs if need is not None)}
    return not wanted.isdisjoint(pair.worker.specialisms)


def is_attached_to_the_forum(pair: Pairing) -> bool:
    return pair.case.forum in pair.worker.forums


def speaks_the_language(pair: Pairing) -> bool:
    """Ranks only: an interpreter is another way, so a language leaves nobody out where there is one."""
    first = pair.case.first_language.casefold()
    spoken = {language.casefold() for language in pair.worker.languages}
    return first not in ("", "english") and first in spoken


def knows_the_person(pair: Pairing) -> bool:
    """The worker had this case before, or that of the person's last episode."""
    worked_before = {pair.case.case_id, pair.case.previous_case}
    return not worked_before.isdisjoint(pair.worker.past_cases)


SOFT_RULES: tuple[tuple[str, Callable[[Pairing], bool]], ...] = (
    ("within_soft_limit", has_room),
    ("specialism_matches", knows_the_need),
    ("attached_to_forum", is_attached_to_the_forum),
    ("speaks_first_language", speaks_the_language),
    ("worked_with_before", knows_the_person),
)
"""Reason code and rule; how much each counts is in the programme, under the same name."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A worker whom no hard rule leaves out, with the codes of what speaks for them."""

    worker_id: WorkerId
    score: int
    because: tuple[str, ...]
    within_soft_limit: bool


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A worker whom at least one hard rule leaves out."""

    worker_id: WorkerId
    because: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ranking:
    """Who may take a case, best first, and who may not."""

    candidates: tuple[Ranked, ...]
    left_out: tuple[LeftOut, ...]


def rank(case: Case, pool: Sequence[KeyWorker], programme: Programme, day: date) -> Ranking:
    """Rank the pool for a case: score first, then the lighter load, then the id, so that chance has no say."""
    candidates: list[tuple[tuple[int, float, str], Ranked]] = []
    left_out: list[LeftOut] = []
    for worker in pool:
        pair = Pairing(case, worker, programme, day)
        broken = tuple(rule.refusal.code for rule in broken_hard_rules(pair))
        if broken:
            left_out.append(LeftOut(worker.worker_id, broken))
        else:
            ranked = _scored(pair)
            candidates.append(((-ranked.score, worker.load, str(worker.worker_id)), ranked))
    candidates.sort(key=lambda one: one[0])
    left_out.sort(key=lambda one: str(one.worker_id))
    return Ranking(tuple(ranked for _, ranked in candidates), tuple(left_out))


def _scored(pair: Pairing) -> Ranked:
    because = tuple(code for code, is_met in SOFT_RULES if is_met(pair))
    weights = pair.programme.allocation.weights
    return Ranked(
        worker_id=pair.worker.worker_id,
        score=sum(getattr(weights, code) for code in because),
        because=because if has_room(pair) else ("needs_manager_approval", *because),
        within_soft_limit=has_room(pair),
    )
