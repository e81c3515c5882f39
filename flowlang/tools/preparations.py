"""Stored runs -> their flows with agents bound, one for all that are alike and under way at once.

To read a plan, compile its expressions and bind its agents takes a hundred times as long as to read a short
journal, and a thousand runs that are resumed together are of few flows. What is shared is forgotten with the
last run that uses it, so agents are still bound as they are when a run is taken up later."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from weakref import WeakValueDictionary

from flowlang.agents.given import AgentLike
from flowlang.hosts.sqlite.records import RunRecord
from flowlang.hosts.sqlite.store import Store
from flowlang.tools.engine import Prepared
from flowlang.tools.stored import Begun, plan_of, prepared_again


class Preparations:
    def __init__(self) -> None:
        self._known: WeakValueDictionary[Hashable, Prepared] = WeakValueDictionary()

    def of(
        self, store: Store, record: RunRecord, begun: Begun, agents: Mapping[str, AgentLike] | None
    ) -> Prepared:
        """The flow of a run, ready to be carried on. Raises NotRunnable, StoreProblem."""
        options = (begun.binds, begun.folder, begun.environment, begun.sources, begun.moved_to)
        alike = (record.plan, record.flow, options, _compared(agents))
        found = self._known.get(alike)
        if found is None:
            self._known[alike] = found = prepared_again(plan_of(store, record), record, begun, agents)
        return found


def _compared(agents: Mapping[str, AgentLike] | None) -> Hashable:
    """What is equal where the agents are; those that cannot be hashed are like no others."""
    try:
        return None if agents is None else frozenset(agents.items())
    except TypeError:
        return object()
