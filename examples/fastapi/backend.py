"""Backend: an app in FastAPI with users of its own, which shows who of the team is available and lets them call.

    pip install -r requirements.txt
    uvicorn backend:app --port 9000

docs/your-own-users.md has the settings for both sides. The users and their statuses are in memory here; in your app
they are in your database.
"""

from __future__ import annotations

import hmac
import json
import logging
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any

import httpx
from fastapi import Depends, FastAPI, Header, HTTPException, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel
from rollcall import Rollcall, Tokens
from standardwebhooks import Webhook, WebhookVerificationError

OWN_URL = os.environ.get("OWN_URL", "http://localhost:9000")
STAFF_PASSWORD = os.environ["STAFF_PASSWORD"]

tokens = Tokens(os.environ["KEY_FILE"], key_id="2026-11", issuer=OWN_URL, audience="rollcall")
rollcall = Rollcall(os.environ.get("PRESENCE_URL", "http://localhost:8000"), os.environ["SERVICE_KEY"])
webhook = Webhook(os.environ["WEBHOOK_SECRET"])
log = logging.getLogger("uvicorn.error")


@dataclass
class Person:
    """A user of this app."""

    id: str
    name: str
    password: str  # keep a hash of it in your app
    suspended: bool = False


people: dict[str, Person] = {}
sessions: dict[str, str] = {}
"""Session to user id."""

statuses: dict[str, dict[str, Any]] = {}
"""Each user's latest status, from webhooks."""

seen_webhooks: set[str] = set()


class Account(BaseModel):
    """A name and a password."""

    name: str
    password: str


class Call(BaseModel):
    """Whom to call."""

    callee: str


class Busy(BaseModel):
    """Whether the user is busy."""

    is_busy: bool


class People(BaseModel):
    """People to import."""

    people: list[Account]


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Close the connections to Rollcall at the end."""
    yield
    await rollcall.close()


app = FastAPI(lifespan=lifespan)


@app.exception_handler(httpx.HTTPError)
async def rollcall_failed(_: Request, error: httpx.HTTPError) -> Response:
    """Pass on what Rollcall refused, such as a call to somebody who is busy."""
    if isinstance(error, httpx.HTTPStatusError) and error.response.status_code in (404, 409):
        return Response(error.response.content, error.response.status_code, media_type="application/json")
    log.warning("Rollcall: %r %s", error, error.response.text if isinstance(error, httpx.HTTPStatusError) else "")
    return JSONResponse({"error": "Rollcall cannot do this now."}, 502)


def equal(one: str, other: str) -> bool:
    """Compare two secrets in constant time. Texts would have to be ASCII, and passwords need not be."""
    return hmac.compare_digest(one.encode(), other.encode())


async def signed_in(authorization: Annotated[str, Header()] = "") -> Person:
    """The person whose session the request has."""
    person = people.get(sessions.get(authorization.removeprefix("Bearer "), ""))
    if person is None or person.suspended:
        raise HTTPException(401)
    return person


async def staff(authorization: Annotated[str, Header()] = "") -> None:
    """Refuse everyone but the staff."""
    if not equal(authorization, f"Bearer {STAFF_PASSWORD}"):
        raise HTTPException(403)


Me = Annotated[Person, Depends(signed_in)]


# Users: this app has the accounts, and tells Rollcall of them.


@app.post("/signup", status_code=201)
async def sign_up(account: Account) -> dict[str, str]:
    person = Person(secrets.token_hex(8), account.name, account.password)
    await rollcall.put_user(person.id, username=person.name)
    people[person.id] = person
    return {"id": person.id}


@app.post("/login")
async def log_in(account: Account) -> dict[str, str]:
    for person in people.values():
        if person.name == account.name and equal(person.password, account.password):
            session = secrets.token_urlsafe()
            sessions[session] = person.id
            return {"session": session}
    raise HTTPException(401)


@app.put("/me/name")
async def rename(account: Account, me: Me) -> dict[str, str]:
    await rollcall.put_user(me.id, username=account.name)
    me.name = account.name
    return {"name": me.name}


@app.delete("/me", status_code=204)
async def leave(me: Me) -> None:
    await rollcall.delete_user(me.id)
    del people[me.id]


@app.post("/staff/import", dependencies=[Depends(staff)])
async def import_people(given: People) -> dict[str, Any]:
    new = [Person(secrets.token_hex(8), each.name, each.password) for each in given.people]
    answer = await rollcall.put_users([{"external_id": each.id, "username": each.name} for each in new])
    accepted = {each["external_id"] for each in answer["results"] if each["outcome"] != "refused"}
    people.update({each.id: each for each in new if each.id in accepted})
    return answer


@app.post("/staff/people/{id}/{action}", dependencies=[Depends(staff)])
async def act(id: str, action: str) -> dict[str, Any]:
    """Disable, enable, disconnect, revoke_tokens, token."""
    if id not in people or action not in ("disable", "enable", "disconnect", "revoke_tokens", "token"):
        raise HTTPException(404)
    if action in ("disable", "enable"):
        people[id].suspended = action == "disable"
    return await rollcall.act(id, action)


# Tokens: the app in the browser gets one here, and connects to Rollcall with it.


@app.get("/me/rollcall-token")
async def rollcall_token(me: Me) -> dict[str, str]:
    return {"token": tokens.sign(me.id, me.name)}


@app.get("/.well-known/jwks.json")
async def jwks() -> dict[str, Any]:
    return tokens.jwks()


# Presence and calls


@app.get("/team", dependencies=[Depends(signed_in)])
async def team() -> list[dict[str, Any]]:
    """Everyone, as the webhooks have told."""
    return [
        {"id": each.id, "name": each.name, "is_available": statuses.get(each.id, {}).get("is_available", False)}
        for each in people.values()
    ]


@app.get("/me/status")
async def status(me: Me) -> dict[str, Any]:
    return await rollcall.status(me.id)


@app.put("/me/status")
async def set_busy(busy: Busy, me: Me) -> dict[str, Any]:
    """Such as when a meeting begins in your calendar."""
    return await rollcall.set_status(me.id, is_busy=busy.is_busy)


@app.post("/calls", status_code=201)
async def start_call(call: Call, me: Me) -> dict[str, Any]:
    return await rollcall.start_call(me.id, call.callee, "video")


@app.post("/me/calls/end")
async def hang_up(me: Me) -> list[dict[str, Any]]:
    """End my call, if I am in one."""
    ongoing = await rollcall.calls(me.id, "ongoing")
    return [await rollcall.end_call(call["call_id"]) for call in ongoing["items"]]


@app.get("/me/calls/{which}")
async def calls(which: str, me: Me) -> dict[str, Any]:
    if which not in ("ongoing", "history"):
        raise HTTPException(404)
    return await rollcall.calls(me.id, which)


# Webhooks: Rollcall tells this app what has changed.


@app.post("/rollcall-webhooks", status_code=204)
async def receive(request: Request) -> None:
    body = await request.body()
    try:
        webhook.verify(body, dict(request.headers))
    except WebhookVerificationError:
        raise HTTPException(401) from None
    id = request.headers["webhook-id"]
    if id not in seen_webhooks:  # a webhook may come twice
        for event in json.loads(body)["events"]:
            note(event["type"], event["data"])
        seen_webhooks.add(id)


def note(type: str, data: dict[str, Any]) -> None:
    """Keep what an event says."""
    if type in ("status.changed", "user.created"):
        if external_id := data["status"].get("external_id"):
            statuses[external_id] = data["status"]
    elif type == "user.deleted":
        statuses.pop(data.get("external_id", ""), None)
