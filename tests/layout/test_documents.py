"""The documentation and the code agree: both have the same messages, codes, settings, URLs and metrics."""

from __future__ import annotations

import ast
import re
import struct
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from prometheus_client.metrics_core import Metric
from tornado.web import Application, RequestHandler

from docs.tables import made_pages, settings_page
from handlers.api.metrics import cluster_metrics, webhook_metrics
from models.calls import Call
from models.operators import ROLES
from models.status import Status
from realtime.dashboard.operator_messages import OperatorMessage
from realtime.dashboard.rows import (
    ACCOUNT_ACTIONS,
    TAG_ACTIONS,
    ActionName,
    CallDetails,
    CallRow,
    EventDetails,
    EventRow,
    Explanation,
    Figures,
    Issue,
    OnIt,
    SampleRow,
    SessionRow,
    UserRow,
)
from realtime.protocol import CloseCode, Command, ErrorCode, Message, Reason, Subscription
from realtime.webhooks.figures import WebhookFigures
from settings import Settings, variable, variables
from tests.clients import Api
from tests.conftest import MakePerson
from tests.realtime.cluster.world import ClusterWorld
from tests.realtime.world import NOON
from tests.running import RunningServer

ROOT = Path(__file__).resolve().parents[2]
PROTOCOL = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
DASHBOARD = (ROOT / "docs" / "dashboard.md").read_text(encoding="utf-8")
SERVER_API = (ROOT / "docs" / "server-api.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
LAYERS = ("models", "realtime", "handlers", "operation")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted(ROOT.glob("[CS]*.md"))]
ALL = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)

METHODS = ("get", "post", "put", "patch", "delete")


def section(title: str, page: str = PROTOCOL) -> str:
    """Return the text under a heading, up to the next heading of the same or a higher level."""
    rank = title.partition(" ")[0]
    _, _, rest = page.partition(f"\n{title}\n")
    assert rest, f"there is no section {title!r}"
    return re.split(rf"^#{{1,{len(rank)}}} ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def rows(title: str, page: str = PROTOCOL) -> list[list[str]]:
    """Return the cells of the tables in a section, without the header rows."""
    lines = section(title, page).splitlines()
    rules = [place for place, line in enumerate(lines) if line.startswith("|---")]
    heads = {place + step for place in rules for step in (-1, 0)}
    cells = [line for place, line in enumerate(lines) if line.startswith("|") and place not in heads]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in cells]


def quoted(text: str) -> list[str]:
    """Return the texts in backticks, except for examples."""
    return re.findall(r"`([^`]+)`", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE))


def tags(base: type[msgspec.Struct]) -> dict[str, type[msgspec.Struct]]:
    """Return the message types by their names on the wire."""
    return {str(each.__struct_config__.tag): each for each in base.__subclasses__()}


def url(pattern: str) -> str:
    """Return a route's pattern as the documentation writes it."""
    known = {"([^/]+)": "{id}", "([0-9a-f]+)": "{version}", "(.*)": "…", "\\": ""}
    for written, meant in known.items():
        pattern = pattern.replace(written, meant)
    return pattern.rstrip("$")


def routes(server: RunningServer) -> set[tuple[str, str]]:
    """Return (METHOD, URL) of everything that the server serves."""
    application = server.server._http.request_callback
    assert isinstance(application, Application)
    found: set[tuple[str, str]] = set()
    for rule in application.wildcard_router.rules:
        for method in METHODS:
            if getattr(rule.target, method) is not RequestHandler._unimplemented_method:
                found.add((method.upper(), url(rule.matcher.regex.pattern)))  # type: ignore[attr-defined]
    return found


def test_every_module_is_on_the_page_of_the_architecture_and_every_module_there_exists() -> None:
    """Each folder is a heading, and its modules are the rows below it."""
    folders = re.findall(r"^### `([a-z_/]+)`$", section("## Modules", ARCHITECTURE), re.MULTILINE)
    named = [f"{folder}{quoted(row[0])[0]}" for folder in folders for row in rows(f"### `{folder}`", ARCHITECTURE)]
    modules = {
        path.relative_to(ROOT).as_posix()
        for layer in LAYERS
        for path in (ROOT / layer).rglob("*.py")
        if path.name != "__init__.py"
    }
    assert set(named) == modules
    assert len(named) == len(modules), "a module is named twice"
    paths = re.findall(r"`(\w+/[\w/]+\.\w+)`", ARCHITECTURE)
    assert [path for path in paths if not (ROOT / path).exists()] == []


@pytest.mark.any_store
def test_every_url_is_documented_and_every_documented_url_is_there(server: RunningServer) -> None:
    listed = [*rows("## HTTP"), *rows("## URLs", SERVER_API), *rows("### URLs", DASHBOARD)]
    documented = {tuple(quoted(row[0])[0].split(" ", 1)) for row in listed if row[0].startswith("`")}
    sockets = {("GET", path) for path in quoted(section("## Sockets")) if path.startswith("/ws/")}
    assets = {("GET", path) for path in quoted(section("## HTTP")) if path == "/static/…"}
    assert documented | sockets | assets == routes(server)


@pytest.mark.any_store
def test_every_url_that_any_page_names_is_there(server: RunningServer) -> None:
    known = routes(server)
    named = set(re.findall(r"\b(GET|POST|PUT|PATCH|DELETE) (/[a-z/{}_…-]*(?:\.json|\.tgz|\.csv)?)", ALL))
    assert named <= known
    called = set(re.findall(r"(?:\$api|localhost:8000)(/[a-z/]+(?:\.json)?)", ALL))
    assets = {f"/static/{file.stem}" for file in (ROOT / "static").iterdir()}
    to_be_saved = {"/static/people"}  # readers of the README save this file themselves
    assert called <= {path for _, path in known} | assets | to_be_saved
    assert len(named) > 20
    assert called


@pytest.mark.any_store
def test_every_url_of_the_dashboard_is_documented_with_the_role_it_takes(server: RunningServer) -> None:
    application = server.server._http.request_callback
    assert isinstance(application, Application)
    handlers = {url(rule.matcher.regex.pattern): rule.target for rule in application.wildcard_router.rules}  # type: ignore[attr-defined]
    roles = {}
    for row in rows("### URLs", DASHBOARD):
        method, path = quoted(row[0])[0].split(" ", 1)
        if path.startswith(("/admin", "/ws")):
            assert getattr(handlers[path], method.lower()).allowed == row[1], path
            roles[path] = row[1]
    assert set(roles.values()) == {"anybody", "screen", *ROLES}


def test_every_message_and_row_of_the_dashboard_is_documented_with_its_fields() -> None:
    table = {quoted(row[0])[0]: set(quoted(" ".join(row[1:]))) for row in rows("### The socket", DASHBOARD)}
    messages = {str(each.__struct_config__.tag): each for each in OperatorMessage.__subclasses__()}
    shown = {each.__name__: each for each in (UserRow, Explanation, CallRow, Issue, OnIt, Figures, SampleRow, EventRow)}
    assert table.keys() == {**messages, **shown}.keys()
    for name, type in {**messages, **shown}.items():
        assert set(type.__struct_fields__) <= table[name], name


def test_every_row_of_pages_about_a_part_is_documented_with_its_fields() -> None:
    table = {quoted(row[0])[0]: set(quoted(" ".join(row[1:]))) for row in rows("### Parts of the socket", DASHBOARD)}
    for type in (CallDetails, SessionRow, EventDetails):
        assert set(type.__struct_fields__) <= table[type.__name__], type.__name__


def test_every_action_and_outcome_of_the_dashboard_is_described() -> None:
    assert [row[0].lower().replace(" ", "_") for row in rows("## Actions", DASHBOARD)] == [
        "force_offline", "disconnect", "sign_out_everywhere", "clear_busy", "end_call", *TAG_ACTIONS, *ACCOUNT_ACTIONS,
    ]  # fmt: skip
    assert len(get_args(ActionName)) == 5 + len(TAG_ACTIONS) + len(ACCOUNT_ACTIONS)


def test_every_command_is_documented_with_its_fields() -> None:
    commands = tags(Command)
    table = {quoted(row[0])[0]: row for row in rows("### Commands and replies")}
    assert table.keys() == commands.keys()
    for name, row in table.items():
        for field in commands[name].__struct_fields__:
            assert field in quoted(row[1]), f"{name}.{field}"


def test_every_message_is_documented_with_its_fields() -> None:
    messages = tags(Message)
    replies = {quoted(row[2])[0]: quoted(row[2])[1:] for row in rows("### Commands and replies")}
    pushes = {quoted(row[0])[0]: quoted(row[1]) for row in rows("### Messages from the server")}
    assert replies.keys() | pushes.keys() == messages.keys()
    for name, fields in {**replies, **pushes}.items():
        assert set(messages[name].__struct_fields__) <= set(fields), name


def test_every_subscription_and_reason_is_documented() -> None:
    (subscribe,) = (row for row in rows("### Commands and replies") if row[0] == "`subscribe`")
    assert set(get_args(Subscription)) <= set(quoted(subscribe[1]))
    assert {quoted(row[0])[0] for row in rows("### Reasons")} == set(get_args(Reason))


def test_every_error_code_of_the_sockets_is_documented() -> None:
    assert {quoted(row[0])[0] for row in rows("### Error codes")} == set(get_args(ErrorCode))


def test_every_close_code_is_documented() -> None:
    assert [int(row[0]) for row in rows("### Close codes")] == [int(code) for code in CloseCode]


def test_every_error_code_of_http_is_documented() -> None:
    """Every string in the code that looks like an error code is one."""
    written = {
        node.value
        for floor in ("models", "realtime", "handlers")
        for path in (ROOT / floor).rglob("*.py")
        if path.parent.name not in ("embedded", "redis")  # capitals there are SQL, and commands of Redis
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if re.fullmatch(r"[A-Z]{5,}(_[A-Z]+)*|[A-Z]{3,}(_[A-Z]+)+", node.value)
        if node.value.lower() not in METHODS
    }
    api = {quoted(row[1])[0] for row in rows("### Errors")}
    dashboard = {quoted(row[1])[0] for row in rows("### Errors", DASHBOARD)}
    assert written - set(get_args(ErrorCode)) == (api | dashboard) - set(get_args(ErrorCode))
    assert "AUTH_ERROR" in api
    assert "ROLE_TOO_LOW" in dashboard
    assert api & dashboard == set()


def test_status_and_call_are_documented_field_by_field() -> None:
    assert [quoted(row[0])[0] for row in rows("## Status")] == list(Status.__struct_fields__)
    assert [quoted(row[0])[0] for row in rows("## Calls")] == list(Call.__struct_fields__)


def test_every_page_that_is_made_is_as_made() -> None:
    made = made_pages()
    assert [path.name for path, text in made.items() if path.read_text(encoding="utf-8") != text] == []
    assert len(made) > 2


def test_every_setting_is_on_the_page_of_settings() -> None:
    documented = re.findall(r"^\| `([A-Z0-9_]+)` \|", settings_page(), re.MULTILINE)
    assert documented == [variable(name) for name in Settings.__dataclass_fields__]


def test_every_variable_that_any_page_names_is_a_setting() -> None:
    named = set(re.findall(r"\bROLLCALL_[A-Z0-9_]*[A-Z0-9]\b", ALL))
    assert named <= set(variables())


@pytest.fixture
def of_a_cluster() -> list[Metric]:
    """Return the metrics that only a server exports which shares a log with others."""
    cluster = ClusterWorld(nodes=1, users=0)
    core = cluster.nodes[0].core
    assert core.node is not None
    metrics = list(cluster_metrics(core.node, core.counters))
    cluster.close()
    return metrics


@pytest.fixture
def of_webhooks() -> list[Metric]:
    """Return the metrics that only a server exports which has webhooks."""
    return list(webhook_metrics(WebhookFigures(), NOON))


@pytest.mark.gen_test
@pytest.mark.any_store
async def test_every_metric_is_documented_and_every_documented_metric_is_there(
    of_a_cluster: list[Metric], of_webhooks: list[Metric], api: Api, user: MakePerson
) -> None:
    await user("ada")
    exported = set(re.findall(r"^# TYPE (rollcall_\w+) ", (await api.get("/metrics")).body, re.MULTILINE))
    series = {name for name in exported if not name.endswith("_created")}
    series |= {f"{each.name}_total" if each.type == "counter" else each.name for each in [*of_a_cluster, *of_webhooks]}
    operating = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    assert set(re.findall(r"\b(rollcall_[a-z_]+)\b", operating)) == series


def test_every_message_on_the_page_of_foreign_tokens_is_one_that_the_server_sends() -> None:
    page = (ROOT / "docs" / "foreign-tokens.md").read_text(encoding="utf-8")
    table = page.partition("## When a token is refused")[2]
    messages = re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE)
    code = "\n".join(
        path.read_text(encoding="utf-8") for name in ("models", "realtime") for path in (ROOT / name).rglob("*.py")
    )
    assert len(messages) == 8
    assert [each for each in messages if f'"{each}"' not in code] == []


def test_every_link_between_pages_leads_somewhere() -> None:
    broken = [
        f"{page.name}: {target}"
        for page in PAGES
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
        if "://" not in target and not (page.parent / target).exists()
    ]
    assert broken == []


def test_the_readmes_first_picture_is_the_dashboard_small_enough_to_load_and_told_in_words() -> None:
    alternative, target = re.findall(r"!\[(.+?)\]\((.+?)\)", (ROOT / "README.md").read_text(encoding="utf-8"))[0]
    picture = (ROOT / target).read_bytes()
    assert target == "docs/dashboard.png"
    assert struct.unpack(">II", picture[16:24]) == (1440, 900)
    assert len(picture) <= 300 * 1024
    assert [word for word in ("figures", "chart", "needs attention", "calls", "users") if word not in alternative] == []


def test_every_make_target_that_any_page_names_is_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(r"(?:`|\$ )make ([a-z-]+)", ALL))
    assert named <= targets
    assert {"run", "serve"} <= named
