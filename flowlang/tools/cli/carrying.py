"""The options of all commands that carry a run out: what is shown, how many calls at once, the store."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

import click

from flowlang.agents.given import BadOption
from flowlang.hosts.sqlite.opening import Durability
from flowlang.hosts.trio_host import CALLS_AT_ONCE
from flowlang.tools.cli.environments import env_option
from flowlang.tools.cli.looking import named
from flowlang.tools.cli.storing import store_options
from flowlang.tools.run_command import RunOptions
from flowlang.tools.secret_inputs import SecretOption, parse_secret


def carrying_options(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command these options, as the first of its arguments: a `RunOptions`."""

    @wraps(command)
    def with_options(
        *,
        as_json: bool,
        quiet: bool,
        no_wait: bool,
        max_parallel: int,
        store: str | None,
        durability: Durability,
        environment: str | None,
        secret_options: tuple[str, ...],
        **arguments: object,
    ) -> int:
        options = RunOptions(
            as_json=as_json,
            quiet=quiet,
            max_parallel=max_parallel,
            store=store,
            durability=durability,
            wait=not no_wait,
            environment=environment,
            secret_options=tuple(map(_secret, secret_options)),
            shown_store=named(click.get_current_context(), store),
        )
        return command(options, **arguments)

    found: Callable[..., int] = store_options(with_options)
    for option in reversed(_OPTIONS):
        found = option(found)
    return found


moved_option = click.option(
    "--moved-to", metavar="FILE", help="Where the file of the flow lies now, if it was moved."
)


def _secret(text: str) -> SecretOption:
    try:
        return parse_secret(text)
    except BadOption as mistake:
        raise click.UsageError(str(mistake)) from None


_OPTIONS = (
    env_option,
    click.option(
        "--secret",
        "secret_options",
        multiple=True,
        metavar="NAME=WAY:WHERE",
        help="Where to find a secret: env:NAME, file:PATH, dotenv:PATH or command:LINE.",
    ),
    click.option(
        "--json", "as_json", is_flag=True, help="Print one JSON object: status, data, errors, counts."
    ),
    click.option("--quiet", is_flag=True, help="Show no progress."),
    click.option(
        "--no-wait", is_flag=True, help="Leave a run that only waits for answers, events or time (exit 3)."
    ),
    click.option(
        "--max-parallel",
        type=click.IntRange(1),
        default=CALLS_AT_ONCE,
        show_default=True,
        help="The most agent calls at the same time.",
    ),
)
