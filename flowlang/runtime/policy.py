"""Policies: a `retry` of the plan whose expressions have been evaluated.

Most are constants, so that the policy is worked out when a program is linked; the others are evaluated where
the step begins. How long to wait before an attempt stands in `backoff`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import attrs

from flowlang.plan import model as plan
from flowlang.runtime.backoff import NO_DELAY, Delays
from flowlang.runtime.failures import RETRIED_ONLY_BY_NAME, Failure
from flowlang.values.value import Value


@attrs.frozen
class Policy:
    """`attempts` counts the first one too. `errors` empty: all but those that are retried only by name. Times
    in microseconds."""

    attempts: int
    errors: tuple[str, ...] = ()
    delays: Delays = NO_DELAY
    within: float = math.inf
    until: plan.Until | None = None

    def covers(self, failure: Failure) -> bool:
        if self.errors:
            return failure.error in self.errors
        return failure.error not in RETRIED_ONLY_BY_NAME


UNDO_POLICY: Final = Policy(6, (), Delays("exponential", 1_000_000, 60_000_000))
"""How an undo is tried whose agent has no policy of its own."""


def policy_of(retry: plan.Retry, evaluate: Callable[[plan.Expr], Value]) -> Policy:
    """The policy, by what gives the values of its expressions."""
    delays = NO_DELAY
    if backoff := retry.backoff:
        maximum = None if backoff.maximum is None else evaluate(backoff.maximum)
        delays = Delays(backoff.shape, evaluate(backoff.initial), maximum)
    within = math.inf if retry.within is None else evaluate(retry.within)
    return Policy(1 + max(0, evaluate(retry.times)), retry.errors, delays, within, retry.until)


def constant_policy(retry: plan.Retry) -> Policy | None:
    """The policy where it is the same in every run, else None."""
    initial, maximum = (retry.backoff.initial, retry.backoff.maximum) if retry.backoff else (None, None)
    asked = (retry.times, retry.within, initial, maximum)
    values = {id(expr): expr.value for expr in asked if isinstance(expr, plan.Constant)}
    if any(expr is not None and id(expr) not in values for expr in asked):
        return None
    return policy_of(retry, lambda expr: values[id(expr)])
