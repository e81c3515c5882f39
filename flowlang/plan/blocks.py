"""The shape of a block, read off what its statements depend on: waves, strategy, needless edges."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from flowlang.plan import model as plan

_LOOPS = (plan.ForEach, plan.While)
_CHOICES = (plan.Choose, plan.MatchTask)


def waves(statements: Sequence[plan.AnyStatement]) -> tuple[int, ...]:
    """For each statement the longest way to it, counted from 0. Statements that wait for each other, which
    no checked plan has, count as if they did not."""
    return longest_ways(statements, [1] * len(statements))


def strategy(statements: Sequence[plan.AnyStatement]) -> plan.Strategy:
    """How a block runs, in one word: see `plan.Block`."""
    tasks = [s for s in statements if _acts(s)]
    steps = [s for s in tasks if isinstance(s, plan.Step)]
    if steps and all(isinstance(step.task, _LOOPS) for step in steps):
        return "loop"
    if steps and all(isinstance(step.task, _CHOICES) or step.guard is not None for step in steps):
        return "conditional"
    # Statements follow one another exactly where one chain holds them all.
    chain = max(longest_ways(statements, [int(_acts(s)) for s in statements], closed=True), default=0)
    return "sequential" if chain == len(tasks) else "parallel"


def _acts(statement: plan.AnyStatement) -> bool:
    """Whether a statement does more than to look at values."""
    if isinstance(statement, plan.ReturnWhen | plan.Result):
        return not isinstance(statement.task, plan.Evaluate)
    return isinstance(statement, plan.Step)


def longest_ways(
    statements: Sequence[plan.AnyStatement], weights: Sequence[int], *, closed: bool = False
) -> tuple[int, ...]:
    """The greatest sum of weights on a way to each statement; `closed` adds its own."""
    index = {statement.name: i for i, statement in enumerate(statements)}
    before = [[index[name] for name in statement.depends if name in index] for statement in statements]
    ways: dict[int, int] = {}
    entered: set[int] = set()
    pending = [(i, False) for i in reversed(range(len(statements)))]
    while pending:
        i, ready = pending.pop()
        if ready:
            ways[i] = max((ways[j] + weights[j] for j in before[i] if j in ways), default=0)
        elif i not in entered:
            entered.add(i)
            pending.append((i, True))
            pending.extend((j, False) for j in before[i])
    return tuple(ways[i] + (weights[i] if closed else 0) for i in range(len(statements)))


def implied(before: Mapping[str, Iterable[str]]) -> set[tuple[str, str]]:
    """The edges (source, target) of a block that another way leads along too: what its transitive reduction
    leaves out (Aho, Garey and Ullman 1972). Sets of ancestors are kept as bits."""
    bits = {name: 1 << i for i, name in enumerate(before)}
    ancestors: dict[str, int] = {}
    for name in _settled(before):
        ancestors[name] = 0
        for source in before[name]:
            ancestors[name] |= bits[source] | ancestors.get(source, 0)
    found: set[tuple[str, str]] = set()
    for name, sources in before.items():
        above = 0
        for source in sources:
            above |= ancestors.get(source, 0)
        for source in sources:
            if above & bits[source]:
                found.add((source, name))
    return found


def _settled(before: Mapping[str, Iterable[str]]) -> Iterator[str]:
    """The names, each after those before it."""
    done: set[str] = set()
    pending = [(name, False) for name in reversed(list(before))]
    entered: set[str] = set()
    while pending:
        name, ready = pending.pop()
        if ready and name not in done:
            done.add(name)
            yield name
        elif not ready and name not in entered:
            entered.add(name)
            pending.append((name, True))
            pending.extend((source, False) for source in before[name])
