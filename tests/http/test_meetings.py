"""Packs and the calendar of meetings over HTTP."""

from __future__ import annotations

import httpx

from adapters.product import Product
from tests.support.scenario import CGL, HOUSING, POLICE, a_case, a_meeting
from tests.support.situations import tell

NOWHERE = "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"


async def test_each_agency_gets_a_pack_of_its_own(client: httpx.AsyncClient, product: Product) -> None:
    meeting = a_meeting().agenda_open()
    robin = a_case()
    await tell(product.log, [meeting, robin.on_agenda(meeting)])
    police = (await client.get(f"/meetings/{meeting.meeting_id}/packs/{POLICE}")).json()
    assert [item["case_id"] for item in police["items"]] == [str(robin.case_id)]
    cgl = (await client.get(f"/meetings/{meeting.meeting_id}/packs/CGL")).json()
    assert (cgl["agency"], [item["kind"] for item in cgl["items"]]) == (CGL, ["redacted"])
    assert str(robin.case_id) not in str(cgl)


async def test_there_is_no_pack_of_a_meeting_that_there_is_not(
    client: httpx.AsyncClient, product: Product
) -> None:
    robin = a_case().submitted()
    await tell(product.log, [robin])
    for unknown in (NOWHERE, robin.case_id):
        answer = await client.get(f"/meetings/{unknown}/packs/{HOUSING}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_the_calendar_of_a_forum_can_be_subscribed_to(
    client: httpx.AsyncClient, product: Product
) -> None:
    meeting, other = a_meeting(), a_meeting("other", forum="wythenshawe-northenden").cancelled()
    await tell(product.log, [meeting, other])
    position = await product.log.head()
    everything = await client.get("/meetings.ics", params={"after_position": position})
    assert everything.headers["content-type"].startswith("text/calendar")
    assert everything.text.count("BEGIN:VEVENT") == 2
    assert everything.text.count("STATUS:CANCELLED") == 1
    one = await client.get("/meetings.ics", params={"forum": meeting.forum})
    assert f"UID:meeting-{meeting.meeting_id}" in one.text
    assert one.text.count("BEGIN:VEVENT") == 1
    refused = await client.get("/meetings.ics", params={"forum": "atlantis"})
    assert refused.status_code == 422
