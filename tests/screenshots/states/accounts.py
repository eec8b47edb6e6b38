"""Accounts: signing in, one's own account, and the accounts of operators."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from playwright.async_api import Page

from models.audit import AuditEntry
from models.operators import Role
from operation.operator_accounts import ensure_operator
from tests.dashboard.crowds import LONG_NAMES
from tests.dashboard.site import Site
from tests.screenshots.stage import Place, place
from tests.screenshots.state import Scene, plain, state

PLAIN = {"java_script_enabled": False}

MANY_FAILURES = {"sign_in_failures_per_address": 100_000, "sign_in_failures_until_slow": 100_000}
"""All states sign in from the same address."""

REASON = "Moved to the evening shift"

DEVICES = (
    ("203.0.113.7", "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605 Version/19.1 Safari/604"),
    ("2001:db8:85a3:8d3:1319:8a2e:370:7348", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Firefox/145.0"),
    ("198.51.100.200", ""),
)


@dataclass(frozen=True)
class Account:
    """An operator of one shot."""

    operator_id: int
    name: str
    password: str


@place("accounts", **MANY_FAILURES)
async def furnish_accounts(place: Place) -> None:
    """A server whose operators come and go."""
    await place.site.start()


@place("staff", **MANY_FAILURES)
async def furnish_staff(place: Place) -> None:
    """Operators with long names, with and without a sign-in, two of whom are disabled."""
    site, now = place.site, datetime.now(UTC)
    await site.start()
    async with site.stores() as stores:
        for number, name in enumerate((*(each[:60] for each in LONG_NAMES), "Maya", "noor")):
            role: Role = ("viewer", "operator", "admin")[number % 3]  # type: ignore[assignment]
            await ensure_operator(stores, site.program.settings, name, secrets.token_hex(16), role)
            found = await stores.operators.credentials(name)
            assert found is not None
            if number in (1, 6):
                await stores.operators.change(found[0].operator_id, disabled=True)
            if number % 2:
                await stores.audit.begin(_sign_in(name, found[0].operator_id, now - timedelta(days=number**3)))


def _sign_in(name: str, operator_id: int, at: datetime) -> AuditEntry:
    return AuditEntry(
        f"sign-in-{operator_id}", at, name, "operator_sign_in", f"operator:{operator_id}", name, "", "", "",
        "203.0.113.7", "done",
    )  # fmt: skip


async def add_account(site: Site, name: str, role: Role = "viewer") -> Account:
    """Add an operator whose name is unique."""
    made, password = f"{name} {secrets.token_hex(2)}", secrets.token_hex(16)
    async with site.stores() as stores:
        await ensure_operator(stores, site.program.settings, made, password, role)
        found = await stores.operators.credentials(made)
    assert found is not None
    return Account(found[0].operator_id, made, password)


async def sign_in(page: Page, name: str, password: str) -> None:
    """Fill in and send the form, which is on the page."""
    await page.get_by_label("Operator").fill(name)
    await page.get_by_label("Password").fill(password)
    await send(page, "Sign in")


async def send(page: Page, button: str) -> None:
    """Send a form as a browser would that checks nothing, and wait for the next page."""
    await page.locator("main form").evaluate_all("(forms) => forms.forEach((form) => (form.noValidate = true))")
    async with page.expect_navigation(wait_until="domcontentloaded"):
        await page.get_by_role("button", name=button, exact=True).last.click()


async def own_account(scene: Scene, path: str, role: Role = "operator", name: str = "Maya Okafor") -> Account:
    """Sign in as a new operator, and open a page."""
    one = await add_account(scene.place.site, name, role)
    page, origin = scene.page, scene.place.site.origin
    await page.goto(f"{origin}/admin/login")
    await sign_in(page, one.name, one.password)
    await page.goto(origin + path)
    return one


async def change_of(scene: Scene, change: str, role: Role = "viewer", name: str = "Noor Haddad") -> Account:
    """Open the page that asks before a change of a new operator."""
    one = await add_account(scene.place.site, name, role)
    await scene.page.goto(f"{scene.place.site.origin}/admin/operators/{one.operator_id}?change={change}")
    return one


# Signing in.

plain("accounts_login", "/admin/login", role="", place="accounts")


@state("accounts_login_without_script", "/admin/login?next=/admin/audit", role="", place="accounts", options=PLAIN)
async def login_without_script(scene: Scene) -> None:
    """A long name, and a wrong password."""
    await sign_in(scene.page, LONG_NAMES[0], "wrong")


@state("accounts_login_wrong", "/admin/login", role="", place="accounts")
async def login_wrong(scene: Scene) -> None:
    """There is no such operator, or the password is wrong."""
    await sign_in(scene.page, "maya", "wrong")


@state("accounts_login_too_many", "/admin/login", role="", place="accounts")
async def login_too_many(scene: Scene) -> None:
    """Five wrong passwords, and a sixth."""
    name = f"maya {secrets.token_hex(2)}"
    for _ in range(6):
        await sign_in(scene.page, name, "wrong")


@state("accounts_login_expired", "/admin/login", role="", place="accounts")
async def login_expired(scene: Scene) -> None:
    """The sign-in has ended, and the operator follows a link."""
    one = await own_account(scene, "/admin/users")
    async with scene.place.site.stores() as stores:
        await stores.sign_ins.end_all(one.operator_id)
    await scene.page.get_by_role("link", name="Audit log").click()
    await scene.page.get_by_role("heading", name="Sign in").wait_for()


@state("accounts_form_after_end", "/admin/login", role="", place="accounts")
async def form_after_end(scene: Scene) -> None:
    """The sign-in has ended, and the operator sends a form."""
    one = await own_account(scene, "/admin/password")
    async with scene.place.site.stores() as stores:
        await stores.sign_ins.end_all(one.operator_id)
    await send(scene.page, "Change password")


# The list of operators.

plain("accounts_operators", "/admin/operators", role="admin", place="staff")
plain("accounts_operators_without_script", "/admin/operators", role="admin", place="staff", options=PLAIN)
plain("accounts_operators_refused", "/admin/operators", role="operator", place="accounts")


async def add_by_form(scene: Scene, name: str, password: str) -> None:
    """Fill in and send the form that adds an operator."""
    page = scene.page
    await page.get_by_label("Name", exact=True).fill(name)
    await page.get_by_label("Password").last.fill(password)
    await page.locator("form.card-body select").select_option("operator")
    await send(page, "Add operator")


@state("accounts_operators_taken", "/admin/operators", role="admin", place="staff")
async def operators_taken(scene: Scene) -> None:
    """The name is taken. What was typed is kept, and the password is shown."""
    await add_by_form(scene, "MAYA", "correct horse battery")
    await scene.page.get_by_label("Show characters").check()


@state("accounts_operators_short", "/admin/operators", role="admin", place="staff")
async def operators_short(scene: Scene) -> None:
    """The password is too short."""
    await add_by_form(scene, "Farah", "short")


@state("accounts_operators_added", "/admin/operators", role="admin", place="accounts", is_alone=True)
async def operators_added(scene: Scene) -> None:
    """An operator with a long name was added."""
    await add_by_form(scene, f"{LONG_NAMES[2][:58]} {secrets.token_hex(2)}", secrets.token_hex(16))


# Changes of an operator.


@state("accounts_role", "/admin/operators", role="admin", place="accounts")
async def role(scene: Scene) -> None:
    """Another role, for an operator with a long name."""
    await change_of(scene, "role&role=operator", name=LONG_NAMES[0][:58])


@state("accounts_role_no_reason", "/admin/operators", role="admin", place="accounts")
async def role_no_reason(scene: Scene) -> None:
    """A role is changed without a reason."""
    await change_of(scene, "role&role=admin")
    await send(scene.page, "Change role")


@state("accounts_role_changed", "/admin/operators", role="admin", place="accounts", is_alone=True)
async def role_changed(scene: Scene) -> None:
    """The role is changed."""
    await change_of(scene, "role&role=operator")
    await scene.page.get_by_label("Reason").fill(REASON)
    await send(scene.page, "Change role")


@state("accounts_last_admin", "/admin/operators", role="admin", place="accounts")
async def last_admin(scene: Scene) -> None:
    """The last admin can't get another role."""
    page = scene.page
    row = page.get_by_role("row").filter(has_text="you")
    await row.get_by_role("combobox").select_option("viewer")
    await row.get_by_role("button").click()
    await page.get_by_label("Reason").fill(REASON)
    await send(page, "Change role")


@state("accounts_disable", "/admin/operators", role="admin", place="accounts")
async def disable(scene: Scene) -> None:
    """An operator is to be disabled."""
    await change_of(scene, "disable", name=LONG_NAMES[3][:58])


@state("accounts_disabled", "/admin/operators", role="admin", place="accounts", is_alone=True)
async def disabled(scene: Scene) -> None:
    """An operator was disabled."""
    await change_of(scene, "disable")
    await scene.page.get_by_label("Reason").fill(REASON)
    await send(scene.page, "Disable")


@state("accounts_enable", "/admin/operators", role="admin", place="accounts", is_alone=True)
async def enable(scene: Scene) -> None:
    """An operator who was disabled is to be enabled: by whom it was, and why."""
    one = await change_of(scene, "disable")
    await scene.page.get_by_label("Reason").fill("Left the company; asked by the owner of the team on the phone")
    await send(scene.page, "Disable")
    await scene.page.goto(f"{scene.place.site.origin}/admin/operators/{one.operator_id}?change=enable")


@state("accounts_reset", "/admin/operators", role="admin", place="accounts")
async def reset(scene: Scene) -> None:
    """A password that is too short, with what was typed shown."""
    page = scene.page
    await change_of(scene, "reset")
    await page.get_by_label("New password").fill("short")
    await page.get_by_label("Reason").fill(REASON)
    await send(page, "Set password")
    await page.get_by_label("Show characters").check()


@state("accounts_reset_done", "/admin/operators", role="admin", place="accounts", is_alone=True)
async def reset_done(scene: Scene) -> None:
    """An operator has a new password."""
    await change_of(scene, "reset")
    await scene.page.get_by_label("New password").fill(secrets.token_hex(16))
    await send(scene.page, "Set password")


# One's own password and sign-ins.

plain("accounts_password", "/admin/password", role="viewer", place="accounts")


@state("accounts_password_wrong", "/admin/login", role="", place="accounts")
async def password_wrong(scene: Scene) -> None:
    """The current password is wrong. The new one is kept, and shown."""
    await own_account(scene, "/admin/password")
    await scene.page.get_by_label("Current password").fill("wrong")
    await scene.page.get_by_label("New password").fill("correct horse battery")
    await send(scene.page, "Change password")
    await scene.page.get_by_label("Show characters").check()


@state("accounts_password_short", "/admin/login", role="", place="accounts", options=PLAIN)
async def password_short(scene: Scene) -> None:
    """The new password is too short."""
    one = await own_account(scene, "/admin/password")
    await scene.page.get_by_label("Current password").fill(one.password)
    await scene.page.get_by_label("New password").fill("short")
    await send(scene.page, "Change password")


@state("accounts_password_done", "/admin/login", role="", place="accounts")
async def password_done(scene: Scene) -> None:
    """The password is changed, and the other sign-ins have ended."""
    one = await own_account(scene, "/admin/password")
    await scene.page.get_by_label("Current password").fill(one.password)
    await scene.page.get_by_label("New password").fill(secrets.token_hex(16))
    await send(scene.page, "Change password")


async def sign_in_elsewhere(scene: Scene, one: Account) -> None:
    """Sign an operator in with several devices, and show the list."""
    now = datetime.now(UTC)
    async with scene.place.site.stores() as stores:
        for number, (address, device) in enumerate(DEVICES):
            at = now - timedelta(minutes=3 + number * 12)
            await stores.sign_ins.create(secrets.token_hex(32), one.operator_id, at, address, device)
    await scene.page.reload()


@state("accounts_sign_ins", "/admin/login", role="", place="accounts")
async def sign_ins(scene: Scene) -> None:
    """Signed in with several devices, one of them unknown."""
    await sign_in_elsewhere(scene, await own_account(scene, "/admin/sign-ins"))


@state("accounts_sign_ins_ended", "/admin/login", role="", place="accounts", options=PLAIN)
async def sign_ins_ended(scene: Scene) -> None:
    """One of them was signed out."""
    await sign_in_elsewhere(scene, await own_account(scene, "/admin/sign-ins"))
    async with scene.page.expect_navigation(wait_until="domcontentloaded"):
        await scene.page.get_by_role("row").nth(2).get_by_role("button", name="Sign out").click()


# The account menu, and the time zone.


async def open_menu(scene: Scene) -> None:
    """Open the account menu."""
    await scene.page.locator("button.account").click()
    await scene.page.locator("#account:popover-open").wait_for()


async def choose_zone(scene: Scene, other: str = "") -> None:
    """Choose UTC, or another zone by its name."""
    await open_menu(scene)
    menu = scene.page.locator("#account")
    await menu.get_by_role("radio", name="Other" if other else "UTC").check()
    if other:
        await menu.get_by_label("Name of the other time zone").fill(other)
    async with scene.page.expect_navigation(wait_until="domcontentloaded"):
        await menu.get_by_role("button", name="Set time zone").click()


@state("accounts_menu_viewer", "/admin/users", role="viewer", place="accounts")
async def menu_viewer(scene: Scene) -> None:
    """The menu of a viewer."""
    await open_menu(scene)


@state("accounts_menu_admin", "/admin/login", role="", place="crowd")
async def menu_admin(scene: Scene) -> None:
    """The menu of an admin with a long name, who has chosen another time zone."""
    await own_account(scene, "/admin/audit", "admin", LONG_NAMES[0][:58])
    await choose_zone(scene, "America/Argentina/ComodRivadavia")
    await open_menu(scene)


@state("accounts_menu_without_script", "/admin/users", role="operator", place="accounts", options=PLAIN)
async def menu_without_script(scene: Scene) -> None:
    """The menu opens without scripts, too."""
    await open_menu(scene)


@state("accounts_zone_utc", "/admin/audit", role="second", place="crowd")
async def zone_utc(scene: Scene) -> None:
    """All times are in UTC from now on."""
    await choose_zone(scene)


@state("accounts_zone_unknown", "/admin/audit", role="second", place="accounts", options=PLAIN)
async def zone_unknown(scene: Scene) -> None:
    """There is no zone of this name."""
    await choose_zone(scene, "Europe/Atlantis")
