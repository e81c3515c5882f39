"""Ways through a plan: the tasks below a task, the calls below a flow, flows in the order of their calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from flowlang.plan import model as plan


def body_of(task: plan.Task) -> plan.Block | None:
    """The block of a task that has one."""
    return task.body if isinstance(task, plan.ForEach | plan.While | plan.Do) else None


def branches_of(task: plan.Task) -> tuple[plan.Task, ...]:
    """The tasks that stand directly in a task as its arms or branches."""
    match task:
        case plan.Choose(arms=arms, otherwise=otherwise):
            return (*(arm.task for arm in arms), *((otherwise,) if otherwise else ()))
        case plan.MatchTask(arms=cases):
            return tuple(arm.task for arm in cases)
        case plan.Race(branches=branches, each=each):
            return (each,) if each else branches
        case _:
            return ()


def tasks_of(statement: plan.AnyStatement) -> tuple[plan.Task, ...]:
    """The tasks of a statement: its own, then those of its handlers and its undo."""
    match statement:
        case plan.Step(task=task, catches=catches, undo=undo):
            return (task, *(catch.handler for catch in catches), *((undo,) if undo else ()))
        case plan.ReturnWhen(task=task) | plan.Result(task=task):
            return (task,)
        case plan.FailWhen(failure=failure):
            return (failure,)
        case plan.Let() | plan.Require() | plan.Ensure():
            return ()


def blocks_of(statement: plan.AnyStatement) -> tuple[plan.Block, ...]:
    """The blocks that stand directly in a statement besides its tasks."""
    return (statement.finally_,) if isinstance(statement, plan.Step) and statement.finally_ else ()


def all_tasks(block: plan.Block) -> Iterator[plan.Task]:
    """Every task below a block, parents first, in the order of the source."""
    return (part for part in _below(block) if not isinstance(part, plan.Block))


def all_blocks(block: plan.Block) -> Iterator[plan.Block]:
    """A block and every block below it."""
    return (part for part in _below(block) if isinstance(part, plan.Block))


def _below(block: plan.Block) -> Iterator[plan.Block | plan.Task]:
    pending: list[plan.Block | plan.Task] = [block]
    while pending:
        current = pending.pop()
        yield current
        below: list[plan.Block | plan.Task] = []
        if isinstance(current, plan.Block):
            for statement in current.statements:
                below += [*tasks_of(statement), *blocks_of(statement)]
        else:
            body = body_of(current)
            below += [*branches_of(current), *((body,) if body else ())]
        pending.extend(reversed(below))


def called_flows(flow: plan.Flow) -> tuple[str, ...]:
    return tuple(dict.fromkeys(t.flow for t in all_tasks(flow.body) if isinstance(t, plan.CallFlow)))


def called_agents(flow: plan.Flow) -> tuple[str, ...]:
    return tuple(dict.fromkeys(t.agent for t in all_tasks(flow.body) if isinstance(t, plan.CallAgent)))


def awaited_events(flow: plan.Flow) -> tuple[str, ...]:
    return tuple(dict.fromkeys(t.event for t in all_tasks(flow.body) if isinstance(t, plan.Wait)))


def callees_first(flows: Mapping[str, plan.Flow]) -> tuple[str, ...]:
    """The names of flows, each after those it calls. Flows that call each other come in any order."""
    calls = {name: called_flows(flow) for name, flow in flows.items()}
    found: dict[str, None] = {}
    entered: set[str] = set()
    pending = [(name, False) for name in reversed(list(flows))]
    while pending:
        name, left = pending.pop()
        if left:
            found[name] = None
        elif name not in entered:
            entered.add(name)
            pending.append((name, True))
            pending.extend((called, False) for called in reversed(calls[name]) if called in flows)
    return tuple(found)
