"""Base of the dashboard's handlers: the operator behind the cookie, roles, headers, pages and errors."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, TypeVar
from urllib.parse import urlencode

import jinja2
from tornado.httputil import HTTPHeaders
from tornado.web import HTTPError, RequestHandler

from handlers.admin.assets import Assets
from handlers.admin.flash import FlashMessage, FlashMessages, FlashResult
from handlers.admin.moments import BROWSERS_ZONE, Moments, zone_named
from handlers.admin.parameters import changed_query
from handlers.base import ApiHandler, HandlerContext
from handlers.callers import refuse_keys
from handlers.compression import write_small
from models.errors import Forbidden, NotFound, Unauthenticated
from models.operator_auth import OperatorAuth, SignedInOperator
from models.operators import Operator, Role, is_at_least
from models.saved_filters import SavedFilters
from realtime.clock import Clock
from realtime.dashboard.rows import CUTTING
from settings import Settings

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https: data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
"""Nothing inline, nothing from other origins except avatars, no framing, and no strings evaluated as scripts."""

PAGE_HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
"""Headers of every page."""

SECTIONS = (
    ("live", "/admin", "Live", "viewer"),
    ("users", "/admin/users", "Users", "viewer"),
    ("calls", "/admin/calls", "Calls", "viewer"),
    ("events", "/admin/events", "Events", "viewer"),
    ("audit", "/admin/audit", "Audit log", "viewer"),
    ("system", "/admin/system", "System", "admin"),
    ("operators", "/admin/operators", "Operators", "admin"),
)
"""The links in the header: name, URL, text, and the role that sees each one."""

SCREENS = ("screens", "/admin/screens", "Screens", "admin")
"""A section that is in the account menu."""

FOREIGN_PAGE = "Only pages of this server may send this request."

STALE_FORM = (
    "The form is from an earlier sign-in, or from a page that this browser did not open. Nothing was changed. "
    "Open the page again and send the form once more."
)

ZONE_COOKIE = "rollcall_zone"
"""The time zone that the operator chose in this browser."""

BROWSER_ZONE_COOKIE = "rollcall_browser_zone"
"""The zone that the browser is set to, as the script on the last page found."""

THEME_COOKIE = "rollcall_theme"
"""Whether the operator wants light or dark pages in this browser. Without it, the system decides."""

_OWN_PAGE = re.compile(r"/admin(?:[/?][\x21-\x7e]*)?")

Verb = TypeVar("Verb", bound=Callable[..., Any])

Allowed = Role | Literal["screen", "anybody"]
"""Who may use a method: operators with this role or a higher one, a screen on a wall, or anybody."""


def xsrf_cookie(*, has_tls: bool) -> str:
    """The name of the cookie with the XSRF token. With TLS, browsers accept this name from a secure origin only."""
    return "__Host-xsrf" if has_tls else "_xsrf"


@dataclass(frozen=True)
class AdminContext:
    """What every handler of the dashboard needs."""

    context: HandlerContext
    operator_auth: OperatorAuth
    templates: jinja2.Environment
    assets: Assets
    clock: Clock
    settings: Settings
    saved_filters: SavedFilters
    flash_messages: FlashMessages = field(default_factory=FlashMessages)

    @property
    def has_tls(self) -> bool:
        """Whether this server speaks TLS itself."""
        return bool(self.settings.tls_certificate)

    @property
    def xsrf_cookie(self) -> str:
        """The name of the cookie with the XSRF token."""
        return xsrf_cookie(has_tls=self.has_tls)


def known_theme(text: str | None) -> str:
    """The theme in a cookie, or an empty text if it has none."""
    return text if text in ("light", "dark") else ""


def asks_for_json(headers: HTTPHeaders) -> bool:
    """Whether a request comes from a script of the dashboard. Everything else is for a person, who gets a page."""
    return "application/json" in headers.get("Accept", "")


def allows(role: Allowed) -> Callable[[Verb], Verb]:
    """Who may use an HTTP method. A method without this decorator is refused."""

    def mark(verb: Verb) -> Verb:
        verb.allowed = role  # type: ignore[attr-defined]
        return verb

    return mark


class AdminHandler(ApiHandler):
    """A page, or a request from a page. `signed_in` is the operator, or None."""

    options = RequestHandler.options  # type: ignore[assignment]  # no CORS: other origins get nothing

    def set_up_admin(self, admin: AdminContext) -> None:
        """To be called first in each handler's `initialize`."""
        self.set_up(admin.context)
        self.admin = admin
        self.signed_in: SignedInOperator | None = None
        self.has_token = True
        """Whether the request has the XSRF token of our own pages, or needs none."""
        self.is_form_stale = False
        """Whether the request is refused because it has no such token."""

    def set_default_headers(self) -> None:
        """For every response, including errors."""
        super().set_default_headers()
        for name, value in PAGE_HEADERS.items():
            self.set_header(name, value)

    async def prepare(self) -> None:
        """Identify the operator, and check the XSRF token and the role. Raises Unauthenticated, Forbidden."""
        super().prepare()
        await refuse_keys(self, "The dashboard is for operators, who sign in. A service key does not open it.")
        self.signed_in = await self.identify_operator()
        if not self.has_token:
            self.is_form_stale = True
            raise Forbidden("REFUSED", STALE_FORM)
        allowed = getattr(getattr(self, str(self.request.method).lower()), "allowed", None)
        if allowed is None:
            raise HTTPError(405)
        if allowed != "anybody":
            self.check_access(allowed)

    def check_access(self, allowed: Any) -> None:
        """Let only those through who may use the method. Raises Unauthenticated, Forbidden."""
        if self.signed_in is None:
            self.ask_to_sign_in()
        elif not is_at_least(self.signed_in.operator.role, allowed):
            subject = "This" if self.request.method == "POST" else "This page"
            raise Forbidden("ROLE_TOO_LOW", f"{subject} is for {allowed}s. Your role is {self.operator.role}.")

    def check_origins(self) -> None:
        """Accept requests from this server's own pages only, not from origins that apps may use. Raises Forbidden."""
        self.context.origins.check(self.request)
        origin = self.request.headers.get("Origin")
        if origin is not None and not self.context.origins.is_own(origin, self.request):
            raise Forbidden("ORIGIN_NOT_ALLOWED", FOREIGN_PAGE)

    def check_xsrf_cookie(self) -> None:
        """The cookie alone would let other sites act as the operator, so the token from our own pages is required.

        Tornado calls this before `prepare`, which refuses the request once it knows the operator, whose menu the page
        keeps.
        """
        try:
            RequestHandler.check_xsrf_cookie(self)
        except HTTPError:
            self.has_token = False

    def check_trusted_origin(self, origin: str) -> bool:
        """Only our own origin is trusted; Tornado would tell `https://n` from `https://n:443`."""
        return "Sec-Fetch-Site" not in self.request.headers and self.context.origins.is_own(origin, self.request)

    @property
    def operator(self) -> Operator:
        """The signed-in operator; for methods that require a role."""
        assert self.signed_in is not None, "`prepare` lets only signed-in operators through"
        return self.signed_in.operator

    @property
    def address(self) -> str:
        """Where the request came from."""
        return self.context.origins.address(self.request)

    @property
    def is_secure(self) -> bool:
        """Whether the browser's connection uses TLS, to this server or to a trusted proxy."""
        return self.admin.has_tls or self.context.origins.is_https(self.request)

    @property
    def cookie_name(self) -> str:
        """The name of the sign-in cookie. With TLS, browsers accept this name from a secure origin only."""
        return "__Host-rollcall" if self.is_secure else "rollcall_operator"

    @property
    def screen_cookie_name(self) -> str:
        """The name of the cookie of a screen on a wall, by the same rule."""
        return "__Host-rollcall-screen" if self.is_secure else "rollcall_screen"

    @property
    def wants_json(self) -> bool:
        """Whether the request comes from a script."""
        return asks_for_json(self.request.headers)

    def set_cookie(self, name: str, value: str | bytes, *args: Any, **kwargs: Any) -> None:
        """As Tornado's, but HttpOnly, SameSite and, with TLS, Secure."""
        kwargs.update(httponly=True, samesite="Lax", secure=self.is_secure, path="/")
        super().set_cookie(name, value, *args, **kwargs)

    def show(self, template: str, *, here: str = "", **values: Any) -> None:
        """Render a page. `here` is the section it belongs to."""
        operator = self.signed_in.operator if self.signed_in else None
        self.set_header("Content-Type", "text/html; charset=utf-8")
        write_small(
            self,
            self.admin.templates.get_template(f"admin/{template}")
            .render(
                operator=operator,
                may_act=operator is not None and is_at_least(operator.role, "operator"),
                may_manage=operator is not None and is_at_least(operator.role, "admin"),
                sections=[each[:3] for each in SECTIONS if operator and is_at_least(operator.role, each[3])],  # type: ignore[arg-type]
                here=here,
                theme=known_theme(self.get_cookie(THEME_COOKIE)),
                version=self.admin.assets.version,
                asset=self.admin.assets.url,
                xsrf=self.xsrf_token.decode(),
                flash=self._take_flash(),
                now=self.now_ms,
                zone=self.zone_choice,
                cutting=CUTTING,
                moments=self.moments,
                link=partial(changed_query, self),
                request_id=self.request_id,
                **values,
            )
            .encode(),
        )

    @property
    def zone_choice(self) -> str:
        """The name of the time zone that the operator chose, or BROWSERS_ZONE."""
        zone = self.get_cookie(ZONE_COOKIE, "")
        return zone if zone_named(zone) else BROWSERS_ZONE

    @property
    def moments(self) -> Moments:
        """Writes times as the operator chose to see them."""
        return Moments(self.now_ms, self.zone_choice or self.get_cookie(BROWSER_ZONE_COOKIE, "") or "UTC")

    @property
    def now_ms(self) -> int:
        """The server's time in milliseconds since 1970, as in rows."""
        return int(self.admin.clock.utc().timestamp() * 1000)

    def go(self, url: str, flash: str = "", *, is_refusal: bool = False, results: tuple[FlashResult, ...] = ()) -> None:
        """Redirect after a form, with a message for the next page to show."""
        if flash and self.signed_in is not None:
            message = FlashMessage(flash, is_refusal, results)
            self.admin.flash_messages.leave(self.signed_in.sign_in.sign_in_id, message)
        self.redirect(url, status=303)

    def _take_flash(self) -> FlashMessage | None:
        """The message that a form left, unless a script loads the page for a part of it."""
        if self.signed_in is None or self.request.headers.get("Sec-Fetch-Dest") == "empty":
            return None
        return self.admin.flash_messages.take(self.signed_in.sign_in.sign_in_id)

    def next_page(self) -> str:
        """The page to go to after a form. Only pages of the dashboard are accepted."""
        return self.own_page(self.get_argument("next", ""))

    def own_page(self, wanted: str) -> str:
        """This page if it is one of the dashboard, or else Live."""
        return wanted if _OWN_PAGE.fullmatch(wanted) else "/admin"

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """A page with a way back for people, the API's usual error for scripts."""
        error = kwargs.get("exc_info", (None, None))[1]
        if isinstance(error, HTTPError) and error.status_code == 403:  # Tornado's own check, which precedes `prepare`
            error = Forbidden("ORIGIN_NOT_ALLOWED", FOREIGN_PAGE)
        code, message = self.settle_error(status_code, error)
        if self.get_status() == 401:
            self.clear_header("WWW-Authenticate")  # the sign-in is a form, not the browser's own dialog
        if self.wants_json:
            self.write_refusal(code, message)
            return
        status, is_form = self.get_status(), self.request.method == "POST"
        section = self._section()
        self.show(
            "error.html",
            here=section[0] if section else "",
            status=status,
            code=code,
            message=message,
            again=self.own_page(self.request.uri or "") if status >= 500 and self.request.method == "GET" else "",
            back=self._page_before() if is_form or status == 409 else "",
            section=section[1:3] if section else (),
            is_form=is_form,
            is_stale=self.is_form_stale,
            has_sign_in=bool(self.get_cookie(self.cookie_name)),
        )
        self.finish()

    def _section(self) -> tuple[str, str, str, str] | None:
        """The section to which the URL belongs and that the operator may open, unless that is Live."""
        of_url = (each for each in (*SECTIONS[1:], SCREENS) if re.match(rf"{each[1]}(?![^./])", self.request.path))
        section = next(of_url, None)
        if section is None or self.signed_in is None:
            return None
        return section if is_at_least(self.operator.role, section[3]) else None  # type: ignore[arg-type]

    def _page_before(self) -> str:
        """The page of ours that the request came from, or an empty text."""
        scheme, _, rest = self.request.headers.get("Referer", "").partition("://")
        host, slash, path = rest.partition("/")
        page = slash + path.partition("#")[0]
        is_ours = self.context.origins.is_own(f"{scheme}://{host}", self.request) and _OWN_PAGE.fullmatch(page)
        return page if is_ours else ""

    async def identify_operator(self) -> SignedInOperator | None:
        """The operator behind the cookie, or None. Raises StoreUnavailable."""
        secret = self.get_cookie(self.cookie_name)
        if not secret:
            return None
        try:
            return await self.admin.operator_auth.identify(secret)
        except Unauthenticated:
            return None

    def ask_to_sign_in(self) -> None:
        """Redirect to the sign-in form. Raises Unauthenticated if the request is not for a page."""
        if self.request.method not in ("GET", "HEAD") or self.wants_json:
            raise Unauthenticated("Sign in first")
        self.redirect("/admin/login?" + urlencode({"next": self.request.uri or "/admin"}), status=303)


class NothingHandler(AdminHandler):
    """Any URL below /admin without a route of its own."""

    def initialize(self, admin: AdminContext) -> None:
        """Collaborators come from the route."""
        self.set_up_admin(admin)

    @allows("viewer")
    def get(self, _: str) -> None:
        """Raises NotFound, which becomes a page with a way back."""
        raise NotFound("There is nothing at this URL")
