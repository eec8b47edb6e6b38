"""The runner of chaos: what it prints, when it fails, and that it leaves nothing behind."""

from __future__ import annotations

import asyncio
import io
import json
import re
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import chaos.__main__ as program
from chaos.catalog import CLUSTER_SCENARIOS, SCENARIOS
from chaos.check import BOTH, EMBEDDED, CannotRun, Check, StoreKind, at_least, at_most, exactly, none
from chaos.lab import Lab
from chaos.program import ROOT, ServerProgram
from chaos.report import LOAD, Conditions, lines_of, page_of, read_json, write_json
from chaos.runner import run_all
from chaos.scenario import Outcome, Scenario

LINE = re.compile(
    r"(?P<name>\S+) +(?P<store>embedded|MongoDB) +(?P<what>.+?) {2,}(?P<value>.+?) {2,}[≤≥=] .+ (?P<word>PASS|FAIL)"
)
CONDITIONS = Conditions("2031-02-03", "2 cores", "mongod", "make chaos")


async def holds(lab: Lab) -> list[Check]:
    """Something holds."""
    lab.note(some_figure=7)
    return [at_most("a time", 0.25, 1, "s"), none("losses", 0)]


async def does_not_hold(lab: Lab) -> list[Check]:
    """Something does not hold."""
    lab.remarks.append("that is why")
    return [at_most("a time", 0.25, 1, "s"), at_least("clients", 12, 5000), exactly("losses", 3, 0)]


async def raises(_lab: Lab) -> list[Check]:
    """Something is wrong with the scenario."""
    raise ValueError("no such thing")


async def cannot(_lab: Lab) -> list[Check]:
    """Something is missing here."""
    raise CannotRun("there is no compiler")


async def measures_nothing(_lab: Lab) -> list[Check]:
    """Nothing is measured."""
    return []


def scenario(run: Callable[[Lab], Awaitable[list[Check]]], stores: tuple[StoreKind, ...] = EMBEDDED) -> Scenario:
    """A scenario that is named as its function."""
    return Scenario(run.__name__.replace("_", "-"), "One client", run, stores, 1)


async def outcome_of(run: Callable[[Lab], Awaitable[list[Check]]]) -> Outcome:
    """What comes of one scenario on the embedded store."""
    (outcome,) = await run_all(
        [scenario(run)], EMBEDDED, is_long=False, on_outcome=lambda _: None, progress=io.StringIO()
    )
    return outcome


@pytest.fixture
def handlers() -> Iterator[None]:
    """The program sets signal handlers, which are not for the tests' own process."""
    numbers = (signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


@pytest.fixture
def run_program(monkeypatch: pytest.MonkeyPatch, handlers: None) -> Callable[..., Result]:
    """Runs `python -m chaos` in this process, with some scenarios in place of the real ones."""

    def run(*scenarios: Scenario, words: tuple[str, ...] = (), several: tuple[Scenario, ...] = ()) -> Result:
        monkeypatch.setattr(program, "SCENARIOS", scenarios)
        monkeypatch.setattr(program, "CLUSTER_SCENARIOS", several)
        return CliRunner().invoke(program.main, ["--store", "embedded", *words])

    return run


def test_the_exit_code_is_0_when_everything_holds(run_program: Callable[..., Result]) -> None:
    result = run_program(scenario(holds))
    assert result.exit_code == 0, result.output
    assert "1 passed, 0 failed, 0 could not run" in result.output


@pytest.mark.parametrize("run", [does_not_hold, raises, cannot, measures_nothing])
def test_the_exit_code_is_1_when_one_of_several_does_not_hold_or_cannot_run(
    run_program: Callable[..., Result], run: Callable[[Lab], Awaitable[list[Check]]]
) -> None:
    result = run_program(scenario(holds), scenario(run))
    assert result.exit_code == 1
    assert "1 passed" in result.output


@pytest.mark.gen_test
async def test_a_scenario_that_holds_is_one_line_of_name_store_value_limit_and_pass() -> None:
    (line,) = lines_of(await outcome_of(holds))
    found = LINE.fullmatch(line)
    assert found is not None, line
    assert found.group("name", "store", "what", "value", "word") == ("holds", "embedded", "a time", "0.25 s", "PASS")


@pytest.mark.gen_test
async def test_each_value_that_does_not_hold_is_a_line_and_the_cause_comes_after_them() -> None:
    clients, losses, cause = lines_of(await outcome_of(does_not_hold))
    assert all(LINE.fullmatch(line) and line.endswith("FAIL") for line in (clients, losses))
    assert "≥ 5,000" in clients
    assert cause.strip() == "that is why"


@pytest.mark.gen_test
async def test_the_load_of_each_process_is_a_line_of_its_own() -> None:
    async def loads(lab: Lab) -> list[Check]:
        lab.figures |= {f"{LOAD}server 1, %": 24.4, f"{LOAD}Redis, %": 1.2, "CPU, %": 7}
        return [none("losses", 0)]

    _, load = lines_of(await outcome_of(loads))
    assert load.strip() == "CPU: server 1 24 %, Redis 1 %"


@pytest.mark.gen_test
async def test_a_scenario_that_raises_is_reported_with_the_error_and_no_value() -> None:
    outcome = await outcome_of(raises)
    (line,) = lines_of(outcome)
    assert (outcome.checks, outcome.passed) == ((), False)
    assert re.search(r"could not run: ValueError.*: no such thing  FAIL", line)


@pytest.mark.gen_test
async def test_a_scenario_that_lacks_something_says_what() -> None:
    (line,) = lines_of(await outcome_of(cannot))
    assert "could not run: there is no compiler  FAIL" in line


@pytest.mark.gen_test
async def test_a_scenario_that_takes_too_long_is_given_up_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hangs(_lab: Lab) -> list[Check]:
        await asyncio.Event().wait()
        return []

    monkeypatch.setattr(Scenario, "time_limit_seconds", lambda *_, **__: 0.05)
    outcome = await outcome_of(hangs)
    assert "longer than" in outcome.reason


@pytest.mark.gen_test
async def test_a_value_that_was_not_measured_does_not_hold() -> None:
    assert not at_most("a time", float("nan"), 1).holds
    assert not at_least("a rate", float("nan"), 1).holds
    assert not at_most("a time", float("inf"), 1).holds


@pytest.mark.gen_test
async def test_a_scenario_that_raises_leaves_no_server_behind() -> None:
    started: list[ServerProgram] = []

    async def starts_and_raises(lab: Lab) -> list[Check]:
        started.append(lab.server())
        await started[0].start()
        raise ValueError("after the start")

    outcome = await outcome_of(starts_and_raises)
    assert "after the start" in outcome.reason
    assert not started[0].is_running


@pytest.mark.gen_test
async def test_errors_that_a_server_logs_fail_the_scenario() -> None:
    async def upsets(lab: Lab) -> list[Check]:
        server = lab.server()
        server.log.write_text('{"event": "oops", "level": "error"}\n')
        return [none("losses", 0)]

    assert [check.value for check in (await outcome_of(upsets)).failed_checks] == [1]


def test_the_list_has_a_line_for_each_scenario_and_runs_nothing(run_program: Callable[..., Result]) -> None:
    result = run_program(scenario(holds), scenario(raises, BOTH), words=("--list",))
    assert result.exit_code == 0
    first, second = result.output.splitlines()
    assert re.fullmatch(r"holds +embedded +Something holds\.", first)
    assert re.fullmatch(r"raises +embedded, MongoDB +Something is wrong with the scenario\.", second)


def test_only_some_are_run_and_a_name_that_is_unknown_is_refused(run_program: Callable[..., Result]) -> None:
    all_of_them = (scenario(holds), scenario(does_not_hold))
    assert run_program(*all_of_them, words=("--only", "holds")).exit_code == 0
    refused = run_program(*all_of_them, words=("--only", "nothing-such"))
    assert refused.exit_code == 2
    assert "nothing-such" in refused.output


def test_the_page_is_written_by_whole_runs_only(run_program: Callable[..., Result]) -> None:
    assert run_program(scenario(holds), words=("--write",)).exit_code == 2


@pytest.mark.gen_test
async def test_the_page_shows_limits_values_and_those_of_an_earlier_run(tmp_path: Path) -> None:
    outcomes = [await outcome_of(does_not_hold), await outcome_of(raises)]
    write_json(tmp_path / "earlier.json", outcomes, CONDITIONS)
    page = page_of(outcomes, CONDITIONS, read_json(tmp_path / "earlier.json"))
    assert "Measured on 2031-02-03 with `make chaos`, on 2 cores." in page
    assert "| a time | ≤ 1 s | 0.25 s (before: 0.25 s) | PASS |" in page
    assert "| clients | ≥ 5,000 | 12 (before: 12) | FAIL |" in page
    assert "could not run: ValueError" in page
    assert page.startswith("# Reliability\n")


@pytest.mark.gen_test
async def test_everything_measured_is_in_the_json(tmp_path: Path) -> None:
    write_json(tmp_path / "all.json", [await outcome_of(holds)], CONDITIONS)
    written = json.loads((tmp_path / "all.json").read_text())
    assert (written["machine"], written["date"]) == ("2 cores", "2031-02-03")
    (outcome,) = written["outcomes"]
    assert outcome["figures"]["some figure"] == 7
    assert outcome["checks"][0] == {
        "what": "a time", "value": 0.25, "relation": "≤", "limit": 1, "unit": "s", "holds": True,
    }  # fmt: skip


@pytest.mark.parametrize("scenarios", [SCENARIOS, CLUSTER_SCENARIOS])
def test_all_scenarios_together_take_a_quarter_of_an_hour_at_most_and_say_what_they_do(
    scenarios: tuple[Scenario, ...],
) -> None:
    assert sum(each.usual_seconds * len(each.stores) for each in scenarios) <= 15 * 60
    assert len({each.name for each in scenarios}) == len(scenarios)
    assert all(each.summary.endswith(".") for each in scenarios)


def test_those_of_several_servers_are_run_only_when_asked_for(run_program: Callable[..., Result]) -> None:
    one, several = scenario(holds), (scenario(does_not_hold),)
    assert "1 passed, 0 failed" in run_program(one, several=several).output
    assert "0 passed, 1 failed" in run_program(one, several=several, words=("--servers", "several")).output
    assert "1 passed, 1 failed" in run_program(one, several=several, words=("--servers", "all")).output
    assert "0 passed, 1 failed" in run_program(one, several=several, words=("--only", "does-not-hold")).output


@pytest.mark.slow
def test_a_real_scenario_runs_against_the_real_server(tmp_path: Path) -> None:
    file = tmp_path / "measured.json"
    words = ["-m", "chaos", "--store", "embedded", "--only", "handshakes", "--json", str(file)]
    done = subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    (outcome,) = json.loads(file.read_text())["outcomes"]
    assert outcome["reason"] == "", done.stderr
    assert done.returncode == (0 if outcome["passed"] else 1)
    assert LINE.fullmatch(done.stdout.splitlines()[0]), done.stdout
    assert len(outcome["checks"]) > 3
