"""Action previews: what an action would do, shown before it is done."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from models.direction import in_sentence, plain
from models.errors import Conflict
from models.status import state_of
from models.tags import TAGS_LIMIT
from realtime.calls.ongoing import OngoingCalls
from realtime.dashboard.rows import ACTION_LABELS, ActionName
from realtime.dashboard.session_list import SessionList
from realtime.dashboard.states_after import states_after
from realtime.dashboard.store_check import StoreCheck
from realtime.presence.registry import Registry
from realtime.presence.user_entry import UserEntry


class ActionTarget(msgspec.Struct, frozen=True):
    """The target of an action: a user, one socket of a user, or a call."""

    user_id: int = 0
    call_id: str = ""
    session_id: str = ""
    password_hash: str = ""
    """The hash of the password to be set."""
    tag: str = ""
    """The tag to be added or removed."""


class ActionPreview(msgspec.Struct, frozen=True):
    """What is shown before an action.

    `hits` counts what it affects, such as “2 connections”. `waits` tells that it would wait for the end of the call.
    Then `effect` says so, and `effect_now` says what it does at once if the operator does not want to wait.
    """

    title: str
    effect: str
    hits: list[str]
    before: str
    waits: bool
    about: tuple[int, ...]
    """The users whom it concerns."""
    effect_now: str = ""
    hits_now: tuple[str, ...] = ()
    """Those of `hits` that it affects only if it does not wait."""


class ActionPreviews:
    """Describes, and changes nothing."""

    def __init__(
        self,
        registry: Registry,
        calls: OngoingCalls,
        sessions: SessionList,
        store_check: StoreCheck,
        call_lease_seconds: float,
    ) -> None:
        self._registry = registry
        self._calls = calls
        self._sessions = sessions
        self._store_check = store_check
        minutes, seconds = divmod(round(call_lease_seconds), 60)
        self._lease = f"{minutes} min" if minutes and not seconds else f"{call_lease_seconds:g} s"
        self._table: dict[ActionName, Callable[[ActionTarget], ActionPreview]] = {
            "force_offline": self._force_offline,
            "disconnect": self._disconnect,
            "sign_out": self._sign_out,
            "clear_busy": self._clear_busy,
            "end_call": self._end_call,
            "enable_user": self._enable_user,
            "disable_user": self._disable_user,
            "delete_user": self._delete_user,
            "set_password": self._set_password,
            "add_tag": self._add_tag,
            "remove_tag": self._remove_tag,
        }

    def make(self, action: ActionName, target: ActionTarget) -> ActionPreview:
        """The preview of an action. Raises NotFound, and Conflict if there is nothing to do."""
        return self._table[action](target)

    def describe(self, target: ActionTarget) -> str:
        """The target as it is now, for the audit, such as “busy, 2 connections, 1 call with john_doe”."""
        entry = self._registry.find(target.user_id)
        if entry is None:
            return self._describe_call(target.call_id)
        if target.tag:
            return plain("tags: " + ", ".join(map(in_sentence, entry.record.tags)) if entry.record.tags else "no tags")
        parts: list[str] = [state_of(entry.status), *self._hits(entry)]
        if entry.claims.set_busy:
            parts.append("busy set by hand")
        elif self._store_check.is_busy(target.user_id):
            parts.append("saved as busy")
        if entry.disabled:
            parts.append("disabled")
        return plain(", ".join(parts))

    def _describe_call(self, call_id: str) -> str:
        if self._calls.find(call_id):
            return "ongoing"
        if self._store_check.is_ongoing(call_id):
            return "ongoing only in the store"
        names = [self._registry.name(each) for each in self._held_by(call_id)]
        return f"not ongoing, but keeps {' and '.join(names)} busy" if names else "not ongoing"

    def _held_by(self, call_id: str) -> list[int]:
        """The users who are busy because of a call, here or in the store."""
        held = [entry.profile.user_id for entry in self._registry if entry.claims.call_id == call_id]
        return list(dict.fromkeys((*held, *self._store_check.held_by(call_id))))

    def _effect_on_rest(self, call_id: str) -> str:
        """What ending a call changes that this server does not know."""
        held = self._held_by(call_id)
        if held and not self._store_check.is_ongoing(call_id):
            return f"Removes the leftover busy mark. {states_after(self._registry, held, call_id)}."
        return "Removes what the store still holds of this call."

    def _force_offline(self, target: ActionTarget) -> ActionPreview:
        entry = self._registry.get(target.user_id)
        name = _name(entry)
        if state_of(entry.status) == "offline" and (entry.claims.set_offline or not entry.alive):
            raise Conflict("NOTHING_TO_DO", f"{name} is already offline")
        call = self._call_of(entry)
        if not call:
            effect = f"{name} will be shown as offline to everyone until the next heartbeat."
            return self._preview("force_offline", entry, effect)
        shown = f"{name} is shown as offline to everyone until the next heartbeat."
        effect = f"Waits until the call with {call} ends. Then {shown}"
        now = f"Ends the call with {call} now. Then {shown}"
        return self._preview("force_offline", entry, effect, now=now, hits_now=self._call_hits(entry))

    def _disconnect(self, target: ActionTarget) -> ActionPreview:
        entry = self._registry.get(target.user_id)
        name = _name(entry)
        sessions = self._sessions.of_user(target.user_id)
        if target.session_id:
            sessions = [each for each in sessions if each.session_id == target.session_id]
        if not sessions:
            what = "no longer has this connection" if target.session_id else "has no connections"
            raise Conflict("NOTHING_TO_DO", f"{name} {what}")
        connections = counted(len(sessions), "connection")
        devices = ", ".join(dict.fromkeys(in_sentence(each.device) for each in sessions if each.device))
        of_whom = f"{name} ({devices})" if devices else name
        effect = f"{connections} of {of_whom} will be closed. The app stays disconnected until it is reopened."
        if len(sessions) == self._sessions.count(target.user_id):
            outlook = f" {name} is then shown as offline, unless heartbeats keep {name} online."
            effect += self._drop_of_call(entry) or outlook
        return self._preview("disconnect", entry, effect, hits=[connections])

    def _sign_out(self, target: ActionTarget) -> ActionPreview:
        entry = self._registry.get(target.user_id)
        name = _name(entry)
        if entry.disabled:
            raise Conflict("NOTHING_TO_DO", f"{name} is disabled, and so already signed out everywhere")
        effect = f"{name} is signed out everywhere, and has to sign in again on every device."
        return self._preview("sign_out", entry, effect + self._drop_of_call(entry))

    def _clear_busy(self, target: ActionTarget) -> ActionPreview:
        entry = self._registry.get(target.user_id)
        name, call = _name(entry), self._call_of(entry)
        if not entry.claims.set_busy and not self._store_check.is_busy(target.user_id):
            raise Conflict("NOTHING_TO_DO", f"{name} has not been set busy")
        if call:
            effect = f"Waits until the call with {call} ends. Then the busy status set by hand is cleared."
            now = f"Immediately clears the busy status set by hand. {name} stays busy until the call with {call} ends."
            return self._preview("clear_busy", entry, effect, hits=[], now=now)
        if entry.status.is_online:
            effect = f"{name} will be shown as available."
        else:
            effect = f"Clears the busy status set by hand. {name} stays offline."
        return self._preview("clear_busy", entry, effect, hits=[])

    def _end_call(self, target: ActionTarget) -> ActionPreview:
        call = self._calls.find(target.call_id)
        about = call.participants if call else ()
        names = [in_sentence(self._registry.name(user_id)) for user_id in about]
        if call:
            effect = f"Ends the call for both. {states_after(self._registry, list(about), call.call_id)}."
        else:
            effect = self._effect_on_rest(target.call_id)
        label = ACTION_LABELS["end_call"]
        title = f"{label}: {' and '.join(names)}" if call else label
        hits = ["1 call"] if call or self._store_check.is_ongoing(target.call_id) else []
        return ActionPreview(title, effect, hits, self.describe(target), waits=False, about=about)

    def _enable_user(self, target: ActionTarget) -> ActionPreview:
        entry = self._registry.get(target.user_id)
        name = _name(entry)
        if not entry.disabled:
            raise Conflict("NOTHING_TO_DO", f"{name} is not disabled")
        effect = f"{name} can sign in again, and has to do so on every device."
        return self._preview("enable_user", entry, effect)

    def _disable_user(self, target: ActionTarget) -> ActionPreview:
        entry = self._registry.get(target.user_id)
        name = _name(entry)
        if entry.disabled:
            raise Conflict("NOTHING_TO_DO", f"{name} is already disabled")
        effect = f"{name} is signed out everywhere, and can't sign in until enabled again."
        return self._preview("disable_user", entry, effect + self._end_of_call(entry))

    def _delete_user(self, target: ActionTarget) -> ActionPreview:
        entry = self._registry.get(target.user_id)
        name = _name(entry)
        effect = (
            f"Deletes {name} for good, with all personal data. This can't be undone. "
            f"Calls and events stay, as those of “deleted user #{target.user_id}”."
        )
        return self._preview("delete_user", entry, effect + self._end_of_call(entry))

    def _set_password(self, target: ActionTarget) -> ActionPreview:
        entry = self._registry.get(target.user_id)
        name = _name(entry)
        effect = f"{name} is signed out everywhere, and has to sign in again with the new password."
        return self._preview("set_password", entry, effect + self._drop_of_call(entry))

    def _add_tag(self, target: ActionTarget) -> ActionPreview:
        entry = self._registry.get(target.user_id)
        name, tag = _name(entry), in_sentence(target.tag)
        if target.tag in entry.record.tags:
            raise Conflict("NOTHING_TO_DO", f"{name} already has the tag “{tag}”")
        if len(entry.record.tags) >= TAGS_LIMIT:
            raise Conflict("TOO_MANY_TAGS", f"{name} already has {TAGS_LIMIT} tags")
        return self._tag_preview("add_tag", entry, target, f"{name} will have the tag “{tag}”.")

    def _remove_tag(self, target: ActionTarget) -> ActionPreview:
        entry = self._registry.get(target.user_id)
        name, tag = _name(entry), in_sentence(target.tag)
        if target.tag not in entry.record.tags:
            raise Conflict("NOTHING_TO_DO", f"{name} does not have the tag “{tag}”")
        return self._tag_preview("remove_tag", entry, target, f"{name} will no longer have the tag “{tag}”.")

    def _tag_preview(self, action: ActionName, entry: UserEntry, target: ActionTarget, effect: str) -> ActionPreview:
        title = f"{ACTION_LABELS[action]}: {_name(entry)}"
        return ActionPreview(title, effect, [], self.describe(target), waits=False, about=(target.user_id,))

    def _end_of_call(self, entry: UserEntry) -> str:
        call = self._call_of(entry)
        return f" The call with {call} ends." if call else ""

    def _drop_of_call(self, entry: UserEntry) -> str:
        """What becomes of the call of a user whose connections are closed."""
        call = self._call_of(entry)
        return f" The call with {call} is dropped if {_name(entry)} is not back within {self._lease}." if call else ""

    def _preview(
        self,
        action: ActionName,
        entry: UserEntry,
        effect: str,
        *,
        hits: list[str] | None = None,
        now: str = "",
        hits_now: list[str] | None = None,
    ) -> ActionPreview:
        """The preview of an action on a user, which waits if `now` says what it would do at once."""
        user_id = entry.profile.user_id
        return ActionPreview(
            title=f"{ACTION_LABELS[action]}: {_name(entry)}",
            effect=effect,
            hits=self._hits(entry) if hits is None else hits,
            before=self.describe(ActionTarget(user_id=user_id)),
            waits=bool(now),
            about=(user_id,),
            effect_now=now,
            hits_now=tuple(hits_now or ()),
        )

    def _hits(self, entry: UserEntry) -> list[str]:
        connections = self._sessions.count(entry.profile.user_id)
        return [counted(connections, "connection")] * bool(connections) + self._call_hits(entry)

    def _call_hits(self, entry: UserEntry) -> list[str]:
        call = self._call_of(entry)
        return [f"1 call with {call}"] * bool(call)

    def _call_of(self, entry: UserEntry) -> str:
        """The name of the other participant of the user's call, or an empty text."""
        user_id = entry.profile.user_id
        call = self._calls.of_user(user_id)
        if call is None:
            return ""
        return in_sentence(self._registry.name(call.other(user_id)))


def counted(number: int, noun: str) -> str:
    """A number and its noun, such as “1 call” or “2 connections”."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _name(entry: UserEntry) -> str:
    return in_sentence(entry.profile.username)
