"""How the entry module of a project writes what a plan names: `lib.reserve` -> `trips.reserve`.

A plan tells modules apart by their files, a text by its aliases; so what is said of a plan to somebody who
writes a test has to go this way back. Agents and events have a name however deep their module lies, since a
test may answer and send them; everything else only where the entry can mention it."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Final

from flowlang.plan.lower import Lowering
from flowlang.plan.lower_types import Naming
from flowlang.semantics.check import Checked
from flowlang.semantics.facts import Callable, Constructor, ErrorName, EventName, Interface, Namespace

MOST_MODULES: Final = 1_000
"""That are looked into: modules that import each other lead to one agent in any number of ways."""


def written_in(checked: Checked) -> dict[str, str]:
    """The names of a checked project's plan as its entry writes them."""
    return written_names(checked.modules[checked.project.entry].namespace, Lowering.of(checked).naming)


def written_names(names: Mapping[str, Interface], naming: Naming) -> dict[str, str]:
    """The shortest way to write each agent, flow, error, event and constructor, by its name in the plan; that
    of a constructor is behind the name of its union."""
    found: dict[str, str] = {}
    pending = deque([("", names)])
    for _ in range(MOST_MODULES):
        if not pending:
            break
        before, members = pending.popleft()
        for name, interface in members.items():
            if isinstance(interface, Namespace):
                pending.append((f"{before}{name}.", {**interface.modules, **interface.members}))
            elif (key := _key(interface, naming)) and (before.count(".") < 2 or _is_of_tests(interface)):
                found.setdefault(key, before + name)
    return found


def constructor_key(union: str, case: str) -> str:
    """What a constructor of a union of the plan is called here."""
    return f"{union}.{case}"


def _key(interface: Interface, naming: Naming) -> str | None:
    match interface:
        case Callable():
            return naming.callable(interface)
        case ErrorName(ref=error):
            return naming.error(error)
        case EventName(declared=declared):
            return naming.declared(declared)
        case Constructor(union=union, case=case):
            return constructor_key(getattr(naming.type(union), "name", ""), case)
        case _:
            return None


def _is_of_tests(interface: Interface) -> bool:
    is_agent = isinstance(interface, Callable) and interface.kind != "flow"
    return is_agent or isinstance(interface, EventName)
