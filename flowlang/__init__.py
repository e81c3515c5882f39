"""flowlang: a small, statically typed, declarative language for orchestrating agents and tools.

    import flowlang

    flowlang.check(text)                             # the mistakes in a flow, as data
    compiled = flowlang.compile("main.flow")         # its plan, and what was found on the way
    flowlang.run_sync(compiled.plan, {"name": "x"})  # its result; `await flowlang.run(…)` under trio

Importing this module imports nothing else: each name loads what it needs when it is first used.

The floors, bottom to top. A module imports from its own floor and from those below it, and only the
packages named here; `tests/test_tidy.py` reads this table.

    floor      | packages                           | must not know     | but may, in
    -----------+------------------------------------+-------------------+-------------
    text       | attrs, re2                         |                   |
    syntax     | attrs, lark                        |                   |
    semantics  | attrs                              |                   |
    plan       | attrs, pydantic                    | syntax, semantics | lower*
    values     | attrs, pydantic                    | syntax, semantics |
    runtime    | attrs, pydantic                    | syntax, semantics |
    hosts      | attrs, trio                        | syntax, semantics |
    agents     | attrs, pydantic, trio              | hosts             |
    tools      | attrs, click, pydantic, rich, trio |                   |
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flowlang.tools.engine import run as run
    from flowlang.tools.engine import run_sync as run_sync
    from flowlang.tools.frontend import compile_file as compile
    from flowlang.tools.frontend import diagnose as check

__all__ = ["check", "compile", "run", "run_sync"]

__version__ = "0.1.0"

_HOMES = {
    "check": ("flowlang.tools.frontend", "diagnose"),
    "compile": ("flowlang.tools.frontend", "compile_file"),
    "run": ("flowlang.tools.engine", "run"),
    "run_sync": ("flowlang.tools.engine", "run_sync"),
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module `flowlang` has no attribute `{name}`")
    module, attribute = _HOMES[name]
    value: object = getattr(import_module(module), attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*_HOMES, "__version__"])
