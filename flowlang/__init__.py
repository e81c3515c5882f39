"""flowlang: a small, statically typed, declarative language for orchestrating agents and tools.

    import flowlang

    flowlang.check(text)                           # the mistakes in a flow, as data
    plan = flowlang.compile("main.flow")           # its plan, or NotRunnable
    flowlang.run_sync(plan, {"name": "Ada"}).data  # its result; `await flowlang.run(…)` under trio

    async with flowlang.start(plan) as run:        # a run to follow, answer, signal and cancel
        async for event in run.events(): ...
    async with flowlang.Engine.open() as engine:   # runs that survive their process
        async with engine.resume("4f2a") as run: ...
    runs = flowlang.StoredRuns()                   # … seen and told from any process
    await runs.answer("4f2a/verdict", True)

Importing this module imports nothing else: each name loads what it needs when it is first used.

The floors, bottom to top. A module imports from its own floor and from those below it, and only the
packages named here; `tests/test_tidy.py` reads this table.

    floor      | packages                           | must not know          | but may, in
    -----------+------------------------------------+------------------------+------------
    text       | attrs, re2                         |                        |
    syntax     | attrs, lark                        |                        |
    semantics  | attrs                              |                        |
    plan       | attrs, pydantic                    | syntax, semantics      | lower*
    values     | attrs, pydantic                    | syntax, semantics      |
    runtime    | attrs, pydantic                    | syntax, semantics      |
    hosts      | attrs, platformdirs, trio          | syntax, semantics      |
    agents     | a2a, anyio, attrs, dotenv, google, httpcore, httpx, httpx2, mcp, mcp_types, pydantic, trio | hosts                  |
    planning   | attrs, pydantic, ruamel            | runtime, hosts         |
    ide        | attrs                              | runtime, hosts, agents |
    tools      | attrs, click, lsprotocol, pydantic, pygls, pygments, pytest, rich, trio |                 |
    testing    | attrs, hypothesis                  |                        |
"""  # noqa: E501

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flowlang.agents.file import File as File
    from flowlang.hosts.sqlite.problems import StoreProblem as StoreProblem
    from flowlang.plan.model import Plan as Plan
    from flowlang.runtime import events as events
    from flowlang.runtime.failures import Failure as Failure
    from flowlang.runtime.host import Question as Question
    from flowlang.text.diagnostics import Diagnostic as Diagnostic
    from flowlang.tools.durable import Engine as Engine
    from flowlang.tools.engine import Prepared as Prepared
    from flowlang.tools.engine import prepare as prepare
    from flowlang.tools.engine import run as run
    from flowlang.tools.engine import run_sync as run_sync
    from flowlang.tools.engine import start as start
    from flowlang.tools.frontend import NotRunnable as NotRunnable
    from flowlang.tools.frontend import compile_plan as compile
    from flowlang.tools.frontend import diagnose as check
    from flowlang.tools.plan_repairs import problems as problems
    from flowlang.tools.plan_settings import PlanSettings as PlanSettings
    from flowlang.tools.run_handle import NotAccepted as NotAccepted
    from flowlang.tools.run_handle import Result as Result
    from flowlang.tools.run_handle import RunHandle as RunHandle
    from flowlang.tools.stored_runs import StoredRun as StoredRun
    from flowlang.tools.stored_runs import StoredRuns as StoredRuns

__all__ = [
    "Diagnostic",
    "Engine",
    "Failure",
    "File",
    "NotAccepted",
    "NotRunnable",
    "Plan",
    "PlanSettings",
    "Prepared",
    "Question",
    "Result",
    "RunHandle",
    "StoreProblem",
    "StoredRun",
    "StoredRuns",
    "check",
    "compile",
    "events",
    "prepare",
    "problems",
    "run",
    "run_sync",
    "start",
]

_HOMES = {
    "__version__": "flowlang.text.version:__version__",
    "check": "flowlang.tools.frontend:diagnose",
    "compile": "flowlang.tools.frontend:compile_plan",
    "prepare": "flowlang.tools.engine:prepare",
    "problems": "flowlang.tools.plan_repairs:problems",
    "run": "flowlang.tools.engine:run",
    "run_sync": "flowlang.tools.engine:run_sync",
    "start": "flowlang.tools.engine:start",
    "events": "flowlang.runtime.events:",
    "Diagnostic": "flowlang.text.diagnostics:Diagnostic",
    "Engine": "flowlang.tools.durable:Engine",
    "Failure": "flowlang.runtime.failures:Failure",
    "File": "flowlang.agents.file:File",
    "NotAccepted": "flowlang.tools.run_handle:NotAccepted",
    "NotRunnable": "flowlang.tools.frontend:NotRunnable",
    "Plan": "flowlang.plan.model:Plan",
    "PlanSettings": "flowlang.tools.plan_settings:PlanSettings",
    "Prepared": "flowlang.tools.engine:Prepared",
    "Question": "flowlang.runtime.host:Question",
    "Result": "flowlang.tools.run_handle:Result",
    "RunHandle": "flowlang.tools.run_handle:RunHandle",
    "StoreProblem": "flowlang.hosts.sqlite.problems:StoreProblem",
    "StoredRun": "flowlang.tools.stored_runs:StoredRun",
    "StoredRuns": "flowlang.tools.stored_runs:StoredRuns",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module `flowlang` has no attribute `{name}`")
    module, _, attribute = _HOMES[name].partition(":")
    home = import_module(module)
    value: object = getattr(home, attribute) if attribute else home
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(_HOMES)
