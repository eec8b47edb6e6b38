"""Drill: shows operators, before a deploy, how their server copes when everybody comes back at once."""

from __future__ import annotations

import contextlib
import resource
import secrets
import ssl
import sys
from itertools import cycle, islice

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from models.stores import opened_stores
from models.tokens import open_tokens
from operation.address import Address, address_of, parse_address
from operation.cli.command import pass_settings, run_command, with_secret
from operation.cli.storm import OBSERVERS, Phase, Storm, StormFailed, StormReport
from operation.output import console, say
from settings import Settings

SOCKETS_LIMIT = 20_000
TOKEN_SECONDS = 1800
"""Longer than a drill can take."""

SPARE_FILES = 100

SHARE_OF_SOCKETS = 2
"""A user gets this part of the sockets that one may have, because the server may not have noticed yet that the old ones
are gone."""


def _url(_context: click.Context, _param: click.Parameter, text: str | None) -> Address | None:
    try:
        return None if text is None else parse_address(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.command("drill")
@click.option(
    "--sockets",
    type=click.IntRange(1, SOCKETS_LIMIT),
    default=1000,
    show_default=True,
    metavar="N",
    help="Sockets that lose their connection and come back.",
)
@click.option("--url", callback=_url, metavar="URL", help="ws://host:port; by default the server on this machine.")
@click.option("--yes", is_flag=True, help="Also if the server is on another machine.")
@pass_settings
def drill_command(settings: Settings, sockets: int, url: Address | None, yes: bool) -> None:
    """Cut off many sockets and measure how they come back.

    Use it on a server of your own, and not in production: the users in its store come online during the drill. It needs
    the server's settings, to read the users and to make their tokens. It takes two minutes at most after everybody is
    connected, prints a report, and exits with 1 if somebody did not come back or was announced as offline.
    """
    address = url or address_of(settings, settings.port)
    if not address.is_loopback and not yes:
        raise click.UsageError(
            f"{address.netloc} is another machine; add --yes if the server is yours and may be disturbed"
        )
    _allow_files(sockets + OBSERVERS + SPARE_FILES)
    run_command(_drill(with_secret(settings), address, sockets))


async def _drill(settings: Settings, address: Address, sockets: int) -> None:
    tokens = await _tokens(settings, sockets + OBSERVERS)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console(err=True), disable=not sys.stderr.isatty()) as progress:
        tasks = {
            phase: progress.add_task(phase, total=sockets, start=False, visible=phase == "connecting")
            for phase in ("connecting", "coming back")
        }

        def show(phase: Phase, count: int) -> None:
            if count == 1:
                progress.start_task(tasks[phase])
            progress.update(tasks[phase], completed=count, visible=True)

        storm = Storm(address, tokens, show, tls=ssl.create_default_context() if address.is_secure else None)
        try:
            report = await storm.run()
        except StormFailed as failure:
            raise click.ClickException(str(failure)) from None
    users = len({user_id for user_id, _ in tokens[OBSERVERS:]})
    for line in report_lines(report, address, users):
        say(line)
    if not report.is_passed:
        raise click.ClickException("the drill found a problem")


def report_lines(report: StormReport, address: Address, users: int) -> list[str]:
    """The report as text."""
    back = f"{report.seconds:.1f} s" if report.back else "nobody"
    if report.back < report.sockets:
        back += f", without {report.sockets - report.back:,} sockets that did not come back"
    return [
        f"{report.sockets:,} sockets of {users:,} users lost their connection to {address.ws} at the same moment",
        f"  everybody back after  {back}",
        f"  99 % back after       {report.p99_seconds:.1f} s",
        f"  failed attempts       {report.failed_attempts:,}",
        f"  false offlines        {report.false_offlines:,}",
        f"  slowest ping          {report.slowest_ping_seconds * 1000:.0f} ms, of {report.pings:,}",
    ]


async def _tokens(settings: Settings, count: int) -> list[tuple[int, str]]:
    """A user id and a token for each socket. Observers come first, and have users of their own if there are enough."""
    tokens = open_tokens(settings)
    async with opened_stores(settings) as stores:
        users = [user for user in await stores.users.page(0, count) if not user.disabled]
    each = max(1, settings.sockets_per_user // SHARE_OF_SOCKETS)
    if len(users) * each < count:
        needed = -(-count // each)
        raise click.ClickException(
            f"{count - OBSERVERS:,} sockets need {needed:,} users, and the store has {len(users):,} that are not"
            " disabled; add some with `user import`, or use fewer sockets"
        )
    minted = [
        (user.profile.user_id, tokens.mint(user.profile.user_id, secrets.token_hex(12), "access", TOKEN_SECONDS,
                                           user.token_version)[0])
        for user in users
    ]  # fmt: skip
    return list(islice(cycle(minted), count))


def _allow_files(count: int) -> None:
    """Let this process open so many files, as far as its hard limit goes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = count if hard == resource.RLIM_INFINITY else min(count, hard)
    if most < count:
        raise click.ClickException(f"{count:,} open files are needed, but the limit is {hard:,}; use fewer sockets")
    if soft < most:
        with contextlib.suppress(OSError, ValueError):  # macOS allows fewer than its hard limit says
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
