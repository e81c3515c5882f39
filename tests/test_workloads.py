"""Real workflow graphs in virtual time: a run is as fast as their longest way and the places allow."""

from __future__ import annotations

import pytest
from support.runs import Outside, play
from support.workloads import Node, Workload, workloads

WORKLOADS = workloads()


def work(node: Node) -> str:
    return f'work(name: "{node.id}", takes: {node.takes / 1000:.3f}ms)'


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda workload: workload.name)
def test_a_run_takes_as_long_as_its_critical_path(workload: Workload):
    result = play(workload.flow(work), Outside(calls_at_once=len(workload.nodes))).result
    assert result.status == "done" and result.steps_executed == len(workload.nodes)
    assert abs(result.ended - result.started - workload.critical_path()) <= 1  # rounded to microseconds


@pytest.mark.parametrize("workload", WORKLOADS[2:], ids=lambda workload: workload.name)
def test_with_few_calls_at_once_it_takes_longer_and_no_longer_than_it_must(workload: Workload):
    """Graham's bound for any order that leaves no place empty while a step could take it."""
    places = 4
    result = play(workload.flow(work), Outside(calls_at_once=places)).result
    took, path = result.ended - result.started, workload.critical_path()
    total = sum(node.takes for node in workload.nodes)
    assert max(path, total / places) - 1 <= took <= total / places + path * (1 - 1 / places) + 1
