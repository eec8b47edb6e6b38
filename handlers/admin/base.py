"""Base of the dashboard's handlers: who asks, by the cookie; what the role may do; the headers; pages and errors."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, TypeVar
from urllib.parse import urlencode

import jinja2
from tornado.web import HTTPError, RequestHandler

from handlers.admin.assets import Assets
from handlers.admin.parameters import changed_query
from handlers.admin.remarks import Remark, Remarks
from handlers.base import ApiHandler, Web
from models.desk import Desk, OnDuty
from models.operators import Operator, Role, is_at_least
from models.refusals import Forbidden, NotFound, Unauthenticated
from realtime.clock import Clock

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https: data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
"""Nothing inline, nothing from elsewhere but faces, no frame around, no string becomes a script."""

SECTIONS = (
    ("live", "/admin", "Live", "viewer"),
    ("users", "/admin/users", "Users", "viewer"),
    ("calls", "/admin/calls", "Calls", "viewer"),
    ("events", "/admin/events", "Events", "viewer"),
    ("audit", "/admin/audit", "Audit", "viewer"),
    ("system", "/admin/system", "System", "admin"),
    ("operators", "/admin/operators", "Operators", "admin"),
)
"""The links of the header: name, URL, text, and the role that sees them."""

_OWN_PAGE = re.compile(r"/admin(?:[/?][\x21-\x7e]*)?")

Verb = TypeVar("Verb", bound=Callable[..., Any])


def xsrf_cookie(*, has_tls: bool) -> str:
    """The cookie with the XSRF token: a name that browsers take only over TLS, where there is TLS."""
    return "__Host-xsrf" if has_tls else "_xsrf"


@dataclass(frozen=True)
class Office:
    """What every page of the dashboard needs."""

    web: Web
    desk: Desk
    templates: jinja2.Environment
    assets: Assets
    clock: Clock
    has_tls: bool
    page_rows: int
    remarks: Remarks = field(default_factory=Remarks)

    @property
    def xsrf_cookie(self) -> str:
        """The name of the cookie with the XSRF token."""
        return xsrf_cookie(has_tls=self.has_tls)


def allows(role: Role | Literal["anybody"]) -> Callable[[Verb], Verb]:
    """Who may use a verb. A verb without this is nobody's."""

    def mark(verb: Verb) -> Verb:
        verb.allowed = role  # type: ignore[attr-defined]
        return verb

    return mark


class AdminHandler(ApiHandler):
    """A page, or what a page asks for. `duty` says which operator asks."""

    options = RequestHandler.options  # type: ignore[assignment]  # nothing is offered to other origins

    def set_up_admin(self, office: Office) -> None:
        """What each page's `initialize` begins with."""
        self.set_up(office.web)
        self.office = office
        self.duty: OnDuty | None = None

    def set_default_headers(self) -> None:
        """On every answer, errors included."""
        super().set_default_headers()
        self.set_header("Content-Security-Policy", POLICY)
        self.set_header("Referrer-Policy", "same-origin")
        self.set_header("X-Frame-Options", "DENY")

    async def prepare(self) -> None:
        """Who asks, and whether the verb is theirs. Raises Unauthenticated, Forbidden."""
        super().prepare()
        allowed = getattr(getattr(self, str(self.request.method).lower()), "allowed", None)
        if allowed is None:
            raise HTTPError(405)
        self.duty = await self.identify_operator()
        if allowed == "anybody":
            return
        if self.duty is None:
            self._ask_to_sign_in()
        elif not is_at_least(self.duty.operator.role, allowed):
            raise Forbidden("ROLE_TOO_LOW", f"This takes the role {allowed}, and yours is {self.operator.role}")

    def check_origins(self) -> None:
        """Only the dashboard's own pages ask; origins that are allowed for apps are not. Raises Forbidden."""
        self.web.origins.check(self.request)
        origin = self.request.headers.get("Origin")
        if origin is not None and not self.web.origins.is_own(origin, self.request.headers.get("Host", "")):
            raise Forbidden("ORIGIN_NOT_ALLOWED", "Only pages of this server may ask")

    def check_xsrf_cookie(self) -> None:
        """Here a cookie says who asks, so the token is needed that only our own pages know."""
        RequestHandler.check_xsrf_cookie(self)

    def check_trusted_origin(self, origin: str) -> bool:
        """No other origin is trusted."""
        return False

    @property
    def operator(self) -> Operator:
        """Who asks; for verbs that are not anybody's."""
        assert self.duty is not None, "nobody comes this far without a sign-in"
        return self.duty.operator

    @property
    def address(self) -> str:
        """Where the request came from."""
        return self.web.origins.address(self.request)

    @property
    def is_secure(self) -> bool:
        """Whether the browser speaks TLS, with this server or with a trusted proxy before it."""
        return self.office.has_tls or self.web.origins.is_https(self.request)

    @property
    def cookie_name(self) -> str:
        """The cookie of a sign-in: a name that browsers take only over TLS, where there is TLS."""
        return "__Host-rollcall" if self.is_secure else "rollcall_operator"

    @property
    def wants_json(self) -> bool:
        """Whether a script asks."""
        return "application/json" in self.request.headers.get("Accept", "")

    def set_cookie(self, name: str, value: str | bytes, *args: Any, **kwargs: Any) -> None:
        """As Tornado's; never for scripts, never for other sites, and over TLS never without it."""
        kwargs.update(httponly=True, samesite="Lax", secure=self.is_secure, path="/")
        super().set_cookie(name, value, *args, **kwargs)

    def show(self, template: str, *, here: str = "", **values: Any) -> None:
        """Write a page. `here` is the section it belongs to."""
        operator = self.duty.operator if self.duty else None
        theme = self.get_cookie("rollcall_theme", "")
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.write(
            self.office.templates.get_template(f"admin/{template}").render(
                operator=operator,
                may_act=operator is not None and is_at_least(operator.role, "operator"),
                sections=[each[:3] for each in SECTIONS if operator and is_at_least(operator.role, each[3])],  # type: ignore[arg-type]
                here=here,
                theme=theme if theme in ("light", "dark") else "",
                version=self.office.assets.version,
                asset=self.office.assets.url,
                xsrf=self.xsrf_token.decode(),
                remark=self.office.remarks.take(self.duty.sign_in.sign_in_id) if self.duty else None,
                now=self.now_ms,
                link=partial(changed_query, self),
                request_id=self.request_id,
                **values,
            )
        )

    @property
    def now_ms(self) -> int:
        """The server's clock, as rows have it."""
        return int(self.office.clock.utc().timestamp() * 1000)

    def go(self, url: str, remark: str = "", *, is_refusal: bool = False) -> None:
        """Answer a form: see there, and what that page should say first."""
        if remark and self.duty is not None:
            self.office.remarks.leave(self.duty.sign_in.sign_in_id, Remark(remark, is_refusal))
        self.redirect(url, status=303)

    def next_page(self) -> str:
        """Where the form wants to go on, if that is a page of ours."""
        wanted = self.get_argument("next", "")
        return wanted if _OWN_PAGE.fullmatch(wanted) else "/admin"

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """A person gets a page with the way back, a script the error that all others get."""
        code, message = self.settle_error(status_code, kwargs.get("exc_info", (None, None))[1])
        if self.get_status() == 401:
            self.clear_header("WWW-Authenticate")  # it is a form that asks, not the browser
        if self.wants_json:
            self.write_refusal(code, message)
            return
        self.show("error.html", status=self.get_status(), code=code, message=message)
        self.finish()

    async def identify_operator(self) -> OnDuty | None:
        """Who asks, by the cookie; None for nobody. Raises StoreUnavailable."""
        secret = self.get_cookie(self.cookie_name)
        if not secret:
            return None
        try:
            return await self.office.desk.identify(secret)
        except Unauthenticated:
            return None

    def _ask_to_sign_in(self) -> None:
        if self.request.method != "GET" or self.wants_json:
            raise Unauthenticated("Sign in first")
        self.redirect("/admin/login?" + urlencode({"next": self.request.uri or "/admin"}), status=303)


class NothingHandler(AdminHandler):
    """Any URL below /admin that no route has."""

    def initialize(self, office: Office) -> None:
        """Collaborators come from the route."""
        self.set_up_admin(office)

    @allows("viewer")
    def get(self, _: str) -> None:
        """Refuse, with a page that leads back. Raises NotFound."""
        raise NotFound("There is nothing at this URL")
