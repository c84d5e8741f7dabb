"""The works agreement: the privacy office's alone, recorded, told to every device, and shown to everyone."""

from __future__ import annotations

import pytest
from tests.server.privacy_hours.conftest import Office
from tests.server.privacy_hours.test_weeks import words

from toktra.server.web.access import Role

NIGHTS = {
    "title": "Works agreement of 1 March",
    "zone": "Europe/Berlin",
    "version": "0",
    "do": "save",
    "mon-1-from": "19:00",
    "mon-1-to": "07:00",
}


async def test_the_privacy_office_sets_it_and_every_device_and_person_is_told(office: Office) -> None:
    officer = await office.browser(await office.person("Pat", Role.PRIVACY_OFFICER))
    desk = await office.desk()
    assert (await desk.asks()).agreement is None
    assert (await officer.post("/works-agreement", data=NIGHTS)).status_code == 303
    told = await desk.asks()
    assert told.agreement_version == 1
    assert told.agreement is not None
    assert told.agreement.windows[0].length_minutes == 12 * 60
    employee = await office.browser(await office.person("Kim"))
    page = words(await employee.get("/me/privacy-hours"))
    assert "Works agreement of 1 March" in page
    assert "Mon 19:00–07:00" in page
    trail = words(await officer.get("/audit"))
    assert "Works agreement changed" in trail
    assert "mon 19:00-07:00" in trail


@pytest.mark.parametrize("role", [Role.OWNER, Role.ADMINISTRATOR, Role.AUDITOR, Role.FINANCE, Role.EMPLOYEE])
async def test_nobody_else_sets_it(office: Office, role: Role) -> None:
    browser = await office.browser(await office.person("Alex", role))
    assert (await browser.post("/works-agreement", data=NIGHTS)).status_code == 403
    assert (await (await office.desk()).asks()).agreement is None


async def test_what_cannot_be_meant_is_named_and_nothing_is_changed(office: Office) -> None:
    officer = await office.browser(await office.person("Pat", Role.PRIVACY_OFFICER))
    answer = await officer.post("/works-agreement", data={**NIGHTS, "title": " ", "zone": "Mars", "mon-1-to": "x"})
    assert answer.status_code == 422
    for sentence in ("Name: give", "Time zone: give", "Monday, window 1: give an end"):
        assert sentence in words(answer)
    await officer.post("/works-agreement", data=NIGHTS)
    late = await officer.post("/works-agreement", data={**NIGHTS, "title": "Another"})
    assert (late.status_code, "set in another window" in words(late)) == (422, True)
    assert (await (await office.desk()).asks()).agreement_version == 1


async def test_ended_it_is_told_as_empty_with_a_newer_version(office: Office) -> None:
    """So that a device knows what waits for its owner; it ends nothing by itself."""
    officer = await office.browser(await office.person("Pat", Role.PRIVACY_OFFICER))
    await officer.post("/works-agreement", data=NIGHTS)
    ended = {key: value for key, value in NIGHTS.items() if not key.startswith("mon")}
    await officer.post("/works-agreement", data={**ended, "version": "1"})
    told = await (await office.desk()).asks()
    assert (told.agreement_version, told.agreement and told.agreement.windows) == (2, ())
