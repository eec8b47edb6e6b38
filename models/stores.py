"""Stores: all stores of one database, with their indexes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from pymongo.errors import OperationFailure

from models.acknowledgements import Acknowledgements
from models.audit import Audit
from models.calls import Calls
from models.checkpoints import Checkpoints
from models.database import Database, open_database
from models.deletions import Deletions
from models.errors import StoreUnavailable
from models.events import Events
from models.external_ids import ExternalIds
from models.guard import reason_of
from models.logins import Logins
from models.name_keys import NameKeys
from models.notices import Notices
from models.operators import Operators
from models.recorded_spans import RecordedSpans
from models.samples import Samples
from models.saved_filters import SavedFilters
from models.screens import Screens
from models.service_keys import ServiceKeys
from models.sign_in_limits import SignInLimits
from models.sign_ins import SignIns
from models.user_passwords import UserPasswords
from models.users import Users
from models.webhook_batches import WebhookBatches
from models.webhook_cursor import WebhookCursor
from models.webhook_told import WebhookTold
from settings import Settings


@dataclass(frozen=True)
class Stores:
    """One store for each kind of document."""

    users: Users
    external_ids: ExternalIds
    user_passwords: UserPasswords
    calls: Calls
    logins: Logins
    sign_in_limits: SignInLimits
    notices: Notices
    operators: Operators
    sign_ins: SignIns
    screens: Screens
    events: Events
    saved_filters: SavedFilters
    samples: Samples
    checkpoints: Checkpoints
    recorded_spans: RecordedSpans
    audit: Audit
    name_keys: NameKeys
    deletions: Deletions
    service_keys: ServiceKeys
    webhook_cursor: WebhookCursor
    webhook_batches: WebhookBatches
    webhook_told: WebhookTold
    acknowledgements: Acknowledgements


async def open_stores(database: Database, settings: Settings) -> Stores:
    """Open the stores of a database and create missing indexes. Raises StoreUnavailable."""
    user_documents = database.collection("users")
    users = Users(user_documents, database.collection("counters"))
    external_ids = ExternalIds(database.collection("external_ids"), users)
    calls = Calls(database.collection("calls"), database.collection("call_claims"))
    logins, events = Logins(database.collection("logins")), Events(database.collection("events"))
    audit = Audit(database.collection("audit"))
    stores = Stores(
        users=users,
        external_ids=external_ids,
        user_passwords=UserPasswords(user_documents),
        calls=calls,
        logins=logins,
        sign_in_limits=SignInLimits(database.collection("sign_in_attempts"), settings),
        notices=Notices(database.collection("notices")),
        operators=Operators(database.collection("operators"), database.collection("counters")),
        sign_ins=SignIns(database.collection("sign_ins")),
        screens=Screens(database.collection("screens")),
        events=events,
        saved_filters=SavedFilters(database.collection("saved_filters")),
        samples=Samples(database.collection("samples")),
        checkpoints=Checkpoints(database.collection("checkpoints"), database.collection("checkpoint_parts")),
        recorded_spans=RecordedSpans(database.collection("recorded_spans")),
        audit=audit,
        name_keys=NameKeys(user_documents, database.collection("operators"), database.collection("counters")),
        deletions=Deletions(users, user_documents, external_ids, logins, calls, events, audit),
        service_keys=ServiceKeys(database.collection("service_keys")),
        webhook_cursor=WebhookCursor(database.collection("webhook_cursor")),
        webhook_batches=WebhookBatches(
            database.collection("webhook_batches"), database.collection("webhook_set_aside")
        ),
        webhook_told=WebhookTold(
            database.collection("webhook_users"),
            database.collection("webhook_calls"),
            database.collection("webhook_issues"),
        ),
        acknowledgements=Acknowledgements(database.collection("acknowledgements")),
    )
    for_webhooks = (stores.webhook_batches, stores.webhook_told) if settings.webhook_url else ()
    indexed = (
        stores.users, stores.calls, stores.logins, stores.operators, stores.sign_ins, stores.screens,
        stores.events, stores.checkpoints, stores.recorded_spans, stores.audit,
        stores.service_keys, *for_webhooks,
    )  # fmt: skip
    try:
        for store in indexed:
            await store.ensure_indexes()
    except OperationFailure as error:
        raise StoreUnavailable(
            f"cannot create an index: {reason_of(error)}; docs/operating.md lists the indexes that Rollcall needs"
        ) from error
    return stores


@asynccontextmanager
async def opened_stores(settings: Settings) -> AsyncIterator[Stores]:
    """The stores that the settings name, even while a server uses them. Raises StoreUnavailable."""
    database = await open_database(settings)
    try:
        yield await open_stores(database, settings)
    finally:
        await database.close()
