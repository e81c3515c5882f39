"""`flow`: the command line.

    group      the table of commands; each command's module loads when it is asked for
    terminal   the only place that knows streams, colours and the width of the window
    NAME       one command a module, `command` in it; what it does lies below, in `frontend` and elsewhere

What is asked for goes to stdout, everything said about it to stderr. Exit codes: 0 fine, 1 mistakes were
found or a run failed, 2 the command line itself is wrong, 130 interrupted. `flow check` must start about
as fast as Python can, so no module here imports pydantic, trio or rich but those whose command needs them."""

from __future__ import annotations

import contextlib
import errno
import gc
import os
import sys
from collections.abc import Sequence

import click

from flowlang.tools.cli.group import flow

GARBAGE_THRESHOLDS = (200_000, 50, 50)
"""Starting a run makes some 120,000 objects, and parsing many more, with next to no cycles among them;
looking for those costs a twentieth."""

REPORT_TO = "please report it with the output of the same command under FLOW_DEBUG=1"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run `flow` with the arguments of the process (or these) and leave with its exit code."""
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    _open_closed_streams()
    code = invoke(arguments)
    gc.freeze()  # what is left goes with the process; looking for cycles in it at exit is for nobody
    sys.exit(code)


def _open_closed_streams() -> None:
    """Streams that whoever started us has closed lead nowhere; else the next file that is opened, such as a
    store, would take their place."""
    while (opened := os.open(os.devnull, os.O_RDWR)) <= 2:
        continue
    os.close(opened)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            setattr(
                sys, name, os.fdopen(number, "r" if number == 0 else "w", encoding="utf-8", closefd=False)
            )


def invoke(arguments: Sequence[str] | None = None) -> int:
    """Run `flow` and return its exit code. A bug of ours is one line, and an exception under FLOW_DEBUG."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        outcome = flow.main(args=arguments, prog_name="flow", standalone_mode=False)
        sys.stdout.flush()
        return outcome if isinstance(outcome, int) else 0
    except click.ClickException as mistake:
        mistake.show(file=sys.stderr)
        return mistake.exit_code
    except (KeyboardInterrupt, click.Abort):
        return 130
    except BrokenPipeError:
        _leave_the_pipe()
        return 1
    except OSError as problem:
        if problem.errno != errno.ENOSPC:
            return _internal(problem)
        _leave_the_pipe()
        print(f"error: what is to be printed cannot be written: {problem.strerror}", file=sys.stderr)
        return 1
    except Exception as bug:
        return _internal(bug)


def _internal(bug: Exception) -> int:
    if os.environ.get("FLOW_DEBUG"):
        raise bug
    print(f"flow: internal error: {type(bug).__name__}: {bug}; {REPORT_TO}", file=sys.stderr)
    return 1


def _leave_the_pipe() -> None:
    """Nobody reads any more; let the interpreter flush into nothing instead of complaining at exit."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
