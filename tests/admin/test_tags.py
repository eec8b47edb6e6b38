"""Tags on the dashboard: filters, and the actions that add and remove them."""

from __future__ import annotations

import html
import re
from urllib.parse import urlencode

import pytest

from models.tags import TAGS_LIMIT
from tests.admin.browser import JSON_PLEASE, fields_of
from tests.admin.conftest import SignedIn
from tests.conftest import MakePerson
from tests.running import RunningServer
from tests.tagging import tag

pytestmark = [pytest.mark.gen_test, pytest.mark.any_store]


async def team(server: RunningServer, user: MakePerson) -> None:
    """Create three users, two of whom are in sales."""
    for name in ("ada", "bob", "cyd"):
        await user(name)
    await tag(server, 1, "sales")
    await tag(server, 2, "sales", "süd & co")


@pytest.mark.parametrize("path", ["/admin", "/admin/users"])
async def test_a_page_shows_the_users_with_a_tag_and_how_many_have_each(
    path: str, server: RunningServer, user: MakePerson, signed_in: SignedIn
) -> None:
    await team(server, user)
    viewer = await signed_in("viewer")
    page = (await viewer.get(path)).body
    assert '<option value="sales">sales (2)</option>' in page
    assert '<option value="süd &amp; co">süd &amp; co (1)</option>' in page
    page = (await viewer.get(path, tag="sales")).body
    assert '<option value="sales" selected>' in page
    assert [f'/admin/users/{user_id}"' in page for user_id in (1, 2, 3)] == [True, True, False]
    assert "tag=sales" in page, "the links to the other filters keep it"
    page = (await viewer.get(path, tag="nobody")).body
    assert '<option value="nobody" selected>nobody (0)</option>' in page
    assert "No users match." in page


async def test_without_tags_there_is_nothing_to_choose(user: MakePerson, signed_in: SignedIn) -> None:
    await user("ada")
    assert 'name="tag"' not in (await (await signed_in("viewer")).get("/admin/users")).body


async def test_an_operator_adds_and_removes_a_tag_without_a_script(
    server: RunningServer, user: MakePerson, signed_in: SignedIn
) -> None:
    await team(server, user)
    operator = await signed_in("operator")
    page = (await operator.get("/admin/users/3")).body
    assert "No tags." in page
    assert '"/admin/actions?action=add_tag&amp;user_id=3' in page
    asked = (await operator.get("/admin/actions", action="add_tag", user_id=3, next="/admin/users/3")).body
    assert '<option value="sales">' in asked
    assert 'role="alert"' not in asked
    assert "<h1>Add tag: cyd</h1>" in asked
    assert "Tags now" not in asked
    asked_of_bob = (await operator.get("/admin/actions", action="remove_tag", user_id=2)).body
    assert "Tags now: <bdi>sales</bdi>, <bdi>süd &amp; co</bdi></p>" in asked_of_bob
    assert '<option value="sales">' in asked_of_bob
    asked_of_cyd = (await operator.get("/admin/actions", action="remove_tag", user_id=3)).body
    assert '<datalist id="tags"></datalist>' in asked_of_cyd
    again = (await operator.get("/admin/actions", action="add_tag", user_id=3, tag="x" * 65)).body
    assert "A tag must have 1 to 64 characters." in again
    assert 'aria-invalid="true"' in again
    page = (await operator.get("/admin/actions", **dict(fields_of(asked)), tag="süd & co")).body
    assert "cyd will have the tag “süd & co”." in html.unescape(page)
    answer = await operator.post("/admin/actions", [*fields_of(page), ("reason", "moved")])
    assert (answer.status, answer.headers["Location"]) == (303, "/admin/users/3")
    page = (await operator.get("/admin/users/3")).body
    assert '<a class="tag" href="/admin/users?tag=s%C3%BCd%20%26%20co">' in page
    assert "tag=s%C3%BCd%20%26%20co&amp;next" in page
    page = (await operator.get("/admin/actions", action="remove_tag", user_id=3, tag="süd & co")).body
    await operator.post("/admin/actions", [*fields_of(page), ("reason", "moved back")])
    entries, _ = await server.stores.audit.page(target="user:3", skip=0, limit=10)
    assert [(each.action, each.before, each.after, each.operator) for each in entries] == [
        ("remove_tag", "tags: süd & co", "no tags", "operator"),
        ("add_tag", "no tags", "tags: süd & co", "operator"),
    ]


async def test_several_users_get_a_tag_and_those_who_have_it_are_left_out(
    server: RunningServer, user: MakePerson, signed_in: SignedIn
) -> None:
    await team(server, user)
    operator = await signed_in("operator")
    page = (await operator.get("/admin/users", tag="sales")).body
    assert "Add tag to 2 users…" in page
    assert "Remove tag from 2 users…" in page
    query = urlencode([("action", "add_tag"), *(("user_id", each) for each in (1, 2, 3)), ("tag", "süd & co")])
    asked = (await operator.get(f"/admin/actions?{query.partition('&tag')[0]}")).body
    assert "<h1>Add tag: 3 users</h1>" in asked
    assert asked.count("<li><bdi>") == 3
    page = (await operator.get(f"/admin/actions?{query}")).body
    assert "Add tag: 2 users" in page
    assert "They will have the tag “süd & co”." in html.unescape(page)
    assert "Unchanged: 1 user" in page
    fields = fields_of(page)
    assert [value for name, value in fields if name == "user_id"] == ["1", "3"]
    answer = await operator.post("/admin/actions", [*fields, ("reason", "a test")], headers=JSON_PLEASE)
    assert answer.body["message"] == "Add tag: 2 done, 1 with nothing to do."
    assert server.core.overview.tag_counts() == {"sales": 2, "süd & co": 3}


async def test_who_has_as_many_tags_as_possible_is_offered_no_more_and_told_why(
    server: RunningServer, user: MakePerson, signed_in: SignedIn
) -> None:
    await team(server, user)
    operator = await signed_in("operator")
    await tag(server, 1, *(f"t{number}" for number in range(TAGS_LIMIT)))
    for user_id, is_full in ((1, True), (2, False)):
        page = (await operator.get(f"/admin/users/{user_id}")).body
        (note,) = re.findall(r"<p[^>]*>A user has at most 20 tags\.</p>", page)
        assert ("hidden" not in note) is is_full
        assert (f"action=add_tag&amp;user_id={user_id}" not in page) is is_full
    viewer = await signed_in("viewer")
    assert "at most" not in (await viewer.get("/admin/users/1")).body


@pytest.mark.parametrize("path", ["/admin", "/admin/users/1"])
async def test_a_page_tells_its_script_how_many_tags_a_user_may_have(
    path: str, user: MakePerson, signed_in: SignedIn
) -> None:
    await user("ada")
    assert f'data-tags-limit="{TAGS_LIMIT}"' in (await (await signed_in("viewer")).get(path)).body


async def test_a_script_is_told_what_is_wrong_with_a_tag(user: MakePerson, signed_in: SignedIn) -> None:
    await user("ada")
    operator = await signed_in("operator")
    for given in ("", "x" * 65):
        answer = await operator.get("/admin/actions", action="add_tag", user_id=1, tag=given, headers=JSON_PLEASE)
        assert (answer.status, answer.code) == (400, "INVALID_REQUEST")
    answer = await operator.get("/admin/actions", action="remove_tag", user_id=1, tag="a", headers=JSON_PLEASE)
    assert (answer.status, answer.code) == (409, "NOTHING_TO_DO")


async def test_a_viewer_changes_no_tags(server: RunningServer, user: MakePerson, signed_in: SignedIn) -> None:
    await team(server, user)
    viewer = await signed_in("viewer")
    assert "add_tag" not in (await viewer.get("/admin/users/1")).body
    assert (await viewer.get("/admin/actions", action="add_tag", user_id=1)).status == 403
