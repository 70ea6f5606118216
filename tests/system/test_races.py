"""Several people do the same thing at the same moment: one wins, and a rule refuses the others by its name.

Every caller has connections of their own, as if each worked with another process of the product; the log decides.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from uuid import UUID, uuid4

import httpx
import pytest

from adapters.bootstrap import open_product, prepare_database
from adapters.http import create_app
from adapters.product import Product
from adapters.settings import Settings
from domain.application import Request
from domain.case.allocating import AllocateKeyWorker
from domain.case.referral import SubmitReferral
from domain.errors import DomainError
from domain.messages import Actor, CaseId, PersonId, Recorded
from domain.ports import Answer
from tests.system.office import MANAGER, REFERRER, KeyWorkerOnDuty, Office, OfficeOverHttp, a_form

CALLERS = 4
"""Processes of the product, each with a few connections."""
HARD_LIMIT = 15


@pytest.fixture
async def products(database: str) -> AsyncIterator[list[Product]]:
    await prepare_database(database, database)
    async with AsyncExitStack() as stack:
        opened = [
            await stack.enter_async_context(open_product(Settings(), dsn=database, max_connections=5))
            for _ in range(CALLERS)
        ]
        yield opened
        # Nobody keeps a connection after the rush: whoever does would hold up the end of their process.
        async with asyncio.timeout(60):
            while any(one.pool.get_idle_size() < one.pool.get_size() for one in opened):  # noqa: ASYNC110 - a pool rings no bell
                await asyncio.sleep(0.01)


async def at_once(products: Sequence[Product], requests: Sequence[Request]) -> list[Answer | str]:
    """Issue all of them at the same moment, spread over the processes; each answer, or the code of its refusal."""
    start = asyncio.Event()

    async def one(number: int, request: Request) -> Answer | str:
        await start.wait()
        try:
            return await products[number % len(products)].application.execute(request)
        except DomainError as refused:
            return refused.code

    tasks = [asyncio.create_task(one(number, request)) for number, request in enumerate(requests)]
    await asyncio.sleep(0)
    start.set()
    return list(await asyncio.gather(*tasks))


def refusals(outcomes: Sequence[Answer | str]) -> Counter[str]:
    return Counter(outcome for outcome in outcomes if isinstance(outcome, str))


async def in_the_log(product: Product, topic: str) -> list[Recorded]:
    return [one for one in await product.log.read_all(after=0, limit=10_000) if topic == one.event.TOPIC]


def referral(**changes: object) -> SubmitReferral:
    given: dict[str, object] = {"form": a_form(1), **changes}
    return SubmitReferral.model_validate(given)


def by(agency: str) -> Actor:
    return REFERRER.model_copy(update={"agency": agency})


# Each is one slip of the pen away from the first, so any two are at most two apart: nearness does not add up.
NEAR_SPELLINGS = (
    "Katherine",
    "Catherine",
    "Katharine",
    "Kathrine",
    "Katherin",
    "Katheryne",
    "Katherina",
    "Katherines",
)


def same_number(number: int) -> SubmitReferral:
    """Names and birthdays that have nothing in common, and one NHS number."""
    return referral(form=a_form(number, nhs_number="999 000 0018" if number % 2 else "9990000018"))


def near_name(number: int) -> SubmitReferral:
    """One birthday, a name spelt in eight ways, and no number."""
    spelt = NEAR_SPELLINGS[number % len(NEAR_SPELLINGS)]
    return referral(form=a_form(1, given_name=spelt, family_name="Ollerenshaw", date_of_birth="1985-03-31"))


@pytest.mark.parametrize("many", [2, 16])
@pytest.mark.parametrize("the_same_person", [same_number, near_name])
async def test_of_several_referrals_of_one_person_at_once_one_is_recorded_and_the_others_are_possible_duplicates(
    products: list[Product], many: int, the_same_person: Callable[[int], SubmitReferral]
) -> None:
    requests = [Request(the_same_person(number), by(f"Agency {number}"), uuid4()) for number in range(many)]
    outcomes = await at_once(products, requests)
    assert refusals(outcomes) == {"possible_duplicate": many - 1}
    assert len(await in_the_log(products[0], "ReferralSubmitted")) == 1
    assert len(await in_the_log(products[0], "PersonRegistered")) == 1
    # Whoever lost and tries again hears the same, and may then ask for a link.
    assert (await at_once(products, requests[:1] if isinstance(outcomes[0], str) else requests[1:2])) == [
        "possible_duplicate"
    ]


@pytest.mark.parametrize("many", [2, 16])
async def test_of_several_referrals_of_a_known_person_at_once_one_opens_a_case_and_the_others_find_it_open(
    products: list[Product], many: int
) -> None:
    office = Office(products[0].application)
    case_id = await office.refer(1)
    await office.do(REFERRER, "withdraw-referral", case_id=case_id, explanation="Moved away")
    person_id = (await office.case(case_id)).person_id
    outcomes = await at_once(
        products, [Request(referral(person_id=person_id), REFERRER, uuid4()) for _ in range(many)]
    )
    assert refusals(outcomes) == {"open_case_exists": many - 1}
    opened = [one.event for one in await in_the_log(products[0], "EpisodeOpened")]
    assert [event.stream_id for event in opened] == [PersonId(person_id)] * 2


async def test_of_several_referrals_at_once_that_may_be_linked_every_later_one_is_flagged_for_a_decision(
    products: list[Product],
) -> None:
    command = [near_name(number).model_copy(update={"if_possible_duplicate": "link"}) for number in range(8)]
    outcomes = await at_once(products, [Request(one, REFERRER, uuid4()) for one in command])
    assert refusals(outcomes) == {}
    submitted = [one.stream_id for one in await in_the_log(products[0], "ReferralSubmitted")]
    flagged = {one.stream_id for one in await in_the_log(products[0], "PossibleDuplicateFlagged")}
    assert len(submitted) == 8
    assert flagged == set(submitted[1:])


def allocation(case_id: CaseId, worker: KeyWorkerOnDuty) -> Request:
    fields = {"case_id": case_id, "worker_id": worker.worker_id, "approved_over_soft_limit": True}
    return Request(AllocateKeyWorker.model_validate(fields), MANAGER, uuid4())


async def accepted(office: Office, count: int) -> list[CaseId]:
    """Cases that the forum has accepted, over as many meetings as that takes."""
    cases: list[CaseId] = []
    while len(cases) < count:
        first = len(cases)
        cases += await office.accepted_cases(range(first, min(first + 12, count)))
    return cases


@pytest.mark.xdist_group("races")
async def test_of_two_allocations_at_once_that_would_pass_a_workers_limit_together_one_is_refused_by_it(
    products: list[Product],
) -> None:
    office = Office(products[0].application)
    worker = await office.register_worker("sam")
    *carried, one, other = await accepted(office, HARD_LIMIT + 1)
    for case_id in carried:
        await office.allocate(case_id, worker)
    outcomes = await at_once(products, [allocation(one, worker), allocation(other, worker)])
    assert refusals(outcomes) == {"worker_at_hard_limit": 1}
    allocated = [event.stream_id for event in await in_the_log(products[0], "KeyWorkerAllocated")]
    taken = [event.event for event in await in_the_log(products[0], "CaseTaken")]
    assert len(allocated) == len(set(allocated)) == HARD_LIMIT
    assert {event.case_id for event in taken} == set(allocated)  # type: ignore[attr-defined]
    assert len(taken) == HARD_LIMIT
    loser = other if isinstance(outcomes[1], str) else one
    assert (await office.case(loser)).worker_id is None


@pytest.mark.xdist_group("races")
async def test_of_eighteen_allocations_at_once_as_many_are_made_as_the_worker_may_carry(
    products: list[Product],
) -> None:
    office = Office(products[0].application)
    worker = await office.register_worker("sam")
    cases = await accepted(office, HARD_LIMIT + 3)
    outcomes = await at_once(products, [allocation(case_id, worker) for case_id in cases])
    assert refusals(outcomes) == {"worker_at_hard_limit": 3}
    allocated = [event.stream_id for event in await in_the_log(products[0], "KeyWorkerAllocated")]
    assert len(allocated) == len(set(allocated)) == HARD_LIMIT


async def test_one_case_allocated_to_two_workers_at_once_goes_to_one_of_them(products: list[Product]) -> None:
    office = Office(products[0].application)
    sam, noor = [await office.register_worker(name) for name in ("sam", "noor")]
    (case_id,) = await accepted(office, 1)
    outcomes = await at_once(products, [allocation(case_id, sam), allocation(case_id, noor)])
    assert refusals(outcomes) == {"wrong_stage": 1}
    assert len(await in_the_log(products[0], "KeyWorkerAllocated")) == 1
    assert len(await in_the_log(products[0], "CaseTaken")) == 1


async def test_one_command_sent_sixteen_times_at_once_is_recorded_once_and_everybody_gets_the_same_answer(
    products: list[Product],
) -> None:
    request = Request(referral(), REFERRER, uuid4())
    outcomes = await at_once(products, [request] * 16)
    answers = [one for one in outcomes if isinstance(one, Answer)]
    assert len(answers) == 16
    assert len({(one.command_id, one.recorded_at, one.events) for one in answers}) == 1
    assert [one.repeated for one in answers].count(False) == 1
    assert len(await in_the_log(products[0], "ReferralSubmitted")) == 1
    assert await products[0].log.head() == len(answers[0].events)


class Overtaken:
    """A clock that is asked after a command's first look at the log; meanwhile the same command goes through elsewhere."""

    def __init__(self, elsewhere: Product, request: Request) -> None:
        self._elsewhere, self._request = elsewhere, request
        self._overtaken = False

    async def now(self) -> datetime:
        if not self._overtaken:
            self._overtaken = True
            await self._elsewhere.application.execute(self._request)
        return datetime.now(UTC)


async def test_a_command_overtaken_by_its_own_repetition_is_not_refused_for_what_that_brought_about(
    products: list[Product],
) -> None:
    request = Request(referral(), REFERRER, uuid4())
    products[0].application.clock = Overtaken(products[1], request)
    answer = await products[0].application.execute(request)
    assert answer.repeated
    assert len(await in_the_log(products[0], "ReferralSubmitted")) == 1


async def test_one_request_sent_sixteen_times_at_once_over_http_is_done_once(products: list[Product]) -> None:
    key = uuid4()
    async with AsyncExitStack() as stack:
        offices = [
            OfficeOverHttp(
                product.application,
                client=await stack.enter_async_context(
                    httpx.AsyncClient(
                        transport=httpx.ASGITransport(create_app(product, loopback=True)),
                        base_url="http://127.0.0.1",
                        timeout=30,
                    )
                ),
            )
            for product in products
        ]
        said = await asyncio.gather(
            *(
                offices[number % CALLERS].ask(REFERRER, "submit-referral", command_id=key, form=a_form(1))
                for number in range(16)
            )
        )
    assert {one.status_code for one in said} == {200}
    bodies = [one.json() for one in said]
    assert [body.pop("repeated") for body in bodies].count(False) == 1
    assert all(body == bodies[0] for body in bodies)
    assert len({UUID(body["case_id"]) for body in bodies}) == 1
    assert len(await in_the_log(products[0], "ReferralSubmitted")) == 1
