"""The table of mutants: where each is planted, and which tests must fail with it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """In `file`, `old` becomes `new`; it must occur exactly once. `tests` are what pytest runs.

    `on_redis` also runs those that are slow, because they need a real Redis.
    """

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    on_redis: bool = False


PRESENCE = (
    Mutant(
        "a close counts users, not sockets",
        "realtime/presence/engine.py",
        "entry.sessions -= 1",
        "entry.sessions = 0",
        ("tests/realtime/presence/test_engine.py",),
    ),
    Mutant(
        "a grace timer is not cancelled by the return",
        "realtime/presence/deadlines.py",
        "        waited_for_connection = entry",
        "        entry.sessions = 0\n        waited_for_connection = entry",
        ("tests/realtime/presence/test_engine.py",),
    ),
    Mutant(
        "a stale heartbeat timer takes a user offline",
        "realtime/presence/engine.py",
        "entry.heartbeat_until = self._clock.now() + self._settings.heartbeat_life_seconds",
        "entry.heartbeat_until = entry.heartbeat_until or self._clock.now() + self._settings.heartbeat_life_seconds",
        ("tests/realtime/presence/test_engine.py",),
    ),
    Mutant(
        "a restart takes everyone offline",
        "realtime/presence/loader.py",
        "now + self._settings.hold_seconds if is_held else 0.0",
        "now",
        ("tests/realtime/presence/test_restart.py",),
    ),
)

CALLS = (
    Mutant(
        "something is awaited between the check and the lock",
        "realtime/calls/switchboard.py",
        "        self.ongoing.take(call)\n",
        "        await asyncio.sleep(0)\n        self.ongoing.take(call)\n",
        ("tests/realtime/calls/test_switchboard.py",),
    ),
    Mutant(
        "only the caller is freed at the end",
        "realtime/calls/ongoing.py",
        "for user_id in call.participants if",
        "for user_id in call.participants[:1] if",
        ("tests/realtime/calls/test_switchboard.py",),
    ),
    Mutant(
        "ids are compared as text and as numbers",
        "realtime/calls/switchboard.py",
        "if user_id not in call.participants:",
        "if str(user_id) not in call.participants:",
        ("tests/realtime/calls/test_switchboard.py",),
    ),
    Mutant(
        "a stranger ends a call",
        "realtime/calls/switchboard.py",
        "if user_id not in call.participants:",
        "if False:",
        ("tests/realtime/calls/test_switchboard.py",),
    ),
    Mutant(
        "a stale lease timer ends a call",
        "realtime/calls/switchboard.py",
        "        if left > 0:",
        "        if False:",
        ("tests/realtime/calls/test_switchboard.py",),
    ),
)

SOCKETS = (
    Mutant(
        "a socket is registered before it has opened",
        "realtime/sockets/admission.py",
        "        session = self._create(request, transport)\n",
        "        self._presence.join(request.identity.user_id)\n        session = self._create(request, transport)\n",
        ("tests/sockets/test_mishaps.py::test_an_error_in_opening_leaves_no_socket_and_no_presence",),
    ),
    Mutant(
        "the sweep goes by the wall clock",
        "realtime/sockets/liveness.py",
        "        now = self._clock.now()\n        for peer in",
        "        now = self._clock.utc().timestamp()\n        for peer in",
        ("tests/realtime/sockets/test_liveness.py",),
    ),
    Mutant(
        "a ping that is not answered closes with 1000",
        "realtime/sockets/session.py",
        'self.close(CloseCode.UNRESPONSIVE, "no pong"',
        'self.close(CloseCode.NORMAL, "no pong"',
        ("tests/realtime/sockets/test_liveness.py",),
    ),
    Mutant(
        "a slow socket is never closed",
        "realtime/sockets/liveness.py",
        "if waiting_since is not None and waiting_since + self._slow_limit_seconds <= now:",
        "if False:",
        ("tests/realtime/sockets/test_outbox.py",),
    ),
    Mutant(
        "an update overtakes the snapshot",
        "realtime/sockets/outbox.py",
        "        if self._pages:\n",
        "        if self._pages and self.since >= upto:\n",
        ("tests/realtime/sockets/test_outbox.py",),
    ),
    Mutant(
        "who has left a tag is not told to slow readers",
        "realtime/sockets/outbox.py",
        "log.since_with_moves(self.since) if interest.by_tags else log.since(self.since)",
        "log.since(self.since)",
        ("tests/realtime/sockets/test_tags.py",),
    ),
    Mutant(
        "a change of tags hides a change of status",
        "realtime/presence/changelog.py",
        "        if not is_quiet:\n",
        "        if True:\n",
        ("tests/realtime/presence/test_changelog.py",),
    ),
    Mutant(
        "ping frames are not limited",
        "handlers/sockets/connection.py",
        "self._commands.allow(self._peer)",
        "pass",
        ("tests/sockets/test_limits.py::test_protocol_pings_count_as_commands",),
    ),
    Mutant(
        "pong frames are not limited",
        "realtime/sockets/commands.py",
        "if session.awaits_pong or self.allow(session):",
        "if session.is_open:",
        ("tests/realtime/sockets/test_liveness.py",),
    ),
    Mutant(
        "unmasked frames are accepted",
        "handlers/sockets/frames.py",
        "if not second & _MASKED:",
        "if False:",
        ("tests/sockets/test_raw_frames.py::test_every_frame_is_answered_as_the_table_says",),
    ),
)

ORIGINS = "tests/sockets/test_origins.py::test_who_asks_from_where_decides_on_sockets_pages_and_the_api"

DOORS = (
    Mutant(
        "every origin is allowed",
        "handlers/origins.py",
        "if origin is not None and not (_is_own(host, origin, has_tls=has_tls) or self._is_listed(origin)):",
        "if False:",
        (ORIGINS,),
    ),
    Mutant(
        "every host is allowed",
        "handlers/origins.py",
        'return parsed_address(name.strip("[]")) is not None or any(',
        "return bool(name) or any(",
        (ORIGINS,),
    ),
    Mutant(
        "a token needs no exp",
        "models/tokens.py",
        '"iat", "exp", "iss"',
        '"iat", "iss"',
        ("tests/stores/test_tokens.py",),
    ),
    Mutant(
        "a token is logged",
        "handlers/logs.py",
        'return _SECRETS.sub("[redacted]", _WORDS.sub(_without_jwt, text))',
        "return text",
        ("tests/sockets/test_logs.py",),
    ),
    Mutant(
        "a query is logged",
        "handlers/logs.py",
        "path=short(request.path)",
        "path=str(request.uri)",
        ("tests/sockets/test_logs.py",),
    ),
    Mutant(
        "the backlog is 128",
        "operation/listening.py",
        "backlog=settings.listen_backlog",
        "backlog=128",
        ("tests/operation/test_listening.py::test_hundreds_of_connections_wait_while_the_loop_is_busy",),
    ),
    Mutant(
        "markup is not escaped",
        "handlers/page_templates.py",
        "autoescape=True",
        "autoescape=False",
        ("tests/admin/test_attacks.py::test_markup_in_names_stays_text_on_every_page",),
    ),
)

FOREIGN = (
    Mutant(
        "a token may bring a key along",
        "models/foreign_tokens.py",
        "header.keys() & _REFUSED_HEADERS",
        "False",
        ("tests/stores/test_foreign_tokens.py",),
    ),
    Mutant(
        "nbf is not checked",
        "models/foreign_tokens.py",
        "if since > now + self._leeway_seconds:",
        "if False:",
        ("tests/stores/test_foreign_tokens.py",),
    ),
    Mutant(
        "tokens of a key that is gone stay valid",
        "models/foreign_tokens.py",
        "self._verified.keep(lambda token: token.key in known)",
        "self._verified.keep(lambda token: bool(token.key or known))",
        ("tests/stores/test_foreign_tokens.py",),
    ),
    Mutant(
        "a login is the whole token, whose signature has several forms",
        "models/foreign_tokens.py",
        'token.rpartition(".")[0] if token_id is None',
        "token if token_id is None",
        ("tests/stores/test_foreign_tokens.py",),
    ),
    Mutant(
        "of two equal names the last one counts",
        "models/compact_tokens.py",
        "if len(found) < len(pairs):",
        "if False:",
        ("tests/stores/test_foreign_tokens.py",),
    ),
    Mutant(
        "a signature has several spellings",
        "models/compact_tokens.py",
        "!= text:",
        "== '':",
        ("tests/stores/test_compact_tokens.py",),
    ),
    Mutant(
        "RSA keys may be short",
        "models/key_set.py",
        "if modulus.bit_length() not in RSA_BITS:",
        "if not modulus:",
        ("tests/stores/test_key_set.py",),
    ),
    Mutant(
        "every unknown key causes a read",
        "operation/foreign_keys.py",
        "if self._steady() < self._may_read_at:",
        "if False:",
        ("tests/operation/test_foreign_keys.py",),
    ),
    Mutant(
        "keys are dropped while none can be read",
        "operation/foreign_keys.py",
        "            self._tokens.is_behind = True\n",
        "            self._tokens.use(KeySet())\n            self._tokens.is_behind = True\n",
        ("tests/operation/test_foreign_keys.py",),
    ),
    Mutant(
        "an older token changes the profile back",
        "models/token_profile.py",
        "if issued_at < self.issued_at:",
        "if False:",
        ("tests/stores/test_token_profile.py",),
    ),
    Mutant(
        "signing out everywhere spares the tokens in use",
        "realtime/sockets/foreign_identities.py",
        "                yield self._revocation(identity)",
        "                yield from ()",
        ("tests/realtime/sockets/test_foreign_identities.py",),
    ),
    Mutant(
        "the tokens of a deleted user create the user again",
        "realtime/sockets/foreign_identities.py",
        "            checks.check_login(stated.login_id)\n",
        "",
        ("tests/realtime/sockets/test_foreign_identities.py",),
    ),
    Mutant(
        "a refused token changes the profile",
        "realtime/sockets/foreign_identities.py",
        "        checks.check(identity)\n        if known is None:",
        "        if known is None:",
        ("tests/realtime/sockets/test_foreign_identities.py",),
    ),
    Mutant(
        "every message may be long",
        "realtime/sockets/commands.py",
        "if is_long and not isinstance(command, Refresh):",
        "if False:",
        ("tests/realtime/sockets/test_foreign_identities.py",),
    ),
)

SHARED = "tests/cluster/test_shared_log.py"

CLUSTER = (
    Mutant(
        "the shared log has no fence",
        "models/redis/common.lua",
        "  if meta[1] ~= generation or meta[2] ~= current_fence() or not is_whole then",
        "  if meta[1] ~= generation or not is_whole then",
        (f"{SHARED}::test_after_the_fence_has_changed_nothing_is_appended_until_a_new_generation_begins",),
        on_redis=True,
    ),
    Mutant(
        "a server that was declared lost still appends",
        "models/redis/common.lua",
        "  if not counter or counter == 'lost' then",
        "  if not counter then",
        (f"{SHARED}::test_a_lost_server_cannot_come_back",),
        on_redis=True,
    ),
    Mutant(
        "a server that was declared lost renews its lease",
        "models/redis/renew.lua",
        "if not counter or counter == 'lost' then",
        "if counter == '' then",
        (f"{SHARED}::test_only_a_lost_server_can_be_forgotten_and_renewing_does_not_bring_it_back",),
        on_redis=True,
    ),
    Mutant(
        "the shared log is read from its end",
        "models/redis/log.py",
        'b"STREAMS", self._keys.log, after.encode()',
        'b"STREAMS", self._keys.log, b"$"',
        (SHARED,),
        on_redis=True,
    ),
    Mutant(
        "nothing is announced again after the shared log has lost entries",
        "realtime/cluster/adoption.py",
        "                    self._repeat(user_id)\n",
        "                    pass\n",
        ("tests/realtime/cluster/test_cluster.py", "tests/realtime/cluster/test_adoption.py"),
    ),
    Mutant(
        "a record that is written anew is not announced where clients were told something else",
        "realtime/cluster/adoption.py",
        "        reader.on_untold = self._repeat\n",
        "",
        ("tests/realtime/cluster/test_adoption.py",),
    ),
    Mutant(
        "the locks of a call are not confirmed when it is written",
        "realtime/calls/call_store.py",
        "        if not await self._store.confirm(call.call_id, call.participants, own):\n",
        "        if False:\n",
        ("tests/realtime/calls/test_switchboard_failures.py", "tests/realtime/cluster/test_calls.py"),
    ),
    Mutant(
        "users are not compared with the store after a server has gone",
        "realtime/cluster/node.py",
        '        elif entry.kind in ("lost", "left"):\n            self._comparison.may_lack_changes()\n',
        '        elif entry.kind in ("lost", "left"):\n',
        ("tests/realtime/cluster/test_saved_changes.py",),
    ),
)

ACCOUNTS = (
    Mutant(
        "a change of the password ends the login that made it",
        "models/accounts.py",
        "if identity.is_foreign or identity.login_id == user.kept_login:",
        "if identity.is_foreign:",
        ("tests/stores/test_user_passwords.py",),
    ),
    Mutant(
        "a revocation leaves the login valid that a change of the password had kept",
        "models/user_documents.py",
        '"$set": {"kept_login": kept_login, **fields}',
        '"$set": {"kept_login": kept_login or "phone", **fields}',
        ("tests/stores/test_user_passwords.py",),
    ),
    Mutant(
        "a guess of the old password is no failed sign-in",
        "models/password_changes.py",
        "attempt.failed()",
        "attempt.outcome = ''",
        ("tests/api/test_password.py",),
    ),
    Mutant(
        "an account with a password is deleted without it",
        "models/password_changes.py",
        "        if password is None:\n",
        "        if password is None:\n            return\n        if not password:\n",
        ("tests/api/test_account_deletion.py",),
    ),
    Mutant(
        "a user is deleted whatever name an admin has typed",
        "handlers/admin/account_actions.py",
        "return not name or (not is_too_long(typed) and username_key(typed) == username_key(name))",
        "return True",
        ("tests/admin/test_account_actions.py",),
    ),
)

MEMBERSHIP = "tests/realtime/presence/test_membership.py"
CLUSTER_MEMBERSHIP = "tests/realtime/cluster/test_membership.py"

DELETIONS = (
    Mutant(
        "a late write reaches the document of a deleted user",
        "models/user_documents.py",
        'PRESENT: dict[str, Any] = {"deleted_at": None}',
        "PRESENT: dict[str, Any] = {}",
        ("tests/stores/test_users.py",),
    ),
    Mutant(
        "the external id of a deleted user brings the old number back",
        "models/external_ids.py",
        "            if stored is None or stored.deleted_at is None:\n",
        "            if True:\n",
        ("tests/stores/test_external_ids.py",),
    ),
    Mutant(
        "a resume does not tell of a deletion",
        "realtime/presence/changelog.py",
        "tags_before=tags_before, is_removal=True)\n        self._keep(change)\n",
        "tags_before=tags_before, is_removal=True)\n",
        (MEMBERSHIP,),
    ),
    Mutant(
        "a deletion is announced only as often as other changes",
        "realtime/presence/decider.py",
        "replace(changed, owner=server), is_announced=True)",
        "replace(changed, owner=server), is_announced=self._is_due(entry, proposal.reason, now))",
        (MEMBERSHIP,),
    ),
    Mutant(
        "a call that starts while its caller is deleted goes on",
        "realtime/calls/switchboard.py",
        "0.0 if is_deleted else self.lease_seconds",
        "self.lease_seconds",
        (MEMBERSHIP,),
    ),
    Mutant(
        "a log that has lost a deletion brings the user back",
        "realtime/presence/follower.py",
        "            self.on_returned(user)\n",
        "            pass\n",
        (CLUSTER_MEMBERSHIP,),
    ),
    Mutant(
        "a deletion that the log has lost is not written again",
        "realtime/cluster/saved_changes.py",
        "            self._write_deletions(deleted)\n",
        "",
        (CLUSTER_MEMBERSHIP,),
    ),
    Mutant(
        "who was disabled on one server stays out after being enabled on another",
        "realtime/presence/user_entry.py",
        "self.record.disabled or self.record.rev < self.refused_rev",
        "self.record.disabled or self.refused_rev > 0",
        (CLUSTER_MEMBERSHIP,),
    ),
)

CRASHES = "tests/operation/webhooks/test_crashes.py"
OUTBOX = "tests/operation/webhooks/test_outbox.py"
DELIVERY = "tests/operation/webhooks/test_delivery.py"

WEBHOOKS = (
    Mutant(
        "webhooks are not compared with what was told after a start",
        "operation/webhooks/outbox.py",
        "        self._is_behind = True\n        if not cursor.has_baseline:",
        "        self._is_behind = False\n        if not cursor.has_baseline:",
        (OUTBOX,),
    ),
    Mutant(
        "the webhooks of a server that was killed are not noted as told",
        "operation/webhooks/outbox.py",
        "            await self._told.note(batch.batch_id, msgspec.json.decode(batch.told, type=ToldNews))\n",
        "",
        (CRASHES,),
    ),
    Mutant(
        "the history is sent when webhooks are switched on",
        "operation/webhooks/outbox.py",
        "            if not await self._comparison.begin_from_now(utc):\n                return False\n",
        "",
        (OUTBOX,),
    ),
    Mutant(
        "a webhook that fails lets later ones pass at once",
        "operation/webhooks/delivery.py",
        "        if not self._retries.is_over(batch.at, since, now):\n",
        "        if False:\n",
        (DELIVERY,),
    ),
    Mutant(
        "webhooks that were received stay in the store",
        "operation/webhooks/delivery.py",
        "            await self._batches.forget(batch.batch_id)\n",
        "",
        (OUTBOX,),
    ),
    Mutant(
        "two servers send webhooks",
        "operation/webhooks/lease.py",
        "        return now - self._seen[1] > self._seconds\n",
        "        return True\n",
        (CRASHES,),
    ),
    Mutant(
        "a server that was replaced moves the cursor of webhooks",
        "models/webhook_cursor.py",
        '{"_id": CURSOR_ID, "fence": fence}, update',
        '{"_id": CURSOR_ID}, update',
        ("tests/stores/test_webhooks.py",),
    ),
    Mutant(
        "webhooks follow redirects",
        "operation/webhooks/sender.py",
        "follow_redirects=False",
        "follow_redirects=True",
        ("tests/operation/webhooks/test_sender.py",),
    ),
    Mutant(
        "the certificate of the receiver of webhooks is not verified",
        "operation/webhooks/sender.py",
        "            follow_redirects=False,\n",
        "            follow_redirects=False,\n            validate_cert=False,\n",
        ("tests/operation/webhooks/test_sender.py",),
    ),
)

BACKENDS = (
    Mutant(
        "a service key that was revoked is accepted",
        "realtime/sockets/key_ring.py",
        "        if self.is_revoked(key):\n            raise",
        "        if not key.name:\n            raise",
        ("tests/realtime/sockets/test_key_ring.py",),
    ),
    Mutant(
        "a revoked service key keeps its sockets",
        "realtime/sockets/authenticator.py",
        "        key_ring.on_revoked = hub.close_key\n",
        "",
        ("tests/realtime/sockets/test_watching.py",),
    ),
    Mutant(
        "a scope may do what the scopes after it may",
        "models/service_keys.py",
        "SCOPES.index(self.scope) >= SCOPES.index(wanted)",
        "SCOPES.index(self.scope) <= SCOPES.index(wanted)",
        ("tests/server_api/test_scopes.py",),
    ),
    Mutant(
        "anyone may send a large body to the batch",
        "handlers/http_server.py",
        "if special is not None and _has_key(headers) else",
        "if special is not None else",
        ("tests/server_api/test_batch.py",),
    ),
    Mutant(
        "a service key is a user wherever a user is asked for",
        "handlers/callers.py",
        "        if not self.accepts_keys:\n",
        "        if not text:\n",
        ("tests/api/test_service_keys.py",),
    ),
    Mutant(
        "a deleted user stays in the list for backends",
        "realtime/presence/registry.py",
        "        self._order.remove(entry)\n        self._listed = None\n",
        "        self._order.remove(entry)\n",
        ("tests/realtime/presence/test_registry.py",),
    ),
)

SCREENS = (
    Mutant(
        "the link of a screen can be opened twice",
        "models/screens.py",
        '{"link_hash": link_hash, "cookie_hash": None, "link_until": {"$gt": at}}',
        '{"link_hash": link_hash, "link_until": {"$gt": at}}',
        ("tests/stores/test_screens.py::test_a_link_works_once",),
    ),
    Mutant(
        "a screen is signed out after twelve hours",
        "realtime/dashboard/operator_sessions.py",
        "if isinstance(visitor, SignedInOperator) and utc - visitor.sign_in.started_at > longest:",
        "if utc - (visitor.sign_in.started_at if visitor.role != 'screen' else visitor.made_at) > longest:",
        ("tests/realtime/dashboard/test_screens.py",),
    ),
    Mutant(
        "a new link leaves the old cookie valid",
        "models/screens.py",
        '"link_until": link_until, **NOT_OPENED}},\n',
        '"link_until": link_until}},\n',
        ("tests/stores/test_screens.py::test_a_new_link_ends_the_cookie_and_the_old_link",),
    ),
)

MUTANTS = (
    *PRESENCE,
    *CALLS,
    *DELETIONS,
    *SOCKETS,
    *DOORS,
    *FOREIGN,
    *CLUSTER,
    *ACCOUNTS,
    *WEBHOOKS,
    *BACKENDS,
    *SCREENS,
)
