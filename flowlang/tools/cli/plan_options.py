"""The options that say what a plan in YAML or JSON may do, the same for every command."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from flowlang.syntax.literals import PART, duration
from flowlang.tools.plan_settings import PlanSettings, is_plan

F = TypeVar("F", bound=Callable[..., Any])


def _length(context: click.Context, param: click.Parameter, value: str | None) -> int | None:
    """A length of time in microseconds."""
    if value is None:
        return None
    found = duration(value) if value and not PART.sub("", value) else None
    if found is None:
        raise click.BadParameter(f"`{value}` is not a length of time, such as 30s or 1h30m")
    return found


def use_option(command: F) -> F:
    """`--use`, for commands that only look at a plan."""
    option = click.option(
        "--use",
        "uses",
        multiple=True,
        metavar="FILE",
        type=click.Path(),
        help="Agents for a plan in YAML or JSON: a .flow or .py file. Also `[plans] use` in flow.toml.",
    )
    return option(command)


def plan_options(command: F) -> F:
    """`--use` and the limits, for commands that judge a plan or run it."""
    for option in (
        click.option("--max-time", callback=_length, metavar="TIME", help="The longest a plan may run."),
        click.option(
            "--max-calls", type=click.IntRange(0), metavar="N", help="The most calls that a plan may make."
        ),
        click.option(
            "--allow", "allowed", multiple=True, metavar="AGENT", help="Let a plan call only these agents."
        ),
    ):
        command = option(command)
    return use_option(command)


def settings_of(
    paths: Sequence[str],
    uses: Sequence[str],
    allowed: Sequence[str] = (),
    max_calls: int | None = None,
    max_time: int | None = None,
) -> PlanSettings:
    """What the options say. Raises click.UsageError where there is no plan that they could be about."""
    settings = PlanSettings(tuple(uses), tuple(allowed) or None, max_calls, max_time)
    if settings != PlanSettings() and not any(map(is_plan, paths)):
        message = (
            "--use, --allow, --max-calls and --max-time are about plans, whose files end in .yaml or .json"
        )
        raise click.UsageError(message)
    return settings
