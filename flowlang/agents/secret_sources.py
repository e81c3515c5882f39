"""Where secrets come from: the environment, a dotenv file, a program, a file -> the text that stands there.

Whatever goes wrong is said without a word of what was found."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Final

COMMAND_SECONDS: Final = 30
MAX_SECRET_BYTES: Final = 64 * 1024


class NoSecret(Exception):
    """A secret that is not there, in words: which, where it was looked for, and what to do."""


def find_secret(source: Mapping[str, object], folder: Path) -> str:
    """What stands where a source says; relative paths start at `folder`. Raises NoSecret, which does not say
    whose source it is."""
    match source:
        case {"env": str(variable)}:
            return _from_environment(variable)
        case {"dotenv": str(path), "name": str(name)}:
            return _from_dotenv(folder / path, name)
        case {"command": [*argv]}:
            return _from_command([str(part) for part in argv], folder)
        case {"file": str(path)}:
            return _from_file(folder / path)
    raise NoSecret("nothing says where it comes from")


def _from_environment(variable: str) -> str:
    found = os.environ.get(variable)
    if not found:
        state = "not set" if found is None else "empty"
        raise NoSecret(f"the environment variable {variable} is {state}: set it, and start flow again")
    return found


def _from_dotenv(path: Path, name: str) -> str:
    from dotenv import dotenv_values

    values = dotenv_values(stream=StringIO(_read(path)), interpolate=False)
    found = values.get(name)
    if not found:
        raise NoSecret(f"{path} has no line `{name}=…`: add it")
    return found


def _from_file(path: Path) -> str:
    found = _read(path).rstrip("\r\n")
    if not found:
        raise NoSecret(f"{path} is empty")
    return found


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_SECRET_BYTES + 1)
        text = content.decode()
    except OSError as problem:
        raise NoSecret(f"{path} cannot be read: {problem.strerror}") from None
    except ValueError:
        raise NoSecret(f"{path} is not UTF-8") from None
    if len(content) > MAX_SECRET_BYTES:
        raise NoSecret(f"{path} is larger than {MAX_SECRET_BYTES // 1024} KiB")
    return text


def _from_command(argv: Sequence[str], folder: Path) -> str:
    """The first line that a program prints; what it says on its standard error may be shown."""
    program = argv[0]
    try:
        ended = subprocess.run(
            argv, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, timeout=COMMAND_SECONDS
        )
    except subprocess.TimeoutExpired:
        message = f"`{program}` had not printed it after {COMMAND_SECONDS} s: does it wait for somebody?"
        raise NoSecret(message) from None
    except (OSError, ValueError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else problem
        raise NoSecret(f"`{program}` cannot be started: {reason}") from None
    if ended.returncode != 0:
        words = ended.stderr[-500:].decode(errors="replace").strip().splitlines()
        said = f": {words[-1]}" if words else ""
        raise NoSecret(f"`{program}` ended with exit code {ended.returncode}{said}")
    lines = ended.stdout[:MAX_SECRET_BYTES].decode(errors="replace").splitlines()
    if not lines or not lines[0]:
        raise NoSecret(f"`{program}` printed nothing in its first line")
    return lines[0]
