"""`flow lsp`: the language server, for editors."""

from __future__ import annotations

import logging
import os
from typing import NoReturn

import click

EXAMPLES = """\b
Examples:
  flow lsp                        on standard input and output, as editors start it
  flow lsp --tcp 127.0.0.1:7000   wait there for one client
"""

MISSING = "the language server needs two more packages; install them with: pip install 'flowlang[lsp]'"


@click.command("lsp", epilog=EXAMPLES)
@click.option("--stdio", is_flag=True, help="Speak on standard input and output, as without any option.")
@click.option("--tcp", metavar="HOST:PORT", help="Wait for one client at an address.")
@click.option("--log", type=click.Path(dir_okay=False), help="Write what goes wrong to a file.")
def command(stdio: bool, tcp: str | None, log: str | None) -> None:
    """Serve an editor: mistakes as you type, completion, hover, rename, formatting, a live graph."""
    if stdio and tcp:
        raise click.UsageError("--stdio and --tcp exclude each other")
    _set_up_log(log)
    try:
        from flowlang.tools.lsp.serving import serve_stdio, serve_tcp
    except ModuleNotFoundError as problem:
        if problem.name not in ("pygls", "lsprotocol", "cattrs"):
            raise
        raise click.ClickException(MISSING) from None
    if tcp is None:
        _leave(serve_stdio())
    host, port = _address(tcp)
    try:
        _leave(serve_tcp(host, port))
    except OSError as problem:
        raise click.ClickException(f"cannot wait at {tcp}: {problem.strerror}") from None


def _leave(code: int) -> NoReturn:
    """End at once: nothing is left to be done, and to take apart all that was known takes its time."""
    logging.shutdown()
    os._exit(code)


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise click.UsageError(f"--tcp takes HOST:PORT, such as 127.0.0.1:7000, not {text!r}")
    return host.strip("[]") or "127.0.0.1", int(port)


def _set_up_log(path: str | None) -> None:
    """Bugs of ours go to a file or to stderr; what pygls has to say only where somebody looks for a bug."""
    try:
        logging.basicConfig(filename=path, level=logging.WARNING, format="%(asctime)s %(name)s: %(message)s")
    except OSError as problem:
        raise click.ClickException(f"{path} cannot be written: {problem.strerror}") from None
    if not os.environ.get("FLOW_DEBUG"):
        logging.getLogger("pygls").setLevel(logging.CRITICAL + 1)
